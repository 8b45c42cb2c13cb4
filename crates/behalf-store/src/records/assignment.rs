//! App role assignments: one record for each principal and resource, which is what a token asks.

use behalf_core::{
    id::{ObjectId, TenantId},
    service_principal::AppRoleAssignment,
};

use super::{from_json, pair, to_json};
use crate::{
    backend::ReadError,
    record::{Entry, Index, Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where the assignments of `principal` on `resource` are.
pub fn key(tenant: TenantId, principal: ObjectId, resource: ObjectId) -> Key {
    Key::new(tenant, Kind::Assignment, pair(principal.bytes(), resource.bytes()))
}

/// Writes the assignments of one principal on one resource; none removes the record.
pub fn put(
    set: &mut WriteSet,
    tenant: TenantId,
    (principal, resource): (ObjectId, ObjectId),
    assignments: &[AppRoleAssignment],
    expect: Expect,
) {
    let key = key(tenant, principal, resource);
    if assignments.is_empty() {
        return set.delete(key, expect);
    }
    let entry = |index, id: ObjectId| Entry { index, value: id.bytes().to_vec() };
    let entries = vec![
        entry(Index::AssignmentByPrincipal, principal),
        entry(Index::AssignmentByResource, resource),
    ];
    set.put_indexed(key, to_json(&assignments), entries, expect);
}

pub(crate) fn read(record: &Record) -> Result<Stored<Vec<AppRoleAssignment>>, ReadError> {
    from_json(record)
}
