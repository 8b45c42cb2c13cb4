//! Consent over the admin socket.

use behalf_core::{
    consent::{PermissionKind, approval::WantedPermission},
    id::{AppId, ObjectId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What an operator grants to everyone of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// To which client: by name, client id or App ID URI.
    pub client: String,
    /// Which permissions; none: all that its registration requires, and what the APIs require that
    /// know it as client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<PermissionRef>,
}

/// A scope or app role, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionRef {
    /// Whose: by name, client id or App ID URI.
    pub api: String,
    /// Its value.
    pub value: String,
}

/// A permission that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Who may use it.
    pub client: String,
    /// Of whom.
    pub resource: String,
    /// Its value.
    pub value: String,
    /// Scope or app role.
    pub kind: PermissionKind,
}

/// What one client may do with one resource, for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The client's name.
    pub client: String,
    /// Its client id.
    pub client_id: AppId,
    /// The resource's name.
    pub resource: String,
    /// Its client id.
    pub resource_id: AppId,
    /// Scopes or app roles.
    pub kind: PermissionKind,
    /// The user it is for; absent: everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ObjectId>,
    /// Values.
    pub values: Vec<String>,
    /// When it was last added to.
    pub granted: Timestamp,
}

/// Which grants to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantQuery {
    /// Of this client; of every client when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// What to take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// From which client.
    pub client: String,
    /// On this resource only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// What this user granted for himself; absent: what everyone has, app roles too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ObjectId>,
    /// Everything, whoever granted it.
    #[serde(default)]
    pub all: bool,
}

/// What was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many permissions.
    pub permissions: usize,
}

/// A user's request that an administrator consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRequest {
    /// Who asks.
    pub user: ObjectId,
    /// For which client.
    pub client: AppId,
    /// For what.
    pub wanted: Vec<WantedPermission>,
    /// Why, in his words.
    pub reason: String,
    /// When.
    pub created: Timestamp,
}

/// A request that is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// Who asked.
    pub user: ObjectId,
    /// For which client.
    pub client: AppId,
}
