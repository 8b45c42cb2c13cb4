//! What was changed in a tenant's directory, by whom: one entry a change, in commit order, part of
//! the commit that made it.

use behalf_core::{id::TenantId, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{from_json, to_json};
use crate::{
    backend::ReadError,
    record::{Kind, Record},
    write_set::WriteSet,
};

/// One change of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub time: Timestamp,
    /// By whom or by which door, as people know it.
    pub actor: String,
    /// What was done, such as `add secret`.
    pub action: String,
    /// To what, by name.
    pub target: String,
}

/// Adds `entry` to a tenant's audit log.
pub fn append(set: &mut WriteSet, tenant: TenantId, entry: &AuditEntry) {
    set.append(tenant, Kind::Audit, to_json(entry));
}

pub(crate) fn read(record: &Record) -> Result<AuditEntry, ReadError> {
    from_json(record).map(|stored| stored.value)
}
