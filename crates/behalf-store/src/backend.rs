//! What a database must be able to do. Small, so that a second one is a weekend's work and the
//! same promises hold on both (`tests/conformance.rs`).

use std::{pin::Pin, sync::Arc, time::Duration};

use behalf_core::id::TenantId;
use tokio::sync::Notify;

use crate::{
    record::{Entry, Index, Key, Kind, Record, Version},
    shared_log::SharedLog,
    write_set::{Invalid, WriteSet},
};

/// A boxed future, so that [`Backend`] can be a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The number of a directory commit. Numbers appear in commit order and without gaps; zero is
/// before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// A database of records. Every read is of one snapshot; every commit is durable before it is
/// answered.
pub trait Backend: Send + Sync + 'static {
    /// The records at `keys`, in their order, all of one snapshot.
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>>;

    /// The records of a tenant that declared an index entry of this value, ordered by id.
    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>>;

    /// The records of a tenant and kind, ordered by id.
    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>>;

    /// Commits `set` whole or not at all and answers with the number of the newest directory
    /// commit that it is part of or follows. Dropping the future does not call the commit back.
    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>>;

    /// What changed in the directory after `after`, in commit order: at most `limit` commits, none
    /// of them in part.
    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>>;

    /// Everything there is, as it is at one moment: for backups and copies. Commits go on
    /// meanwhile; a snapshot that holds them up too much is ended and says so.
    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>>;

    /// Reads everything there is and looks for damage.
    fn check(&self) -> Boxed<'_, Result<Check, ReadError>> {
        Box::pin(async {
            let (mut snapshot, mut check) = (self.snapshot().await?, Check::default());
            loop {
                match snapshot.next().await {
                    Ok(page) if page.is_empty() => return Ok(check),
                    Ok(page) => check.records += page.len() as u64,
                    Err(damaged @ ReadError::Damaged { .. }) => {
                        check.findings.push(damaged.to_string());
                        return Ok(check);
                    }
                    Err(error) => return Err(error),
                }
            }
        })
    }

    /// Hands every directory change that this process commits to `sink`, in commit order and
    /// before the commit is answered. Called once, before the first commit.
    fn watch(&self, sink: Arc<dyn ChangeSink>);

    /// Transactions that this process made durable. Fewer than its write sets where they share.
    fn transactions(&self) -> u64;

    /// Is notified when another process may have committed: early or for nothing at times, and not
    /// always, so whoever follows polls besides. `None`: this process alone writes.
    fn news(&self) -> Option<Arc<Notify>> {
        None
    }

    /// The history that this process writes to, as its newest connection found it; `None`: there
    /// can be only one.
    fn history(&self) -> Option<History> {
        None
    }

    /// Says that what hangs on records of the histories before `judged` has been ended, so that
    /// `judged` may be written to without reserve. Until then only the directory can be changed:
    /// what is used once could be used a second time. What was found after `judged` stays as it is.
    fn settled(&self, _judged: History) {}

    /// The newest history that was settled: what a reader stands on who reads now.
    fn footing(&self) -> Footing {
        Footing::default()
    }

    /// Says that the newest directory commit is older than one that was read before: a loss, counted
    /// in [`Backend::history`].
    fn went_back(&self) {}

    /// Where the nodes that share this database ship their sign-in logs to; `None`: no other node
    /// does share it.
    fn shared_log(&self) -> Option<Arc<dyn SharedLog>> {
        None
    }
}

/// What was found when everything was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// How many records there are, as far as they could be read.
    pub records: u64,
    /// What is damaged, the first of it; nothing: all is as it was written.
    pub findings: Vec<String>,
}

/// All records at one moment, read in order of tenant, kind and id.
pub trait Snapshot: Send {
    /// The newest directory commit that is in it.
    fn seq(&self) -> Seq;

    /// The next records, at most [`Page::MAX`]; none: that was all.
    fn next(&mut self) -> Boxed<'_, Result<Vec<Whole>, ReadError>>;
}

/// A record with everything that was written with it: what another store needs to have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The record.
    pub record: Record,
    /// Its index entries, in the order in which they were given.
    pub entries: Vec<Entry>,
}

/// One course of a database's life. A standby that takes over begins another one, in which
/// something may be missing that the primary before it had answered as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Its number (PostgreSQL: the timeline); `None` where the database has none.
    pub timeline: Option<u32>,
    /// Whether a commit is answered only when a standby has it too.
    pub synchronous: bool,
    /// How often, since this process began, something was missing that it had been told was durable
    /// or had read. Every loss counts, so that none can hide behind the one before it.
    pub losses: u64,
}

