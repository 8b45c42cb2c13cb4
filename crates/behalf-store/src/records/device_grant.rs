//! Devices that wait for their user (tickets.md 7, `dev`), by user code. The user types nothing but
//! that code, so they lie beside the global indexes; whose tenant each is, its document says.

use behalf_core::device::{DeviceGrant, UserCode};

use super::{GLOBAL, damaged, to_json};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored, Version},
    write_set::{Expect, WriteSet},
};

/// Where the grant of `code` is.
pub fn key(code: UserCode) -> Key {
    Key::new(GLOBAL, Kind::DeviceGrant, code.as_str().as_bytes())
}

/// Writes a grant; of many that found the same, one wins.
pub fn put(set: &mut WriteSet, code: UserCode, grant: &DeviceGrant, expect: Expect) {
    let mut document = grant.expires.0.to_be_bytes().to_vec();
    document.extend(to_json(grant));
    set.put(key(code), document, expect);
}

/// Takes a grant away as it was found in `version`: it is redeemed, by one.
pub fn take(set: &mut WriteSet, code: UserCode, version: Version) {
    set.delete(key(code), Expect::Version(version));
}

pub(crate) fn read(record: &Record) -> Result<Stored<DeviceGrant>, ReadError> {
    let json = record.document.get(8..).unwrap_or_default();
    let value = serde_json::from_slice(json)
        .map_err(|error| damaged(record.key.kind, &error.to_string()))?;
    Ok(Stored { value, version: record.version })
}
