//! Who may administer users (protocol 6.6).

use super::{Actor, Permit};
use crate::{
    directory_role::DirectoryRole::{
        self, DirectoryReaders, GlobalAdministrator, PrivilegedRoleAdministrator, UserAdministrator,
    },
    id::{ObjectId, TenantId},
    tenant::Tenant,
    user::User,
};

/// What is done about users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserDeed {
    /// See all of them.
    Read,
    /// Make one, without a directory role.
    Create,
    /// Change how one is called.
    Rename,
    /// Give one another password.
    ResetPassword,
    /// Disable or enable one.
    SetEnabled,
    /// Delete one.
    Delete,
    /// End one's sessions.
    RevokeSessions,
    /// Take one's second factor away.
    RemoveSecondFactor,
    /// Change one's directory roles.
    SetRoles,
    /// Assign one to an application's role.
    AssignAppRole,
    /// Change the tenant's rules for its users, or end the sessions of all.
    SetPolicy,
}

/// To do one thing about one user, or about all of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdministerUser {
    /// In this tenant.
    pub tenant: TenantId,
    /// What.
    pub deed: UserDeed,
    /// About whom; `None`: about nobody in particular.
    pub user: Option<ObjectId>,
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// A user of another tenant, or one that is disabled.
    #[error("the administrator is disabled or of another directory")]
    NoUserHere,
    /// He has no role that allows it.
    #[error("this takes the role {}", .0.as_str())]
    NeedsRole(DirectoryRole),
    /// He could make himself more than he is: the password of one with more roles is those roles.
    #[error("only a {} may do this to a user with a directory role", GlobalAdministrator.as_str())]
    Protected,
}

/// Whether `actor` may do `deed` to `user`. A User Administrator administers users without a
/// role and those with no more than his own; the others are a Global Administrator's.
pub fn administer_user(
    actor: Actor<'_>,
    tenant: &Tenant,
    deed: UserDeed,
    user: Option<&User>,
) -> Result<Permit<AdministerUser>, NotAllowed> {
    super::is_here(actor, tenant).map_err(|_| NotAllowed::NoUserHere)?;
    if user.is_some_and(|user| user.tenant != tenant.id) {
        return Err(NotAllowed::NoUserHere);
    }
    let (needed, others): (DirectoryRole, &[DirectoryRole]) = match deed {
        UserDeed::Read => (DirectoryReaders, &DirectoryRole::ALL),
        UserDeed::SetRoles => (PrivilegedRoleAdministrator, &[]),
        UserDeed::SetPolicy => (GlobalAdministrator, &[]),
        UserDeed::AssignAppRole => (UserAdministrator, &super::APPLICATION),
        _ => (UserAdministrator, &[]),
    };
    let allowed = actor.has_any(&[needed, GlobalAdministrator]) || actor.has_any(others);
    if !allowed {
        return Err(NotAllowed::NeedsRole(needed));
    }
    let takes_over = !matches!(
        deed,
        UserDeed::Read | UserDeed::SetRoles | UserDeed::AssignAppRole | UserDeed::Rename
    );
    let more = |user: &User| {
        user.roles.iter().any(|role| !matches!(role, UserAdministrator | DirectoryReaders))
    };
    if takes_over && user.is_some_and(more) && !actor.has_any(&[GlobalAdministrator]) {
        return Err(NotAllowed::Protected);
    }
    let user = user.map(|user| user.id);
    Ok(Permit { deed: AdministerUser { tenant: tenant.id, deed, user } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        directory_role::DirectoryRole::{ApplicationAdministrator, ApplicationDeveloper},
        time::Timestamp,
        user::UserPrincipalName,
    };

    fn tenant(n: u128) -> Tenant {
        Tenant::new(TenantId(uuid::Uuid::from_u128(n)), "Acme", Vec::new(), Timestamp(0))
    }

    fn user(n: u128, tenant: &Tenant, roles: &[DirectoryRole]) -> User {
        let name = UserPrincipalName::parse("ada@acme.test").unwrap();
        let id = ObjectId(uuid::Uuid::from_u128(n));
        User {
            roles: roles.iter().copied().collect(),
            ..User::new(id, tenant.id, name, Timestamp(0))
        }
    }

    #[test]
    fn role_by_deed() {
        use UserDeed::{AssignAppRole, Create, Read, ResetPassword, SetPolicy, SetRoles};
        let acme = tenant(1);
        let plain = user(9, &acme, &[]);
        // Read, Create, ResetPassword, AssignAppRole, SetRoles, SetPolicy.
        for (roles, expected) in [
            (&[][..], "------"),
            (&[DirectoryReaders], "x-----"),
            (&[ApplicationDeveloper], "x-----"),
            (&[ApplicationAdministrator], "x--x--"),
            (&[UserAdministrator], "xxxx--"),
            (&[PrivilegedRoleAdministrator], "x--xx-"),
            (&[GlobalAdministrator], "xxxxxx"),
        ] {
            let actor = user(1, &acme, roles);
            let may: String = [Read, Create, ResetPassword, AssignAppRole, SetRoles, SetPolicy]
                .into_iter()
                .map(|deed| {
                    let permit = administer_user(Actor::User(&actor), &acme, deed, Some(&plain));
                    if permit.is_ok() { 'x' } else { '-' }
                })
                .collect();
            assert_eq!(may, expected, "{roles:?}");
        }
        let operator = administer_user(Actor::Operator, &acme, SetPolicy, None).unwrap();
        assert_eq!(operator.deed().deed, SetPolicy);
    }

    #[test]
    fn nobody_takes_over_one_who_may_do_more() {
        let acme = tenant(1);
        let (helper, global) =
            (user(1, &acme, &[UserAdministrator]), user(2, &acme, &[GlobalAdministrator]));
        let peer = user(3, &acme, &[UserAdministrator, DirectoryReaders]);
        let strong = user(4, &acme, &[ApplicationAdministrator]);
        let may =
            |actor, deed, target| administer_user(Actor::User(actor), &acme, deed, Some(target));
        for deed in [
            UserDeed::ResetPassword,
            UserDeed::SetEnabled,
            UserDeed::Delete,
            UserDeed::RevokeSessions,
            UserDeed::RemoveSecondFactor,
        ] {
            assert!(may(&helper, deed, &peer).is_ok());
            assert_eq!(may(&helper, deed, &strong), Err(NotAllowed::Protected), "{deed:?}");
            assert_eq!(may(&helper, deed, &global), Err(NotAllowed::Protected), "{deed:?}");
            assert!(may(&global, deed, &strong).is_ok());
        }
    }

    #[test]
    fn a_role_counts_in_its_own_tenant_only_and_not_when_disabled() {
        let (acme, globex) = (tenant(1), tenant(2));
        let global = user(1, &acme, &[GlobalAdministrator]);
        let there = user(2, &globex, &[]);
        let may = |actor, tenant, target| {
            administer_user(Actor::User(actor), tenant, UserDeed::Delete, target).map(|_| ())
        };
        assert_eq!(may(&global, &globex, Some(&there)), Err(NotAllowed::NoUserHere));
        assert_eq!(may(&global, &acme, Some(&there)), Err(NotAllowed::NoUserHere));
        let disabled = User { disabled: true, ..global.clone() };
        assert_eq!(may(&disabled, &acme, None), Err(NotAllowed::NoUserHere));
        let nobody = user(3, &acme, &[]);
        let needs = NotAllowed::NeedsRole(UserAdministrator);
        assert_eq!(may(&nobody, &acme, None), Err(needs));
        assert_eq!(needs.to_string(), "this takes the role user-administrator");
    }
}
