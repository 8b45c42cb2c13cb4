//! Delegated permissions: one record for each client, resource and "for whom", which is what a
//! token of a user asks: one look-up for everyone and one for him.

use behalf_core::{
    grant::{GrantedFor, PermissionGrant},
    id::{ObjectId, TenantId},
};

use super::{from_json, to_json};
use crate::{
    backend::ReadError,
    record::{Entry, Index, Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where the grant of `client` on `resource` is.
pub fn key(
    tenant: TenantId,
    (client, resource): (ObjectId, ObjectId),
    granted_for: GrantedFor,
) -> Key {
    let mut id = Vec::with_capacity(48);
    id.extend(client.bytes());
    id.extend(resource.bytes());
    if let GrantedFor::User(user) = granted_for {
        id.extend(user.bytes());
    }
    Key::new(tenant, Kind::PermissionGrant, id)
}

/// Writes `grant`; one without scopes removes the record.
pub fn put(set: &mut WriteSet, grant: &PermissionGrant, expect: Expect) {
    let key = key(grant.tenant, (grant.client, grant.resource), grant.granted_for);
    if grant.scopes.is_empty() {
        return set.delete(key, expect);
    }
    let entry = |index, id: ObjectId| Entry { index, value: id.bytes().to_vec() };
    let mut entries = vec![
        entry(Index::GrantByClient, grant.client),
        entry(Index::GrantByResource, grant.resource),
    ];
    if let GrantedFor::User(user) = grant.granted_for {
        entries.push(entry(Index::GrantByUser, user));
    }
    set.put_indexed(key, to_json(grant), entries, expect);
}

/// Removes `grant`.
pub fn delete(set: &mut WriteSet, grant: &PermissionGrant, expect: Expect) {
    let key = key(grant.tenant, (grant.client, grant.resource), grant.granted_for);
    set.delete(key, expect);
}

pub(crate) fn read(record: &Record) -> Result<Stored<PermissionGrant>, ReadError> {
    from_json(record)
}
