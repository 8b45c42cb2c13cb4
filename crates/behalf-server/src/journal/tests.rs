//! What the journal promises, as tests. Real files in a temporary folder, a clock that is moved.

mod files;
mod records;

use std::{sync::Arc, time::Duration};

use behalf_core::{
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail},
    id::{AppId, RequestId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::{
    clock::{Clock as _, FrozenClock},
    entropy::{RequestIds, SeededEntropy},
};

pub(super) const NOON: Timestamp = Timestamp(1_764_072_000_000);

pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Arc<FrozenClock>,
    pub(super) ids: RequestIds,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FrozenClock::at(NOON)),
            ids: RequestIds::new(Arc::new(SeededEntropy::new(1))),
        }
    }

    pub(super) fn open(&self) -> Journal {
        self.open_with(&Options::default()).unwrap()
    }

    pub(super) fn open_with(&self, options: &Options) -> Result<Journal, OpenError> {
        let folder = self.folder.path().join("journal");
        let clock: SharedClock = Arc::<FrozenClock>::clone(&self.clock);
        Journal::open(&folder, SealKey::new([7; 32]), options, clock, Backlog::new(1))
    }

    pub(super) fn event(&self, tenant: u128, client: u128) -> SignInEvent {
        let mut trail = Trail::default();
        trail.ok(Step::Tenant);
        trail.failed(Step::Client);
        SignInEvent {
            user: None,
            chain: Vec::new(),
            id: self.ids.next(self.clock.now()),
            time: self.clock.now(),
            tenant: TenantId(Uuid::from_u128(tenant)),
            grant: Grant::ClientCredentials,
            endpoint: Endpoint::V2,
            client: ClientRef::Id(AppId(Uuid::from_u128(client))),
            resource: Some("api://ledger".to_owned()),
            resource_app: None,
            credential: None,
            address: Some([192, 0, 2, 1].into()),
            correlation: Uuid::from_u128(9),
            trail,
            outcome: Outcome::Refused {
                code: 700_016,
                found: "no such client".to_owned(),
                expected: "a registered one".to_owned(),
            },
        }
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        day::Day::of(self.clock.now()).file(&self.folder.path().join("journal"))
    }
}

pub(super) async fn log(lane: &Lane, event: &SignInEvent) {
    assert_eq!(lane.submit(event).unwrap().await.unwrap().request(), event.id);
}

fn ids(page: &Page) -> Vec<RequestId> {
    page.entries.iter().map(|entry| entry.record.id()).collect()
}

#[tokio::test]
async fn what_was_logged_is_found_by_its_request_also_after_a_restart() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    let mut events = Vec::new();
    for _ in 0..50 {
        let event = world.event(1, 2);
        log(&lane, &event).await;
        events.push(event);
        world.clock.advance(Duration::from_secs(70));
    }
    for event in &events {
        let entry = journal.find(event.id).unwrap().unwrap();
        assert_eq!(entry.record, Record::SignIn(Box::new(event.clone())));
    }
    drop(journal);
    let journal = world.open();
    assert!(journal.newest_at_start().unwrap() < world.clock.now());
    assert!(journal.find(events[31].id).unwrap().is_some());
    let unknown = world.ids.next(world.clock.now());
    assert_eq!(journal.find(unknown).unwrap(), None);
    assert_eq!(journal.find(RequestId(Uuid::from_u128(5))).unwrap(), None, "no UUIDv7");
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 50 });
}

