//! Users: making, changing, deleting them. Each deed raises the counters that end what it should
//! end (protocol 8.4) in the commit that does it.

mod assignments;
mod credentials;
mod policy;
mod refusal;

pub use assignments::UserRole;
pub use credentials::{Enrolment, SecondFactor};
pub use refusal::UserRefusal;

use std::{collections::BTreeSet, fmt, str::FromStr};

use behalf_core::{
    access::{
        Actor,
        users::{UserDeed, administer_user},
    },
    directory_role::DirectoryRole,
    id::{ObjectId, TenantId},
    tenant::Tenant,
    user::{PasswordHash, User, UserEvent, UserPrincipalName},
};
use behalf_store::{
    Cursor, Expect, GrantsOf, List, Reading, Stored, WriteSet,
    records::{assignment, consent_request, permission_grant, tenant as tenant_record, user},
};

use super::{Directory, Refusal, check, commit, tenant};

/// A user of a tenant, as somebody names him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By his name.
    Name(UserPrincipalName),
    /// By his object id.
    Id(ObjectId),
}

impl FromStr for UserRef {
    type Err = UserRefusal;

    fn from_str(text: &str) -> Result<Self, UserRefusal> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => UserPrincipalName::parse(text)
                .map(Self::Name)
                .map_err(|_| UserRefusal::NotAUserName(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// His tenant.
    pub tenant: TenantId,
    /// What he signs in with.
    pub name: UserPrincipalName,
    /// What people call him; the name before the `@` when absent.
    pub display_name: Option<String>,
    /// His password; without one he cannot sign in with one.
    pub password: Option<PasswordHash>,
    /// What he may administer.
    pub roles: BTreeSet<DirectoryRole>,
    /// Whether he is made disabled.
    pub disabled: bool,
}

impl NewUser {
    /// A plain user.
    pub fn new(tenant: TenantId, name: UserPrincipalName) -> Self {
        let roles = BTreeSet::new();
        Self { tenant, name, display_name: None, password: None, roles, disabled: false }
    }
}

/// What becomes of a user's record, and what that is to his tickets.
pub(super) type UserEdit<'a> = &'a (dyn Fn(&mut User) -> Result<UserEvent, Refusal> + Send + Sync);

/// A deed as the audit log calls it.
pub(super) type Named<'a> = (UserDeed, &'a str);

impl Directory {
    /// Makes a user. His name's domain is one of his tenant's.
    pub async fn create_user(&self, by: Actor<'_>, new: &NewUser) -> Result<User, Refusal> {
        let id = self.object_id(new.tenant, "user", new.name.as_str());
        commit!(self, self.draft_user(by, id, new))
    }

    async fn draft_user(
        &self,
        by: Actor<'_>,
        id: ObjectId,
        new: &NewUser,
    ) -> Result<(WriteSet, User), Refusal> {
        let reading = self.store.reading();
        let home = tenant(&reading, new.tenant).await?;
        administer_user(by, &home, UserDeed::Create, None)?;
        let mut made = User::new(id, home.id, new.name.clone(), self.now());
        if let Some(display) = &new.display_name {
            made.display_name.clone_from(display);
        }
        check::name("display name", &made.display_name)?;
        if !home.domains.iter().any(|domain| domain.as_str() == new.name.domain()) {
            let (name, tenant) = (new.name.to_string(), home.display_name.clone());
            return Err(UserRefusal::ForeignDomain { name, tenant }.into());
        }
        if !new.roles.is_empty() {
            administer_user(by, &home, UserDeed::SetRoles, None)?;
        }
        made.roles.clone_from(&new.roles);
        made.password.clone_from(&new.password);
        made.disabled = new.disabled;
        let known = reading.user_by_name(home.id, &new.name).await?.is_some();
        if known || reading.user(home.id, id).await?.is_some() {
            return Err(UserRefusal::Exists(new.name.to_string()).into());
        }
        let mut set = WriteSet::new();
        // His name rests on the tenant's domains.
        set.expect(tenant_record::key(home.id), Expect::Version(home.version));
        user::create(&mut set, &made);
        self.audit(&mut set, home.id, "create user", made.name.as_str());
        Ok((set, made))
    }

    /// A user of a tenant.
    pub async fn user(&self, tenant: TenantId, user: &UserRef) -> Result<User, Refusal> {
        Ok(find(&self.store.reading(), tenant, user).await?.value)
    }

    /// A tenant's users, ordered by object id, a page at a time.
    pub async fn users(
        &self,
        id: TenantId,
        after: Option<Cursor>,
    ) -> Result<List<Stored<User>>, Refusal> {
        Ok(self.store.reading().users(id, after, 1_000).await?)
    }

    /// Changes what people call a user.
    pub async fn rename_user(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
        display_name: &str,
    ) -> Result<User, Refusal> {
        check::name("display name", display_name)?;
        let edit = |user: &mut User| {
            display_name.clone_into(&mut user.display_name);
            Ok(UserEvent::Renamed)
        };
        self.edit_user(by, (tenant, user), (UserDeed::Rename, "rename user"), &edit).await
    }

    /// Disables a user, which ends everything of his, or enables him again.
    pub async fn set_user_disabled(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
        disabled: bool,
    ) -> Result<User, Refusal> {
        let edit = |user: &mut User| {
            user.disabled = disabled;
            Ok(if disabled { UserEvent::Disabled } else { UserEvent::Enabled })
        };
        let action = if disabled { "disable user" } else { "enable user" };
        self.edit_user(by, (tenant, user), (UserDeed::SetEnabled, action), &edit).await
    }

