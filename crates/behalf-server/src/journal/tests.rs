//! What the journal promises, as tests. Real files in a temporary folder, a clock that is moved.

use std::{sync::Arc, time::Duration};

use behalf_core::{
    application::{TokenVersion, credential::Method},
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail},
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    ticket::AuthenticationMethod,
    time::Timestamp,
};
use proptest::prelude::*;
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
async fn a_changed_or_removed_row_is_noticed() {
    for tamper in [
        "UPDATE event SET record = x'01' WHERE seq = 3",
        "UPDATE event SET record = zeroblob(length(record)) WHERE seq = 3",
        "UPDATE event SET record = (SELECT record FROM event WHERE seq = 2) WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "DELETE FROM event WHERE seq = 1",
        "UPDATE event SET at = at + 1 WHERE seq = 3",
        "UPDATE event SET seal = NULL WHERE seq = 5",
        "UPDATE start SET first_seq = 2",
    ] {
        let world = World::new();
        let journal = world.open();
        let lane = journal.lane();
        for _ in 0..5 {
            log(&lane, &world.event(1, 2)).await;
        }
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 5 });
        rusqlite::Connection::open(world.file()).unwrap().execute(tamper, []).unwrap();
        let found = journal.verify().unwrap();
        assert!(matches!(found, Verification::Altered { .. }), "{tamper}: {found:?}");
    }
}

#[tokio::test]
async fn a_missing_day_is_noticed_but_not_one_that_retention_took() {
    let world = World::new();
    let options = Options { retention: None, ..Options::default() };
    let journal = world.open_with(&options).unwrap();
    let lane = journal.lane();
    let mut files = Vec::new();
    for _ in 0..3 {
        log(&lane, &world.event(1, 2)).await;
        files.push(world.file());
        world.clock.advance(Duration::from_hours(24));
    }
    let day = Duration::from_hours(24);
    let limits = keeper::Limits::at(Timestamp(NOON.0 + 43_200_000).plus(day), day, i64::MAX);
    keeper::sweep(&world.folder.path().join("journal"), &limits).unwrap();
    assert!(!files[0].exists() && files[1].exists());
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 2 });
    let journal_query = journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(journal_query.entries.len(), 2);
}

#[tokio::test]
async fn a_clock_that_jumps_back_keeps_the_order() {
    let world = World::new();
    let journal = world.open();
    let lane = journal.lane();
    log(&lane, &world.event(1, 2)).await;
    world.clock.advance(Duration::from_hours(1));
    log(&lane, &world.event(1, 2)).await;
    world.clock.jump_to(NOON.plus(Duration::from_secs(1)));
    let mut early = world.event(1, 2);
    let ids_after = RequestIds::new(Arc::new(SeededEntropy::new(2)));
    early.id = ids_after.next(world.clock.now());
    log(&lane, &early).await;
    assert!(journal.find(early.id).unwrap().is_some());
    let page = journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(page.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 });
}

/// What a node leaves behind that was started while the clock was ahead.
#[tokio::test]
async fn a_file_of_a_day_to_come_without_a_row_stops_nothing() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    let leave: [&dyn Fn(); 2] = [
        &|| {
            world.clock.jump_to(world.clock.now().plus(ahead));
            drop(world.open());
            world.clock.jump_to(world.clock.now().minus(ahead));
        },
        &|| {
            let day = day::Day::of(world.clock.now().plus(ahead));
            std::fs::write(day.file(&world.folder.path().join("journal")), "").unwrap();
        },
    ];
    for (leave, rows) in leave.into_iter().zip(1..) {
        let journal = world.open();
        log(&journal.lane(), &world.event(1, 2)).await;
        let newest = world.clock.now();
        drop(journal);
        leave();
        let journal = world.open();
        assert_eq!(journal.newest_at_start(), Some(newest));
        log(&journal.lane(), &world.event(1, 2)).await;
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 * rows - 1 });
        world.clock.advance(ahead);
        log(&journal.lane(), &world.event(1, 2)).await;
        assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 * rows });
        world.clock.advance(ahead);
    }
}

