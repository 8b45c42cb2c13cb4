//! Who may do what to the directory. A [`Permit`] is made here and nowhere else, and the use cases
//! that change the directory ask for one.

pub mod users;

use crate::{
    consent::{Accepted, ConsentFacts, ConsentList, ListedPermission, PermissionKind, missing},
    directory_role::DirectoryRole,
    grant::GrantedFor,
    id::{AppId, ObjectId, TenantId},
    tenant::Tenant,
    user::User,
};
use uuid::uuid;

/// Microsoft Graph's client id: its app roles are more than an application administrator may grant.
pub const GRAPH: AppId = AppId(uuid!("00000003-0000-0000-c000-000000000000"));

/// Who wants to do something.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// Whoever runs the server: its command line, a manifest, the development seed.
    Operator,
    /// A user who signed in.
    User(&'a User),
}

impl Actor<'_> {
    /// The user's object id.
    pub fn id(self) -> Option<ObjectId> {
        match self {
            Self::Operator => None,
            Self::User(user) => Some(user.id),
        }
    }

    fn has_any(self, roles: &[DirectoryRole]) -> bool {
        match self {
            Self::Operator => true,
            Self::User(user) => roles.iter().any(|role| user.roles.contains(role)),
        }
    }
}

/// Leave to do one thing. Made by this module's functions only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit<A> {
    deed: A,
}

impl<A> Permit<A> {
    /// What may be done.
    pub fn deed(&self) -> &A {
        &self.deed
    }
}

/// To grant one accepted list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantConsent {
    /// What was accepted.
    pub list: ConsentList,
    /// For whom.
    pub granted_for: GrantedFor,
    /// Who grants it; nil is an operator.
    pub granted_by: ObjectId,
}

/// To take grants back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeConsent {
    /// In this tenant.
    pub tenant: TenantId,
    /// Which.
    pub reach: Reach,
}

/// How far a revocation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What the user granted for himself.
    Own(ObjectId),
    /// Every grant and app role of the tenant.
    Everything,
}

/// To see and decide other users' requests for consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveApprovals {
    /// In this tenant.
    pub tenant: TenantId,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A user of another tenant, or one that is disabled.
    #[error("the user is disabled or of another directory")]
    NoUserHere,
    /// Only an administrator may (90094).
    #[error("{0}: only an administrator may allow this; a Cloud Application Administrator can")]
    NeedsAdmin(String),
    /// An acceptance of a page that nobody saw.
    #[error("the list was not shown to the user who accepts it")]
    NotShown,
}

/// What sort of permission somebody would grant (protocol 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A scope of type User where users may consent.
    UserScope,
    /// A scope of type User where they may not: by the tenant's policy or the client's assignment.
    RestrictedScope,
    /// A scope of type Admin.
    AdminScope,
    /// An app role.
    AppRole,
    /// An app role of Microsoft Graph.
    GraphRole,
}

const FULL: [DirectoryRole; 2] =
    [DirectoryRole::GlobalAdministrator, DirectoryRole::PrivilegedRoleAdministrator];
const APPLICATION: [DirectoryRole; 4] = [
    DirectoryRole::GlobalAdministrator,
    DirectoryRole::PrivilegedRoleAdministrator,
    DirectoryRole::ApplicationAdministrator,
    DirectoryRole::CloudApplicationAdministrator,
];

/// The table of protocol 6.6.
fn allows(actor: Actor<'_>, class: Class, for_everyone: bool) -> bool {
    match class {
        Class::GraphRole => actor.has_any(&FULL),
        Class::AppRole | Class::AdminScope => actor.has_any(&APPLICATION),
        _ if for_everyone => actor.has_any(&APPLICATION),
        Class::RestrictedScope => {
            actor.has_any(&APPLICATION) || actor.has_any(&[DirectoryRole::ApplicationDeveloper])
        }
        Class::UserScope => true,
    }
}

