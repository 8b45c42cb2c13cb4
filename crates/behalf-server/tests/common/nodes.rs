//! Several nodes on one database, each with a line to it that can be cut, and a clock for all.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use behalf_core::time::Timestamp;
use behalf_server::{
    boot::{self, BootError, Opened, Settings},
    clock::{Clock as _, FrozenClock},
    entropy::SeededEntropy,
    keys::MasterKey,
    router,
    state::Server,
};
use behalf_store::{
    Backend, Boxed, ChangeSink, Changes, CommitError, Find, Follower, Key, Page, ReadError, Record,
    Scan, Seq, Snapshot, Timing, WriteSet, sqlite::Sqlite,
};
use tokio::sync::Notify;

use super::{NOW, TestServer, settings};

/// One database and the clock of its nodes.
pub(crate) struct Deployment {
    database: Arc<Sqlite>,
    pub(crate) clock: Arc<FrozenClock>,
    master: Arc<MasterKey>,
}

/// One of the nodes. Nothing goes on beside the requests but what the test asks for.
pub(crate) struct Node {
    pub(crate) server: TestServer,
    pub(crate) line: Arc<Line>,
    follower: Follower,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        Self {
            database: Arc::new(Sqlite::in_memory().unwrap()),
            clock: Arc::new(FrozenClock::at(NOW)),
            master: Arc::new(MasterKey::ephemeral(&SeededEntropy::new(1))),
        }
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Starts a node; the usual world is there already, but for the first, which makes it.
    pub(crate) async fn node(&self, seed: u64) -> Node {
        self.node_with(seed, |_| {}).await
    }

    pub(crate) async fn node_with(&self, seed: u64, adjust: impl FnOnce(&mut Settings)) -> Node {
        let mut settings = settings();
        adjust(&mut settings);
        let window = settings.degraded_window;
        let line = self.line();
        let opened = self.open(Arc::clone(&line), settings, seed).await.unwrap();
        let server = Arc::clone(&opened.server);
        if server.store.reading().tenants(None, 1).await.unwrap().items.is_empty() {
            super::seed(&server).await;
        }
        let clock = Arc::clone(&self.clock);
        let timing = Timing { monotonic: Arc::new(move || clock.monotonic()), window };
        let follower = server.store.follow(timing).unwrap();
        let router = router::router(opened.core(0));
        let server = TestServer { clock: Arc::clone(&self.clock), server, router };
        let node = Node { server, line, follower };
        node.looks().await;
        node
    }

    /// Starts a node, and makes no world.
    pub(crate) async fn bare(&self, seed: u64) -> Arc<Server> {
        self.try_bare(seed).await.unwrap()
    }

    /// The same, where that may fail.
    pub(crate) async fn try_bare(&self, seed: u64) -> Result<Arc<Server>, BootError> {
        self.open(self.line(), settings(), seed).await.map(|opened| opened.server)
    }

    fn line(&self) -> Arc<Line> {
        Arc::new(Line {
            database: Arc::clone(&self.database),
            cut: AtomicBool::new(false),
            news: Arc::default(),
            sink: OnceLock::new(),
        })
    }

    async fn open(
        &self,
        line: Arc<Line>,
        settings: Settings,
        seed: u64,
    ) -> Result<Opened, BootError> {
        let edge = (Arc::clone(&self.clock) as _, Arc::new(SeededEntropy::new(seed)) as _);
        boot::open_on(line, settings, Arc::clone(&self.master), edge, 1).await
    }
}

impl Node {
    /// Looks at what others committed, and at nothing else yet.
    pub(crate) async fn hears(&self) {
        self.follower.look().await;
    }

    /// What a node does each second: it looks at what others committed, and after its keys.
    pub(crate) async fn looks(&self) {
        self.hears().await;
        let server = &self.server.server;
        // These may fail: the line may be cut.
        let _ = server.keys.maintain().await;
        let _ = server.tickets.keys().maintain().await;
    }
}

/// A node's line to the database. What others commit it does not tell.
pub(crate) struct Line {
    database: Arc<Sqlite>,
    cut: AtomicBool,
    news: Arc<Notify>,
    sink: OnceLock<Arc<dyn ChangeSink>>,
}

impl Line {
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    fn over(&self) -> Result<&Sqlite, ReadError> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(ReadError::Unavailable("the line is cut".to_owned()));
        }
        Ok(&self.database)
    }
}

impl Backend for Line {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        Box::pin(async move { self.over()?.get(keys).await })
    }
    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(async move { self.over()?.find(query).await })
    }
    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        Box::pin(async move { self.over()?.scan(query).await })
    }
    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        Box::pin(async move { self.over()?.snapshot().await })
    }
    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        Box::pin(async move {
            let seq = self.over()?.commit(set).await?;
            let before = Seq(seq.0.saturating_sub(1));
            let changes = self.database.changes_since(before, 1).await?;
            for (seq, changes) in &changes.commits {
                self.sink.get().unwrap().apply(*seq, changes);
            }
            Ok(seq)
        })
    }
    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        Box::pin(async move { self.over()?.changes_since(after, limit).await })
    }
    fn watch(&self, sink: Arc<dyn ChangeSink>) {
        assert!(self.sink.set(sink).is_ok());
    }
    fn transactions(&self) -> u64 {
        self.database.transactions()
    }
    fn news(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.news))
    }
}