#[tokio::test]
async fn queries_filter_and_page_over_days() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    let mut events = Vec::new();
    for day in 0..3 {
        for client in 0..4 {
            let event = world.event(day % 2, client);
            log(&lane, &event).await;
            events.push(event);
            world.clock.advance(Duration::from_secs(1));
        }
        world.clock.advance(Duration::from_hours(24));
    }
    let all = journal.query(&Query { limit: 100, ..Query::default() }).unwrap();
    let newest_first: Vec<_> = events.iter().rev().map(|event| event.id).collect();
    assert_eq!(ids(&all), newest_first);
    assert_eq!(all.next, None);

    let tenant = Some(TenantId(Uuid::from_u128(1)));
    let app = Some(AppId(Uuid::from_u128(2)));
    let query = Query { tenant, app, limit: 10, ..Query::default() };
    assert_eq!(ids(&journal.query(&query).unwrap()), [events[6].id]);
    let none = Query { correlation: Some(Uuid::from_u128(8)), limit: 10, ..Query::default() };
    assert!(journal.query(&none).unwrap().entries.is_empty());

    let (since, until) = (Some(events[3].time), Some(events[6].time));
    let between = journal.query(&Query { since, until, limit: 10, ..Query::default() }).unwrap();
    assert_eq!(ids(&between), [events[5].id, events[4].id, events[3].id]);

    let mut paged = Vec::new();
    let mut query = Query { limit: 5, ..Query::default() };
    loop {
        let page = journal.query(&query).unwrap();
        paged.extend(ids(&page));
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(paged, newest_first);
}

#[tokio::test]
async fn an_index_of_closed_hours_answers_as_a_scan_does() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    for n in 0..60_u128 {
        let mut event = world.event(n % 3, n % 5);
        event.correlation = Uuid::from_u128(n / 2);
        log(&lane, &event).await;
        world.clock.advance(Duration::from_mins(37));
    }
    let tenant = |n| Some(TenantId(Uuid::from_u128(n)));
    let app = |n| Some(AppId(Uuid::from_u128(n)));
    let start = Query { limit: 100, ..Query::default() };
    let queries = [
        start,
        Query { tenant: tenant(1), app: app(2), ..start },
        Query { tenant: tenant(1), app: app(2), limit: 2, ..start },
        Query { tenant: tenant(1), app: app(9), ..start },
        Query { correlation: Some(Uuid::from_u128(7)), ..start },
        Query { correlation: Some(Uuid::from_u128(7)), tenant: tenant(2), ..start },
        Query { tenant: tenant(0), app: app(0), before: Some(40), ..start },
        Query {
            tenant: tenant(0),
            app: app(0),
            since: Some(NOON.plus(Duration::from_hours(3))),
            ..start
        },
    ];
    let ask = || queries.map(|query| journal.query(&query).unwrap());
    let scanned = ask();
    assert_eq!(scanned[1].entries.len(), 4);
    assert_eq!(scanned[4].entries.len(), 2);
    let folder = world.folder.path().join("journal");
    let indexes =
        || day::Day::all(&folder).unwrap().into_iter().map(|day| index::file(&day.file(&folder)));
    for end in [NOON.plus(Duration::from_hours(2)), world.clock.now()] {
        index::build(&folder, end, &|| false).unwrap();
        assert_eq!(ask(), scanned);
    }
    assert!(indexes().all(|file| file.exists()));
    // It is asked indeed: without what it knows, nothing is found.
    for file in indexes() {
        rusqlite::Connection::open(file).unwrap().execute("DELETE FROM by_app", []).unwrap();
    }
    assert!(ask()[1].entries.is_empty());
    // Lost or damaged, it is done without and made again.
    for file in indexes() {
        index::remove(&file).unwrap();
        std::fs::write(&file, "no database").unwrap();
    }
    assert_eq!(ask(), scanned);
    while index::build(&folder, world.clock.now(), &|| false).is_err() {}
    assert_eq!(ask(), scanned);
}

#[tokio::test]
async fn many_waiters_share_commits_and_all_wake() {
    let world = World::new();
    let backlog = Backlog::new(1);
    let folder = world.folder.path().join("journal");
    let options = Options { linger: Duration::from_millis(200), ..Options::default() };
    let clock: SharedClock = Arc::<FrozenClock>::clone(&world.clock);
    let key = SealKey::new([7; 32]);
    let journal = Journal::open(&folder, key, &options, clock, Arc::clone(&backlog)).unwrap();
    backlog.publish(0, Duration::from_secs(1));
    let lane = journal.lane();
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let pending = lane.submit(&world.event(1, 2)).unwrap();
            tokio::spawn(pending)
        })
        .collect();
    for task in waiting {
        assert!(task.await.unwrap().is_ok());
    }
    let counts = journal.counts();
    assert_eq!(counts.rows, 64);
    assert!(counts.syncs <= 8, "{counts:?}");
}

