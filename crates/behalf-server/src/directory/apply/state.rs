//! What the directory holds of what a manifest speaks of.

use std::collections::{BTreeMap, BTreeSet};

use behalf_core::{
    application::Application,
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, parse_guid},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::Tenant,
    user::{User, UserPrincipalName},
};
use behalf_store::{GrantsOf, Reading};

use super::{Directory, Manifest};
use crate::directory::Refusal;

/// An application of the tenant, as it is.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) application: Application,
    pub(super) principal: Option<ServicePrincipal>,
    /// The roles it has in the tenant.
    pub(super) assignments: Vec<AppRoleAssignment>,
    /// The scopes it has there for everyone.
    pub(super) grants: Vec<PermissionGrant>,
}

/// Everything that planning needs to know.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tenant: Tenant,
    /// By each name the manifest uses: its applications, and whatever else it refers to.
    pub(super) known: BTreeMap<String, Known>,
    /// Users that the manifest names.
    users: Vec<User>,
    /// What those require permissions of.
    required: Vec<Known>,
}

impl State {
    pub(super) async fn gather(
        directory: &Directory,
        tenant: Tenant,
        manifest: &Manifest,
    ) -> Result<Self, Refusal> {
        let reading = directory.store.reading();
        let mut known = BTreeMap::new();
        for name in mentioned(manifest) {
            let own = manifest.apps.iter().any(|app| app.name == name);
            let found = if own {
                reading.application_by_name(tenant.id, name).await?.map(|stored| stored.value)
            } else {
                refer(&reading, &tenant, name).await?
            };
            if let Some(application) = found {
                known.insert(name.to_owned(), read(&reading, &tenant, application).await?);
            }
        }
        let mut required: Vec<Known> = Vec::new();
        let all = known.values().flat_map(|known| &known.application.required_resource_access);
        for id in all.map(|r| r.app_id) {
            if required.iter().any(|known| known.application.app_id == id) {
                continue;
            }
            if let Some(application) = refer(&reading, &tenant, &id.to_string()).await? {
                required.push(read(&reading, &tenant, application).await?);
            }
        }
        let mut users = Vec::new();
        for user in &manifest.users {
            let Ok(name) = UserPrincipalName::parse(&user.name) else { continue };
            let found = reading.user_by_name(tenant.id, &name).await?;
            users.extend(found.map(|stored| stored.value));
        }
        Ok(Self { tenant, known, users, required })
    }

    /// A user by his name.
    pub(super) fn user(&self, name: &UserPrincipalName) -> Option<&User> {
        self.users.iter().find(|user| user.name == *name)
    }

    /// An application by its client id.
    pub(super) fn by_app_id(&self, id: AppId) -> Option<&Known> {
        let all = self.known.values().chain(&self.required);
        all.into_iter().find(|known| known.application.app_id == id)
    }
}

/// Every name a manifest uses for an application.
fn mentioned(manifest: &Manifest) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for app in &manifest.apps {
        names.insert(app.name.as_str());
        names.extend(app.calls.iter().flat_map(|calls| calls.keys()).map(String::as_str));
        names.extend(app.combined_consent_for.iter().flatten().map(String::as_str));
        names.extend(app.pre_authorized.iter().flat_map(|map| map.keys()).map(String::as_str));
    }
    let consent = manifest.grants.iter().flat_map(|grants| &grants.admin_consent);
    names.extend(consent.flatten().map(String::as_str));
    names
}

/// An application the tenant knows by an id, an App ID URI or the name it has here.
async fn refer(
    reading: &Reading<'_>,
    tenant: &Tenant,
    name: &str,
) -> Result<Option<Application>, Refusal> {
    let principal = if let Ok(id) = parse_guid(name) {
        reading.service_principal_by_app_id(tenant.id, AppId(id)).await?
    } else if name.contains("://") {
        reading.service_principal_by_name(tenant.id, name).await?
    } else {
        let found = reading.application_by_name(tenant.id, name).await?;
        return Ok(found.map(|stored| stored.value));
    };
    let Some(principal) = principal else { return Ok(None) };
    let found = reading.application(principal.home, principal.application).await?;
    Ok(found.map(|stored| stored.value))
}

async fn read(
    reading: &Reading<'_>,
    tenant: &Tenant,
    application: Application,
) -> Result<Known, Refusal> {
    let principal = reading.service_principal_by_app_id(tenant.id, application.app_id).await?;
    let (mut assignments, mut grants) = (Vec::new(), Vec::new());
    if let Some(principal) = &principal {
        let mut after = None;
        loop {
            let page = reading.assignments_of(tenant.id, principal.id, after).await?;
            assignments.extend(page.items.into_iter().flat_map(|stored| stored.value));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut after = None;
        loop {
            let of = GrantsOf::Client(principal.id);
            let page = reading.permission_grants(tenant.id, of, after).await?;
            let everyones = |grant: &PermissionGrant| grant.granted_for == GrantedFor::Everyone;
            grants.extend(page.items.into_iter().map(|stored| stored.value).filter(everyones));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let principal = principal.map(|stored| stored.value);
    Ok(Known { application, principal, assignments, grants })
}