/// The settled history on which something was judged. A write set that carries it is committed only
/// while that is still the settled one: what was opened before a loss is not used after it, when the
/// record of its first use may be gone. The default stands on any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footing(pub(crate) Option<History>);

impl Footing {
    /// Whether what was judged on this may be written while `settled` is the settled history.
    #[cfg(feature = "postgres")]
    pub(crate) fn holds(self, settled: Option<History>) -> bool {
        let Some(before) = self.0 else { return true };
        settled.is_some_and(|settled| !settled.changed_hands_since(&before))
    }
}

impl History {
    /// Whether the database changed hands between `before` and this: what was remembered then is
    /// not to be relied on now.
    pub fn changed_hands_since(&self, before: &Self) -> bool {
        (self.timeline, self.losses) != (before.timeline, before.losses)
    }
}

/// Who is told of changes.
pub trait ChangeSink: Send + Sync {
    /// Takes note of the changes of one commit. Must not block: commits wait for it.
    fn apply(&self, seq: Seq, changes: &[Change]);
}

/// Where a page ended: the id of its last record.
pub type Cursor = Vec<u8>;

/// An index look-up.
#[derive(Debug, Clone)]
pub struct Find {
    /// In whose directory.
    pub tenant: TenantId,
    /// The index.
    pub index: Index,
    /// The value looked for.
    pub value: Vec<u8>,
    /// Continues after this id.
    pub after: Option<Cursor>,
    /// Most records of the answer, 1 to [`Page::MAX`]; other values count as the nearest.
    pub limit: u32,
}

/// A walk over records.
#[derive(Debug, Clone)]
pub struct Scan {
    /// In whose directory.
    pub tenant: TenantId,
    /// Of what kind.
    pub kind: Kind,
    /// Continues after this id.
    pub after: Option<Cursor>,
    /// Most records of the answer, 1 to [`Page::MAX`]; other values count as the nearest.
    pub limit: u32,
}

/// Records of one snapshot, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records, ordered by id.
    pub records: Vec<Record>,
    /// There may be more after this id.
    pub next: Option<Cursor>,
}

impl Page {
    /// Most records of one page.
    pub const MAX: u32 = 1_000;
}

/// One thing that changed in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The record at this key was written or removed.
    Record(Key),
    /// A record came under, left or changed under this value of an index.
    Index {
        /// In whose directory.
        tenant: TenantId,
        /// The index.
        index: Index,
        /// The value.
        value: Vec<u8>,
    },
    /// So much that it was not listed.
    Everything,
}

/// A stretch of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The newest commit there is.
    pub newest: Seq,
    /// Each listed commit with its changes, in order.
    pub commits: Vec<(Seq, Vec<Change>)>,
    /// The log no longer reaches back to where it was asked for: count everything as changed.
    pub forgotten: bool,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The database cannot be reached or cannot read; another try may succeed.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// The database was not even asked: it is away, or this process too far behind it.
    #[error("the database is away: what it holds was last known {} seconds ago", lag.as_secs())]
    Away {
        /// Since everything was last known.
        lag: Duration,
    },
    /// What is stored makes no sense to this version.
    #[error("a record of kind {kind:?} is damaged: {cause}; restore it from a backup")]
    Damaged {
        /// The record's kind.
        kind: Kind,
        /// What was found.
        cause: String,
    },
}

impl ReadError {
    /// Whether the database is away, slow or in trouble, which concerns everybody; otherwise it is
    /// what is stored.
    pub fn is_the_databases(&self) -> bool {
        !matches!(self, Self::Damaged { .. })
    }
}

/// Why a commit did not happen. Unless stated, nothing of the write set is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A record was not as expected: read again and decide again.
    #[error("a record of kind {:?} was changed by somebody else", key.kind)]
    Conflict {
        /// Which record.
        key: Key,
        /// The state it is in; `None` when it is absent.
        found: Option<Version>,
    },
    /// The write set breaks a limit; it will never succeed.
    #[error("the write set cannot be stored: {0}")]
    Invalid(#[from] Invalid),
    /// No space is left. Reads go on; writes succeed again once there is space.
    #[error("the store's disk is full: free some space on it")]
    Full,
    /// The database cannot be reached or cannot write; another try may succeed. If the connection
    /// was lost while the answer was under way the write may have happened.
    #[error("the store cannot be written: {0}")]
    Unavailable(String),
}

impl CommitError {
    /// Whether the database is away, slow, full or in trouble, which concerns everybody; otherwise it
    /// is what was to be written.
    pub fn is_the_databases(&self) -> bool {
        matches!(self, Self::Full | Self::Unavailable(_))
    }
}

impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
