//! The newest generation of a rotating refresh token's family (tickets.md 7, `fam`): at most one
//! row a family, none until its first refresh.

use behalf_core::{
    id::{FamilyId, TenantId},
    ticket::Family,
    time::Timestamp,
};

use super::{damaged, expiring};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where a family's row is.
pub fn key(tenant: TenantId, family: FamilyId) -> Key {
    Key::new(tenant, Kind::Family, family.bytes())
}

/// Writes a family in place of what was `found`; of many that found the same, one wins.
pub fn put(
    set: &mut WriteSet,
    (tenant, id): (TenantId, FamilyId),
    family: &Family,
    found: Option<&Stored<Family>>,
) {
    let mut document = family.expires.0.to_be_bytes().to_vec();
    document.extend(family.since.0.to_be_bytes());
    document.extend(family.generation.to_be_bytes());
    set.put(key(tenant, id), document, Expect::as_found(found));
}

pub(crate) fn read(record: &Record) -> Result<Stored<Family>, ReadError> {
    let short = || damaged(Kind::Family, "too short");
    let rest = record.document.get(8..).ok_or_else(short)?;
    let (since, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let value = Family {
        generation: u32::from_be_bytes(rest.try_into().map_err(|_| short())?),
        since: Timestamp(i64::from_be_bytes(*since)),
        expires: expiring::until(record)?,
    };
    Ok(Stored { value, version: record.version })
}
