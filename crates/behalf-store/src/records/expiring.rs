//! Records that are forgotten by themselves: their documents begin with when, as milliseconds in
//! eight bytes.

use behalf_core::time::Timestamp;

use super::damaged;
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Version},
};

/// A kind of such records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiring {
    /// [`super::used_assertion`].
    UsedAssertion,
    /// [`super::used_ticket`].
    UsedTicket,
    /// [`super::family`].
    Family,
    /// [`super::revoked`].
    Revoked,
    /// [`super::device_grant`], which lie under the nil tenant.
    DeviceGrant,
}

impl Expiring {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::UsedAssertion, Self::UsedTicket, Self::Family, Self::Revoked, Self::DeviceGrant];

    /// Whether they are no tenant's own: they lie beside the global indexes.
    pub const fn is_global(self) -> bool {
        matches!(self, Self::DeviceGrant)
    }

    /// The kind.
    pub const fn kind(self) -> Kind {
        match self {
            Self::UsedAssertion => Kind::UsedAssertion,
            Self::UsedTicket => Kind::UsedTicket,
            Self::Family => Kind::Family,
            Self::Revoked => Kind::Revoked,
            Self::DeviceGrant => Kind::DeviceGrant,
        }
    }
}

/// Where one is, and until when it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Until {
    /// Where.
    pub key: Key,
    /// Its state: a row that was written anew meanwhile matters longer.
    pub version: Version,
    /// From then on what it refuses is refused without it.
    pub until: Timestamp,
}

pub(crate) fn until(record: &Record) -> Result<Timestamp, ReadError> {
    let first = record.document.first_chunk().copied().map(i64::from_be_bytes);
    first.map(Timestamp).ok_or_else(|| damaged(record.key.kind, "no time"))
}

pub(crate) fn read(record: &Record) -> Result<Until, ReadError> {
    Ok(Until { key: record.key.clone(), version: record.version, until: until(record)? })
}