fn class(permission: &ListedPermission, resource: AppId, users_may: bool) -> Class {
    match permission.kind {
        PermissionKind::Role if resource == GRAPH => Class::GraphRole,
        PermissionKind::Role => Class::AppRole,
        PermissionKind::Scope if permission.admin_only => Class::AdminScope,
        PermissionKind::Scope if users_may => Class::UserScope,
        PermissionKind::Scope => Class::RestrictedScope,
    }
}

fn is_here(actor: Actor<'_>, tenant: &Tenant) -> Result<(), Denied> {
    match actor {
        Actor::User(user) if user.tenant != tenant.id || user.disabled => Err(Denied::NoUserHere),
        _ => Ok(()),
    }
}

/// Whether `actor` may grant all of `list` that is not granted yet, for himself or for everyone.
pub fn may_consent(
    actor: Actor<'_>,
    list: &ConsentList,
    for_everyone: bool,
    facts: &ConsentFacts,
) -> Result<(), Denied> {
    is_here(actor, &facts.tenant)?;
    let granted_for = match actor.id() {
        Some(user) if !for_everyone => GrantedFor::User(user),
        _ => GrantedFor::Everyone,
    };
    for (part, permission) in missing(list, facts, granted_for) {
        let users_may = facts.users_may_consent_to(part.client.app_id);
        let class = class(permission, part.resource.app_id, users_may);
        if !allows(actor, class, for_everyone) {
            let named = format!("{} of {}", permission.value, part.resource.name);
            return Err(Denied::NeedsAdmin(named));
        }
    }
    // A sign-in that asks for nothing, or for nothing new, still needs somebody who may consent.
    let class = if facts.users_may_consent_to(list.client.app_id) {
        Class::UserScope
    } else {
        Class::RestrictedScope
    };
    let grants_anything = for_everyone || !list.creates.is_empty();
    if grants_anything && !allows(actor, class, for_everyone) {
        return Err(Denied::NeedsAdmin(list.client.name.clone()));
    }
    Ok(())
}

/// Whether `actor` may grant what was accepted; for everyone if the list says so or he ticked it.
pub fn grant_consent(
    actor: Actor<'_>,
    accepted: Accepted,
    for_everyone: bool,
    facts: &ConsentFacts,
) -> Result<Permit<GrantConsent>, Denied> {
    let Accepted { list, shown } = accepted;
    if matches!(actor, Actor::User(_)) && !shown {
        return Err(Denied::NotShown);
    }
    if list.tenant != facts.tenant.id || list.client.app_id != facts.client.app_id() {
        return Err(Denied::NotShown);
    }
    let for_everyone = for_everyone || list.for_everyone;
    may_consent(actor, &list, for_everyone, facts)?;
    let granted_for = match actor.id() {
        Some(user) if !for_everyone => GrantedFor::User(user),
        _ => GrantedFor::Everyone,
    };
    let granted_by = actor.id().unwrap_or(ObjectId::NIL);
    Ok(Permit { deed: GrantConsent { list, granted_for, granted_by } })
}

/// What `actor` may take back: a user his own, an administrator of applications everything.
pub fn revoke_consent(actor: Actor<'_>, tenant: &Tenant) -> Result<Permit<RevokeConsent>, Denied> {
    is_here(actor, tenant)?;
    let reach = match actor.id() {
        Some(user) if !actor.has_any(&APPLICATION) => Reach::Own(user),
        _ => Reach::Everything,
    };
    Ok(Permit { deed: RevokeConsent { tenant: tenant.id, reach } })
}

/// Whether `actor` may see and decide users' requests for consent.
pub fn resolve_approvals(
    actor: Actor<'_>,
    tenant: &Tenant,
) -> Result<Permit<ResolveApprovals>, Denied> {
    is_here(actor, tenant)?;
    if actor.has_any(&APPLICATION) {
        Ok(Permit { deed: ResolveApprovals { tenant: tenant.id } })
    } else {
        Err(Denied::NeedsAdmin("requests for consent".to_owned()))
    }
}
