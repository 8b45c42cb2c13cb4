//! Client assertions of strict applications that were used: kept until they expire, so that each
//! counts once (RFC 7523 3; tickets.md 7, `ca`).

use behalf_core::{
    id::{AppId, TenantId},
    time::Timestamp,
};

use super::damaged;
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record},
    write_set::{Expect, WriteSet},
};

/// One used assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedAssertion {
    /// Where it is.
    pub key: Key,
    /// From then on its own expiry refuses it.
    pub until: Timestamp,
}

/// Records a use; the commit conflicts when there was one before. `digest` is of the `jti`.
pub fn record(
    set: &mut WriteSet,
    (tenant, client): (TenantId, AppId),
    digest: &[u8; 32],
    until: Timestamp,
) {
    let mut id = client.bytes().to_vec();
    id.extend_from_slice(digest);
    set.put(
        Key::new(tenant, Kind::UsedAssertion, id),
        until.0.to_be_bytes().to_vec(),
        Expect::Absent,
    );
}

pub(crate) fn read(record: &Record) -> Result<UsedAssertion, ReadError> {
    let until = record.document.as_slice().try_into().map(i64::from_be_bytes);
    let until = until.map_err(|_| damaged(Kind::UsedAssertion, "no time"))?;
    Ok(UsedAssertion { key: record.key.clone(), until: Timestamp(until) })
}
