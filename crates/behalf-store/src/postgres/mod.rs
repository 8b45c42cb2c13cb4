//! PostgreSQL, and what speaks its wire: one database, many processes.
//!
//! One thread has every connection. Its writer takes what has queued into one transaction at READ
//! COMMITTED (`commit`): it locks and reads all that the write sets name, in the order of the keys;
//! judges each of them against that in the process (`judge`); and writes the sum, with `COMMIT`
//! behind it in the same round trip. The last statement takes the next numbers from the counter's
//! one row, so that numbers appear in commit order. Where it is not known whether a `COMMIT`
//! happened, a fence settles it (`fence`); nothing is ever written twice. Everything has a
//! deadline and every queue an end: a database that is slow, hangs or is away costs an error, not
//! memory.

mod commit;
mod connection;
mod fence;
mod history;
mod judge;
mod log_day;
mod log_line;
mod log_query;
mod log_shared;
mod log_ship;
mod migrate;
mod news;
mod open;
mod pool;
mod read;
mod snapshot;
mod statements;
mod survey;
mod tls;
mod trouble;
mod url;
mod writer;

pub use open::OpenError;
pub use survey::{Node, Schema, Standby, Survey, survey};
pub use url::{Options, UrlError};

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use tokio::{
    runtime,
    sync::{Notify, Semaphore, mpsc, oneshot},
    time::Instant,
};

use crate::{
    backend::{
        Backend, Boxed, ChangeSink, Changes, CommitError, Find, Footing, History, Page, ReadError,
        Scan, Seq, Snapshot,
    },
    record::{Key, Record},
    shared_log::SharedLog,
    told::Told,
    write_set::WriteSet,
};
use history::Past;
use log_shared::PostgresLog;
use open::Opened;
use pool::Readers;
use read::{Get, Since};
use snapshot::Snapshots;
use writer::{Job, Writer};

/// Write sets that may wait, and their KiB; what is more is refused at once.
const QUEUE: usize = 4_096;
const ROOM: u32 = 64 << 10;

/// A backend on PostgreSQL.
pub struct Postgres {
    jobs: Option<mpsc::Sender<Job>>,
    room: Arc<Semaphore>,
    reading: Reading,
    told: Told,
    away: Arc<AtomicBool>,
    news: Arc<Notify>,
    past: Arc<Past>,
    thread: Option<JoinHandle<()>>,
}

impl Postgres {
    /// Opens the database that `options` name, and brings its schema to what this version knows.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (opened, opening) = oneshot::channel();
        let (told, away, news) = (Told::default(), Arc::default(), Arc::default());
        let past = Arc::default();
        let start = Start {
            options: options.clone(),
            told: Told::clone(&told),
            away: Arc::clone(&away),
            news: Arc::clone(&news),
            past: Arc::clone(&past),
        };
        let thread =
            Builder::new().name("store-postgres".into()).spawn(move || start.run(opened, queue))?;
        let ended = |_| OpenError::Failed("its thread has ended".into());
        let reading = opening.await.map_err(ended)??;
        let room = Arc::new(Semaphore::new(ROOM as usize));
        let (jobs, thread) = (Some(jobs), Some(thread));
        Ok(Self { jobs, room, reading, told, away, news, past, thread })
    }

    async fn queue(&self, set: WriteSet) -> Result<Seq, CommitError> {
        set.check()?;
        let unavailable = |cause: &str| CommitError::Unavailable(cause.to_owned());
        if self.away.load(Ordering::Acquire) {
            return Err(unavailable("the database cannot be reached"));
        }
        let size = u32::try_from(commit::bytes(&set) >> 10).unwrap_or(ROOM).clamp(1, ROOM);
        let full = |_| unavailable("too many writes wait for the database");
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(full)?;
        let (answer, answered) = oneshot::channel();
        let job = Job { set, queued: Instant::now(), answer, room };
        let jobs = self.jobs.as_ref().ok_or_else(|| unavailable("the store is closed"))?;
        jobs.try_send(job).map_err(|_| unavailable("too many writes wait for the database"))?;
        answered.await.map_err(|_| unavailable("the store is closed"))?
    }
}

/// What reads, on the thread's runtime.
struct Reading {
    readers: Readers,
    snapshots: Snapshots,
    log: Arc<PostgresLog>,
}

/// What the thread is given.
struct Start {
    options: Options,
    told: Told,
    away: Arc<AtomicBool>,
    news: Arc<Notify>,
    past: Arc<Past>,
}

impl Start {
    fn run(self, opened: oneshot::Sender<Result<Reading, OpenError>>, queue: mpsc::Receiver<Job>) {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                // Who no longer waits does not mind.
                let _gone = opened.send(Err(error.into()));
                return;
            }
        };
        runtime.block_on(async {
            match self.open().await {
                Ok((writer, reading)) => {
                    if opened.send(Ok(reading)).is_ok() {
                        Box::pin(writer(queue).run()).await;
                    }
                }
                Err(error) => {
                    let _gone = opened.send(Err(error));
                }
            }
        });
        // A name that is just being looked up is waited for by nobody.
        runtime.shutdown_background();
    }

    async fn open(
        self,
    ) -> Result<(impl FnOnce(mpsc::Receiver<Job>) -> Writer, Reading), OpenError> {
        let Self { options, told, away, news, past } = self;
        let Opened { parts, listening } = open::open(&options, told, away, news, past).await?;
        let runtime = runtime::Handle::current();
        let reading = Reading {
            log: Arc::new(PostgresLog::new(&parts.connector, &runtime)),
            readers: Readers::new(&parts.connector, runtime.clone())?,
            snapshots: Snapshots::new(parts.connector.clone(), runtime),
        };
        if let Some(listening) = listening {
            let (connector, news) = (parts.connector.clone(), Arc::clone(&parts.news));
            tokio::spawn(news::go_on(connector, news, listening));
        }
        Ok((move |queue| Writer::new(parts, queue), reading))
    }
}

impl Backend for Postgres {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        if keys.is_empty() {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.reading.readers.read(Get(keys.to_vec())))
    }

    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(self.reading.readers.read(query))
    }

    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(self.reading.readers.read(query))
    }

    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        Box::pin(self.queue(set))
    }

    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        Box::pin(self.reading.readers.read(Since { after, limit }))
    }

    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        Box::pin(self.reading.snapshots.take())
    }

    fn watch(&self, sink: Arc<dyn ChangeSink>) {
        self.told.watch(sink);
    }

    fn transactions(&self) -> u64 {
        self.told.transactions()
    }

    fn shared_log(&self) -> Option<Arc<dyn SharedLog>> {
        Some(Arc::clone(&self.reading.log) as _)
    }

    fn news(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.news))
    }

    fn history(&self) -> Option<History> {
        self.past.history()
    }

    fn settled(&self, judged: History) {
        self.past.settled(judged);
    }

    fn footing(&self) -> Footing {
        self.past.footing()
    }

    fn went_back(&self) {
        self.past.went_back();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Whatever has queued is answered before the writer ends; each by its deadline.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that ended otherwise has answered nobody, which is all it could do.
            let _ended = thread.join();
        }
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Postgres")
    }
}
