//! What is said over the admin socket. Times are milliseconds since 1970.

pub mod grants;
mod log;
pub mod users;

pub use log::{Check, LogEntry, LogNode, LogPage, LogQuery, Missing, Outcome, SignIn, TurnedAway};

use std::{collections::BTreeSet, fmt};

use behalf_core::{
    application::{AppKind, SignInAudience, TokenAlg, credential::Method},
    id::{AppId, CredentialId, ObjectId, TenantId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::directory::apply::{Line, Manifest};

/// The server that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its public origin.
    pub public_url: String,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was found, what was expected, what to do; several lines when several things are wrong.
    pub message: String,
}

/// Everything in the store, read and looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// How many records there are.
    pub records: u64,
    /// What is damaged, the first of it; nothing: all is as it was written.
    pub findings: Vec<String>,
}

/// A store to copy everything to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCopy {
    /// Its URL, as `storage.url` has it; may hold a password.
    pub to: String,
    /// Only to see that it can be done.
    #[serde(default)]
    pub rehearse: bool,
}

impl fmt::Debug for NewCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCopy").field("rehearse", &self.rehearse).finish_non_exhaustive()
    }
}

/// A tenant to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// What people call it.
    pub name: String,
    /// Its domains, at least one.
    pub domains: Vec<String>,
    /// Its id, if it is to have a certain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<TenantId>,
}

/// A domain for a tenant to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDomain {
    /// The domain; the operator vouches for it.
    pub domain: String,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantInfo {
    /// Its id.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// Its domains, the initial one first.
    pub domains: Vec<String>,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// An application, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationInfo {
    /// Its object id.
    pub id: ObjectId,
    /// Its client id.
    pub app_id: AppId,
    /// Its unique name.
    pub name: String,
    /// What kind of program it is.
    pub kind: AppKind,
    /// Who may use it.
    pub audience: SignInAudience,
    /// Its App ID URIs.
    pub uris: Vec<String>,
    /// Whether its client assertions must name the issuer alone, and count once each.
    pub strict_assertions: bool,
    /// What it may authenticate with; empty: with every credential it has.
    pub allowed_methods: BTreeSet<Method>,
    /// The values of its scopes, on behalf of users.
    pub scopes: Vec<String>,
    /// The values of its roles.
    pub roles: Vec<String>,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// A manifest to be applied. Files and environment variables it speaks of have been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Apply {
    /// The manifest.
    pub manifest: Manifest,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was planned and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The plan; empty when everything was as it should be.
    pub plan: Vec<Line>,
    /// Secrets that were made: shown now and never again.
    pub secrets: Vec<Secret>,
    /// Passwords that were made: shown now and never again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passwords: Vec<users::MadePassword>,
    /// Why it stopped before the end, if it did: what was done stays, and applying again goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A secret that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The application's name.
    pub app: String,
    /// Its client id.
    pub app_id: AppId,
    /// The secret's name.
    pub name: String,
    /// Its id, which is no secret.
    pub key_id: CredentialId,
    /// Its value.
    pub value: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} of {})", self.name, self.app)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.value);
    }
}

/// A signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// `kid`.
    pub kid: String,
    /// Its algorithm.
    pub alg: TokenAlg,
    /// `announced`, `active`, `retiring` or `retired`.
    pub state: String,
    /// From when on it signs.
    pub active_from: Timestamp,
    /// Until when it is published, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_at: Option<Timestamp>,
}

/// An epoch of the key that seals codes, refresh tokens and sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochInfo {
    /// Its number, from 1.
    pub number: u32,
    /// `announced`, `sealing`, `opening` or `revoked`.
    pub state: String,
    /// From when on it seals.
    pub from: Timestamp,
    /// When its successor takes over, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Of the key of this algorithm; RS256 when absent.
    #[serde(default)]
    pub alg: TokenAlg,
    /// At once, with the key that is announced already; otherwise after the announcement.
    #[serde(default)]
    pub now: bool,
}
