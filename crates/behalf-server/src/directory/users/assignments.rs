//! Users' roles in applications: what their tokens carry as `roles`, and who may sign in where an
//! application requires assignment (50105).

use behalf_core::{
    access::{
        Actor,
        users::{UserDeed, administer_user},
    },
    application::MemberType,
    id::{AppId, ObjectId, PermissionId, TenantId},
    service_principal::AppRoleAssignment,
};
use behalf_store::{
    Expect, WriteSet,
    records::{application, assignment, service_principal, user as user_record},
};

use super::{UserRef, UserRefusal, find};
use crate::directory::{Directory, Refusal, commit, service_principals, tenant};

/// Which role of which application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRole<'a> {
    /// The application.
    pub app: AppId,
    /// The role's value; `None`: assigned without a role.
    pub role: Option<&'a str>,
}

impl Directory {
    /// Assigns a user to an application. Being assigned already is no error.
    pub async fn assign_user(
        &self,
        by: Actor<'_>,
        user: (TenantId, &UserRef),
        role: UserRole<'_>,
    ) -> Result<(), Refusal> {
        commit!(self, self.draft_assignment(by, user, role, true))
    }

    /// Takes an assignment back. Having none is no error.
    pub async fn unassign_user(
        &self,
        by: Actor<'_>,
        user: (TenantId, &UserRef),
        role: UserRole<'_>,
    ) -> Result<(), Refusal> {
        commit!(self, self.draft_assignment(by, user, role, false))
    }

    async fn draft_assignment(
        &self,
        by: Actor<'_>,
        (id, name): (TenantId, &UserRef),
        wanted: UserRole<'_>,
        assigned: bool,
    ) -> Result<(WriteSet, ()), Refusal> {
        let reading = self.store.reading();
        let home = tenant(&reading, id).await?;
        let user = find(&reading, id, name).await?;
        administer_user(by, &home, UserDeed::AssignAppRole, Some(&user))?;
        let resource = service_principals::find(&reading, id, wanted.app).await?;
        let offering = reading.application(resource.home, resource.application).await?;
        let offering = offering.ok_or_else(|| Refusal::NoApplication(wanted.app.to_string()))?;
        let role = match wanted.role {
            None => PermissionId::NIL,
            Some(value) => {
                let for_users = offering.roles.iter().find(|role| {
                    role.value == value
                        && !role.disabled
                        && role.members.contains(&MemberType::User)
                });
                let application = offering.name.clone();
                let missing = || UserRefusal::NoSuchRole { application, role: value.to_owned() };
                for_users.ok_or_else(missing)?.id
            }
        };
        let pair = (user.id, resource.id);
        let held = reading.assignments(id, pair.0, pair.1).await?;
        let before = held.as_ref().map(|held| held.value.clone()).unwrap_or_default();
        let mut after = before.clone();
        after.retain(|held| held.role != role);
        if assigned {
            match before.iter().find(|held| held.role == role) {
                Some(_) => after.clone_from(&before),
                None => after.push(self.user_assignment(id, pair, role)),
            }
        }
        let mut set = WriteSet::new();
        if after != before {
            assignment::put(&mut set, id, pair, &after, Expect::as_found(held.as_ref()));
            set.expect(user_record::key(id, user.id), Expect::Version(user.version));
            let principal = service_principal::key(id, resource.app_id);
            set.expect(principal, Expect::Version(resource.version));
            let offering_key = application::key(offering.tenant, offering.id);
            set.expect(offering_key, Expect::Version(offering.version));
            let action = if assigned { "assign user" } else { "unassign user" };
            let target = format!("{} on {}", user.name, offering.name);
            self.audit(&mut set, id, action, &target);
        }
        Ok((set, ()))
    }

    fn user_assignment(
        &self,
        tenant: TenantId,
        (user, resource): (ObjectId, ObjectId),
        role: PermissionId,
    ) -> AppRoleAssignment {
        let name = format!("{user}{resource}{role}");
        AppRoleAssignment {
            id: self.object_id(tenant, "appRoleAssignment", &name),
            tenant,
            principal: user,
            resource,
            role,
            granted_by: self.actor.to_string(),
            created: self.now(),
        }
    }
}
