//! Whether something that was read still holds, without asking the database.
//!
//! Directory commits are numbered. A fixed array of slots remembers the newest commit that touched
//! any key of its share; whoever cached something remembers the newest commit that was applied
//! *before* he read, and the slots of what he read. While none of those slots is newer, neither is
//! the record (implementation.md 2.3). Two keys in one slot cost a miss, never a stale answer.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use behalf_core::id::TenantId;

use crate::{
    backend::{Change, ChangeSink, Seq},
    record::{Index, Key},
};

/// 2^16 slots of 8 bytes: half a megabyte.
const SLOTS: usize = 1 << 16;
/// Slots a stamp names; what depends on more is made invalid by any newer commit.
const NAMED: usize = 8;

/// What something that was read depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    as_of: u64,
    slots: [u16; NAMED],
    /// How many slots are named; more than [`NAMED`] means every one.
    named: u8,
}

impl Stamp {
    /// Begins to collect what a reading that starts now depends on.
    pub(crate) fn begin(coherence: &Coherence) -> Self {
        Self { as_of: coherence.applied.load(Ordering::Acquire), slots: [0; NAMED], named: 0 }
    }

    /// Adds a dependency.
    pub(crate) fn touch(&mut self, slot: u16) {
        let named = usize::from(self.named);
        if self.slots.iter().take(named).any(|known| *known == slot) {
            return;
        }
        if let Some(free) = self.slots.get_mut(named) {
            *free = slot;
        }
        self.named = self.named.saturating_add(1);
    }

    /// Adds a dependency on everything: any newer commit makes the stamp stale.
    pub(crate) fn touch_everything(&mut self) {
        self.named = u8::MAX;
    }

    /// The stamp of facts that come from several readings: stale as soon as one of them is.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.as_of = self.as_of.min(other.as_of);
        if usize::from(other.named) > NAMED {
            self.touch_everything();
        }
        for slot in other.slots.iter().take(usize::from(other.named)) {
            self.touch(*slot);
        }
        self
    }
}

/// The slots of this process.
pub(crate) struct Coherence {
    slots: Box<[AtomicU64]>,
    /// Every commit up to this one is in the slots.
    applied: AtomicU64,
    /// What was read before this commit is stale, whatever it depends on.
    floor: AtomicU64,
    /// What is added to a commit's number to get ours. More than zero where the database has gone
    /// back: its numbers come again, ours never.
    ahead: AtomicU64,
    /// Held while `applied` moves.
    moving: Mutex<()>,
}

impl Coherence {
    /// Slots that count everything up to `newest` as applied: nothing was read before.
    pub(crate) fn new(newest: Seq) -> Self {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        let applied = AtomicU64::new(newest.0);
        Self {
            slots,
            applied,
            floor: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            moving: Mutex::default(),
        }
    }

    /// The newest commit up to which everything is in the slots.
    pub(crate) fn applied(&self) -> Seq {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        Seq(self.applied.load(Ordering::Acquire) - self.ahead.load(Ordering::Acquire))
    }

    /// Grows with everything that is taken note of, whatever the database's numbers do. Wait-free.
    pub(crate) fn noted(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Wait-free: at most ten loads.
    pub(crate) fn is_current(&self, stamp: &Stamp) -> bool {
        if stamp.as_of < self.floor.load(Ordering::Acquire) {
            return false;
        }
        if usize::from(stamp.named) > NAMED {
            return self.applied.load(Ordering::Acquire) <= stamp.as_of;
        }
        stamp.slots.iter().take(usize::from(stamp.named)).all(|slot| {
            self.slots
                .get(usize::from(*slot))
                .is_some_and(|newest| newest.load(Ordering::Acquire) <= stamp.as_of)
        })
    }

    /// Counts everything that was read before `newest` as stale.
    pub(crate) fn forget_before(&self, newest: Seq) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = newest.0.saturating_add(self.ahead.load(Ordering::Acquire));
        self.floor.fetch_max(newest, Ordering::AcqRel);
        self.applied.fetch_max(newest, Ordering::AcqRel);
    }

    /// The database has gone back to `newest`: nothing that was read before counts, and numbers
    /// that come a second time are new ones here.
    pub(crate) fn gone_back(&self, newest: Seq) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        self.start_over(newest);
    }

    /// The same, if `known` is still what is applied; whether it was.
    pub(crate) fn gone_back_from(&self, known: Seq, newest: Seq) -> bool {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = self.applied.load(Ordering::Acquire) - self.ahead.load(Ordering::Acquire);
        if applied != known.0 {
            return false;
        }
        self.start_over(newest);
        true
    }

    /// Called by whoever holds `moving`.
    fn start_over(&self, newest: Seq) {
        let next = self.applied.load(Ordering::Acquire) + 1;
        // Behind everything a slot may hold of commits that were never applied in a row.
        let slots = self.slots.iter().map(|slot| slot.load(Ordering::Acquire) + 1);
        let next = slots.max().unwrap_or(0).max(next).max(newest.0);
        self.ahead.store(next - newest.0, Ordering::Release);
        self.floor.store(next, Ordering::Release);
        self.applied.store(next, Ordering::Release);
    }
}

