//! The users of a manifest.

use std::{collections::BTreeSet, fmt};

use behalf_core::directory_role::DirectoryRole;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct User {
    /// What he signs in with; by it he is recognised.
    pub name: String,
    /// What people call him; the name before the `@` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// What he may administer; empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<DirectoryRole>>,
    /// His first password; once he has one it is his own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordSource>,
    /// Whether he is kept from signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Where a password comes from. The password itself never stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordSource {
    /// It is made when it is set, and shown once.
    Generate,
    /// An environment variable of whoever applies the manifest.
    FromEnv(String),
    /// A file of whoever applies the manifest.
    FromFile(String),
    /// The password, in place of one of the two above: over the socket only.
    Value(PasswordText),
}

/// A password on its way to the server, which judges it. Prints nothing, is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordText(String);

impl PasswordText {
    /// Takes a text as it was given.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for PasswordText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PasswordText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordText(…)")
    }
}
