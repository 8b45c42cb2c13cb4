//! A user's request that an administrator consent ("need admin approval").

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    consent::{ConsentList, PermissionKind},
    id::{AppId, ObjectId, PermissionId, TenantId},
    time::Timestamp,
};

/// How long a request waits before it is forgotten.
pub const LIFE: Duration = Duration::from_hours(24 * 30);
/// Most characters of a reason.
pub const REASON_MAX: usize = 500;
/// Most requests that wait in a tenant.
pub const PER_TENANT: usize = 1_000;
/// Most requests of one user that wait.
pub const PER_USER: usize = 20;

/// A request that waits. A user has one at most for each client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRequest {
    /// Where.
    pub tenant: TenantId,
    /// Who asks.
    pub user: ObjectId,
    /// For which client.
    pub client: AppId,
    /// What he saw.
    pub wanted: Vec<WantedPermission>,
    /// Why he needs it, in his words; to be escaped wherever it is shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When.
    pub created: Timestamp,
}

/// A permission that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedPermission {
    /// Who wants it.
    pub client: AppId,
    /// Of whom.
    pub resource: AppId,
    /// Scope or app role.
    pub kind: PermissionKind,
    /// Its id.
    pub id: PermissionId,
    /// Its value then.
    pub value: String,
}

impl ApprovalRequest {
    /// A request for `list`, made at `now`. Of `reason` the printable characters are kept, at most
    /// [`REASON_MAX`].
    pub fn new(user: ObjectId, list: &ConsentList, reason: &str, now: Timestamp) -> Self {
        let wanted = list.parts.iter().flat_map(|part| {
            part.permissions.iter().map(|permission| WantedPermission {
                client: part.client.app_id,
                resource: part.resource.app_id,
                kind: permission.kind,
                id: permission.id,
                value: permission.value.clone(),
            })
        });
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
        let reason: String = reason.take(REASON_MAX).collect();
        Self {
            tenant: list.tenant,
            user,
            client: list.client.app_id,
            wanted: wanted.collect(),
            reason: reason.trim().to_owned(),
            created: now,
        }
    }

    /// Whether it still waits at `now`.
    pub fn waits(&self, now: Timestamp) -> bool {
        now < self.created.plus(LIFE)
    }
}
