//! What shipping promises: every row of every node once and in order, whatever breaks between.

mod fake;
mod merged;
mod whatever_breaks;

use std::path::Path;

use behalf_core::event::SignInEvent;
use behalf_store::shared_log::LogQuery;

use super::*;
use crate::{
    clock::Clock as _,
    entropy::SeededEntropy,
    journal::{
        Durability, Options, Record, Unwritable, day, index, keeper,
        tests::{NOON, World, log},
    },
};
pub(crate) use fake::{FakeLog, Fault};

const DAY: Duration = Duration::from_hours(24);

/// A node with a journal of its own and a database shared with others.
struct Node {
    world: World,
    journal: Option<Journal>,
    shared: Arc<FakeLog>,
    durability: Durability,
    seed: u64,
}

impl Node {
    fn new(shared: &Arc<FakeLog>, seed: u64) -> Self {
        let (world, shared) = (World::new(), Arc::clone(shared));
        // Ids of one node are no other's.
        let ids = RequestIds::new(Arc::new(SeededEntropy::new(seed)));
        let world = World { ids, ..world };
        let mut node =
            Self { world, journal: None, shared, durability: Durability::BeforeAnswer, seed };
        node.start();
        node
    }

    fn start(&mut self) {
        self.journal = None;
        let options = Options { shared: true, durability: self.durability, ..Options::default() };
        self.journal = Some(self.world.open_with(&options).unwrap());
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn id(&self) -> NodeId {
        let entropy = SeededEntropy::new(self.seed);
        self.journal().node_id(self.world.folder.path(), &entropy).unwrap()
    }

    fn shipper(&self) -> Shipper {
        let to = Destination { log: Arc::<FakeLog>::clone(&self.shared), node: self.id() };
        self.journal().shipper(to, Arc::new(SeededEntropy::new(self.seed + 100))).unwrap()
    }

    async fn log(&self, count: usize) -> Vec<SignInEvent> {
        let lane = self.journal().lane();
        let mut events = Vec::new();
        for _ in 0..count {
            let event = self.world.event(1, 2);
            log(&lane, &event).await;
            events.push(event);
        }
        events
    }

    fn shipped(&self) -> Vec<RequestId> {
        self.shared.rows(self.id()).iter().map(|row| row.request).collect()
    }

    fn folder(&self) -> std::path::PathBuf {
        self.world.folder.path().join("journal")
    }
}

fn ids(events: &[SignInEvent]) -> Vec<RequestId> {
    events.iter().map(|event| event.id).collect()
}

/// Removes rows as somebody would who tampers.
fn remove(file: &Path, rows: &str) {
    let file = rusqlite::Connection::open(file).unwrap();
    file.execute(&format!("DELETE FROM event WHERE seq {rows}"), []).unwrap();
}

#[tokio::test]
async fn rows_go_in_order_in_batches_and_over_days() {
    let node = Node::new(&Arc::default(), 1);
    let mut events = node.log(3).await;
    node.world.clock.advance(DAY);
    events.extend(node.log(2).await);
    node.world.clock.advance(DAY * 3);
    events.extend(node.log(1).await);
    let mut shipper = node.shipper();
    // A shipment holds rows of one day.
    for rows in [3, 2, 1] {
        assert_eq!(shipper.step().await.unwrap(), Step::Shipped(rows));
    }
    assert_eq!(shipper.step().await.unwrap(), Step::Idle);
    assert_eq!(node.shipped(), ids(&events));
    events.extend(node.log(1500).await);
    assert_eq!(shipper.step().await.unwrap(), Step::Shipped(1000));
    let counts = node.journal().shipped().unwrap();
    assert_eq!((counts.waiting, counts.rows, counts.batches), (500, 1006, 4));
    assert_eq!(counts.oldest, Some(node.world.clock.now()));
    assert_eq!(shipper.step().await.unwrap(), Step::Shipped(500));
    assert_eq!(node.shipped(), ids(&events));
    let counts = node.journal().shipped().unwrap();
    assert_eq!((counts.waiting, counts.oldest), (0, None));
    assert_eq!(node.shared.shipments(), 5);
    let row = &node.shared.rows(node.id())[0];
    assert_eq!((row.tenant, row.time, row.seq), (events[0].tenant, NOON, 1));
    assert_eq!(record::decode(&row.record).unwrap(), Record::SignIn(Box::new(events[0].clone())));
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let mut node = Node::new(&Arc::default(), 1);
    let mut events = node.log(3).await;
    assert!(node.shipper().finish().await);
    events.extend(node.log(2).await);
    node.start();
    events.extend(node.log(1).await);
    assert!(node.shipper().finish().await);
    assert!(node.shipper().finish().await, "nothing more");
    assert_eq!(node.shipped(), ids(&events));
    let counts = node.journal().shipped().unwrap();
    assert_eq!((counts.rows, counts.waiting), (3, 0));
}

#[tokio::test]
async fn a_shipment_whose_answer_was_lost_is_not_sent_again() {
    let node = Node::new(&Arc::default(), 1);
    let events = node.log(3).await;
    node.shared.break_next([Some(Fault::Unanswered)]);
    let mut shipper = node.shipper();
    assert!(matches!(shipper.step().await, Err(Failure::Away(_))));
    assert_eq!(shipper.step().await.unwrap(), Step::Idle, "it was found there");
    assert_eq!(node.shipped(), ids(&events));
    assert_eq!(node.shared.shipments(), 1);
}

#[tokio::test]
async fn two_that_ship_for_one_node_do_no_harm() {
    let node = Node::new(&Arc::default(), 1);
    let mut events = node.log(2).await;
    let (mut one, mut other) = (node.shipper(), node.shipper());
    assert_eq!(one.step().await.unwrap(), Step::Shipped(2));
    assert_eq!(other.step().await.unwrap(), Step::Idle);
    events.extend(node.log(2).await);
    assert_eq!(one.step().await.unwrap(), Step::Shipped(2));
    events.extend(node.log(1).await);
    assert!(matches!(other.step().await, Err(Failure::Overtaken)));
    assert_eq!(other.step().await.unwrap(), Step::Shipped(1));
    assert_eq!(node.shipped(), ids(&events));
}

#[tokio::test]
async fn rows_that_are_gone_are_a_row_of_their_own() {
    let node = Node::new(&Arc::default(), 1);
    let events = node.log(2).await;
    assert!(node.shipper().finish().await);
    node.log(3).await;
    remove(&node.world.file(), "IN (4, 5)");
    node.log(1).await;
    assert!(node.shipper().finish().await);
    let rows = node.shared.rows(node.id());
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 6]);
    let Record::Gap(gap) = record::decode(&rows[3].record).unwrap() else { panic!("no gap") };
    assert_eq!((gap.first, gap.last, gap.time), (4, 5, NOON));
    assert_eq!((gap.id, rows[3].tenant.0), (rows[3].request, Uuid::nil()));
    assert_eq!(rows[0].request, events[0].id);
    // It is the end of no shipment: the next one goes on behind it.
    node.log(1).await;
    assert!(node.shipper().finish().await);
    assert_eq!(node.shared.rows(node.id()).len(), 6);
}

