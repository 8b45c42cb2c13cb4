//! Directory roles: what a user may administer (protocol 6.6). A role is held in one tenant and
//! says nothing about another.

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// A built-in role, known by its template id wherever Graph shows it (`wids`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryRole {
    /// Everything.
    GlobalAdministrator,
    /// Roles, and consent to any permission of any API.
    PrivilegedRoleAdministrator,
    /// Applications, and consent to any permission but Graph's app roles.
    ApplicationAdministrator,
    /// The same as [`Self::ApplicationAdministrator`] here: behalf has no application proxy.
    CloudApplicationAdministrator,
    /// May register applications, and consents for himself even where users may not.
    ApplicationDeveloper,
    /// Users, their passwords and sessions.
    UserAdministrator,
    /// May read the directory.
    DirectoryReaders,
}

impl DirectoryRole {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::GlobalAdministrator,
        Self::PrivilegedRoleAdministrator,
        Self::ApplicationAdministrator,
        Self::CloudApplicationAdministrator,
        Self::ApplicationDeveloper,
        Self::UserAdministrator,
        Self::DirectoryReaders,
    ];

    /// The role's template id, the same in every tenant of every directory.
    pub const fn template(self) -> Uuid {
        match self {
            Self::GlobalAdministrator => uuid!("62e90394-69f5-4237-9190-012177145e10"),
            Self::PrivilegedRoleAdministrator => uuid!("e8611ab8-c189-46e8-94e1-60213ab1f814"),
            Self::ApplicationAdministrator => uuid!("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"),
            Self::CloudApplicationAdministrator => uuid!("158c047a-c907-4556-b7ef-446551a6b5f7"),
            Self::ApplicationDeveloper => uuid!("cf1c38e5-3621-4004-a7cb-879624dced7c"),
            Self::UserAdministrator => uuid!("fe930be7-5e62-47db-91af-98c3a49a38b1"),
            Self::DirectoryReaders => uuid!("88d8e3e3-8f55-4a1e-953a-9b9898b8876b"),
        }
    }

    /// The role that people write so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What people read, and write in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GlobalAdministrator => "global-administrator",
            Self::PrivilegedRoleAdministrator => "privileged-role-administrator",
            Self::ApplicationAdministrator => "application-administrator",
            Self::CloudApplicationAdministrator => "cloud-application-administrator",
            Self::ApplicationDeveloper => "application-developer",
            Self::UserAdministrator => "user-administrator",
            Self::DirectoryReaders => "directory-readers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_as_it_is_stored() {
        for role in DirectoryRole::ALL {
            let stored = serde_json::to_value(role).unwrap();
            assert_eq!(stored, serde_json::Value::from(role.as_str()));
            assert_eq!(DirectoryRole::parse(role.as_str()), Some(role));
        }
    }
}
