//! What a resource and a user are when somebody wants to act for the user there.

use crate::{
    access::GRAPH,
    application::{Application, MemberType, Require, Scope},
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
    /// The client is for assigned users only, and this user is none of them (any more).
    pub client_closed: bool,
    /// Its scopes that the client has for the user: granted or pre-authorised, and enabled.
    pub granted: Vec<Scope>,
    /// Values of its other enabled scopes.
    pub others: Vec<String>,
    /// What it demands of the sign-in, whatever the scope.
    pub require: Require,
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
            client_closed: false,
            others,
            granted,
            require: application.require.clone(),
        }
    }

    /// The same, where the client's own service principal requires assignment: `assigned` says
    /// whether the user is (50105). Without this a sign-in would outlive the assignment it took.
    #[must_use]
    pub fn with_client_assignment(self, assigned: bool) -> Self {
        Self { client_closed: !assigned, ..self }
    }

    /// Whether it is Microsoft Graph, whose scopes are written without a resource and whose tokens
    /// list those of `OpenID` Connect.
    pub fn is_graph(&self) -> bool {
        self.resource.app_id == GRAPH
    }
}
