//! What is granted in a tenant, as administrators read it.

use behalf_core::{
    application::Application,
    consent::PermissionKind,
    grant::GrantedFor,
    id::{AppId, PermissionId, TenantId, parse_guid},
    service_principal::ServicePrincipal,
    time::Timestamp,
};
use behalf_store::{GrantsOf, Reading, Stored};

use super::super::{Directory, Refusal, service_principals::find, tenant};

/// What one client may do with one resource, for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The client.
    pub client: AppId,
    /// As people call it.
    pub client_name: String,
    /// The resource.
    pub resource: AppId,
    /// As people call it.
    pub resource_name: String,
    /// Scopes or app roles.
    pub kind: PermissionKind,
    /// For whom; app roles are the client's own, whoever uses it.
    pub granted_for: GrantedFor,
    /// Values; the id where the resource does not offer it any more, and so nobody has it.
    pub values: Vec<String>,
    /// When it was last added to.
    pub granted: Timestamp,
}

impl Directory {
    /// The application that `name` means in a tenant: a client id of any application, an App ID
    /// URI that leads somewhere there, or the name of an application of the tenant.
    pub async fn app_id_of(&self, tenant: TenantId, name: &str) -> Result<AppId, Refusal> {
        let reading = self.store.reading();
        if let Ok(id) = parse_guid(name) {
            return Ok(AppId(id));
        }
        let found = if name.contains("://") {
            let principal = reading.service_principal_by_name(tenant, name).await?;
            principal.map(|principal| principal.app_id)
        } else {
            reading.application_by_name(tenant, name).await?.map(|app| app.app_id)
        };
        found.ok_or_else(|| Refusal::NoApplication(name.chars().take(80).collect()))
    }

    /// What clients hold in a tenant: one of them, or each.
    pub async fn granted(&self, id: TenantId, client: Option<AppId>) -> Result<Vec<Held>, Refusal> {
        let reading = self.store.reading();
        tenant(&reading, id).await?;
        let mut held = Vec::new();
        if let Some(client) = client {
            let principal = find(&reading, id, client).await?;
            of_client(&reading, &principal, &mut held).await?;
            return Ok(held);
        }
        let mut after = None;
        loop {
            let page = reading.service_principals(id, after, 1_000).await?;
            for principal in &page.items {
                of_client(&reading, principal, &mut held).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(held);
            }
        }
    }
}

async fn of_client(
    reading: &Reading<'_>,
    client: &ServicePrincipal,
    held: &mut Vec<Held>,
) -> Result<(), Refusal> {
    let client_name = name(application(reading, client).await?.as_ref(), client);
    let mut row = async |resource, kind, granted_for, ids: Vec<PermissionId>, granted| {
        let Some(principal) = reading.service_principal(client.tenant, resource).await? else {
            return Ok::<(), Refusal>(());
        };
        let app = application(reading, &principal).await?;
        let values = ids.iter().map(|id| value(app.as_ref(), *id));
        held.push(Held {
            client: client.app_id,
            client_name: client_name.clone(),
            resource: principal.app_id,
            resource_name: name(app.as_ref(), &principal),
            kind,
            granted_for,
            values: values.collect(),
            granted,
        });
        Ok(())
    };
    let mut after = None;
    loop {
        let of = GrantsOf::Client(client.id);
        let page = reading.permission_grants(client.tenant, of, after).await?;
        for grant in &page.items {
            let ids = grant.scopes.iter().copied().collect();
            let whom = grant.granted_for;
            row(grant.resource, PermissionKind::Scope, whom, ids, grant.created).await?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = reading.assignments_of(client.tenant, client.id, after).await?;
        for roles in &page.items {
            let Some(newest) = roles.iter().max_by_key(|role| role.created) else { continue };
            let ids = roles.iter().map(|role| role.role).collect();
            let (kind, whom) = (PermissionKind::Role, GrantedFor::Everyone);
            row(newest.resource, kind, whom, ids, newest.created).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn application(
    reading: &Reading<'_>,
    principal: &ServicePrincipal,
) -> Result<Option<Stored<Application>>, Refusal> {
    Ok(reading.application(principal.home, principal.application).await?)
}

fn name(app: Option<&Stored<Application>>, principal: &ServicePrincipal) -> String {
    app.map_or_else(|| principal.app_id.to_string(), |app| app.name.clone())
}

fn value(app: Option<&Stored<Application>>, id: PermissionId) -> String {
    let scope = app.and_then(|app| app.enabled_scope(id)).map(|scope| scope.value.clone());
    let role = || {
        let role =
            app.and_then(|app| app.roles.iter().find(|role| role.id == id && !role.disabled));
        role.map(|role| role.value.clone())
    };
    scope.or_else(role).unwrap_or_else(|| id.to_string())
}