#[tokio::test]
async fn futures_that_are_dropped_take_nobody_with_them() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    for round in 0..50 {
        let pending: Vec<_> = (0..8).map(|_| lane.submit(&world.event(1, 2)).unwrap()).collect();
        let kept: Vec<_> =
            pending.into_iter().enumerate().filter(|(n, _)| (n + round) % 3 == 0).collect();
        for (_, pending) in kept {
            assert!(pending.await.is_ok());
        }
    }
    journal.close();
    assert_eq!(journal.counts().rows, 400, "a write goes on without its future");
}

#[tokio::test]
async fn a_journal_without_room_refuses_before_and_recovers_by_itself() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    log(&lane, &world.event(1, 2)).await;
    // Another process holding the file exclusively is as good as a full disk. The next day's file
    // cannot be made either: its name is taken by a folder.
    world.clock.advance(Duration::from_hours(24));
    std::fs::create_dir(world.file()).unwrap();
    assert_eq!(lane.submit(&world.event(1, 2)).unwrap().await, Err(Unwritable));
    assert!(!lane.ready());
    assert_eq!(lane.submit(&world.event(1, 2)).unwrap_err(), Full);
    std::fs::remove_dir(world.file()).unwrap();
    while !lane.ready() {
        tokio::task::yield_now().await;
    }
    log(&lane, &world.event(1, 2)).await;
    assert_eq!(journal.counts().failures, 1);
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 2 });
}

#[tokio::test]
async fn a_relaxed_journal_answers_at_once_and_writes_all() {
    let world = World::new();
    let options = Options { durability: Durability::WithinASecond, ..Options::default() };
    let journal = world.open_with(&options).unwrap();
    let lane = journal.lane();
    let event = world.event(1, 2);
    let pending = lane.submit(&event).unwrap();
    assert!(futures_util::FutureExt::now_or_never(pending).unwrap().is_ok());
    journal.close();
    assert!(journal.find(event.id).unwrap().is_some());
    assert_eq!(lane.submit(&event).unwrap_err(), Full, "it is closed");
}

#[tokio::test]
async fn in_memory_it_answers_the_same_questions() {
    let world = World::new();
    let clock: SharedClock = Arc::<FrozenClock>::clone(&world.clock);
    let journal = Journal::in_memory(&Options::default(), clock, Backlog::new(1)).unwrap();
    let lane = journal.lane();
    let (one, two) = (world.event(1, 2), world.event(1, 3));
    log(&lane, &one).await;
    log(&lane, &two).await;
    assert_eq!(
        journal.find(two.id).unwrap().unwrap().record,
        Record::SignIn(Box::new(two.clone()))
    );
    let app = Some(AppId(Uuid::from_u128(2)));
    let page = journal.query(&Query { app, limit: 9, ..Query::default() }).unwrap();
    assert_eq!(ids(&page), [one.id]);
    let page = journal.query(&Query { limit: 1, ..Query::default() }).unwrap();
    assert_eq!((ids(&page), page.next), (vec![two.id], Some(2)));
}

#[tokio::test]
async fn tallies_are_rows_of_their_own() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    let tally = Tally {
        id: world.ids.next(NOON),
        time: NOON,
        kind: Shed::Overload,
        address: Some("2001:db8::".parse().unwrap()),
        count: 5_000_000_000,
    };
    lane.submit_tally(&tally).unwrap();
    log(&lane, &world.event(1, 2)).await;
    assert_eq!(journal.find(tally.id).unwrap().unwrap().record, Record::Tally(tally));
}

#[tokio::test]
async fn rows_of_a_newer_version_are_skipped_and_counted() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    log(&lane, &world.event(1, 2)).await;
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.execute("INSERT INTO event (seq, at, record) VALUES (2, 0, x'0201ff')", []).unwrap();
    let page = journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(page.entries.len(), 1);
    assert_eq!(journal.counts().skipped, 1);
}
