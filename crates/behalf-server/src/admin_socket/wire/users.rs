//! Users, over the admin socket.

use std::collections::BTreeSet;

use behalf_core::{directory_role::DirectoryRole, id::ObjectId, time::Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory::apply::manifest::{PasswordSource, PasswordText};

/// A user, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserInfo {
    /// His object id.
    pub id: ObjectId,
    /// What he signs in with.
    pub name: String,
    /// What people call him.
    pub display_name: String,
    /// What he may administer.
    pub roles: BTreeSet<DirectoryRole>,
    /// Whether he is kept from signing in.
    pub disabled: bool,
    /// Whether he has a password.
    pub password: bool,
    /// Whether he has a second factor.
    pub second_factor: bool,
    /// When he was created.
    pub created: Timestamp,
}

/// A user to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewUser {
    /// What he signs in with.
    pub name: String,
    /// What people call him; the name before the `@` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What he may administer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<DirectoryRole>,
    /// `generate` or `{"value": …}`; without one he cannot sign in with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordSource>,
    /// Whether he is made disabled.
    #[serde(default)]
    pub disabled: bool,
}

/// Another password: `generate` or `{"value": …}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// Which.
    pub password: PasswordSource,
}

/// Whether a user is kept from signing in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// So.
    pub disabled: bool,
}

/// Directory roles that come and go.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Those he gets.
    #[serde(default)]
    pub add: BTreeSet<DirectoryRole>,
    /// Those he loses.
    #[serde(default)]
    pub remove: BTreeSet<DirectoryRole>,
}

/// A role of an application that a user gets or loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The application, by name, client id or App ID URI.
    pub app: String,
    /// The role's value; absent: assigned without a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether he has it.
    pub assigned: bool,
}

/// What a tenant lets its users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// They may consent for themselves to scopes that are not for administrators only.
    pub user_consent: bool,
    /// The password grant may be used by applications that allow it too.
    pub password_grant: bool,
    /// Clients get tokens for themselves while the database is away, if their settings allow it too.
    #[serde(default = "allowed")]
    pub degraded_service: bool,
}

/// What a server that does not say so does.
fn allowed() -> bool {
    true
}

/// What changes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyChange {
    /// Whether users may consent; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_consent: Option<bool>,
    /// Whether the password grant may be used; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_grant: Option<bool>,
    /// Whether clients get tokens while the database is away; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded_service: Option<bool>,
}

/// A user, and his password if it was made now: shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMade {
    /// The user.
    pub user: UserInfo,
    /// His password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordText>,
}

/// A second factor that is not registered yet: nothing of it is kept until a code of it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunFactor {
    /// What is typed into an authenticator app: base32, 32 characters.
    pub secret: PasswordText,
    /// The same with the names that the app shows, for a QR code: `otpauth://totp/…`.
    pub uri: PasswordText,
}

/// A second factor that is registered, because a code of it is right.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFactor {
    /// Of [`BegunFactor`].
    pub secret: PasswordText,
    /// What the app shows: six digits.
    pub code: String,
}

/// A password that a manifest's application made: shown now and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadePassword {
    /// The user's name.
    pub user: String,
    /// His object id.
    pub id: ObjectId,
    /// The password.
    pub value: PasswordText,
}
