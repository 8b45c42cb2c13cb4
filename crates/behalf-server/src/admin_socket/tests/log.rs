//! The sign-in log where nodes share one: each answers for all.

use behalf_store::{
    Backend, Boxed, ChangeSink, Changes, CommitError, Find, Key, Page, ReadError, Record, Scan,
    Seq, Snapshot, WriteSet, shared_log::SharedLog, sqlite::Sqlite,
};

use super::*;
use crate::{
    boot::{self, Data, Settings},
    clock::FrozenClock,
    database::Database,
    entropy::SeededEntropy,
    in_memory::settings,
    journal::{self, Destination, Durability, FakeLog},
    keys::MasterKey,
};

/// A directory of its own, with a log that it shares.
struct Sharing {
    database: Sqlite,
    log: Arc<FakeLog>,
}

impl Backend for Sharing {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        self.database.get(keys)
    }

    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        self.database.find(query)
    }

    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        self.database.scan(query)
    }

    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        self.database.commit(set)
    }

    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        self.database.changes_since(after, limit)
    }

    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.database.snapshot()
    }

    fn watch(&self, sink: Arc<dyn ChangeSink>) {
        self.database.watch(sink);
    }

    fn transactions(&self) -> u64 {
        self.database.transactions()
    }

    fn shared_log(&self) -> Option<Arc<dyn SharedLog>> {
        Some(Arc::<FakeLog>::clone(&self.log))
    }
}

/// A node and its data folder.
struct Node {
    server: Arc<Server>,
    ids: entropy::RequestIds,
    clock: Arc<FrozenClock>,
    _folder: tempfile::TempDir,
}

impl Node {
    async fn start(log: &Arc<FakeLog>, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Sharing { database: Sqlite::in_memory().unwrap(), log: Arc::clone(log) };
        let data = Data::Folder {
            folder: folder.path().to_owned(),
            database: Database::Sqlite(folder.path().join("unused.db")),
        };
        let entropy = Arc::new(SeededEntropy::new(seed));
        let master = Arc::new(MasterKey::ephemeral(&*entropy));
        let ids = entropy::RequestIds::new(Arc::<SeededEntropy>::clone(&entropy));
        let clock = Arc::new(FrozenClock::at(NOW));
        let edge = (Arc::<FrozenClock>::clone(&clock) as _, entropy as _);
        let settings = Settings { data, ..settings() };
        let opened = boot::open_on(Arc::new(backend), settings, master, edge, 1).await.unwrap();
        Self { server: opened.server, ids, clock, _folder: folder }
    }

    fn to(&self) -> Destination {
        self.server.shipping.clone().unwrap()
    }

    async fn ship(&self) {
        let entropy = Arc::clone(&self.server.entropy);
        assert!(self.server.journal.shipper(self.to(), entropy).unwrap().finish().await);
    }

    /// Logs a request that was decided so many milliseconds after [`NOW`].
    async fn log(&self, millis: u64) -> RequestId {
        let time = NOW.plus(Duration::from_millis(millis));
        self.clock.jump_to(time);
        let id = self.ids.next(time);
        let event = SignInEvent { time, ..event(id, TenantId(Uuid::from_u128(1))) };
        let _logged = self.server.journal.lane().submit(&event).unwrap().await.unwrap();
        id
    }

    async fn page(&self, query: &str) -> wire::LogPage {
        let (status, page) = get(&self.server, &format!("/v1/sign-ins?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        serde_json::from_value(page).unwrap()
    }

    /// Ids and nodes of a page.
    async fn found(&self, query: &str) -> Vec<(RequestId, Option<Uuid>)> {
        told(&self.page(query).await)
    }
}

fn told(page: &wire::LogPage) -> Vec<(RequestId, Option<Uuid>)> {
    let event = |entry: &wire::LogEntry| match entry {
        wire::LogEntry::SignIn(event) => Some((event.request_id, event.node)),
        wire::LogEntry::TurnedAway(_) | wire::LogEntry::Missing(_) => None,
    };
    page.entries.iter().filter_map(event).collect()
}

#[tokio::test]
async fn a_node_answers_for_all_also_with_what_it_did_not_ship_yet() {
    let shared = Arc::default();
    let (one, other) = (Node::start(&shared, 1).await, Node::start(&shared, 2).await);
    let [me, it] = [&one, &other].map(|node| Some(node.to().node.0));
    let first = one.log(1).await;
    let second = other.log(2).await;
    one.ship().await;
    other.ship().await;
    let third = one.log(3).await;
    let all = [(third, me), (second, it), (first, me)];
    let page = one.page("").await;
    assert_eq!(told(&page), all);
    assert_eq!((page.nodes.len(), page.next, page.notice), (2, None, None));
    // What the one did not ship the other cannot know.
    assert_eq!(other.found("").await, all[1..]);
    let mut before = String::new();
    for expected in all {
        let page = one.page(&format!("limit=1{before}")).await;
        assert_eq!(told(&page), [expected]);
        before = page.next.map(|next| format!("&before={next}")).unwrap_or_default();
    }
    assert_eq!(before, "");
    for (id, node) in all {
        let (status, found) = get(&one.server, &format!("/v1/sign-ins/{id}")).await;
        assert_eq!(
            (status, found["node"].as_str()),
            (StatusCode::OK, node.map(|id| id.to_string()).as_deref())
        );
    }
    let unknown = format!("/v1/sign-ins/{}", one.ids.next(NOW));
    assert_eq!(get(&one.server, &unknown).await.0, StatusCode::NOT_FOUND);
    for wrong in ["7", "x", "5.x", "x.01987654-3210-7000-8000-000000000001"] {
        let answer = get(&one.server, &format!("/v1/sign-ins?before={wrong}")).await;
        assert_eq!(answer.0, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.1);
    }
}

#[tokio::test]
async fn while_the_database_is_away_a_node_tells_what_it_wrote_and_that_it_is_not_all() {
    let shared = Arc::default();
    let (one, other) = (Node::start(&shared, 1).await, Node::start(&shared, 2).await);
    let (mine, its) = (one.log(1).await, other.log(2).await);
    one.ship().await;
    other.ship().await;
    let newest = one.log(3).await;
    let me = Some(one.to().node.0);
    let page = one.page("limit=1").await;
    shared.set_away(true);
    let away = one.page("").await;
    assert_eq!(told(&away), [(newest, me), (mine, me)]);
    let notice = away.notice.unwrap();
    assert!(notice.contains("only this node's own journal"), "{notice}");
    // A page that was begun goes on.
    let rest = one.found(&format!("before={}", page.next.unwrap())).await;
    assert_eq!(rest, [(mine, me)]);
    let (status, _) = get(&one.server, &format!("/v1/sign-ins/{mine}")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, refused) = get(&one.server, &format!("/v1/sign-ins/{its}")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused["message"].as_str().unwrap().contains("cannot be read"), "{refused}");
}

#[tokio::test]
async fn answers_cannot_wait_for_a_log_that_nobody_shares() {
    let journal = journal::Options {
        durability: Durability::BeforeAnswerShared,
        ..journal::Options::default()
    };
    let entropy = Arc::new(SeededEntropy::new(1));
    let master = Arc::new(MasterKey::ephemeral(&*entropy));
    let edge = (Arc::new(FrozenClock::at(NOW)) as _, entropy as _);
    let refused = boot::open(Settings { journal, ..settings() }, master, edge, 1).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("storage is not shared"), "{refused}");
}