#[tokio::test]
async fn rows_that_retention_took_before_anything_was_shared_are_no_gap() {
    let node = Node::new(&Arc::default(), 1);
    node.log(2).await;
    node.world.clock.advance(DAY * 40);
    let events = node.log(2).await;
    let limits = keeper::Limits::at(node.world.clock.now(), DAY * 30, i64::MAX);
    keeper::sweep(&node.folder(), &limits).unwrap();
    assert!(node.shipper().finish().await);
    assert_eq!(node.shipped(), ids(&events));
}

#[tokio::test]
async fn what_is_not_shipped_is_kept_for_twice_the_retention() {
    let node = Node::new(&Arc::default(), 1);
    node.log(1).await;
    let first = node.world.file();
    assert!(node.shipper().finish().await);
    let sweep = |node: &Node| {
        let shipped = node.journal().shared.progress.shipped();
        let limits = keeper::Limits::at(node.world.clock.now(), DAY * 2, shipped);
        keeper::sweep(&node.folder(), &limits).unwrap();
    };
    node.world.clock.advance(DAY);
    node.log(1).await;
    let second = node.world.file();
    node.world.clock.advance(DAY * 3);
    sweep(&node);
    assert!(!first.exists() && second.exists(), "the second day is not shipped");
    node.world.clock.advance(DAY);
    node.log(1).await;
    sweep(&node);
    assert!(second.exists());
    node.world.clock.advance(DAY);
    sweep(&node);
    assert!(!second.exists(), "at twice the retention it goes");
    assert!(node.shipper().finish().await);
    let rows = node.shared.rows(node.id());
    assert!(
        matches!(record::decode(&rows[1].record), Ok(Record::Gap(gap)) if gap.first == gap.last)
    );
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_journal_whose_shipped_rows_retention_took_goes_on() {
    let mut node = Node::new(&Arc::default(), 1);
    node.log(2).await;
    assert!(node.shipper().finish().await);
    node.world.clock.advance(DAY * 40);
    node.start();
    let file = node.world.file();
    let limits = keeper::Limits::at(node.world.clock.now(), DAY * 30, i64::MAX);
    keeper::sweep(&node.folder(), &limits).unwrap();
    assert_eq!(day::Day::all(&node.folder()).unwrap().len(), 1, "today's");
    // The numbers go on where the removed file ended.
    assert!(matches!(node.shipper().step().await, Ok(Step::Idle)), "{}", file.display());
    let events = node.log(2).await;
    assert!(node.shipper().finish().await);
    assert_eq!(node.shipped()[2..], ids(&events));
}

#[tokio::test]
async fn a_copied_data_folder_ships_nothing_and_says_what_to_do() {
    let shared = Arc::default();
    let (original, mut copy) = (Node::new(&shared, 1), Node::new(&shared, 1));
    original.log(2).await;
    let before = original.id();
    assert!(original.shipper().finish().await);
    copy.journal = None;
    for file in std::fs::read_dir(original.folder()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.folder().join(file.file_name())).unwrap();
    }
    let id = |node: &Node| node.world.folder.path().join("node.id");
    std::fs::copy(id(&original), id(&copy)).unwrap();
    copy.start();
    assert_eq!(copy.id(), before);
    copy.world.ids = RequestIds::new(Arc::new(SeededEntropy::new(9)));
    // Both go on: the first to ship wins the name.
    let mut late = copy.shipper();
    assert_eq!(late.step().await.unwrap(), Step::Idle);
    let mut events = original.log(3).await;
    let own = copy.log(3).await;
    assert!(original.shipper().finish().await);
    assert!(matches!(late.step().await, Err(Failure::Overtaken)));
    for mut shipper in [late, copy.shipper()] {
        let refused = shipper.step().await.unwrap_err();
        assert!(matches!(refused, Failure::Foreign { seq: 5, .. }), "{refused}");
        assert!(refused.to_string().contains("remove node.id"), "{refused}");
        assert_eq!(shipper.rest_after(&refused), MENDING);
    }
    events.extend(original.log(1).await);
    assert!(original.shipper().finish().await);
    assert_eq!(original.shipped()[2..], ids(&events));
    // Mended: a node of its own, whose copied rows are told once.
    std::fs::remove_file(id(&copy)).unwrap();
    copy.seed = 3;
    assert!(copy.shipper().finish().await);
    assert_ne!(copy.id(), before);
    assert_eq!(copy.shipped()[2..], ids(&own));
    let page = shared.query(LogQuery { limit: 100, ..LogQuery::default() }).await.unwrap();
    assert_eq!(page.rows.len(), 2 + 3 + 1 + 3);
}

