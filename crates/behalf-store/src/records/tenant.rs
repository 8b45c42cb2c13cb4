//! Tenants, by id, under the nil tenant: the deployment's list of its directories.

use behalf_core::{id::TenantId, tenant::Tenant};

use super::{GLOBAL, from_json, to_json};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where a tenant is.
pub fn key(id: TenantId) -> Key {
    Key::new(GLOBAL, Kind::Tenant, id.bytes())
}

/// Writes `tenant`; its domains are claimed separately ([`super::domain::claim`]).
pub fn put(set: &mut WriteSet, tenant: &Tenant, expect: Expect) {
    set.put(key(tenant.id), to_json(tenant), expect);
}

pub(crate) fn read(record: &Record) -> Result<Stored<Tenant>, ReadError> {
    from_json(record)
}
