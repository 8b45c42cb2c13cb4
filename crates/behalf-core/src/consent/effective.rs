//! Which scopes a client has for a user: what every token of a user is bounded by.

use crate::{
    application::{Application, Consent, PreAuthorized, Scope},
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, TenantId},
    service_principal::ServicePrincipal,
};

/// Who wants to act for whom, where.
#[derive(Debug, Clone, Copy)]
pub struct Delegation<'a> {
    /// The client.
    pub client: AppId,
    /// Its service principal in the user's tenant.
    pub client_principal: ObjectId,
    /// The API.
    pub resource: &'a Application,
    /// The API's service principal in the user's tenant.
    pub principal: &'a ServicePrincipal,
    /// The user; `None`: only what holds for everyone.
    pub user: Option<ObjectId>,
}

/// The scopes of the resource that the client has for the user (protocol 6.5): granted for everyone
/// ∪ granted for him ∪ pre-authorised, of those the enabled ones, by id. Pre-authorisation gives
/// scopes of type Admin only in the resource's home tenant (decisions.md 22). `grants` may hold
/// others'; they do not count. In the order of registration.
pub fn effective_scopes<'a>(
    delegation: &Delegation<'a>,
    grants: &[PermissionGrant],
) -> Vec<&'a Scope> {
    let Delegation { client, client_principal, resource, principal, user } = *delegation;
    if principal.app_id != resource.app_id || principal.home != resource.tenant {
        return Vec::new();
    }
    let holds = |grant: &&PermissionGrant| {
        grant.tenant == principal.tenant
            && grant.client == client_principal
            && grant.resource == principal.id
            && match grant.granted_for {
                GrantedFor::Everyone => true,
                GrantedFor::User(id) => user == Some(id),
            }
    };
    resource
        .scopes
        .iter()
        .filter(|scope| !scope.disabled)
        .filter(|scope| {
            grants.iter().filter(holds).any(|grant| grant.scopes.contains(&scope.id))
                || is_pre_authorized(client, resource, scope, principal.tenant)
        })
        .collect()
}

/// Whether `client` has a scope of `resource` in `tenant` without a grant: it is pre-authorised, and
/// scopes of type Admin count in the resource's home tenant only (decisions.md 22).
pub fn is_pre_authorized(
    client: AppId,
    resource: &Application,
    scope: &Scope,
    tenant: TenantId,
) -> bool {
    let named = |entry: &PreAuthorized| entry.app_id == client && entry.scopes.contains(&scope.id);
    (tenant == resource.tenant || scope.consent == Consent::User)
        && resource.pre_authorized.iter().any(named)
}
