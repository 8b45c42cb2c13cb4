//! Assertions of strict applications count once (RFC 7523 3, `jti`).

use aws_lc_rs::digest::{SHA256, digest};
use behalf_core::{
    id::{AppId, TenantId},
    token::SingleUse,
};
use behalf_store::{CommitError, Store, WriteSet, records::used_assertion};

/// Records the use; a conflict means that it was used before. Of two at once exactly one wins.
pub(crate) async fn record(
    store: &Store,
    client: (TenantId, AppId),
    once: &SingleUse,
) -> Result<(), CommitError> {
    let mut id = [0; 32];
    id.copy_from_slice(digest(&SHA256, once.jti.as_bytes()).as_ref());
    let mut set = WriteSet::new();
    used_assertion::record(&mut set, client, &id, once.until);
    store.commit(set).await.map(|_| ())
}
