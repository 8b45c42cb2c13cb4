//! A database that several nodes share, in memory, and each node's line to it, which can be cut,
//! slow, or dead without saying so. Runs on paused time.

use std::{
    collections::BTreeMap,
    future,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use behalf_core::{id::TenantId, tenant::Tenant, time::Timestamp};
use behalf_store::{
    Backend, Boxed, Change, ChangeSink, Changes, CommitError, Expect, Find, History, Key, Page,
    ReadError, Record, Scan, Seq, Snapshot, Store, Timing, Version, WriteSet, records::tenant,
};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

/// How long a dead line keeps whoever writes waiting, as backends promise.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database: records, the change log, and who is to be told.
#[derive(Default)]
pub(crate) struct Database {
    rows: Mutex<BTreeMap<Key, Record>>,
    log: Mutex<Vec<Vec<Change>>>,
    nodes: Mutex<Vec<Arc<Line>>>,
    /// How often a standby took over.
    timeline: AtomicU32,
}

/// What a line does with what is sent over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// All of it, half of this before and half after the database answers.
    After(Duration),
    /// Nothing, and says so.
    Nothing,
    /// Nothing, and does not say so.
    Silence,
}

/// A node's line to the database.
pub(crate) struct Line {
    database: Arc<Database>,
    carries: Mutex<Carries>,
    /// What others committed is not told.
    deaf: AtomicBool,
    news: Arc<Notify>,
    sink: OnceLock<Arc<dyn ChangeSink>>,
}

fn cut() -> ReadError {
    ReadError::Unavailable("the line is cut".to_owned())
}

impl Line {
    pub(crate) fn to(database: &Arc<Database>) -> Arc<Self> {
        let line = Arc::new(Self {
            database: Arc::clone(database),
            carries: Mutex::new(Carries::After(Duration::ZERO)),
            deaf: AtomicBool::new(false),
            news: Arc::default(),
            sink: OnceLock::new(),
        });
        database.nodes.lock().unwrap().push(Arc::clone(&line));
        line
    }

    pub(crate) fn becomes(&self, carries: Carries) {
        *self.carries.lock().unwrap() = carries;
    }

    pub(crate) fn deafen(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
    }

    /// A read: nobody says when a dead line will answer it.
    async fn asks<T>(&self, question: impl FnOnce(&Database) -> T) -> Result<T, ReadError> {
        if *self.carries.lock().unwrap() == Carries::Silence {
            return future::pending().await;
        }
        self.over(question).await
    }

    async fn over<T>(&self, deed: impl FnOnce(&Database) -> T) -> Result<T, ReadError> {
        let carries = *self.carries.lock().unwrap();
        match carries {
            Carries::After(delay) => {
                tokio::time::sleep(delay / 2).await;
                let done = deed(&self.database);
                tokio::time::sleep(delay / 2).await;
                Ok(done)
            }
            Carries::Nothing => Err(cut()),
            Carries::Silence => {
                tokio::time::sleep(PATIENCE).await;
                Err(cut())
            }
        }
    }
}

impl Backend for Line {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        Box::pin(self.asks(move |database| {
            let rows = database.rows.lock().unwrap();
            keys.iter().map(|key| rows.get(key).cloned()).collect()
        }))
    }

    fn find(&self, _query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(future::ready(Err(cut())))
    }

    fn scan(&self, _query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(future::ready(Err(cut())))
    }

    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        Box::pin(future::ready(Err(cut())))
    }

    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            let told = self.over(|database| database.write(self, set)).await?;
            Ok(told)
        })
    }

    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        Box::pin(self.asks(move |database| {
            let log = database.log.lock().unwrap();
            let numbered = (1..).map(Seq).zip(log.iter().cloned());
            let commits = numbered.filter(|(seq, _)| *seq > after).take(limit as usize).collect();
            Changes { newest: Seq(log.len() as u64), commits, forgotten: false }
        }))
    }

    fn watch(&self, sink: Arc<dyn ChangeSink>) {
        assert!(self.sink.set(sink).is_ok());
    }

    fn transactions(&self) -> u64 {
        self.database.log.lock().unwrap().len() as u64
    }

    fn history(&self) -> Option<History> {
        let timeline = Some(self.database.timeline.load(Ordering::Relaxed));
        Some(History { timeline, synchronous: false, losses: 0 })
    }

    fn news(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.news))
    }
}

impl Database {
    /// A standby takes over that knows the first `commits` commits, after which the tenant was in
    /// state `n`.
    pub(crate) fn fails_over(&self, commits: usize, n: usize) {
        self.timeline.fetch_add(1, Ordering::Relaxed);
        self.log.lock().unwrap().truncate(commits);
        let mut set = WriteSet::new();
        tenant::put(&mut set, &acme(n), Expect::Any);
        let put = set.puts.remove(0);
        if let Some(record) = self.rows.lock().unwrap().get_mut(&put.key) {
            record.document = put.document;
        }
    }

    fn write(&self, writer: &Line, set: WriteSet) -> Seq {
        let mut log = self.log.lock().unwrap();
        let seq = Seq(log.len() as u64 + 1);
        let changes: Vec<_> = set.puts.iter().map(|put| Change::Record(put.key.clone())).collect();
        let mut rows = self.rows.lock().unwrap();
        for put in set.puts {
            let record =
                Record { key: put.key.clone(), version: Version(seq.0), document: put.document };
            rows.insert(put.key, record);
        }
        writer.sink.get().unwrap().apply(seq, &changes);
        log.push(changes);
        for line in self.nodes.lock().unwrap().iter() {
            let hears = matches!(*line.carries.lock().unwrap(), Carries::After(_));
            if hears
                && !line.deaf.load(Ordering::Relaxed)
                && !std::ptr::eq(&raw const **line, writer)
            {
                line.news.notify_one();
            }
        }
        seq
    }
}

/// The tenant that is changed and asked for, in state `n`.
pub(crate) fn acme(n: usize) -> Tenant {
    let mut tenant = Tenant::new(TenantId(Uuid::from_u128(1)), "Acme", vec![], Timestamp(0));
    tenant.display_name = n.to_string();
    tenant
}

pub(crate) async fn write(store: &Store, n: usize) -> Result<Seq, CommitError> {
    let mut set = WriteSet::new();
    tenant::put(&mut set, &acme(n), Expect::Any);
    store.commit(set).await
}

/// The state that the tenant is in, as the store has it.
pub(crate) async fn read(store: &Store) -> Result<usize, ReadError> {
    let found = store.reading().tenant(acme(0).id).await?.unwrap();
    Ok(found.value.display_name.parse().unwrap())
}

/// The runtime's clock, which stands still but for what is waited for.
pub(crate) fn timing(window: Duration) -> Timing {
    let started = Instant::now();
    Timing { monotonic: Arc::new(move || started.elapsed()), window }
}