    /// Changes a user's directory roles. `change` may run several times.
    pub async fn set_roles(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
        change: &(dyn Fn(&mut BTreeSet<DirectoryRole>) + Send + Sync),
    ) -> Result<User, Refusal> {
        let edit = |user: &mut User| {
            change(&mut user.roles);
            Ok(UserEvent::RolesChanged)
        };
        self.edit_user(by, (tenant, user), (UserDeed::SetRoles, "set roles of user"), &edit).await
    }

    /// Ends a user's sessions and refresh tokens everywhere (Graph `revokeSignInSessions`). He may
    /// do it himself.
    pub async fn revoke_sign_in_sessions(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
    ) -> Result<User, Refusal> {
        let edit = |_: &mut User| Ok(UserEvent::SessionsRevoked);
        let action = (UserDeed::RevokeSessions, "revoke sessions of user");
        self.edit_user(by, (tenant, user), action, &edit).await
    }

    /// Changes a user's record and raises his counters, in one commit. What changes nothing writes
    /// nothing, but for revoking, which always counts.
    pub(super) async fn edit_user(
        &self,
        by: Actor<'_>,
        user: (TenantId, &UserRef),
        deed: Named<'_>,
        edit: UserEdit<'_>,
    ) -> Result<User, Refusal> {
        commit!(self, self.draft_user_edit(by, user, deed, edit))
    }

    async fn draft_user_edit(
        &self,
        by: Actor<'_>,
        (id, user): (TenantId, &UserRef),
        (deed, action): Named<'_>,
        edit: UserEdit<'_>,
    ) -> Result<(WriteSet, User), Refusal> {
        let reading = self.store.reading();
        let home = tenant(&reading, id).await?;
        let before = find(&reading, id, user).await?;
        if deed != UserDeed::RevokeSessions || by.id() != Some(before.id) {
            administer_user(by, &home, deed, Some(&before))?;
        }
        self.edited(&before, action, edit)
    }

    /// The write of a changed user, whoever may change him.
    pub(super) fn edited(
        &self,
        before: &Stored<User>,
        action: &str,
        edit: UserEdit<'_>,
    ) -> Result<(WriteSet, User), Refusal> {
        let mut after = before.value.clone();
        let event = edit(&mut after)?;
        let mut set = WriteSet::new();
        if after != before.value || event == UserEvent::SessionsRevoked {
            after.undergo(event);
            user::update(&mut set, before, &after);
            self.audit(&mut set, after.tenant, action, after.name.as_str());
        }
        Ok((set, after))
    }

    /// Deletes a user with what he was assigned, what he granted for himself and what he asked
    /// administrators for. A user of the same name made later is another one.
    pub async fn delete_user(
        &self,
        by: Actor<'_>,
        (tenant, user): (TenantId, &UserRef),
    ) -> Result<(), Refusal> {
        commit!(self, self.draft_user_delete(by, tenant, user))
    }

    async fn draft_user_delete(
        &self,
        by: Actor<'_>,
        id: TenantId,
        name: &UserRef,
    ) -> Result<(WriteSet, ()), Refusal> {
        let reading = self.store.reading();
        let home = tenant(&reading, id).await?;
        let found = find(&reading, id, name).await?;
        administer_user(by, &home, UserDeed::Delete, Some(&found))?;
        let mut set = WriteSet::new();
        remove_what_he_has(&reading, &mut set, &found).await?;
        user::delete(&mut set, &found);
        self.audit(&mut set, id, "delete user", found.name.as_str());
        Ok((set, ()))
    }
}

/// A user who must exist.
pub(super) async fn find(
    reading: &Reading<'_>,
    tenant: TenantId,
    user: &UserRef,
) -> Result<Stored<User>, Refusal> {
    let found = match user {
        UserRef::Name(name) => reading.user_by_name(tenant, name).await?,
        UserRef::Id(id) => reading.user(tenant, *id).await?,
    };
    found.ok_or_else(|| UserRefusal::NoUser(user.to_string()).into())
}

/// Somebody of a tenant whose name lies on a domain that `after` has no more.
pub(super) async fn resting_on_more(
    reading: &Reading<'_>,
    after: &Tenant,
) -> Result<Option<UserPrincipalName>, Refusal> {
    let mut cursor = None;
    loop {
        let page = reading.users(after.id, cursor, 1_000).await?;
        let stranded = |user: &&Stored<User>| {
            !after.domains.iter().any(|domain| domain.as_str() == user.name.domain())
        };
        if let Some(user) = page.items.iter().find(stranded) {
            return Ok(Some(user.name.clone()));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

async fn remove_what_he_has(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    user: &User,
) -> Result<(), Refusal> {
    let (tenant, id) = (user.tenant, user.id);
    let mut after = None;
    loop {
        let page = reading.assignments_of(tenant, id, after).await?;
        for held in page.items.iter().filter_map(|stored| stored.first()) {
            assignment::put(set, tenant, (id, held.resource), &[], Expect::Any);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = reading.permission_grants(tenant, GrantsOf::User(id), after).await?;
        page.items.iter().for_each(|grant| permission_grant::delete(set, grant, Expect::Any));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = reading.consent_requests(tenant, after).await?;
        for request in page.items.iter().filter(|request| request.user == id) {
            consent_request::delete(set, request, Expect::Any);
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
