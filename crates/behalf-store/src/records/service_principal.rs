//! Service principals, by appId: a tenant has one at most for each application.

use behalf_core::{
    id::{AppId, TenantId},
    service_principal::ServicePrincipal,
};

use super::{from_json, to_json};
use crate::{
    backend::ReadError,
    record::{Entry, Index, Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where the service principal of an application in a tenant is.
pub fn key(tenant: TenantId, app_id: AppId) -> Key {
    Key::new(tenant, Kind::ServicePrincipal, app_id.bytes())
}

/// Writes `principal`; its names are claimed separately ([`super::resource_name::claim`]).
pub fn put(set: &mut WriteSet, principal: &ServicePrincipal, expect: Expect) {
    let by_id = Entry { index: Index::ServicePrincipalById, value: principal.id.bytes().to_vec() };
    let key = key(principal.tenant, principal.app_id);
    set.put_indexed(key, to_json(principal), vec![by_id], expect);
}

/// Removes `principal`; its names and assignments are removed separately.
pub fn delete(set: &mut WriteSet, principal: &Stored<ServicePrincipal>) {
    set.delete(key(principal.tenant, principal.app_id), Expect::Version(principal.version));
}

pub(crate) fn read(record: &Record) -> Result<Stored<ServicePrincipal>, ReadError> {
    from_json(record)
}
