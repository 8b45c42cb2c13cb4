//! The thread that writes: takes what has gathered, commits it once, wakes who waited.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use behalf_core::time::Timestamp;

use super::{Backlog, Counts, Durability, Encoded, Full, Options, lane::Waiting, ship::Progress};
use crate::clock::SharedClock;

/// With this many rows a commit costs each so little that no more company is waited for.
const COMPANY: usize = 64;
/// Room kept for requests that found the journal ready and are still being decided.
const HEADROOM: usize = 1024;
/// How often an unwritable journal is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// No commit counts for more than this, in nanoseconds: one stalled disk is not the next commit.
const MAX_COMMIT: u64 = 1_000_000_000;
/// How long rows gather when nobody waits for them.
const RELAXED_LINGER: Duration = Duration::from_millis(250);

/// One encoded row and who waits for it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) record: Encoded,
    pub(super) waiter: Option<(Arc<Waiting>, usize)>,
}

/// Where rows are made safe.
pub(super) trait Sink: Send + fmt::Debug {
    /// Writes all rows or none, at `now`; answers with the number of the last.
    fn append(&mut self, rows: &[Row], now: Timestamp) -> Result<i64, SinkError>;

    /// Tries to write again after a failure.
    fn probe(&mut self, now: Timestamp) -> Result<(), SinkError>;
}

/// What the disk or SQLite said.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct SinkError(#[from] pub(super) super::OpenError);

/// What lanes, writer and keeper share.
#[derive(Debug)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Wakes the keeper when the journal closes.
    pub(super) closing: Condvar,
    writable: AtomicBool,
    waiting: AtomicU64,
    rows: AtomicU64,
    syncs: AtomicU64,
    failures: AtomicU64,
    /// Nanoseconds a commit takes, smoothed.
    commit_nanos: AtomicU64,
    capacity: usize,
    linger: Duration,
    pub(super) durability: Durability,
    /// How far the rows are shipped.
    pub(super) progress: Progress,
    backlog: Arc<Backlog>,
    pub(super) clock: SharedClock,
}

#[derive(Debug, Default)]
struct Queue {
    rows: Vec<Row>,
    /// The writer sleeps until a row comes.
    idle: bool,
    closed: bool,
}

impl Shared {
    pub(super) fn new(options: &Options, clock: SharedClock, backlog: Arc<Backlog>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            filled: Condvar::new(),
            closing: Condvar::new(),
            writable: AtomicBool::new(true),
            waiting: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            commit_nanos: AtomicU64::new(0),
            capacity: options.capacity.max(2),
            linger: options.linger,
            durability: options.durability,
            progress: Progress::new(
                options.shared,
                options.durability == Durability::BeforeAnswerShared,
            ),
            backlog,
            clock,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ready(&self) -> bool {
        let headroom = HEADROOM.min(self.capacity / 2);
        let waiting = usize::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let waiting = waiting.saturating_add(self.progress.held());
        self.writable.load(Ordering::Relaxed)
            && self.progress.answers()
            && waiting < self.capacity - headroom
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            rows: self.rows.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            skipped: 0,
        }
    }

    pub(super) fn push(&self, row: Row) -> Result<(), Full> {
        if !self.writable.load(Ordering::Relaxed) {
            return Err(Full);
        }
        let mut queue = self.lock();
        if queue.closed || queue.rows.len() >= self.capacity {
            return Err(Full);
        }
        queue.rows.push(row);
        self.waiting.store(queue.rows.len() as u64, Ordering::Relaxed);
        let wake = queue.idle || queue.rows.len() == COMPANY;
        queue.idle = false;
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.closing.notify_all();
    }

    /// Sleeps for `duration` unless the journal closes; says whether it has.
    pub(super) fn sleep_unless_closed(&self, duration: Duration) -> bool {
        let queue = self.lock();
        let slept = self.closing.wait_timeout_while(queue, duration, |queue| !queue.closed);
        slept.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Half as long as a core is busy with what is queued, so that its requests find a place in the
    /// same commit; longer where the rows are safe before their signatures are made nevertheless,
    /// with half a commit to spare.
    fn linger_now(&self) -> Duration {
        match self.durability {
            Durability::BeforeAnswer | Durability::BeforeAnswerShared => {
                let backlog = self.backlog.longest();
                let commit = self.commit_time();
                (backlog / 2).max(backlog.saturating_sub(commit + commit / 2)).min(self.linger)
            }
            Durability::WithinASecond => RELAXED_LINGER,
        }
    }

    /// How long a commit takes, smoothed.
    pub(super) fn commit_time(&self) -> Duration {
        Duration::from_nanos(self.commit_nanos.load(Ordering::Relaxed))
    }

    fn committed(&self, took: Duration) {
        let before = self.commit_nanos.load(Ordering::Relaxed);
        let sample = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).min(MAX_COMMIT);
        self.commit_nanos.store(before - before / 8 + sample / 8, Ordering::Relaxed);
    }

