//! Token families and sessions that were ended before their time (tickets.md 7, `fam` and `sid`):
//! few, so that every node keeps them in memory, a bucket at a time.

use behalf_core::{
    id::{FamilyId, SessionId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

use super::{damaged, expiring};
use crate::{
    backend::ReadError,
    record::{Entry, Index, Key, Kind, Record},
    write_set::{Expect, WriteSet},
};

/// What was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// A family: reuse, a replayed code, or somebody revoked it.
    Family(FamilyId),
    /// A session: its user signed out.
    Session(SessionId),
}

const FAMILY: &[u8; 3] = b"fam";
const SESSION: &[u8; 3] = b"sid";

impl Ended {
    /// Which of the tenant's 256 buckets it is in: the last byte of its id, which is random in
    /// every version of UUID.
    pub fn bucket(self) -> u8 {
        let (_, id) = self.parts();
        let [.., last] = id.into_bytes();
        last
    }

    fn parts(self) -> (&'static [u8; 3], Uuid) {
        match self {
            Self::Family(id) => (FAMILY, id.0),
            Self::Session(id) => (SESSION, id.0),
        }
    }
}

/// Where it is recorded that something was ended; a write that needs it alive expects this absent.
pub fn key(tenant: TenantId, ended: Ended) -> Key {
    let (what, id) = ended.parts();
    Key::new(tenant, Kind::Revoked, [what.as_slice(), id.as_bytes()].concat())
}

/// Records that something was ended; `until` is when the last ticket that stems from it has expired.
pub fn put(set: &mut WriteSet, tenant: TenantId, ended: Ended, until: Timestamp) {
    let bucket = Entry { index: Index::RevokedByBucket, value: vec![ended.bucket()] };
    let document = until.0.to_be_bytes().to_vec();
    set.put_indexed(key(tenant, ended), document, vec![bucket], Expect::Any);
}

pub(crate) fn read(record: &Record) -> Result<Ended, ReadError> {
    expiring::until(record)?;
    let unknown = || damaged(Kind::Revoked, "neither a family nor a session");
    let (what, id) = record.key.id.split_first_chunk::<3>().ok_or_else(unknown)?;
    let id = Uuid::from_slice(id).map_err(|_| unknown())?;
    match what {
        FAMILY => Ok(Ended::Family(FamilyId(id))),
        SESSION => Ok(Ended::Session(SessionId(id))),
        _ => Err(unknown()),
    }
}
