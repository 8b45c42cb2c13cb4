//! A backend with what every reader shares: the slots of coherence, how far this process follows
//! the others, and the usage that waits to be written.

mod following;
mod gate;
mod standing;
mod unanswered;
mod usage;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use behalf_core::{
    id::{CredentialId, TenantId},
    time::Timestamp,
};

use crate::{
    backend::{
        Backend, ChangeSink as _, Check, CommitError, Footing, History, ReadError, Seq, Snapshot,
    },
    coherence::{Coherence, Stamp},
    reading::Reading,
    shared_log::SharedLog,
    write_set::WriteSet,
};
use following::Following;
use usage::Usage;

pub use following::{Followed, Follower, Known, Timing};
use gate::Gate;
pub use gate::Held;
pub use standing::{BOUND, Standing};
use unanswered::Failures;
pub use unanswered::Unanswered;

/// How far this process may be behind before it drops all it remembers instead of following.
const FOLLOWED: u64 = 10_000;
/// Commits that are followed at a time.
const STRIDE: u32 = 1_000;

/// The directory's store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    coherence: Arc<Coherence>,
    gate: Gate,
    /// Once this process follows others.
    following: OnceLock<Following>,
    usage: Usage,
    reads: AtomicU64,
    writes: AtomicU64,
    failures: Failures,
}

impl Store {
    /// Opens a store on `backend`, which no other store of this process uses.
    pub async fn open(backend: Arc<dyn Backend>) -> Result<Self, ReadError> {
        let newest = backend.changes_since(Seq(0), 0).await?.newest;
        let coherence = Arc::new(Coherence::new(newest));
        backend.watch(Arc::clone(&coherence) as _);
        Ok(Self {
            inner: Arc::new(Inner {
                backend,
                coherence,
                gate: Gate::default(),
                following: OnceLock::new(),
                usage: Usage::default(),
                reads: AtomicU64::new(0),
                writes: AtomicU64::new(0),
                failures: Failures::default(),
            }),
        })
    }

    /// Begins to read.
    pub fn reading(&self) -> Reading<'_> {
        Reading::begin(self)
    }

    /// Commits `set` whole or not at all. When this answers the commit is durable, and no stamp
    /// that depends on anything it changed is current any more in this process.
    ///
    /// While the standing is another than [`Standing::Current`] nothing is tried.
    pub async fn commit(&self, set: WriteSet) -> Result<Seq, CommitError> {
        let committed = self.try_commit(set).await;
        match &committed {
            Ok(_) => _ = self.inner.writes.fetch_add(1, Ordering::Relaxed),
            Err(error) if error.is_the_databases() => self.inner.failures.note(error),
            Err(_) => {}
        }
        committed
    }

    async fn try_commit(&self, set: WriteSet) -> Result<Seq, CommitError> {
        self.reachable()?;
        let _passed = self.inner.gate.pass()?;
        self.inner.backend.commit(set).await
    }

    /// Everything there is, as it is at this moment.
    pub async fn snapshot(&self) -> Result<Box<dyn Snapshot>, ReadError> {
        self.inner.backend.snapshot().await
    }

    /// Reads everything there is and looks for damage.
    pub async fn check(&self) -> Result<Check, ReadError> {
        self.inner.backend.check().await
    }

    /// Whether everything a reading depended on is unchanged. Wait-free, a few nanoseconds.
    pub fn is_current(&self, stamp: &Stamp) -> bool {
        self.inner.coherence.is_current(stamp)
    }

    /// Takes note of what other processes committed. Needed only where there are others; answers
    /// with the newest commit known.
    pub async fn catch_up(&self) -> Result<Seq, ReadError> {
        let coherence = &self.inner.coherence;
        loop {
            let known = coherence.applied();
            let changes = self.inner.backend.changes_since(known, STRIDE).await?;
            self.heard(changes.newest);
            if changes.newest < known {
                // Of several that look at the same time one takes it for a loss.
                if coherence.gone_back_from(known, changes.newest) {
                    self.inner.backend.went_back();
                }
                return Ok(changes.newest);
            }
            if changes.forgotten || changes.newest.0.saturating_sub(known.0) > FOLLOWED {
                coherence.forget_before(changes.newest);
                return Ok(changes.newest);
            }
            for (seq, changes) in &changes.commits {
                coherence.apply(*seq, changes);
            }
            let applied = coherence.applied();
            if changes.commits.is_empty() || applied >= changes.newest {
                return Ok(applied);
            }
            if applied == known {
                // A log with a gap cannot be followed: what was read before is not trusted.
                coherence.forget_before(changes.newest);
                return Ok(changes.newest);
            }
        }
    }

    /// Remembers that a credential was used. Costs no write: see [`Store::flush_usage`].
    pub fn credential_used(&self, home: TenantId, credential: CredentialId, at: Timestamp) {
        self.inner.usage.note(home, credential, at);
    }

    /// Writes the usage that was noted, at most once a minute; to be called more often than that,
    /// and with `force` before the process ends.
    pub async fn flush_usage(&self, now: Timestamp, force: bool) -> Result<(), CommitError> {
        // While the database is away it stays in memory, where there is no hurry.
        if !force && self.reachable().is_err() {
            return Ok(());
        }
        self.reachable()?;
        let _passed = self.inner.gate.pass()?;
        let Some(sets) = self.inner.usage.take(now, force) else { return Ok(()) };
        let mut written = Ok(());
        for uses in sets {
            if written.is_ok() {
                written = self.inner.backend.commit(usage::write(&uses)).await.map(|_| ());
            }
            if written.is_err() {
                // With the next ones.
                self.inner.usage.note_again(uses);
            }
        }
        written
    }

    /// Look-ups in the database since the start: what a warm request must not add to.
    pub fn reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }

    /// Write sets committed since the start; the usage of [`Store::flush_usage`] is not counted.
    pub fn writes(&self) -> u64 {
        self.inner.writes.load(Ordering::Relaxed)
    }

    /// Transactions they took: what was written at the same time shares one, and its sync.
    pub fn transactions(&self) -> u64 {
        self.inner.backend.transactions()
    }

    /// What was asked of the database for a request, or by an operator, and not done.
    pub fn unanswered(&self) -> Unanswered {
        self.inner.failures.read()
    }

    /// The history of the database that is written to; `None`: there can be only one.
    pub fn history(&self) -> Option<History> {
        self.inner.backend.history()
    }

    /// Says that everything has been ended that hung on records of the histories before `judged`.
    /// What was found since [`Store::history`] gave it is not settled by this.
    pub fn settled(&self, judged: History) {
        self.inner.backend.settled(judged);
    }

    /// What is judged from now on stands on this; to be taken before what counts once is opened.
    pub fn footing(&self) -> Footing {
        self.inner.backend.footing()
    }

    /// Where the nodes of this store ship their sign-in logs to; `None`: there is one node.
    pub fn shared_log(&self) -> Option<Arc<dyn SharedLog>> {
        self.inner.backend.shared_log()
    }

    pub(crate) fn count_read(&self) {
        self.inner.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::begin(&self.inner.coherence)
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.inner.usage
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.inner.coherence.applied())
    }
}
