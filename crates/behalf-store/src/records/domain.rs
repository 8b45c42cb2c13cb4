//! The global index of domains: each belongs to one tenant of the deployment, or is quarantined.

use behalf_core::{id::TenantId, tenant::DomainName, time::Timestamp};

use super::{GLOBAL, RESERVED_FOR, damaged, id_at};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Whose a domain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainOwner {
    /// It names this tenant.
    Tenant(TenantId),
    /// It named this tenant and names nobody until then; only this tenant may have it back before.
    Quarantined {
        /// Its last owner.
        last: TenantId,
        /// When it is free.
        until: Timestamp,
    },
}

/// Where a domain's owner is.
pub fn key(domain: &DomainName) -> Key {
    Key::new(GLOBAL, Kind::Domain, domain.as_str().as_bytes())
}

/// Makes `domain` name `tenant`, if it is still as it was `found`.
pub fn claim(
    set: &mut WriteSet,
    domain: &DomainName,
    tenant: TenantId,
    found: Option<&Stored<DomainOwner>>,
) {
    set.put(key(domain), tenant.bytes().to_vec(), Expect::as_found(found));
}

/// Takes `domain` from `tenant` and quarantines it.
pub fn release(set: &mut WriteSet, domain: &DomainName, tenant: TenantId, now: Timestamp) {
    let mut document = tenant.bytes().to_vec();
    document.extend(now.plus(RESERVED_FOR).0.to_be_bytes());
    set.put(key(domain), document, Expect::Any);
}

pub(crate) fn read(record: &Record) -> Result<Stored<DomainOwner>, ReadError> {
    let tenant = id_at(record, 0)?;
    let value = match record.document.get(16..) {
        Some([]) => DomainOwner::Tenant(tenant),
        Some(until) => DomainOwner::Quarantined {
            last: tenant,
            until: Timestamp(i64::from_be_bytes(
                until.try_into().map_err(|_| damaged(Kind::Domain, "no time"))?,
            )),
        },
        None => return Err(damaged(Kind::Domain, "too short")),
    };
    Ok(Stored { value, version: record.version })
}
