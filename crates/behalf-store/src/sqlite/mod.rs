//! SQLite: one file, one process.
//!
//! One thread writes: it takes every write set that has queued into one transaction, each under a
//! savepoint, commits with `synchronous=FULL` and answers them all. Checkpoints run on their own
//! connection, so that no commit waits for one. Reads are direct calls on a small pool of
//! connections: a point read takes microseconds, less than handing it to another thread.

mod apply;
mod check;
mod checkpoint;
mod log;
mod migrate;
mod open;
mod read;
mod snapshot;
mod sum;
mod wal;
mod writer;

pub use open::OpenError;

use std::{path::Path, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use crate::{
    Lock,
    backend::{
        Backend, Boxed, ChangeSink, Changes, Check, CommitError, Find, Page, ReadError, Scan, Seq,
        Snapshot,
    },
    record::{Key, Record},
    told::Told,
    write_set::WriteSet,
};
use check::Verdict;
use read::Readers;
use snapshot::Snapshots;
use writer::{Job, Writer};

/// Write sets that may wait; more wait for room before they are queued.
const QUEUE: usize = 1_024;

/// A backend in one SQLite file, or in memory.
pub struct Sqlite {
    jobs: Option<mpsc::Sender<Job>>,
    readers: Arc<Readers>,
    snapshots: Arc<Snapshots>,
    verdict: Verdict,
    told: Told,
    writer: Option<Writer>,
    // Last: the lock is let go when every connection is closed.
    _lock: Option<Lock>,
}

impl Sqlite {
    /// Opens the database at `path`, or makes one where there is none; the folder is made too.
    /// Refuses while another process has it open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let opened = open::open(path)?;
        Self::start(opened, Snapshots::of_file(path))
    }

    /// A database that lives as long as this value: for development and tests.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::start(open::in_memory()?, Snapshots::in_memory())
    }

    fn start(opened: open::Opened, snapshots: Snapshots) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let readers = Arc::new(Readers::new(opened.readers));
        let told = Told::default();
        let (snapshots, verdict) = (Arc::new(snapshots), opened.verdict);
        let connections = (opened.writer, opened.checkpointer);
        let writer = Writer::start(connections, queue, told.clone(), &snapshots)?;
        let (jobs, writer) = (Some(jobs), Some(writer));
        Ok(Self { jobs, readers, snapshots, verdict, told, writer, _lock: opened.lock })
    }

    /// Runs a read of more than a moment on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        check::refuse(&self.verdict)?;
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(read))
            .await
            .map_err(|error| ReadError::Unavailable(error.to_string()))?
    }
}

impl Backend for Sqlite {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        Box::pin(async move {
            check::refuse(&self.verdict)?;
            self.readers.with(|conn| read::get(conn, keys))
        })
    }

    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        // One row is a point read like any other.
        if query.limit <= 1 {
            return Box::pin(async move {
                check::refuse(&self.verdict)?;
                self.readers.with(|conn| read::find(conn, &query))
            });
        }
        Box::pin(self.blocking(move |conn| read::find(conn, &query)))
    }

    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(self.blocking(move |conn| read::scan(conn, &query)))
    }

    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            set.check()?;
            check::refuse(&self.verdict)?;
            let closed = || CommitError::Unavailable("the store is closed".into());
            let (answer, answered) = oneshot::channel();
            let jobs = self.jobs.as_ref().ok_or_else(closed)?;
            jobs.send(Job { set, answer }).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        })
    }

    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        Box::pin(self.blocking(move |conn| log::changes_since(conn, after, limit)))
    }

    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        let snapshots = Arc::clone(&self.snapshots);
        Box::pin(self.blocking(move |conn| snapshots.take(conn)))
    }

    fn check(&self) -> Boxed<'_, Result<Check, ReadError>> {
        Box::pin(self.blocking(check::check))
    }

    fn watch(&self, sink: Arc<dyn ChangeSink>) {
        self.told.watch(sink);
    }

    fn transactions(&self) -> u64 {
        self.told.transactions()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Whatever has queued is committed before the writer ends.
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            writer.join();
        }
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sqlite")
    }
}

/// What a failed statement means to a caller who reads.
fn unreadable(error: &rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
