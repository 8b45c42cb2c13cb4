//! The one thread that writes: everything that has queued goes into one transaction.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self as std_mpsc, SyncSender},
    },
    thread::{Builder, JoinHandle},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{
    apply::{self, Applied, Counter, Failure},
    checkpoint,
    open::{OpenError, io_error},
    snapshot::Snapshots,
};
use crate::{
    backend::{CommitError, Seq},
    told::Told,
    write_set::WriteSet,
};

/// Write sets of one transaction.
const BATCH: usize = 256;
/// Operations after which a transaction takes no further write set.
const BATCH_OPERATIONS: usize = 50_000;
/// Operations after which a checkpoint is asked for.
const CHECKPOINT: usize = 1_000;

/// A write set and who waits for it.
pub(super) struct Job {
    pub(super) set: WriteSet,
    pub(super) answer: oneshot::Sender<Result<Seq, CommitError>>,
}

/// The threads.
pub(super) struct Writer {
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        (conn, checkpointer): (Arc<Mutex<Connection>>, Option<Connection>),
        queue: mpsc::Receiver<Job>,
        told: Told,
        snapshots: &Arc<Snapshots>,
    ) -> Result<Self, OpenError> {
        let io = |error: io::Error| io_error(Path::new("thread"), error);
        let cut = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let mut checkpoints = None;
        if let Some(conn) = checkpointer {
            let (ask, asked) = std_mpsc::sync_channel(1);
            let (cut, snapshots) = (Arc::clone(&cut), Arc::clone(snapshots));
            let run = move || checkpoint::run(&conn, &asked, &cut, &snapshots);
            threads.push(Builder::new().name("store-checkpoint".into()).spawn(run).map_err(io)?);
            checkpoints = Some(ask);
        }
        let snapshots = Arc::clone(snapshots);
        let run = move || Loop { conn, queue, told, checkpoints, cut, snapshots, written: 0 }.run();
        // Joined first: when the writer ends nobody asks for checkpoints.
        threads.insert(0, Builder::new().name("store-write".into()).spawn(run).map_err(io)?);
        Ok(Self { threads })
    }

    /// Waits until everything queued is committed and both threads have ended.
    pub(super) fn join(self) {
        for thread in self.threads {
            // A thread that ended otherwise has answered nobody, which is all it could do.
            let _ended = thread.join();
        }
    }
}

struct Loop {
    conn: Arc<Mutex<Connection>>,
    queue: mpsc::Receiver<Job>,
    told: Told,
    checkpoints: Option<SyncSender<()>>,
    cut: Arc<AtomicBool>,
    snapshots: Arc<Snapshots>,
    written: usize,
}

impl Loop {
    fn run(mut self) {
        let mut jobs = Vec::with_capacity(BATCH);
        while let Some(first) = self.queue.blocking_recv() {
            let mut operations = first.set.len();
            jobs.push(first);
            while jobs.len() < BATCH && operations < BATCH_OPERATIONS {
                let Ok(next) = self.queue.try_recv() else { break };
                operations += next.set.len();
                jobs.push(next);
            }
            let results = {
                let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
                commit_all(&conn, jobs.iter().map(|job| &job.set))
            };
            if results.iter().any(Result::is_ok) {
                self.told.transaction();
            }
            for (job, result) in jobs.drain(..).zip(results) {
                self.answer(job, result);
            }
            self.written += operations;
            self.checkpoint();
        }
    }

    fn answer(&self, job: Job, result: Result<Applied, CommitError>) {
        let result = result.map(|applied| {
            self.told.committed(applied.seq, &applied.changes);
            applied.seq
        });
        // Who no longer waits does not mind.
        let _gone = job.answer.send(result);
    }

    fn checkpoint(&mut self) {
        let Some(checkpoints) = &self.checkpoints else { return };
        if self.written >= CHECKPOINT && checkpoints.try_send(()).is_ok() {
            self.written = 0;
        }
        if self.cut.swap(false, Ordering::AcqRel) {
            let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
            self.snapshots.unless_held(|| checkpoint::cut(&conn));
        }
    }
}