impl ChangeSink for Coherence {
    fn apply(&self, seq: Seq, changes: &[Change]) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = Seq(seq.0.saturating_add(self.ahead.load(Ordering::Acquire)));
        for change in changes {
            let slot = match change {
                Change::Record(key) => key_slot(key),
                Change::Index { tenant, index, value } => index_slot(*tenant, *index, value),
                Change::Everything => {
                    self.floor.fetch_max(seq.0, Ordering::AcqRel);
                    continue;
                }
            };
            if let Some(newest) = self.slots.get(usize::from(slot)) {
                newest.fetch_max(seq.0, Ordering::AcqRel);
            }
        }
        // Somebody else's commits may lie between: only an unbroken row counts as applied, the
        // rest comes with the next `catch_up`.
        if self.applied.load(Ordering::Acquire) + 1 == seq.0 {
            self.applied.store(seq.0, Ordering::Release);
        }
    }
}

/// The slot of a record, present or absent.
pub(crate) fn key_slot(key: &Key) -> u16 {
    slot(key.tenant, u16::from(key.kind.number()), &key.id)
}

/// The slot of an index value: of the list of records found under it, empty or not.
pub(crate) fn index_slot(tenant: TenantId, index: Index, value: &[u8]) -> u16 {
    slot(tenant, 0x100 | u16::from(index.number()), value)
}

/// FNV-1a, folded. Who chooses ids so that they collide makes his own facts be read more often.
fn slot(tenant: TenantId, kind: u16, id: &[u8]) -> u16 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in tenant.bytes().iter().chain(&kind.to_be_bytes()).chain(id) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash ^= hash >> 16;
    u16::try_from(hash & 0xffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn key(id: u8) -> Key {
        Key::new(TenantId::NIL, Kind::Tenant, [id])
    }

    #[test]
    fn a_stamp_is_stale_once_what_it_names_changed_and_not_before() {
        let slots = Coherence::new(Seq(7));
        let mut stamp = Stamp::begin(&slots);
        stamp.touch(key_slot(&key(1)));
        slots.apply(Seq(8), &[Change::Record(key(2))]);
        assert!(slots.is_current(&stamp));
        slots.apply(Seq(9), &[Change::Record(key(1))]);
        assert!(!slots.is_current(&stamp));
    }

    #[test]
    fn a_reading_that_began_before_a_commit_is_stale_however_late_it_touches() {
        let slots = Coherence::new(Seq(0));
        let mut stamp = Stamp::begin(&slots);
        slots.apply(Seq(1), &[Change::Record(key(1))]);
        stamp.touch(key_slot(&key(1)));
        assert!(!slots.is_current(&stamp));
    }

    #[test]
    fn more_than_eight_dependencies_depend_on_everything() {
        let slots = Coherence::new(Seq(0));
        let mut stamp = Stamp::begin(&slots);
        (0..9).for_each(|slot| stamp.touch(slot));
        assert!(slots.is_current(&stamp));
        slots.apply(Seq(1), &[Change::Record(key(1))]);
        assert!(!slots.is_current(&stamp));
    }

    #[test]
    fn everything_and_falling_behind_raise_the_floor() {
        let slots = Coherence::new(Seq(3));
        let stamp = Stamp::begin(&slots);
        slots.apply(Seq(4), &[Change::Everything]);
        assert!(!slots.is_current(&stamp));
        let stamp = Stamp::begin(&slots);
        assert!(slots.is_current(&stamp));
        slots.forget_before(Seq(20_000));
        assert!(!slots.is_current(&stamp));
        assert_eq!(slots.applied(), Seq(20_000));
    }

    #[test]
    fn a_gap_in_the_numbers_is_not_counted_as_applied() {
        let slots = Coherence::new(Seq(3));
        let mut stamp = Stamp::begin(&slots);
        stamp.touch(key_slot(&key(1)));
        slots.apply(Seq(6), &[Change::Record(key(1))]);
        assert_eq!(slots.applied(), Seq(3));
        assert!(!slots.is_current(&stamp));
    }

    #[test]
    fn what_was_read_before_the_database_went_back_is_stale_and_its_numbers_count_anew() {
        let slots = Coherence::new(Seq(0));
        (1..=9).for_each(|n| slots.apply(Seq(n), &[Change::Record(key(1))]));
        slots.apply(Seq(12), &[Change::Record(key(2))]);
        let before = Stamp::begin(&slots);
        slots.gone_back(Seq(5));
        assert!(!slots.is_current(&before));
        assert_eq!(slots.applied(), Seq(5));
        for (n, id) in [(6, 1), (7, 2)] {
            let mut read = Stamp::begin(&slots);
            read.touch(key_slot(&key(id)));
            assert!(slots.is_current(&read));
            slots.apply(Seq(n), &[Change::Record(key(id))]);
            assert!(!slots.is_current(&read), "commit {n} comes a second time");
            assert_eq!(slots.applied(), Seq(n));
        }
    }

    #[test]
    fn stamps_join() {
        let slots = Coherence::new(Seq(0));
        let (mut one, mut two) = (Stamp::begin(&slots), Stamp::begin(&slots));
        one.touch(key_slot(&key(1)));
        two.touch(key_slot(&key(2)));
        let both = one.and(&two);
        slots.apply(Seq(1), &[Change::Record(key(2))]);
        assert!(slots.is_current(&one));
        assert!(!slots.is_current(&both));
    }
}
