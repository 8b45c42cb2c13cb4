//! What a batch of write sets comes to: each is judged against what the batch found in the
//! database and what the sets before it left, and the sum is what has to be written. Pure.

use std::collections::{BTreeMap, BTreeSet};

use behalf_core::id::TenantId;

use crate::{
    backend::{Change, CommitError},
    change_log,
    record::{Entry, Key, Kind, Version},
    stored::next_id,
    write_set::{Expect, WriteSet},
};

/// A record as the batch found and locked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) entries: Vec<Entry>,
}

/// What a batch has to know before it is judged.
pub(super) struct Wanted<'a> {
    /// Records, in the order in which they are locked.
    pub(super) keys: BTreeSet<&'a Key>,
    /// Tenants and kinds whose last record is asked for: something is appended behind it.
    pub(super) tails: BTreeSet<(TenantId, Kind)>,
}

impl<'a> Wanted<'a> {
    pub(super) fn by(sets: &[&'a WriteSet]) -> Self {
        let keys = sets.iter().flat_map(|set| relied_on(set)).collect();
        let appends = sets.iter().flat_map(|set| &set.appends);
        Self { keys, tails: appends.map(|append| (append.tenant, append.kind)).collect() }
    }
}

/// The keys whose state decides something: all but those that may be anything and are not written.
fn relied_on(set: &WriteSet) -> impl Iterator<Item = &Key> {
    let read = set.expectations.iter().filter(|(_, expect)| *expect != Expect::Any);
    let deletes = set.deletes.iter().map(|delete| &delete.key);
    read.map(|(key, _)| key).chain(deletes).chain(set.puts.iter().map(|put| &put.key))
}

/// What a record is to be.
#[derive(Debug, Clone, Copy)]
enum Now<'a> {
    AsFound,
    Gone,
    Written { version: Version, entries: &'a [Entry], document: &'a [u8] },
}

struct Slot<'a> {
    found: Option<Found>,
    now: Now<'a>,
    /// A set that is to be committed relied on it.
    relied: bool,
}

impl Slot<'_> {
    fn version(&self) -> Option<Version> {
        match self.now {
            Now::AsFound => self.found.as_ref().map(|found| found.version),
            Now::Gone => None,
            Now::Written { version, .. } => Some(version),
        }
    }

    fn entries(&self) -> &[Entry] {
        match self.now {
            Now::AsFound => self.found.as_ref().map_or(&[], |found| &found.entries),
            Now::Gone => &[],
            Now::Written { entries, .. } => entries,
        }
    }
}

