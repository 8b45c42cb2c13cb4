//! Assertions of strict applications count once (RFC 7523 3, `jti`).

use aws_lc_rs::digest::{SHA256, digest};
use behalf_core::{
    id::{AppId, TenantId},
    time::{CLOCK_SKEW, Timestamp},
    token::SingleUse,
};
use behalf_store::{CommitError, Footing, Store, WriteSet, records::used_assertion};

/// Records the use; a conflict means that it was used before. Of two at once exactly one wins. The
/// footing was taken before it was asked whether it may have been.
pub(crate) async fn record(
    (store, footing): (&Store, Footing),
    client: (TenantId, AppId),
    once: &SingleUse,
) -> Result<(), CommitError> {
    let mut id = [0; 32];
    id.copy_from_slice(digest(&SHA256, once.jti.as_bytes()).as_ref());
    let mut set = WriteSet::new();
    set.stand_on(footing);
    used_assertion::record(&mut set, client, &id, once.until);
    store.commit(set).await.map(|_| ())
}

/// Whether an assertion may have been used before everything that counts once `ended`, and be unused
/// now: unless it says that it is newer, by more than clocks may differ.
pub(crate) fn may_have_been(once: &SingleUse, ended: Option<Timestamp>) -> bool {
    let newer = |at: Timestamp| once.from.is_some_and(|from| from > at.plus(CLOCK_SKEW));
    ended.is_some_and(|at| !newer(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_restore_only_what_is_newer_counts() {
        let restored = Timestamp::from_unix_seconds(1_790_000_000);
        let once = |from: Option<i64>| SingleUse {
            jti: "j".to_owned(),
            from: from.map(|s| Timestamp::from_unix_seconds(1_790_000_000 + s)),
            until: Timestamp::from_unix_seconds(1_790_003_600),
        };
        for (from, refused) in [(Some(-1), true), (Some(300), true), (Some(301), false)] {
            assert_eq!(may_have_been(&once(from), Some(restored)), refused, "{from:?}");
            assert!(!may_have_been(&once(from), None));
        }
        assert!(may_have_been(&once(None), Some(restored)), "it does not say how old it is");
    }
}
