//! Admin consent: an application gets the app roles it requires. What it requires on behalf of
//! users waits until users sign in.

use behalf_core::{
    application::{Application, MemberType, RequiredResource},
    id::{AppId, ObjectId, PermissionId, TenantId},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    time::Timestamp,
};
use behalf_store::{
    Expect, Reading, Stored, WriteSet,
    records::{application, assignment, service_principal},
};

use super::{Directory, Refusal, commit, service_principals::find};

/// A role that was granted or taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assigned {
    /// The resource, as people call it.
    pub resource: String,
    /// The role's value.
    pub role: String,
}

impl Directory {
    /// Grants a client the app roles it requires, in this tenant. Adds what is missing, removes
    /// nothing, and answers with what it added.
    pub async fn grant_admin_consent(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<Vec<Assigned>, Refusal> {
        commit!(self, self.draft_consent(tenant, client))
    }

    async fn draft_consent(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<(WriteSet, Vec<Assigned>), Refusal> {
        let reading = self.store.reading();
        let principal = find(&reading, tenant, client).await?;
        let app = read_through(&reading, &principal).await?;
        let mut set = WriteSet::new();
        let mut added = Vec::new();
        for required in app.required_resource_access.iter().filter(|r| !r.roles.is_empty()) {
            let resource = Resource::read(&reading, tenant, required.app_id).await?;
            let held = reading.assignments(tenant, principal.id, resource.principal.id).await?;
            let mut after = held.as_ref().map(|held| held.value.clone()).unwrap_or_default();
            let missing = missing(&app, required, &resource.application, &after)?;
            if missing.is_empty() {
                continue;
            }
            for (role, value) in missing {
                after.push(self.assignment((tenant, principal.id), resource.principal.id, role));
                let resource = resource.application.display_name().to_owned();
                added.push(Assigned { resource, role: value });
            }
            let pair = (principal.id, resource.principal.id);
            assignment::put(&mut set, tenant, pair, &after, Expect::as_found(held.as_ref()));
            resource.expect(&mut set, &principal);
        }
        if !added.is_empty() {
            expect(&mut set, &principal, &app);
            self.audit(&mut set, tenant, "grant admin consent", &app.name);
        }
        Ok((set, added))
    }

    fn assignment(
        &self,
        (tenant, principal): (TenantId, ObjectId),
        resource: ObjectId,
        role: PermissionId,
    ) -> AppRoleAssignment {
        let created: Timestamp = self.now();
        AppRoleAssignment {
            id: self.object_id(
                tenant,
                "appRoleAssignment",
                &format!("{principal}{resource}{role}"),
            ),
            tenant,
            principal,
            resource,
            role,
            granted_by: self.actor.to_string(),
            created,
        }
    }

    /// Takes from a client every app role it has in this tenant; answers with how many.
    pub async fn revoke_admin_consent(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<usize, Refusal> {
        commit!(self, self.draft_revoke(tenant, client))
    }

    async fn draft_revoke(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<(WriteSet, usize), Refusal> {
        let reading = self.store.reading();
        let principal = find(&reading, tenant, client).await?;
        let (mut set, mut taken, mut after) = (WriteSet::new(), 0, None);
        loop {
            let page = reading.assignments_of(tenant, principal.id, after).await?;
            for held in &page.items {
                let Some(first) = held.first() else { continue };
                let pair = (principal.id, first.resource);
                assignment::put(&mut set, tenant, pair, &[], Expect::Version(held.version));
                taken += held.len();
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if taken > 0 {
            self.audit(&mut set, tenant, "revoke admin consent", &client.to_string());
        }
        Ok((set, taken))
    }
}

/// The roles that `client` requires of a resource and does not have; a role that the resource
/// does not offer to applications cannot be granted.
pub(super) fn missing(
    client: &Application,
    required: &RequiredResource,
    resource: &Application,
    held: &[AppRoleAssignment],
) -> Result<Vec<(PermissionId, String)>, Refusal> {
    let mut missing = Vec::new();
    for id in &required.roles {
        let role = resource.roles.iter().find(|role| role.id == *id);
        let offered = role.filter(|r| !r.disabled && r.members.contains(&MemberType::App));
        let Some(role) = offered else {
            return Err(Refusal::NoSuchRole {
                client: client.name.clone(),
                resource: resource.name.clone(),
                role: role.map_or_else(|| id.to_string(), |role| role.value.clone()),
            });
        };
        if !held.iter().any(|held| held.role == *id) {
            missing.push((*id, role.value.clone()));
        }
    }
    Ok(missing)
}

/// A resource as the tenant knows it.
struct Resource {
    principal: Stored<ServicePrincipal>,
    application: Stored<Application>,
}

impl Resource {
    async fn read(reading: &Reading<'_>, tenant: TenantId, app_id: AppId) -> Result<Self, Refusal> {
        let principal = find(reading, tenant, app_id).await?;
        let application = read_through(reading, &principal).await?;
        Ok(Self { principal, application })
    }

    /// Consent rests on what the resource offers: it must still be so. A client that is its own
    /// resource is expected once, as client.
    fn expect(&self, set: &mut WriteSet, client: &ServicePrincipal) {
        if self.principal.app_id != client.app_id {
            expect(set, &self.principal, &self.application);
        }
    }
}

fn expect(set: &mut WriteSet, principal: &Stored<ServicePrincipal>, app: &Stored<Application>) {
    let key = service_principal::key(principal.tenant, principal.app_id);
    set.expect(key, Expect::Version(principal.version));
    set.expect(application::key(app.tenant, app.id), Expect::Version(app.version));
}

/// The application a service principal stands for.
async fn read_through(
    reading: &Reading<'_>,
    principal: &ServicePrincipal,
) -> Result<Stored<Application>, Refusal> {
    let found = reading.application(principal.home, principal.application).await?;
    found.ok_or_else(|| Refusal::NoApplication(principal.app_id.to_string()))
}