#[tokio::test]
async fn a_clock_put_right_while_the_node_runs_breaks_no_chain() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    world.clock.advance(ahead);
    let journal = world.open();
    world.clock.jump_to(world.clock.now().minus(ahead));
    for _ in 0..3 {
        log(&journal.lane(), &world.event(1, 2)).await;
        world.clock.advance(ahead / 2);
    }
    assert_eq!(journal.verify().unwrap(), Verification::Intact { rows: 3 });
}

/// Its rows are events: the clock is told to be wrong instead (decisions.md 4).
#[tokio::test]
async fn a_file_of_a_day_to_come_with_a_row_is_kept() {
    let world = World::new();
    let ahead = Duration::from_hours(48);
    world.clock.advance(ahead);
    let journal = world.open();
    log(&journal.lane(), &world.event(1, 2)).await;
    drop(journal);
    let (file, newest) = (world.file(), world.clock.now());
    world.clock.jump_to(newest.minus(ahead));
    assert_eq!(world.open().newest_at_start(), Some(newest));
    assert!(file.exists());
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

#[test]
fn a_newer_file_is_refused_with_the_remedy() {
    let world = World::new();
    drop(world.open());
    std::fs::create_dir_all(world.folder.path().join("journal")).unwrap();
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    let refused = world.open_with(&Options::default()).unwrap_err();
    assert!(refused.to_string().contains("upgrade behalf"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let journal = world.open();
    log(&journal.lane(), &world.event(1, 2)).await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.folder.path().join("journal")), 0o700);
    for file in std::fs::read_dir(world.folder.path().join("journal")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

prop_compose! {
    fn events()(
        ids in any::<[u128; 6]>(),
        time in any::<i64>(),
        client in prop_oneof![
            Just(ClientRef::Absent),
            any::<u32>().prop_map(ClientRef::Malformed),
            any::<u128>().prop_map(|id| ClientRef::Id(AppId(Uuid::from_u128(id)))),
        ],
        resource in proptest::option::of(".{0,90}"),
        has in any::<[bool; 4]>(),
        address in any::<std::net::IpAddr>(),
        failed in 0..Step::ALL.len(),
        user in proptest::option::of(0..=8_usize),
        found in ".{0,90}",
        expected in ".{0,90}",
        roles in proptest::collection::vec("[A-Za-z.]{1,120}", 0..8),
        code in any::<u32>(),
    ) -> SignInEvent {
        let mut trail = Trail::default();
        for step in &Step::ALL[..failed] {
            trail.ok(*step);
        }
        trail.failed(Step::ALL[failed]);
        let id = |n: usize| Uuid::from_u128(ids[n]);
        SignInEvent {
            user: user.map(|_| ObjectId(id(2))),
            chain: vec![ObjectId(id(3)); user.unwrap_or_default()],
            id: RequestId(id(0)),
            time: Timestamp(time),
            tenant: TenantId(id(1)),
            grant: if has[0] { Grant::Unknown } else { Grant::ClientCredentials },
            endpoint: if has[1] { Endpoint::V1 } else { Endpoint::V2 },
            client,
            resource,
            resource_app: has[0].then(|| AppId(id(3))),
            credential: has[1].then(|| (Method::Certificate, CredentialId(id(4)))),
            address: has[2].then_some(address),
            correlation: id(5),
            trail,
            outcome: if has[3] {
                let kid = "A".repeat(27);
                Outcome::Issued { kid, version: TokenVersion::V2, expires: time, roles }
            } else if code % 4 == 0 {
                let all = [AuthenticationMethod::Password, AuthenticationMethod::MultiFactor];
                Outcome::SignedIn { methods: all.into_iter().take(roles.len()).collect() }
            } else if code % 4 == 1 {
                Outcome::Revoked
            } else {
                Outcome::Refused { code, found, expected }
            },
        }
    }
}

/// What may be cut, cut away.
fn without_texts(mut event: SignInEvent) -> SignInEvent {
    event.resource = event.resource.map(|_| String::new());
    match &mut event.outcome {
        Outcome::Issued { roles, .. } => roles.clear(),
        Outcome::SignedIn { .. } | Outcome::Revoked => {}
        Outcome::Refused { found, expected, .. } => {
            found.clear();
            expected.clear();
        }
    }
    event
}

fn texts(event: &SignInEvent) -> Vec<String> {
    let mut texts: Vec<_> = event.resource.iter().cloned().collect();
    match &event.outcome {
        Outcome::Issued { roles, .. } => texts.extend(roles.iter().cloned()),
        Outcome::SignedIn { .. } | Outcome::Revoked => {}
        Outcome::Refused { found, expected, .. } => {
            texts.extend([found.clone(), expected.clone()]);
        }
    }
    texts
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was_but_for_texts_that_were_cut(event in events()) {
        let bytes = record::encode(&event);
        prop_assert!(bytes.len() <= record::MAX, "{}", bytes.len());
        let Ok(Record::SignIn(read)) = record::decode(&bytes) else { panic!("unreadable") };
        let read = *read;
        prop_assert_eq!(without_texts(read.clone()), without_texts(event.clone()));
        for (kept, whole) in texts(&read).iter().zip(texts(&event)) {
            match kept.strip_suffix(record::CUT) {
                Some(head) if *kept != whole => prop_assert!(whole.starts_with(head)),
                _ => prop_assert_eq!(kept, &whole),
            }
        }
        let total: usize = texts(&event).iter().map(|text| text.len() + 2).sum();
        if total < 150 - 10 * event.chain.len() {
            prop_assert_eq!(read, event.clone(), "nothing short is cut");
        }
        let fixed = record::fixed(&bytes).unwrap();
        prop_assert_eq!((fixed.id, fixed.tenant, fixed.correlation), (event.id, event.tenant, event.correlation));
        prop_assert_eq!(fixed.time, event.time);
    }

    #[test]
    fn damaged_records_are_refused_without_a_panic(
        event in events(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = record::encode(&event).to_vec();
        prop_assert_eq!(record::decode(&bytes[..end.index(bytes.len())]).is_err(), true);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        // Any answer but a panic will do: a changed letter is still a letter.
        drop(record::decode(&bytes));
        let _ = record::fixed(&bytes);
        bytes[0] = 3;
        prop_assert_eq!(record::decode(&bytes), Err(RecordError::Newer));
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(record::decode(&bytes));
        let _ = record::fixed(&bytes);
    }
}

#[test]
fn outcomes_have_the_numbers_that_lie_in_files_already() {
    let world = World::new();
    let tail = |outcome| {
        let bytes = record::encode(&SignInEvent { outcome, ..world.event(1, 2) }).to_vec();
        // Behind the two flags of the resource, neither of them set.
        bytes[bytes.len() - 40..].to_vec()
    };
    let ends = |outcome, end: &[u8]| {
        let tail = tail(outcome);
        assert!(tail.ends_with(end), "{tail:?}");
    };
    let (kid, roles) = ("k".to_owned(), Vec::new());
    let issued = Outcome::Issued { kid, version: TokenVersion::V2, expires: 3, roles };
    ends(issued, &[1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, b'k', 0]);
    let refused = Outcome::Refused { code: 7, found: "f".into(), expected: "e".into() };
    ends(refused, &[2, 7, 0, 0, 0, 1, 0, b'f', 1, 0, b'e']);
    let methods = vec![AuthenticationMethod::Password, AuthenticationMethod::MultiFactor];
    ends(Outcome::SignedIn { methods }, b"\x03\x07\0pwd mfa");
    ends(Outcome::Revoked, &[4]);
    let mut newer =
        record::encode(&SignInEvent { outcome: Outcome::Revoked, ..world.event(1, 2) }).to_vec();
    *newer.last_mut().unwrap() = 5;
    assert_eq!(record::decode(&newer), Err(RecordError::Newer));
}

#[test]
fn a_full_disk_asks_for_space_and_a_damaged_file_for_its_backup() {
    let told = |code| {
        let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        OpenError::File { path: "j".into(), cause }.to_string()
    };
    assert!(told(rusqlite::ffi::SQLITE_FULL).ends_with("; free some space on its disk"));
    assert!(told(rusqlite::ffi::SQLITE_IOERR).contains("full, read-only or broken"));
    for code in [rusqlite::ffi::SQLITE_CORRUPT, rusqlite::ffi::SQLITE_NOTADB] {
        assert!(told(code).ends_with("; restore it or move it away"));
    }
}