/// A batch that is being judged.
pub(super) struct Batch<'a> {
    slots: BTreeMap<Key, Slot<'a>>,
    tails: BTreeMap<(TenantId, Kind), Vec<u8>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        wanted: &Wanted<'_>,
        mut found: BTreeMap<Key, Found>,
        tails: BTreeMap<(TenantId, Kind), Vec<u8>>,
    ) -> Self {
        let slot = |key: &&Key| {
            let slot = Slot { found: found.remove(*key), now: Now::AsFound, relied: false };
            ((*key).clone(), slot)
        };
        Self { slots: wanted.keys.iter().map(slot).collect(), tails }
    }

    /// Judges the next set, whose records get `version`: what it changes in the directory.
    pub(super) fn judge(
        &mut self,
        set: &'a WriteSet,
        version: Version,
    ) -> Result<Vec<Change>, CommitError> {
        for (key, expect) in set.expected() {
            let found = self.slots.get(key).and_then(Slot::version);
            if !expect.holds(found) {
                return Err(CommitError::Conflict { key: key.clone(), found });
            }
        }
        for key in relied_on(set) {
            if let Some(slot) = self.slots.get_mut(key) {
                slot.relied = true;
            }
        }
        let mut changes = Vec::new();
        for delete in &set.deletes {
            let Some(slot) = self.slots.get_mut(&delete.key) else { continue };
            if slot.version().is_some() {
                let entries = slot.entries().to_vec();
                change_log::note(&mut changes, &delete.key, entries.into_iter());
                slot.now = Now::Gone;
            }
        }
        for put in &set.puts {
            let now = Now::Written { version, entries: &put.entries, document: &put.document };
            let Some(slot) = self.slots.get_mut(&put.key) else { continue };
            let lists = change_log::lists(&put.entries, slot.entries());
            change_log::note(&mut changes, &put.key, lists);
            slot.now = now;
            self.lengthen(&put.key);
        }
        for append in &set.appends {
            let last = self.tails.get(&(append.tenant, append.kind));
            let key = Key::new(append.tenant, append.kind, next_id(last.map(|id| &id[..])));
            change_log::note(&mut changes, &key, std::iter::empty());
            let now = Now::Written { version, entries: &[], document: &append.document };
            self.tails.insert((append.tenant, append.kind), key.id.clone());
            self.slots.insert(key, Slot { found: None, now, relied: true });
        }
        Ok(changes)
    }

    /// A record that is written by its key may be the last of its kind.
    fn lengthen(&mut self, key: &Key) {
        if let Some(tail) = self.tails.get_mut(&(key.tenant, key.kind))
            && *tail < key.id
        {
            tail.clone_from(&key.id);
        }
    }

    /// What has to be written, in the order of the keys.
    pub(super) fn plan(&self) -> Plan<'_> {
        let mut plan = Plan::default();
        for (key, slot) in &self.slots {
            match (&slot.found, slot.now) {
                (None, Now::Written { version, entries, document }) => {
                    plan.inserts.push(Row { key, version, entries, document });
                }
                (None, Now::AsFound | Now::Gone) if slot.relied => {
                    let (version, entries, document) = (Version(0), &[][..], &[][..]);
                    plan.inserts.push(Row { key, version, entries, document });
                    plan.deletes.push(key);
                }
                (Some(_), Now::Written { version, entries, document }) => {
                    plan.updates.push(Row { key, version, entries, document });
                }
                (Some(_), Now::Gone) => plan.deletes.push(key),
                (_, Now::AsFound | Now::Gone) => {}
            }
            let before = slot.found.as_ref().map_or(&[][..], |found| &found.entries);
            let now = slot.entries();
            let of = |entry| Listed { key, entry };
            plan.left.extend(before.iter().filter(|entry| !now.contains(entry)).map(of));
            plan.joined.extend(now.iter().filter(|entry| !before.contains(entry)).map(of));
        }
        plan
    }
}

/// A row of the table of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) key: &'a Key,
    pub(super) version: Version,
    pub(super) entries: &'a [Entry],
    pub(super) document: &'a [u8],
}

/// A row of the table of index entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) key: &'a Key,
    pub(super) entry: &'a Entry,
}

/// What has to be written.
///
/// A key that is absent and stays so, but whose absence was relied on, is inserted and deleted
/// again: nobody else can insert it before this transaction has ended, and if somebody has since
/// it was looked for, the insert fails and the batch is judged anew. Such places are inserted
/// together with the new records, in the order of the keys, so that two transactions that wait for
/// each other's new keys cannot wait in a circle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// New records, and places to hold.
    pub(super) inserts: Vec<Row<'a>>,
    pub(super) updates: Vec<Row<'a>>,
    /// Records to remove, places held included: after the inserts.
    pub(super) deletes: Vec<&'a Key>,
    /// Index entries to remove: before others are added.
    pub(super) left: Vec<Listed<'a>>,
    pub(super) joined: Vec<Listed<'a>>,
}

