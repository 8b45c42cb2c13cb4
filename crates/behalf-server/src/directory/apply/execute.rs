//! Carrying a plan out, step by step.

use behalf_core::{
    application::Application,
    id::{AppId, CredentialId, TenantId},
    secret::SecretText,
};

use super::plan::{Line, Plan, Step};
use crate::directory::{AppRef, Directory, Refusal};

/// A secret that was made: the only moment its value is known.
#[derive(Debug)]
pub struct GeneratedSecret {
    /// The application's name.
    pub app: String,
    /// Its client id.
    pub app_id: AppId,
    /// The secret's name.
    pub name: String,
    /// Its id.
    pub id: CredentialId,
    /// Its value.
    pub value: SecretText,
}

/// What was done. The secrets were made even if a later step failed, and cannot be shown again.
#[derive(Debug)]
pub struct Applied {
    /// What was planned.
    pub lines: Vec<Line>,
    /// Secrets that were made.
    pub secrets: Vec<GeneratedSecret>,
    /// Why it stopped before the end; applying again goes on from there.
    pub failure: Option<Refusal>,
}

pub(super) async fn execute(directory: &Directory, plan: Plan) -> Applied {
    let Plan { lines, tenant, steps } = plan;
    let mut applied = Applied { lines, secrets: Vec::new(), failure: None };
    for step in steps {
        match take(directory, tenant, step).await {
            Ok(secret) => applied.secrets.extend(secret),
            Err(refusal) => {
                applied.failure = Some(refusal);
                break;
            }
        }
    }
    applied
}

async fn take(
    directory: &Directory,
    tenant: TenantId,
    step: Step,
) -> Result<Option<GeneratedSecret>, Refusal> {
    match step {
        Step::Create(new, wanted) => {
            let edit = |app: &mut Application| {
                wanted.lay_over(app);
                Ok(())
            };
            directory.create_application(&new, &edit).await?;
        }
        Step::Update(app, wanted) => {
            let edit = |app: &mut Application| {
                wanted.lay_over(app);
                Ok(())
            };
            let app = AppRef::AppId(app);
            directory.edit_application(tenant, &app, ("apply manifest", &edit)).await?;
        }
        Step::CreatePrincipal(app) => {
            directory.create_service_principal(tenant, app).await?;
        }
        Step::AssignmentRequired(app, required) => {
            directory.set_assignment_required(tenant, app, required).await?;
        }
        Step::AddSecret(app_id, new) => {
            let app = AppRef::AppId(app_id);
            let added = directory.add_secret(tenant, &app, &new).await?;
            let Some(value) = added.generated else { return Ok(None) };
            let app = directory
                .application(tenant, &app)
                .await
                .map_or_else(|_| app_id.to_string(), |application| application.name);
            let (name, id) = (new.name, added.id);
            return Ok(Some(GeneratedSecret { app, app_id, name, id, value }));
        }
        Step::AddCertificate(app, new) => {
            directory.add_certificate(tenant, &AppRef::AppId(app), &new).await?;
        }
        Step::RemoveCredential(app, id) => {
            directory.remove_credential(tenant, &AppRef::AppId(app), id).await?;
        }
        Step::Grant(app) => {
            directory.grant_admin_consent(tenant, app).await?;
        }
        Step::Revoke(app) => {
            directory.revoke_admin_consent(tenant, app).await?;
        }
    }
    Ok(None)
}