#[tokio::test]
async fn an_older_copy_of_the_own_data_ships_nothing() {
    let shared = Arc::default();
    let mut node = Node::new(&shared, 1);
    node.log(1).await;
    node.journal = None;
    let older = std::fs::read(node.world.file()).unwrap();
    node.start();
    node.log(2).await;
    assert!(node.shipper().finish().await);
    node.journal = None;
    std::fs::write(node.world.file(), older).unwrap();
    for sidecar in ["-wal", "-shm"] {
        let mut file = node.world.file().into_os_string();
        file.push(sidecar);
        index::remove(Path::new(&file)).unwrap();
    }
    node.start();
    assert!(matches!(node.shipper().step().await, Err(Failure::Foreign { seq: 3, .. })));
}

#[tokio::test]
async fn a_node_whose_journal_was_lost_starts_anew() {
    let shared = Arc::default();
    let mut node = Node::new(&shared, 1);
    node.log(2).await;
    let before = node.id();
    assert!(node.shipper().finish().await);
    node.journal = None;
    std::fs::remove_dir_all(node.folder()).unwrap();
    node.seed = 2;
    node.start();
    let events = node.log(1).await;
    assert_ne!(node.id(), before);
    assert!(node.shipper().finish().await);
    assert_eq!(node.shipped(), ids(&events));
    assert_eq!(shared.rows(before).len(), 2);
}

#[tokio::test]
async fn a_row_of_a_newer_version_goes_as_it_is() {
    let node = Node::new(&Arc::default(), 1);
    node.log(1).await;
    let file = rusqlite::Connection::open(node.world.file()).unwrap();
    file.execute("INSERT INTO event (seq, at, record) VALUES (2, 77, x'0901ff')", []).unwrap();
    assert!(node.shipper().finish().await);
    let row = &node.shared.rows(node.id())[1];
    assert_eq!((row.record.as_slice(), row.time), ([9, 1, 255].as_slice(), Timestamp(77)));
    assert!(node.shipper().finish().await, "it is known again after a restart");
}

#[tokio::test]
async fn where_answers_wait_for_the_shared_log_they_do() {
    let mut node = Node::new(&Arc::default(), 1);
    node.durability = Durability::BeforeAnswerShared;
    node.start();
    let lane = node.journal().lane();
    let mut shipper = node.shipper();
    let event = node.world.event(1, 2);
    let mut pending = lane.submit(&event).unwrap();
    while node.journal().counts().rows == 0 {
        tokio::task::yield_now().await;
    }
    let early = futures_util::FutureExt::now_or_never(&mut pending);
    assert!(early.is_none(), "it is only on this disk");
    while shipper.step().await.unwrap() == Step::Idle {}
    assert_eq!(pending.await.unwrap().request(), event.id);

    node.shared.set_away(true);
    let pending = lane.submit(&node.world.event(1, 2)).unwrap();
    let refused = tokio::spawn(pending);
    while !refused.is_finished() {
        if let Err(failure) = shipper.step().await {
            shipper.rest_after(&failure);
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(refused.await.unwrap(), Err(Unwritable));
    assert!(!lane.ready(), "nothing more is decided meanwhile");
    node.shared.set_away(false);
    assert!(shipper.finish().await);
    assert!(lane.ready());
    assert_eq!(node.shared.rows(node.id()).len(), 2, "what was not answered is told all the same");
}

#[tokio::test]
async fn without_a_shared_log_nothing_waits_for_one() {
    let world = World::new();
    let journal = world.open();
    log(&journal.lane(), &world.event(1, 2)).await;
    assert_eq!(journal.shipped(), None);
}