impl Plan<'_> {
    /// Whether nothing is written and nothing held.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Index;

    fn key(id: &str) -> Key {
        Key::new(TenantId::NIL, Kind::ServicePrincipal, id)
    }

    fn entry(value: &str) -> Entry {
        Entry { index: Index::ServicePrincipalById, value: value.into() }
    }

    fn found(rows: &[(&str, u64, &[Entry])]) -> BTreeMap<Key, Found> {
        let row = |(id, version, entries): &(&str, u64, &[Entry])| {
            (key(id), Found { version: Version(*version), entries: entries.to_vec() })
        };
        rows.iter().map(row).collect()
    }

    fn set(build: impl FnOnce(&mut WriteSet)) -> WriteSet {
        let mut set = WriteSet::new();
        build(&mut set);
        set
    }

    fn batch<'a>(sets: &[&'a WriteSet], found: BTreeMap<Key, Found>) -> Batch<'a> {
        Batch::new(&Wanted::by(sets), found, BTreeMap::new())
    }

    #[test]
    fn a_set_sees_what_the_sets_before_it_left() {
        let one = set(|s| s.put(key("a"), b"1".to_vec(), Expect::Absent));
        let two = set(|s| s.put(key("a"), b"2".to_vec(), Expect::Absent));
        let three = set(|s| s.put(key("a"), b"3".to_vec(), Expect::Version(Version(10))));
        let mut batch = batch(&[&one, &two, &three], found(&[]));
        batch.judge(&one, Version(10)).unwrap();
        let conflict = CommitError::Conflict { key: key("a"), found: Some(Version(10)) };
        assert_eq!(batch.judge(&two, Version(11)), Err(conflict));
        batch.judge(&three, Version(12)).unwrap();
        let plan = batch.plan();
        let inserted: Vec<_> = plan.inserts.iter().map(|row| (row.version, row.document)).collect();
        assert_eq!(inserted, [(Version(12), &b"3"[..])], "only the last state is written");
    }

    #[test]
    fn absence_that_was_relied_on_is_held_in_the_order_of_the_keys() {
        let set = set(|s| {
            s.expect(key("c"), Expect::Absent);
            s.expect(key("x"), Expect::Any);
            s.delete(key("a"), Expect::Any);
            s.put(key("b"), b"1".to_vec(), Expect::Any);
        });
        let mut batch = batch(&[&set], found(&[]));
        batch.judge(&set, Version(1)).unwrap();
        let plan = batch.plan();
        let inserted: Vec<_> = plan.inserts.iter().map(|row| row.key.clone()).collect();
        assert_eq!(inserted, [key("a"), key("b"), key("c")]);
        assert_eq!(plan.deletes, [&key("a"), &key("c")]);
    }

    #[test]
    fn a_refused_set_leaves_and_holds_nothing() {
        let set = set(|s| {
            s.expect(key("c"), Expect::Absent);
            s.put(key("a"), b"1".to_vec(), Expect::Version(Version(7)));
        });
        let mut batch = batch(&[&set], found(&[("a", 8, &[])]));
        batch.judge(&set, Version(9)).unwrap_err();
        assert!(batch.plan().is_empty());
    }

    #[test]
    fn entries_are_written_as_the_difference() {
        let (red, blue) = (entry("red"), entry("blue"));
        let set = set(|s| {
            s.put_indexed(key("a"), b"1".to_vec(), vec![red.clone(), blue.clone()], Expect::Any);
            s.delete(key("b"), Expect::Any);
        });
        let listed = [red.clone()];
        let before = found(&[("a", 1, &listed), ("b", 1, &listed)]);
        let mut batch = batch(&[&set], before);
        batch.judge(&set, Version(2)).unwrap();
        let plan = batch.plan();
        assert_eq!(plan.joined, [Listed { key: &key("a"), entry: &blue }]);
        assert_eq!(plan.left, [Listed { key: &key("b"), entry: &red }]);
    }

    #[test]
    fn appends_go_on_behind_the_last() {
        let two = set(|s| {
            s.append(TenantId::NIL, Kind::Audit, b"1".to_vec());
            s.append(TenantId::NIL, Kind::Audit, b"2".to_vec());
        });
        let tails = [((TenantId::NIL, Kind::Audit), 41_u64.to_be_bytes().to_vec())];
        let mut batch = Batch::new(&Wanted::by(&[&two]), found(&[]), tails.into());
        assert_eq!(batch.judge(&two, Version(1)), Ok(vec![]));
        let ids: Vec<_> = batch.plan().inserts.iter().map(|row| row.key.id.clone()).collect();
        assert_eq!(ids, [42_u64.to_be_bytes(), 43_u64.to_be_bytes()]);
    }
}
