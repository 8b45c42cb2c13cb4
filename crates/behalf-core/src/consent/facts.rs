//! What consent is decided on.

use std::collections::BTreeSet;

use crate::{
    application::{Application, IdentifierUri, SignInAudience, identifier_uri::name_key},
    consent::{Delegation, effective_scopes},
    grant::PermissionGrant,
    id::{AppId, ObjectId, PermissionId, parse_guid},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::Tenant,
};

/// An application as one tenant sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct AppInTenant {
    /// The application.
    pub application: Application,
    /// What people call its home tenant.
    pub home_name: String,
    /// Its home tenant is disabled or gone.
    pub home_disabled: bool,
    /// Its service principal here, if it has one.
    pub principal: Option<ServicePrincipal>,
    /// Those of its names that it would have here: they may travel and are free (decisions.md 1).
    /// Empty when it has a service principal already.
    pub free_names: Vec<IdentifierUri>,
}

impl AppInTenant {
    /// Its client id.
    pub fn app_id(&self) -> AppId {
        self.application.app_id
    }

    /// Disabled here, at home, or with its home.
    pub fn disabled(&self) -> bool {
        self.home_disabled
            || self.application.disabled
            || self.principal.as_ref().is_some_and(|principal| principal.disabled)
    }

    /// Whether it may have a service principal in `tenant` at all.
    pub(super) fn may_be_used_in(&self, tenant: &Tenant) -> bool {
        self.application.tenant == tenant.id || self.application.audience == SignInAudience::Multi
    }
}

/// Everything a decision about one client's consent rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentFacts {
    /// The user's tenant, where consent is given.
    pub tenant: Tenant,
    /// The client.
    pub client: AppInTenant,
    /// Every other application that may come up: what the client asks for or requires, and what
    /// those require that name it as known client.
    pub others: Vec<AppInTenant>,
    /// Delegated permissions in this tenant of the client and of the others that are clients too.
    pub grants: Vec<PermissionGrant>,
    /// App roles that those have in this tenant.
    pub assignments: Vec<AppRoleAssignment>,
}

impl ConsentFacts {
    /// An application by its client id.
    pub fn app(&self, id: AppId) -> Option<&AppInTenant> {
        std::iter::once(&self.client).chain(&self.others).find(|app| app.app_id() == id)
    }

    /// The application that a client means by `name`: a client id, with or without `spn:`, or an
    /// App ID URI that leads to it in this tenant or would, once it has a service principal here.
    /// The second value is whether the name would lead nowhere because it is taken here.
    pub fn named(&self, name: &str) -> Option<(&AppInTenant, bool)> {
        let name = name.strip_prefix("spn:").unwrap_or(name);
        if let Ok(id) = parse_guid(name) {
            return self.app(AppId(id)).map(|app| (app, false));
        }
        let key = name_key(name);
        let is = |uri: &IdentifierUri| name_key(uri.as_str()) == key;
        let all = || std::iter::once(&self.client).chain(&self.others);
        let here = all()
            .find(|app| app.principal.is_some() && app.application.identifier_uris.iter().any(is));
        if let Some(app) = here {
            return Some((app, false));
        }
        let app = all().find(|app| app.application.identifier_uris.iter().any(is))?;
        Some((app, !app.free_names.iter().any(is)))
    }

    /// Whether users may consent to what `client` asks for: the tenant lets them, and the client
    /// is not for assigned users only (decisions.md 23).
    pub fn users_may_consent_to(&self, client: AppId) -> bool {
        let assigned_only = self
            .app(client)
            .and_then(|app| app.principal.as_ref())
            .is_some_and(|principal| principal.assignment_required);
        !self.tenant.users.no_user_consent && !assigned_only
    }

    /// The scopes of `resource` that `client` has for `user` (`None`: for everyone); none where
    /// either has no service principal.
    pub(super) fn effective(
        &self,
        client: AppId,
        resource: AppId,
        user: Option<ObjectId>,
    ) -> Vec<&crate::application::Scope> {
        let principal = |id| self.app(id).and_then(|app| app.principal.as_ref());
        let (Some(own), Some(principal), Some(resource)) =
            (principal(client), principal(resource), self.app(resource))
        else {
            return Vec::new();
        };
        let delegation = Delegation {
            client,
            client_principal: own.id,
            resource: &resource.application,
            principal,
            user,
        };
        effective_scopes(&delegation, &self.grants)
    }

    /// The ids of [`Self::effective`].
    pub(super) fn effective_ids(
        &self,
        client: AppId,
        resource: AppId,
        user: Option<ObjectId>,
    ) -> BTreeSet<PermissionId> {
        self.effective(client, resource, user).into_iter().map(|scope| scope.id).collect()
    }
}
