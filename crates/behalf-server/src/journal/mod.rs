//! The sign-in log: the node's own journal, written before an answer leaves.
//!
//! One SQLite file per UTC day in `<data>/journal/`, one writer thread, rows in the order of time
//! and no index while they are appended. Rows that arrive together share one commit, and each
//! commit seals the rows before it, so that a row that is changed or removed is noticed.
//!
//! A request asks [`Lane::ready`] before anything is decided, submits its event with
//! [`Lane::submit`] and answers with the [`Logged`] that [`Pending`] resolves to.

mod day;
mod encoded;
mod file;
mod gap;
mod index;
mod keeper;
mod lane;
mod memory;
mod node;
mod read;
pub mod record;
mod ship;
mod tally;
mod unshipped;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use behalf_store::shared_log::NodeId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{clock::SharedClock, entropy::Entropy};
use memory::MemoryRows;
use writer::{Shared, Writer};

pub use encoded::Encoded;
pub use gap::Gap;
pub use lane::{Full, Lane, Logged, Pending, Unwritable};
pub use node::NodeIdError;
pub use read::{Entry, PAGE_MAX, Page, Query, ReadError, Verification};
pub use record::{Record, RecordError};
pub use ship::{Destination, Shipped, Shipper};
pub use tally::{PAIRS_MAX, Shed, Tallies, Tally};
pub use unshipped::merged;

/// When an event must be safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Before the answer that it describes leaves.
    #[default]
    BeforeAnswer,
    /// Before the answer leaves, also in the log that all nodes share: with its database away
    /// nothing is answered.
    BeforeAnswerShared,
    /// At most a second later: a crash may lose a second of events.
    WithinASecond,
}

/// The key the journal's seals are made with.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn hmac(&self) -> aws_lc_rs::hmac::Key {
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.0)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// When an event must be safe.
    pub durability: Durability,
    /// How long files are kept, in whole days at least; `None` keeps them all.
    pub retention: Option<Duration>,
    /// Whether the rows are shipped to a log that many nodes share. Files with rows that are not
    /// yet are kept for twice the retention.
    pub shared: bool,
    /// Most rows that wait for the writer; more are refused.
    pub capacity: usize,
    /// The longest a row waits for company. It waits half as long as the signatures do that are
    /// queued, or until shortly before its own is made, so a token is not later for it; a refusal
    /// waits with them.
    pub linger: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::BeforeAnswer,
            retention: Some(Duration::from_hours(30 * 24)),
            shared: false,
            capacity: 8192,
            linger: Duration::from_millis(40),
        }
    }
}

/// The signing time that waits in each core's queue: a row may wait for company meanwhile, since
/// its answer waits for its signature anyway.
#[derive(Debug)]
pub struct Backlog(Box<[AtomicU64]>);

impl Backlog {
    /// A backlog for `cores` queues, all empty.
    pub fn new(cores: usize) -> Arc<Self> {
        Arc::new(Self((0..cores).map(|_| AtomicU64::new(0)).collect()))
    }

