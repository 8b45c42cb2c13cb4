//! What is said over the admin socket. Times are milliseconds since 1970.

pub mod grants;
pub mod users;

use std::{collections::BTreeSet, fmt, net::IpAddr};

use behalf_core::{
    application::{AppKind, SignInAudience, TokenAlg, credential::Method},
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// What to look for in the sign-in log; everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Of this tenant, by domain or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// With this correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// Then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Older than a page that ended here: its `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Most entries, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A part of the sign-in log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Where to go on, if there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The nodes whose rows are in it; empty where there is one node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<LogNode>,
    /// What is not as it should be, such as that rows of other nodes cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// A node, as the log that all share knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogNode {
    /// Which.
    pub id: Uuid,
    /// When it last shipped rows.
    pub shipped_at: Timestamp,
}

/// One row of the sign-in log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum LogEntry {
    /// A request that reached a decision.
    SignIn(Box<SignIn>),
    /// Requests that were turned away before one, counted.
    TurnedAway(TurnedAway),
    /// Rows that a node lost before they were shipped.
    Missing(Missing),
}

impl LogEntry {
    /// When it was.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::SignIn(event) => event.time,
            Self::TurnedAway(tally) => tally.time,
            Self::Missing(missing) => missing.time,
        }
    }
}

/// One request that reached a decision: with its ordered checks it explains itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// `trace_id`, `x-ms-request-id`, and in base64url the token's `uti`.
    pub request_id: RequestId,
    /// When.
    pub time: Timestamp,
    /// Whose log it belongs to; all zero when no tenant was found.
    pub tenant: TenantId,
    /// `client_credentials`, `on_behalf_of` …, or `unknown`.
    pub grant: String,
    /// `v1` or `v2`.
    pub endpoint: String,
    /// The client id, `absent`, or `malformed (N bytes)`.
    pub client: String,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ObjectId>,
    /// Through whom the user came to the client: service principals, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<ObjectId>,
    /// What was asked for, as the client wrote it.
    pub resource: Option<String>,
    /// The application it resolved to.
    pub resource_app: Option<AppId>,
    /// `secret` or `certificate`, once accepted.
    pub method: Option<String>,
    /// Which secret or certificate.
    pub credential: Option<CredentialId>,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The client's `client-request-id`, or one of ours.
    pub correlation: Uuid,
    /// The checks in their order.
    pub steps: Vec<Check>,
    /// What it came to.
    pub outcome: Outcome,
    /// Which node answered, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Uuid>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub step: String,
    /// `ok`, `failed` or `skipped`.
    pub result: String,
}

/// What one request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// A token was signed.
    Issued {
        /// With this key.
        kid: String,
        /// `1.0` or `2.0`.
        version: String,
        /// Its `exp`, in seconds since 1970.
        expires: i64,
        /// Its `roles`.
        roles: Vec<String>,
    },
    /// A user signed in with his browser.
    SignedIn {
        /// By what, as `amr` names it.
        methods: Vec<String>,
    },
    /// What was to be revoked is.
    Revoked,
    /// It was refused.
    Refused {
        /// The AADSTS number.
        code: u32,
        /// What the failing check found.
        found: String,
        /// What it expected.
        expected: String,
    },
}

/// Requests of one kind and address that were turned away within a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// When.
    pub time: Timestamp,
    /// Why.
    pub why: String,
    /// From where.
    pub address: Option<IpAddr>,
    /// How many.
    pub count: u64,
    /// Which node they came to, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Uuid>,
}

/// Rows of a node that were gone before they were shipped to the log that all nodes share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// When the row after them was written.
    pub time: Timestamp,
    /// How many there were.
    pub count: u64,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Uuid>,
}
