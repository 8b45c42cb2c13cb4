//! Carrying a plan out, step by step.

use behalf_core::{
    access::Actor,
    application::Application,
    id::{AppId, CredentialId, ObjectId, TenantId},
    secret::SecretText,
    user::NewPassword,
};

use super::{
    people::{WantedPassword, WantedUser},
    plan::{Line, Plan, Step},
};
use crate::directory::{AppRef, Directory, NewUser, Refusal, UserRef};

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

/// A password that was made: the only moment it is known.
#[derive(Debug)]
pub struct GeneratedPassword {
    /// The user's name.
    pub user: String,
    /// His object id.
    pub id: ObjectId,
    /// The password.
    pub value: NewPassword,
}

/// What was done. The secrets were made even if a later step failed, and cannot be shown again.
#[derive(Debug)]
pub struct Applied {
    /// What was planned.
    pub lines: Vec<Line>,
    /// Secrets that were made.
    pub secrets: Vec<GeneratedSecret>,
    /// Passwords that were made.
    pub passwords: Vec<GeneratedPassword>,
    /// Why it stopped before the end; applying again goes on from there.
    pub failure: Option<Refusal>,
}

pub(super) async fn execute(directory: &Directory, plan: Plan) -> Applied {
    let Plan { lines, tenant, steps } = plan;
    let mut applied = Applied { lines, secrets: Vec::new(), passwords: Vec::new(), failure: None };
    for step in steps {
        match take(directory, tenant, step).await {
            Ok(Made::Nothing) => {}
            Ok(Made::Secret(secret)) => applied.secrets.push(secret),
            Ok(Made::Password(password)) => applied.passwords.push(password),
            Err(refusal) => {
                applied.failure = Some(refusal);
                break;
            }
        }
    }
    applied
}

/// What a step made that is shown once.
enum Made {
    Nothing,
    Secret(GeneratedSecret),
    Password(GeneratedPassword),
}

async fn take(directory: &Directory, tenant: TenantId, step: Step) -> Result<Made, Refusal> {
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
            let Some(value) = added.generated else { return Ok(Made::Nothing) };
            let app = directory
                .application(tenant, &app)
                .await
                .map_or_else(|_| app_id.to_string(), |application| application.name);
            let (name, id) = (new.name, added.id);
            return Ok(Made::Secret(GeneratedSecret { app, app_id, name, id, value }));
        }
        Step::AddCertificate(app, new) => {
            directory.add_certificate(tenant, &AppRef::AppId(app), &new).await?;
        }
        Step::RemoveCredential(app, id) => {
            directory.remove_credential(tenant, &AppRef::AppId(app), id).await?;
        }
        Step::User(wanted) => return user(directory, tenant, *wanted).await,
        Step::Grant(app) => {
            directory.grant_admin_consent(tenant, app).await?;
        }
        Step::Revoke(app) => {
            directory.revoke_admin_consent(tenant, app).await?;
        }
    }
    Ok(Made::Nothing)
}

/// Makes or changes a user. What ends his sessions comes last.
async fn user(
    directory: &Directory,
    tenant: TenantId,
    wanted: WantedUser,
) -> Result<Made, Refusal> {
    let by = Actor::Operator;
    let (hash, made) = match wanted.password {
        None => (None, None),
        Some(WantedPassword::Given(password)) => {
            (Some(directory.hash_password(password).await?), None)
        }
        Some(WantedPassword::Generated) => {
            let password = directory.generate_password();
            (Some(directory.hash_password(password.clone()).await?), Some(password))
        }
    };
    let id = if let Some(id) = wanted.known {
        let reference = UserRef::Id(id);
        let who = (tenant, &reference);
        if let Some(display) = &wanted.display_name {
            directory.rename_user(by, who, display).await?;
        }
        if let Some(wanted) = &wanted.roles {
            directory.set_roles(by, who, &|roles| roles.clone_from(wanted)).await?;
        }
        if let Some(hash) = &hash {
            directory.reset_password(by, who, hash).await?;
        }
        if let Some(disabled) = wanted.disabled {
            directory.set_user_disabled(by, who, disabled).await?;
        }
        id
    } else {
        let new = NewUser {
            display_name: wanted.display_name,
            password: hash,
            roles: wanted.roles.unwrap_or_default(),
            disabled: wanted.disabled.unwrap_or_default(),
            ..NewUser::new(tenant, wanted.name.clone())
        };
        directory.create_user(by, &new).await?.id
    };
    let user = wanted.name.to_string();
    Ok(made.map_or(Made::Nothing, |value| Made::Password(GeneratedPassword { user, id, value })))
}
