//! Users of a tenant.

mod password;
mod revocation;

pub use password::{NewPassword, PASSWORD_MAX, PASSWORD_MIN, PresentedPassword, WeakPassword};
pub use revocation::{Raises, UserEvent};

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    directory_role::DirectoryRole,
    id::{ObjectId, TenantId},
    tenant::{DomainName, is_false},
    time::Timestamp,
};

/// A user (Graph `user`). Belongs to one tenant; there are no guests (decisions.md 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// `oid`.
    pub id: ObjectId,
    /// The tenant he belongs to.
    pub tenant: TenantId,
    /// What he signs in with (`userPrincipalName`); its domain is one of the tenant's.
    pub name: UserPrincipalName,
    /// What people call him.
    pub display_name: String,
    /// `given_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// `family_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    /// `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// `accountEnabled` = false: cannot sign in (50057), and no token is issued in his name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// What is kept of his password; `None`: he has none and cannot sign in with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHash>,
    /// His second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Totp>,
    /// What he may administer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<DirectoryRole>,
    /// What his tickets carry and must still equal.
    #[serde(default)]
    pub revisions: UserRevisions,
    /// When he was created.
    pub created: Timestamp,
}

impl User {
    /// A new user called by his name: enabled, without a password, a second factor or roles.
    pub fn new(
        id: ObjectId,
        tenant: TenantId,
        name: UserPrincipalName,
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            tenant,
            display_name: name.local().to_owned(),
            name,
            given_name: None,
            surname: None,
            mail: None,
            disabled: false,
            password: None,
            totp: None,
            roles: BTreeSet::new(),
            revisions: UserRevisions::default(),
            created,
        }
    }
}

/// Counters that tickets carry (tickets.md 5). Raised in the commit of the cause, never lowered:
/// enabling a user again resurrects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserRevisions {
    /// `urev`: everything of his ends.
    #[serde(rename = "urev")]
    pub all: u32,
    /// `prev`: what rests on his password ends: public clients' tickets and cookies.
    #[serde(rename = "prev")]
    pub password: u32,
}

/// A password's argon2id hash in PHC form. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A registered authenticator app (RFC 6238).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totp {
    /// The shared secret, sealed under the deployment's master key; base64url.
    pub sealed_secret: String,
    /// The last time step that was used: a code counts once.
    #[serde(default)]
    pub last_step: u64,
}

impl fmt::Debug for Totp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totp").field("last_step", &self.last_step).finish_non_exhaustive()
    }
}

/// `local@domain` in lower case: how a user is named at sign-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserPrincipalName(String);

/// Why a text is no user principal name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a user name: expected name@domain; the name has 1 to 64 letters, digits or any of . - _ ' # ~ ^ !"
)]
pub struct NotAUserName;

impl UserPrincipalName {
    /// Parses in any letter case. ASCII only, so that no two names look alike.
    pub fn parse(text: &str) -> Result<Self, NotAUserName> {
        let (local, domain) = text.split_once('@').ok_or(NotAUserName)?;
        let fits = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_'#~^!".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.');
        let domain = DomainName::parse(domain).map_err(|_| NotAUserName)?;
        if !fits {
            return Err(NotAUserName);
        }
        Ok(Self(format!("{}@{}", local.to_ascii_lowercase(), domain.as_str())))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for UserPrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UserPrincipalName {
    type Error = NotAUserName;
    fn try_from(text: String) -> Result<Self, NotAUserName> {
        Self::parse(&text)
    }
}

impl From<UserPrincipalName> for String {
    fn from(name: UserPrincipalName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(UserPrincipalName::parse("Bob@Acme.Test").unwrap().as_str(), "bob@acme.test");
        assert_eq!(UserPrincipalName::parse("o'neil@acme.test").unwrap().domain(), "acme.test");
        for bad in [
            "",
            "bob",
            "@acme.test",
            "bob@",
            "bob@acme",
            "b b@acme.test",
            ".bob@acme.test",
            "bob@x@acme.test",
            "bób@acme.test",
            "bob@acme.test ",
            "bob+tag@acme.test",
        ] {
            assert_eq!(UserPrincipalName::parse(bad), Err(NotAUserName), "{bad}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let hash = PasswordHash("$argon2id$secret".into());
        let totp = Totp { sealed_secret: "sealed".into(), last_step: 7 };
        assert_eq!(format!("{hash:?} {totp:?}"), "PasswordHash(…) Totp { last_step: 7, .. }");
    }
}
