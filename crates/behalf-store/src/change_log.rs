//! What every backend's change log has in common: what is written of a change, how long it is
//! kept, and what a row means.

use behalf_core::id::TenantId;

use crate::{
    backend::{Change, Seq},
    record::{Class, Entry, Index, Key, Kind},
    write_set::limits,
};

/// Commits that are kept at least; who is further behind starts anew (`Changes::forgotten`).
const KEPT: u64 = 20_000;
/// What is too old is removed every so many commits.
const TIDIED: u64 = 1_000;
/// An index's number as a logged kind, apart from the kinds of records.
const INDEX: i16 = 256;
const EVERYTHING: i16 = -1;

/// Notes that the record at `key` changed, and every list in `entries`, which it is or was in.
/// Only facts of the directory are noted.
pub(crate) fn note(changes: &mut Vec<Change>, key: &Key, entries: impl Iterator<Item = Entry>) {
    if key.kind.class() != Class::Directory {
        return;
    }
    changes.push(Change::Record(key.clone()));
    let tenant = key.tenant;
    changes.extend(entries.map(|Entry { index, value }| Change::Index { tenant, index, value }));
}

/// The lists a record is in after a write, and those it left by it.
pub(crate) fn lists<'a>(now: &'a [Entry], before: &'a [Entry]) -> impl Iterator<Item = Entry> + 'a {
    now.iter().chain(before.iter().filter(|entry| !now.contains(entry))).cloned()
}

/// What is logged of a commit's changes.
pub(crate) fn bounded(changes: Vec<Change>) -> Vec<Change> {
    if changes.len() > limits::LOGGED_CHANGES { vec![Change::Everything] } else { changes }
}

/// When the numbers up to `newest` have been given, `given` of them at once: up to which commit
/// the log may be removed now.
pub(crate) fn removable(newest: u64, given: u64) -> Option<u64> {
    let crossed = newest / TIDIED > newest.saturating_sub(given) / TIDIED;
    (crossed && newest > KEPT).then(|| newest - KEPT)
}

/// A change as a row: the tenant, a record's kind or 256 + an index's number or -1 for everything,
/// and the id or value.
pub(crate) fn columns(change: &Change) -> (Option<TenantId>, i16, Option<&[u8]>) {
    match change {
        Change::Record(key) => (Some(key.tenant), i16::from(key.kind.number()), Some(&key.id)),
        Change::Index { tenant, index, value } => {
            (Some(*tenant), INDEX + i16::from(index.number()), Some(value))
        }
        Change::Everything => (None, EVERYTHING, None),
    }
}

/// What a row says. What a later version logs is unknown here: it counts as everything.
pub(crate) fn change(tenant: Option<TenantId>, kind: i64, id: Option<Vec<u8>>) -> Change {
    known(tenant, kind, id).unwrap_or(Change::Everything)
}

fn known(tenant: Option<TenantId>, kind: i64, id: Option<Vec<u8>>) -> Option<Change> {
    let (tenant, id) = (tenant?, id?);
    if let Ok(index) = u8::try_from(kind - i64::from(INDEX)) {
        return Some(Change::Index { tenant, index: Index::from_number(index)?, value: id });
    }
    let kind = Kind::from_number(u8::try_from(kind).ok()?)?;
    Some(Change::Record(Key { tenant, kind, id }))
}

/// Adds a row to the commits that were read; rows come in the order of their commits.
pub(crate) fn gather(commits: &mut Vec<(Seq, Vec<Change>)>, seq: Seq, change: Change) {
    match commits.last_mut() {
        Some((last, changes)) if *last == seq => changes.push(change),
        _ => commits.push((seq, vec![change])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_its_row() {
        let tenant = TenantId::NIL;
        let key = Key::new(tenant, Kind::Application, *b"a");
        let index = Index::AssignmentByPrincipal;
        for logged in [
            Change::Record(key),
            Change::Index { tenant, index, value: b"v".to_vec() },
            Change::Everything,
        ] {
            let (tenant, kind, id) = columns(&logged);
            assert_eq!(change(tenant, kind.into(), id.map(<[u8]>::to_vec)), logged);
        }
        assert_eq!(change(Some(tenant), 250, Some(vec![1])), Change::Everything);
        assert_eq!(change(Some(tenant), 505, Some(vec![1])), Change::Everything);
    }

    #[test]
    fn the_log_is_tidied_once_in_a_thousand_commits_and_keeps_twenty_thousand() {
        assert_eq!(removable(1_000, 1), None);
        assert_eq!(removable(20_000, 1), None);
        assert_eq!(removable(21_000, 1), Some(1_000));
        assert_eq!(removable(21_001, 1), None);
        assert_eq!(removable(21_200, 256), Some(1_200), "by whoever crosses the thousand");
        assert_eq!(removable(21_300, 256), None);
    }
}