    /// Says that `core` is busy for `waiting` with the requests whose signatures are queued.
    pub fn publish(&self, core: usize, waiting: Duration) {
        if let Some(slot) = self.0.get(core) {
            slot.store(u64::try_from(waiting.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// The longest queue.
    pub fn longest(&self) -> Duration {
        let nanos = self.0.iter().map(|slot| slot.load(Ordering::Relaxed)).max().unwrap_or(0);
        Duration::from_nanos(nanos)
    }
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or read.
    #[error("the journal's folder {path}: {cause}; it must exist and belong to this user")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file cannot be opened or is no journal.
    #[error("the journal file {path}: {cause}; {}", remedy(cause))]
    File {
        /// Which.
        path: PathBuf,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
    /// Written by a later version.
    #[error(
        "the journal file {path} has format {found}, this version reads up to {known}; upgrade behalf or move the file away"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The writer's thread did not start.
    #[error("the journal's thread did not start: {0}")]
    Thread(std::io::Error),
}

/// What to do about SQLite's error: nobody is to move a file away because its disk is full.
fn remedy(cause: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    match cause.sqlite_error_code() {
        Some(DiskFull) => "free some space on its disk",
        Some(SystemIoFailure | ReadOnly | CannotOpen) => {
            "see whether its disk is full, read-only or broken"
        }
        _ => "restore it or move it away",
    }
}

/// Where rows lie.
#[derive(Debug, Clone)]
enum Place {
    Folder(PathBuf),
    Memory(Arc<MemoryRows>),
}

/// Counts for metrics and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows written.
    pub rows: u64,
    /// Commits that were synced to disk.
    pub syncs: u64,
    /// Commits that failed.
    pub failures: u64,
    /// Rows that wait for the writer.
    pub waiting: u64,
    /// Rows that a reader skipped because a newer version wrote them.
    pub skipped: u64,
}

/// The node's journal. Dropping it writes what is queued and ends its threads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    place: Place,
    key: SealKey,
    newest: Option<behalf_core::time::Timestamp>,
    /// No file was there when it was opened.
    begun: bool,
    retention: Option<Duration>,
    skipped: AtomicU64,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in `folder`, or makes one there (mode 0700, files 0600).
    pub fn open(
        folder: &Path,
        key: SealKey,
        options: &Options,
        clock: SharedClock,
        backlog: Arc<Backlog>,
    ) -> Result<Self, OpenError> {
        let begun = day::Day::all(folder).is_ok_and(|days| days.is_empty()) || !folder.exists();
        let sink = file::FileSink::open(folder, &key, clock.now())?;
        let (newest, seq) = (sink.newest(), sink.seq());
        let shared = Shared::new(options, clock, backlog);
        shared.progress.written(seq);
        let place = Place::Folder(folder.to_owned());
        let keeper = keeper::start(folder, options.retention, Arc::clone(&shared));
        let keeper = keeper.map_err(OpenError::Thread)?;
        let mut journal = Self::start(shared, place, key, Box::new(sink))?;
        (journal.newest, journal.begun, journal.retention) = (newest, begun, options.retention);
        if let Ok(threads) = journal.threads.get_mut() {
            threads.push(keeper);
        }
        Ok(journal)
    }

    /// A journal that is forgotten with the process and keeps its newest rows only.
    pub fn in_memory(
        options: &Options,
        clock: SharedClock,
        backlog: Arc<Backlog>,
    ) -> Result<Self, OpenError> {
        let rows = Arc::new(MemoryRows::default());
        let shared = Shared::new(options, clock, backlog);
        let sink = Box::new(memory::MemorySink::new(Arc::clone(&rows)));
        Self::start(shared, Place::Memory(rows), SealKey::new([0; 32]), sink)
    }

    fn start(
        shared: Arc<Shared>,
        place: Place,
        key: SealKey,
        sink: Box<dyn writer::Sink>,
    ) -> Result<Self, OpenError> {
        let thread = Writer::start(Arc::clone(&shared), sink).map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            place,
            key,
            newest: None,
            begun: true,
            retention: None,
            skipped: AtomicU64::new(0),
            threads: Mutex::new(vec![thread]),
        })
    }

    /// A way in, one for each core: waiters of one lane wake each other, so that the writer's
    /// thread wakes each core once per commit.
    pub fn lane(&self) -> Lane {
        Lane::new(Arc::clone(&self.shared))
    }

    /// The time of the newest row at start. A clock far behind it is wrong (decisions.md 4).
    pub fn newest_at_start(&self) -> Option<behalf_core::time::Timestamp> {
        self.newest
    }

    /// The id of the node that keeps this journal and whose data lies in `data`, made if there is
    /// none. A journal that begins anew is another node's: its rows are numbered from the start.
    pub fn node_id(&self, data: &Path, entropy: &dyn Entropy) -> Result<NodeId, NodeIdError> {
        node::node_id(data, self.begun, entropy)
    }

    /// Whether the last write succeeded and there is room for more.
    pub fn ready(&self) -> bool {
        self.shared.ready()
    }

    /// Counts since the start.
    pub fn counts(&self) -> Counts {
        Counts { skipped: self.skipped.load(Ordering::Relaxed), ..self.shared.counts() }
    }

    /// Writes what is queued and ends the threads. Later submissions are refused.
    pub fn close(&self) {
        self.shared.close();
        let threads = std::mem::take(
            &mut *self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the journal ended in a panic");
            }
        }
        self.shared.progress.release();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
pub(crate) use ship::tests::FakeLog;

#[cfg(test)]
mod tests;
