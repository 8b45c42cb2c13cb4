//! How far the journal is shipped, as its writer, keeper and readers see it, and the answers that
//! wait for it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use behalf_core::time::Timestamp;
use tokio::sync::Notify;

use crate::journal::lane::Waiting;

/// Counts for metrics and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shipped {
    /// Rows of the journal that are not in the shared log yet.
    pub waiting: u64,
    /// Rows that were shipped since the start.
    pub rows: u64,
    /// The shipments they went in.
    pub batches: u64,
    /// Shipments that failed.
    pub failures: u64,
    /// Since when the oldest row waits; `None` when none does.
    pub oldest: Option<Timestamp>,
}

/// Nothing is shipped, so nothing waits to be.
const NOT_SHARED: i64 = i64::MAX;

#[derive(Debug)]
pub(in crate::journal) struct Progress {
    /// The newest row on disk.
    written: AtomicI64,
    /// The newest row that was shipped, as far as is known; or [`NOT_SHARED`].
    shipped: AtomicI64,
    /// Answers need the shared log.
    awaited: bool,
    /// The last attempt succeeded.
    reachable: AtomicBool,
    rows: AtomicU64,
    batches: AtomicU64,
    failures: AtomicU64,
    /// In milliseconds; zero: none.
    oldest: AtomicI64,
    held: Mutex<VecDeque<Held>>,
    news: Notify,
}

/// A row on disk whose answer waits for the shared log.
#[derive(Debug)]
struct Held {
    seq: i64,
    waiter: Arc<Waiting>,
    slot: usize,
}

impl Progress {
    pub(in crate::journal) fn new(shared: bool, awaited: bool) -> Self {
        Self {
            written: AtomicI64::new(0),
            shipped: AtomicI64::new(if shared { 0 } else { NOT_SHARED }),
            awaited: shared && awaited,
            reachable: AtomicBool::new(true),
            rows: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            oldest: AtomicI64::new(0),
            held: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Takes note of the newest row on disk.
    pub(in crate::journal) fn written(&self, seq: i64) {
        self.written.store(seq, Ordering::Relaxed);
        if self.shipped() != NOT_SHARED {
            self.news.notify_one();
        }
    }

    /// The newest row on disk.
    pub(super) fn newest(&self) -> i64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Waits until something was written since the last call.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Every row up to this number is in the shared log.
    pub(in crate::journal) fn shipped(&self) -> i64 {
        self.shipped.load(Ordering::Relaxed)
    }

    /// Whether an answer that is decided now can be given as far as the shared log goes.
    pub(in crate::journal) fn answers(&self) -> bool {
        !self.awaited || self.reachable.load(Ordering::Relaxed)
    }

    /// Whether answers wait for the shared log.
    pub(in crate::journal) fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// How many answers wait.
    pub(in crate::journal) fn held(&self) -> usize {
        if self.awaited { self.lock().len() } else { 0 }
    }

    /// Lets the answers of rows on disk, up to number `seq`, wait until they are shipped.
    pub(in crate::journal) fn hold<'a>(
        &self,
        seq: i64,
        waiters: impl Iterator<Item = &'a (Arc<Waiting>, usize)>,
    ) {
        let rows =
            waiters.map(|(waiter, slot)| Held { seq, waiter: Arc::clone(waiter), slot: *slot });
        let mut held = self.lock();
        // Asked under the lock: who advances it looks at what is held afterwards.
        if self.shipped() < seq {
            held.extend(rows);
        } else {
            drop(held);
            finish(rows, true);
        }
    }

    /// Lets nobody wait any more: the journal closes.
    pub(in crate::journal) fn release(&self) {
        finish(self.lock().drain(..), false);
    }

    /// `count` rows up to number `seq` were shipped, or were found to be.
    pub(super) fn advance(&self, seq: i64, count: usize) {
        self.reachable.store(true, Ordering::Relaxed);
        self.shipped.store(seq, Ordering::Relaxed);
        if count > 0 {
            self.rows.fetch_add(count as u64, Ordering::Relaxed);
            self.batches.fetch_add(1, Ordering::Relaxed);
        }
        if seq >= self.newest() {
            self.oldest.store(0, Ordering::Relaxed);
        }
        let mut held = self.lock();
        let done = held.partition_point(|row| row.seq <= seq);
        let done: Vec<_> = held.drain(..done).collect();
        drop(held);
        finish(done.into_iter(), true);
    }

    /// The rows that wait begin with one of `at`.
    pub(super) fn oldest(&self, at: Timestamp) {
        self.oldest.store(at.0, Ordering::Relaxed);
    }

    /// Nothing can be shipped at `now`: whoever waits for it is refused.
    pub(super) fn failed(&self, now: Timestamp) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.reachable.store(false, Ordering::Relaxed);
        if self.newest() > self.shipped() {
            // Unless an older row is known already.
            let _ = self.oldest.compare_exchange(0, now.0, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.release();
    }

    /// Counts since the start; `None` where nothing is shipped.
    pub(in crate::journal) fn counts(&self) -> Option<Shipped> {
        let shipped = self.shipped();
        let behind = self.newest().saturating_sub(shipped);
        let oldest = self.oldest.load(Ordering::Relaxed);
        (shipped != NOT_SHARED).then(|| Shipped {
            waiting: u64::try_from(behind).unwrap_or(0),
            rows: self.rows.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            oldest: (oldest != 0).then_some(Timestamp(oldest)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells every row's waiter, then wakes one of each lane.
fn finish(rows: impl Iterator<Item = Held>, shipped: bool) {
    let mut lanes: Vec<Arc<Waiting>> = Vec::new();
    for row in rows {
        row.waiter.complete(row.slot, shipped);
        if !lanes.iter().any(|lane| Arc::ptr_eq(lane, &row.waiter)) {
            lanes.push(row.waiter);
        }
    }
    for lane in lanes {
        lane.announce();
    }
}