    /// Waits for rows and swaps them into `batch`. False: closed and empty.
    fn gather(&self, batch: &mut Vec<Row>) -> bool {
        let mut queue = self.lock();
        while queue.rows.is_empty() {
            if queue.closed {
                return false;
            }
            queue.idle = true;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.idle = false;
        let linger = self.linger_now();
        if !linger.is_zero() {
            let waited = self.filled.wait_timeout_while(queue, linger, |queue| {
                !queue.closed && queue.rows.len() < COMPANY
            });
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut queue.rows, batch);
        self.waiting.store(0, Ordering::Relaxed);
        true
    }

    /// Refuses all that is queued.
    fn refuse_queued(&self) {
        let rows = std::mem::take(&mut self.lock().rows);
        self.waiting.store(0, Ordering::Relaxed);
        finish(&rows, false, &mut Vec::new());
    }
}

/// The writer's thread.
#[derive(Debug)]
pub(super) struct Writer;

impl Writer {
    pub(super) fn start(
        shared: Arc<Shared>,
        mut sink: Box<dyn Sink>,
    ) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let mut batch = Vec::with_capacity(COMPANY);
            let mut lanes = Vec::new();
            while shared.gather(&mut batch) {
                // Whoever waits must hear of a failure, even of one that nobody thought of.
                let write = AssertUnwindSafe(|| write(&shared, sink.as_mut(), &batch));
                let written = catch_unwind(write).unwrap_or_else(|_| {
                    shared.writable.store(false, Ordering::Relaxed);
                    None
                });
                match written {
                    Some(seq) if shared.progress.is_awaited() => {
                        let waiters = batch.iter().filter_map(|row| row.waiter.as_ref());
                        shared.progress.hold(seq, waiters);
                    }
                    _ => finish(&batch, written.is_some(), &mut lanes),
                }
                if let Some(seq) = written {
                    shared.progress.written(seq);
                }
                batch.clear();
                if written.is_none() {
                    recover(&shared, sink.as_mut());
                }
            }
        })
    }
}

/// The number of the last row of the batch, if it could be written.
fn write(shared: &Shared, sink: &mut dyn Sink, batch: &[Row]) -> Option<i64> {
    let started = shared.clock.monotonic();
    match sink.append(batch, shared.clock.now()) {
        Ok(last) => {
            shared.committed(shared.clock.monotonic().saturating_sub(started));
            shared.rows.fetch_add(batch.len() as u64, Ordering::Relaxed);
            shared.syncs.fetch_add(1, Ordering::Relaxed);
            Some(last)
        }
        Err(error) => {
            shared.failures.fetch_add(1, Ordering::Relaxed);
            shared.writable.store(false, Ordering::Relaxed);
            tracing::error!(%error, "the sign-in log cannot be written; token requests answer 503");
            None
        }
    }
}

/// Tries until the sink writes again or the journal closes. Meanwhile everything is refused.
fn recover(shared: &Shared, sink: &mut dyn Sink) {
    loop {
        shared.refuse_queued();
        if shared.sleep_unless_closed(RETRY) {
            return;
        }
        if sink.probe(shared.clock.now()).is_ok() {
            shared.writable.store(true, Ordering::Relaxed);
            tracing::info!("the sign-in log is writable again");
            return;
        }
    }
}

/// Marks every row, then wakes one waiter of each lane.
fn finish(rows: &[Row], written: bool, lanes: &mut Vec<Arc<Waiting>>) {
    for (waiting, slot) in rows.iter().filter_map(|row| row.waiter.as_ref()) {
        waiting.complete(*slot, written);
        if !lanes.iter().any(|lane| Arc::ptr_eq(lane, waiting)) {
            lanes.push(Arc::clone(waiting));
        }
    }
    for lane in lanes.drain(..) {
        lane.announce();
    }
}
