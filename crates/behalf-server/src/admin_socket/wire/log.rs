//! The sign-in log, as it is asked for and told.

use std::net::IpAddr;

use behalf_core::{
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