/// Commits write sets in one transaction; the result of each, in their order. If the transaction
/// is lost none of them is stored.
fn commit_all<'a>(
    conn: &Connection,
    sets: impl ExactSizeIterator<Item = &'a WriteSet>,
) -> Vec<Result<Applied, CommitError>> {
    let count = sets.len();
    match transaction(conn, sets) {
        Ok(results) => results,
        Err(error) => {
            if !conn.is_autocommit() {
                // What cannot be rolled back now is when the next transaction begins.
                let _lost = conn.execute_batch("ROLLBACK");
            }
            (0..count).map(|_| Err(failed(&error))).collect()
        }
    }
}

fn transaction<'a>(
    conn: &Connection,
    sets: impl Iterator<Item = &'a WriteSet>,
) -> rusqlite::Result<Vec<Result<Applied, CommitError>>> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut counter = Counter::load(conn)?;
    let before = counter;
    let mut results = Vec::new();
    for set in sets {
        match apply::apply(conn, &mut counter, set) {
            Ok(applied) => results.push(Ok(applied)),
            Err(Failure::Conflict(error)) => results.push(Err(error)),
            Err(Failure::Database(error)) => return Err(error),
        }
    }
    if counter != before {
        counter.store(conn)?;
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(results)
}

fn failed(error: &rusqlite::Error) -> CommitError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CommitError::Full,
        _ => CommitError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use behalf_core::id::TenantId;

    use super::*;
    use crate::{Expect, Key, Kind, sqlite::open};

    fn write(id: u8, length: usize) -> WriteSet {
        let mut set = WriteSet::new();
        set.put(Key::new(TenantId::NIL, Kind::Tenant, [id]), vec![0; length], Expect::Any);
        set
    }

    fn commit(conn: &Connection, sets: &[WriteSet]) -> Vec<Result<Seq, CommitError>> {
        let results = commit_all(conn, sets.iter());
        results.into_iter().map(|result| result.map(|applied| applied.seq)).collect()
    }

    /// Every write set of the transaction hears of it, nothing of it is stored, and when there is
    /// space again the numbers go on where they were.
    #[test]
    fn a_full_disk_is_an_error_to_the_caller_and_the_store_lives_on() {
        let opened = open::in_memory().unwrap();
        let conn = opened.writer.lock().unwrap();
        assert_eq!(commit(&conn, &[write(1, 10)]), [Ok(Seq(1))]);
        conn.pragma_update(None, "max_page_count", 20).unwrap();
        let both = commit(&conn, &[write(2, 10), write(3, 1 << 20)]);
        assert_eq!(both, [Err(CommitError::Full), Err(CommitError::Full)]);
        let records =
            || conn.query_row("SELECT count(*) FROM record", [], |row| row.get::<_, i64>(0));
        assert_eq!(records(), Ok(1));
        conn.pragma_update(None, "max_page_count", 100_000).unwrap();
        assert_eq!(commit(&conn, &[write(2, 10), write(3, 1 << 20)]), [Ok(Seq(2)), Ok(Seq(3))]);
        assert_eq!(records(), Ok(3));
    }

    #[test]
    fn a_failing_database_is_an_error_to_the_caller() {
        let opened = open::in_memory().unwrap();
        let conn = opened.writer.lock().unwrap();
        conn.execute_batch("ALTER TABLE change_log RENAME TO gone").unwrap();
        let failed = commit(&conn, &[write(1, 1)]);
        assert!(matches!(&failed[..], [Err(CommitError::Unavailable(_))]), "{failed:?}");
        conn.execute_batch("ALTER TABLE gone RENAME TO change_log").unwrap();
        assert_eq!(commit(&conn, &[write(1, 1)]), [Ok(Seq(1))]);
    }
}
