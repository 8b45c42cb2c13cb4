//! When a credential was last used: written in bulk at most once a minute.

use behalf_core::{
    id::{CredentialId, TenantId},
    time::Timestamp,
};

use super::damaged;
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record},
    write_set::{Expect, WriteSet},
};

pub(crate) fn key(home: TenantId, credential: CredentialId) -> Key {
    Key::new(home, Kind::CredentialUse, credential.bytes())
}

pub(crate) fn put(set: &mut WriteSet, home: TenantId, credential: CredentialId, at: Timestamp) {
    set.put(key(home, credential), at.0.to_be_bytes().to_vec(), Expect::Any);
}

pub(crate) fn read(record: &Record) -> Result<Timestamp, ReadError> {
    let bytes = record.document.as_slice().try_into();
    bytes.map(i64::from_be_bytes).map(Timestamp).map_err(|_| damaged(record.key.kind, "no time"))
}
