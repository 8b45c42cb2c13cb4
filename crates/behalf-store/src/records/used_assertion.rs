//! Client assertions of strict applications that were used: kept until they expire, so that each
//! counts once (RFC 7523 3; tickets.md 7, `ca`).

use behalf_core::{
    id::{AppId, TenantId},
    time::Timestamp,
};

use crate::{
    record::{Key, Kind},
    write_set::{Expect, WriteSet},
};

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
