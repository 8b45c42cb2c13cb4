//! What a resource and a user are when somebody wants to act for the user there.

use std::collections::BTreeSet;

use crate::{
    access::GRAPH,
    application::{Application, MemberType, OptionalClaim, Require, Scope},
    consent::{Delegation, effective_scopes},
    grant::PermissionGrant,
    id::ObjectId,
    service_principal::{AppRoleAssignment, ServicePrincipal},
    token::{ClientFacts, ResourceFacts},
};

/// A resource as the user's tenant knows it, with what one client may do there for one user.
#[derive(Debug, Clone, PartialEq)]
pub struct DelegatedFacts {
    /// What it is for everybody; `assigned` and `roles` are the user's.
    pub resource: ResourceFacts,
    /// Its service principal in the tenant.
    pub principal: ObjectId,
    /// Its scopes that the client has for the user: granted or pre-authorised, and enabled.
    pub granted: Vec<Scope>,
    /// Values of its other enabled scopes.
    pub others: Vec<String>,
    /// What it demands of the sign-in, whatever the scope.
    pub require: Require,
    /// What tokens for it carry besides the usual.
    pub claims: BTreeSet<OptionalClaim>,
}

impl DelegatedFacts {
    /// Gathers the facts: `assignments` are the user's, `grants` the client's on this resource.
    /// Nothing is granted to a client without a service principal.
    pub fn gather(
        requested: &str,
        (application, home_disabled): (&Application, bool),
        principal: &ServicePrincipal,
        (client, user): (&ClientFacts, ObjectId),
        (grants, assignments): (&[PermissionGrant], &[AppRoleAssignment]),
    ) -> Self {
        let users = (MemberType::User, assignments);
        let resource =
            ResourceFacts::about(requested, application, principal, home_disabled, users);
        let granted: Vec<Scope> = match client.service_principal {
            Some(own) => {
                let delegation = Delegation {
                    client: client.app_id,
                    client_principal: own.id,
                    resource: application,
                    principal,
                    user: Some(user),
                };
                effective_scopes(&delegation, grants).into_iter().cloned().collect()
            }
            None => Vec::new(),
        };
        let is_granted = |scope: &&Scope| granted.iter().any(|known| known.id == scope.id);
        let others = application.scopes.iter().filter(|scope| !scope.disabled);
        let others =
            others.filter(|scope| !is_granted(scope)).map(|scope| scope.value.clone()).collect();
        Self {
            resource,
            principal: principal.id,
            others,
            granted,
            require: application.require.clone(),
            claims: application.optional_claims.access_token.clone(),
        }
    }

    /// Whether it is Microsoft Graph, whose scopes are written without a resource and whose tokens
    /// list those of `OpenID` Connect.
    pub fn is_graph(&self) -> bool {
        self.resource.app_id == GRAPH
    }
}
