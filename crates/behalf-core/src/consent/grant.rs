//! What an accepted list changes, as data.

use std::collections::BTreeSet;

use crate::{
    access::{GrantConsent, Permit},
    application::IdentifierUri,
    consent::{ConsentFacts, ConsentList, ListedPermission, Part, PermissionKind},
    grant::GrantedFor,
    id::{AppId, ObjectId, PermissionId, TenantId},
};

/// A service principal to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrincipal {
    /// Of this application.
    pub app_id: AppId,
    /// Its object.
    pub application: ObjectId,
    /// Its home.
    pub home: TenantId,
    /// The names it gets here.
    pub names: Vec<IdentifierUri>,
}

/// Scopes to be added to a grant, which may not exist yet. Client and resource by application:
/// their service principals may not exist yet either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantAddition {
    /// The client.
    pub client: AppId,
    /// The resource.
    pub resource: AppId,
    /// For whom.
    pub granted_for: GrantedFor,
    /// What; never empty.
    pub scopes: BTreeSet<PermissionId>,
}

/// An app role to be assigned to a client's service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAddition {
    /// The client.
    pub client: AppId,
    /// The resource.
    pub resource: AppId,
    /// The role.
    pub role: PermissionId,
}

/// What an acceptance changes. It adds and never removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOutcome {
    /// Service principals to be made.
    pub creates: Vec<NewPrincipal>,
    /// Delegated permissions to be added.
    pub grants: Vec<GrantAddition>,
    /// App roles to be added.
    pub roles: Vec<RoleAddition>,
    /// Who granted it; nil is an operator.
    pub granted_by: ObjectId,
}

impl GrantOutcome {
    /// Nothing changes: all of it was granted already.
    pub fn is_empty(&self) -> bool {
        self.creates.is_empty() && self.grants.is_empty() && self.roles.is_empty()
    }
}

/// Works out what is to be written for a permitted acceptance, of which nothing exists yet.
pub fn grant(permit: &Permit<GrantConsent>, facts: &ConsentFacts) -> GrantOutcome {
    let GrantConsent { list, granted_for, granted_by } = permit.deed();
    let creates = list.creates.iter().filter_map(|party| facts.app(party.app_id));
    let creates = creates.filter(|app| app.principal.is_none()).map(|app| NewPrincipal {
        app_id: app.app_id(),
        application: app.application.id,
        home: app.application.tenant,
        names: app.free_names.clone(),
    });
    let mut outcome = GrantOutcome {
        creates: creates.collect(),
        grants: Vec::new(),
        roles: Vec::new(),
        granted_by: *granted_by,
    };
    for part in &list.parts {
        let (client, resource) = (part.client.app_id, part.resource.app_id);
        let mut scopes = BTreeSet::new();
        for permission in missing_of(part, facts, *granted_for) {
            match permission.kind {
                PermissionKind::Scope => {
                    scopes.insert(permission.id);
                }
                PermissionKind::Role => {
                    let role = permission.id;
                    outcome.roles.push(RoleAddition { client, resource, role });
                }
            }
        }
        if !scopes.is_empty() {
            let granted_for = *granted_for;
            outcome.grants.push(GrantAddition { client, resource, granted_for, scopes });
        }
    }
    outcome
}

/// What of `list` is not yet held: each with the part it belongs to.
pub(crate) fn missing<'a>(
    list: &'a ConsentList,
    facts: &'a ConsentFacts,
    granted_for: GrantedFor,
) -> impl Iterator<Item = (&'a Part, &'a ListedPermission)> {
    list.parts.iter().flat_map(move |part| {
        missing_of(part, facts, granted_for).map(move |permission| (part, permission))
    })
}

/// What a user has through everyone or by pre-authorisation is not written again for him: it ends
/// when that ends.
fn missing_of<'a>(
    part: &'a Part,
    facts: &'a ConsentFacts,
    granted_for: GrantedFor,
) -> impl Iterator<Item = &'a ListedPermission> {
    let (client, resource) = (part.client.app_id, part.resource.app_id);
    let user = match granted_for {
        GrantedFor::Everyone => None,
        GrantedFor::User(user) => Some(user),
    };
    let mut held = facts.effective_ids(client, resource, user);
    let principal = |id| facts.app(id).and_then(|app| app.principal.as_ref());
    if let (Some(own), Some(other)) = (principal(client), principal(resource)) {
        let mine = facts.assignments.iter().filter(|assigned| {
            assigned.tenant == facts.tenant.id
                && assigned.principal == own.id
                && assigned.resource == other.id
        });
        held.extend(mine.map(|assigned| assigned.role));
    }
    let roles_too = granted_for == GrantedFor::Everyone;
    part.permissions
        .iter()
        .filter(move |permission| roles_too || permission.kind == PermissionKind::Scope)
        .filter(move |permission| !held.contains(&permission.id))
}
