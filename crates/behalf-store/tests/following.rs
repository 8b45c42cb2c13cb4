//! Nodes that share a database: what one commits another knows in time, or knows that it does not
//! know (implementation.md 2.3, decisions.md 26). All on paused time.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail a test so")]

#[path = "following/database.rs"]
mod database;

use std::{sync::Arc, time::Duration};

use behalf_core::{
    id::{CredentialId, TenantId},
    tenant::Tenant,
    time::Timestamp,
};
use behalf_store::{
    BOUND, CommitError, Expect, ReadError, Stamp, Standing, Store, WriteSet, records::tenant,
    sqlite::Sqlite,
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngSeed, TestRunner},
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use database::{Carries, Database, Line, read, timing, write};

const WINDOW: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// A node that follows.
async fn node(database: &Arc<Database>) -> (Store, Arc<Line>) {
    let line = Line::to(database);
    let store = Store::open(Arc::clone(&line) as _).await.unwrap();
    tokio::spawn(store.follow(timing(WINDOW)).unwrap().run());
    (store, line)
}

/// A stamp of what `store` reads now.
async fn stamp(store: &Store) -> Stamp {
    let reading = store.reading();
    reading.tenant(database::acme(0).id).await.unwrap();
    reading.stamp()
}

#[tokio::test(start_paused = true)]
async fn news_are_known_at_once_and_without_news_the_poll_brings_them() {
    let database = Arc::default();
    let ((a, _), (b, line)) = (node(&database).await, node(&database).await);
    write(&a, 1).await.unwrap();
    sleep(SECOND).await;
    for (deaf, within) in [(false, Duration::from_millis(50)), (true, Duration::from_millis(1_050))]
    {
        line.deafen(deaf);
        let known = stamp(&b).await;
        write(&a, 2).await.unwrap();
        assert!(b.is_current(&known), "nobody has told it yet");
        sleep(within).await;
        assert!(!b.is_current(&known), "deaf: {deaf}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_line_is_away_after_ten_seconds_and_lost_after_the_window() {
    let database = Arc::default();
    let (b, line) = node(&database).await;
    write(&b, 1).await.unwrap();
    sleep(SECOND).await;
    line.becomes(Carries::Nothing);
    sleep(8 * SECOND).await;
    assert_eq!(b.standing(), Standing::Current);
    sleep(3 * SECOND).await;
    assert!(matches!(b.standing(), Standing::Away { lasting } if lasting > BOUND));
    let followed = b.followed().unwrap();
    assert!(followed.lag > BOUND && followed.failures > 9, "{followed:?}");
    sleep(WINDOW).await;
    assert_eq!(b.standing(), Standing::Lost);
    line.becomes(Carries::After(Duration::ZERO));
    sleep(2 * SECOND).await;
    assert_eq!(b.standing(), Standing::Current, "two seconds after the database is back");
    assert_eq!(read(&b).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_says_nothing_is_as_good_as_cut() {
    let database = Arc::default();
    let (b, line) = node(&database).await;
    sleep(SECOND).await;
    line.becomes(Carries::Silence);
    sleep(BOUND + 2 * SECOND).await;
    assert!(matches!(b.standing(), Standing::Away { .. }));
    line.becomes(Carries::After(Duration::ZERO));
    sleep(3 * SECOND).await;
    assert_eq!(b.standing(), Standing::Current, "a look that hung is given up after two seconds");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_away_neither_reads_nor_writes_and_does_not_wait_for_it() {
    let database = Arc::default();
    let (b, line) = node(&database).await;
    write(&b, 1).await.unwrap();
    line.becomes(Carries::Silence);
    let before = Instant::now();
    assert!(matches!(read(&b).await, Err(ReadError::Unavailable(_))));
    assert_eq!(before.elapsed(), 2 * SECOND, "while it counts as current the backend is asked");
    let before = Instant::now();
    assert!(matches!(write(&b, 2).await, Err(CommitError::Unavailable(_))));
    assert_eq!(before.elapsed(), 5 * SECOND, "what became of a write takes longer to find out");
    sleep(BOUND).await;
    let before = Instant::now();
    let why = read(&b).await.unwrap_err();
    assert!(matches!(why, ReadError::Away { .. }));
    assert!(why.to_string().ends_with("last known 17 seconds ago"), "{why}");
    assert!(matches!(write(&b, 2).await, Err(CommitError::Unavailable(_))));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_credentials_were_used_is_written_when_the_database_is_back() {
    let database = Arc::default();
    let (b, line) = node(&database).await;
    let (home, credential) = (database::acme(0).id, CredentialId(Uuid::from_u128(7)));
    let at = |minutes| Timestamp(0).plus(Duration::from_mins(minutes));
    sleep(SECOND).await;
    line.becomes(Carries::Nothing);
    b.credential_used(home, credential, at(1));
    assert!(b.flush_usage(at(1), false).await.is_err(), "nobody has noticed yet");
    sleep(BOUND + SECOND).await;
    b.flush_usage(at(2), false).await.unwrap();
    assert!(b.flush_usage(at(2), true).await.is_err(), "the process ends");
    line.becomes(Carries::After(Duration::ZERO));
    sleep(2 * SECOND).await;
    b.flush_usage(at(3), false).await.unwrap();
    let elsewhere = Store::open(Line::to(&database) as _).await.unwrap();
    let last = elsewhere.reading().credential_last_used(home, credential).await;
    assert_eq!(last, Ok(Some(at(1))));
}

#[tokio::test(start_paused = true)]
async fn who_would_refuse_looks_first_and_many_share_a_look() {
    let database = Arc::default();
    let ((a, _), (b, line)) = (node(&database).await, node(&database).await);
    line.deafen(true);
    sleep(SECOND).await;
    let (before, looks) = (b.known(), b.followed().unwrap().catch_ups);
    write(&a, 1).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    let asked = (0..100).map(|_| {
        let b = b.clone();
        tokio::spawn(async move { b.learned_since(before).await })
    });
    for learned in asked.collect::<Vec<_>>() {
        assert!(learned.await.unwrap());
    }
    assert_eq!(b.followed().unwrap().catch_ups, looks + 1);
    assert!(!b.learned_since(b.known()).await, "there is nothing new");
    // Of a thousand before a database that hangs each waits half a second, and not for the others.
    line.becomes(Carries::Silence);
    sleep(Duration::from_millis(1)).await;
    let (began, known) = (Instant::now(), b.known());
    let asked = (0..1_000).map(|_| {
        let b = b.clone();
        tokio::spawn(async move { b.learned_since(known).await })
    });
    for learned in asked.collect::<Vec<_>>() {
        assert!(!learned.await.unwrap());
    }
    assert_eq!(began.elapsed(), SECOND / 2);
    sleep(BOUND + SECOND).await;
    assert!(!b.learned_since(before).await, "nor is anything learned while it is away");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_lost_commits_is_remembered_by_nothing() {
    let database: Arc<Database> = Arc::default();
    let ((a, _), (b, line)) = (node(&database).await, node(&database).await);
    for state in 0..5 {
        write(&a, state).await.unwrap();
    }
    sleep(SECOND).await;
    let lost = stamp(&b).await;
    assert!(b.is_current(&lost));
    // Two commits are gone, and nobody has made others.
    database.fails_over(3, 2);
    sleep(2 * SECOND).await;
    assert!(!b.is_current(&lost));
    let found = stamp(&b).await;
    assert!(b.is_current(&found));
    write(&a, 9).await.unwrap();
    sleep(SECOND).await;
    assert!(!b.is_current(&found), "the numbers of those that are gone count anew");
    // One is gone, and more than that were made before this node looked.
    let lost = stamp(&b).await;
    line.becomes(Carries::Nothing);
    database.fails_over(3, 2);
    sleep(2 * SECOND).await;
    for other in 11..15 {
        let mut set = WriteSet::new();
        tenant::put(
            &mut set,
            &Tenant::new(other_id(other), "X", vec![], Timestamp(0)),
            Expect::Any,
        );
        a.commit(set).await.unwrap();
    }
    line.becomes(Carries::After(Duration::ZERO));
    sleep(2 * SECOND).await;
    assert!(!b.is_current(&lost), "no commit that is there says that it changed");
    assert_eq!(read(&b).await, Ok(2));
}

fn other_id(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

#[tokio::test]
async fn where_nobody_else_commits_there_is_nothing_to_follow() {
    let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
    assert!(!store.is_shared());
    assert!(store.follow(timing(WINDOW)).is_none());
    assert_eq!((store.standing(), store.followed()), (Standing::Current, None));
}

/// What happens to two nodes; B's line is the one that fails.
#[derive(Debug, Clone, Copy)]
enum Event {
    ChangeOn(Node),
    /// Something is asked of a node, which answers from what it remembers if it may.
    AskB,
    Line(Carries),
    Deafen(bool),
    Pass(Duration),
}

#[derive(Debug, Clone, Copy)]
enum Node {
    A,
    B,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let millis = |range| Strategy::prop_map(range, Duration::from_millis);
    let event = prop_oneof![
        4 => Just(Event::ChangeOn(Node::A)),
        1 => Just(Event::ChangeOn(Node::B)),
        8 => Just(Event::AskB),
        2 => millis(0..4_000_u64).prop_map(|delay| Event::Line(Carries::After(delay))),
        2 => Just(Event::Line(Carries::After(Duration::ZERO))),
        1 => Just(Event::Line(Carries::Nothing)),
        1 => Just(Event::Line(Carries::Silence)),
        1 => any::<bool>().prop_map(Event::Deafen),
        6 => millis(0..3_000_u64).prop_map(Event::Pass),
        1 => millis(0..40_000_u64).prop_map(Event::Pass)
    ];
    vec(event, 30..90)
}

/// What B remembers, and what was true when.
struct Trial {
    a: Store,
    b: (Store, Arc<Line>),
    started: Instant,
    /// What was committed when; the state is the position.
    history: Vec<Instant>,
    /// The newest state that B committed itself.
    own: usize,
    remembered: Option<(Stamp, usize)>,
    /// Since when B's line carries everything at once.
    well_since: Option<Instant>,
    answered: Answered,
}

/// How many answers there were, by standing.
#[derive(Debug, Default)]
struct Answered {
    current: usize,
    away: usize,
    refused: usize,
}

impl Trial {
    async fn begin() -> Self {
        let database = Arc::default();
        let ((a, _), b) = (node(&database).await, node(&database).await);
        write(&a, 0).await.unwrap();
        let now = Instant::now();
        Self {
            a,
            b,
            started: now,
            history: vec![now],
            own: 0,
            remembered: None,
            well_since: Some(now),
            answered: Answered::default(),
        }
    }

    async fn change(&mut self, node: Node) {
        let state = self.history.len();
        let store = match node {
            Node::A => &self.a,
            Node::B => &self.b.0,
        };
        // Noted before it is tried: a line that fails afterwards does not take it back.
        self.history.push(Instant::now());
        let committed = write(store, state).await;
        match (node, committed) {
            (Node::A, committed) => assert!(committed.is_ok()),
            (Node::B, Ok(_)) => self.own = state,
            (Node::B, Err(_)) => {
                self.history.pop();
            }
        }
    }

    async fn ask(&mut self) {
        let store = &self.b.0;
        let asked = Instant::now();
        let warm = self.remembered.filter(|(stamp, _)| store.is_current(stamp));
        let standing = store.standing();
        let state = match (standing, warm) {
            (Standing::Lost, _) => None,
            (_, Some((_, state))) => Some(state),
            (_, None) => {
                let reading = store.reading();
                let found = reading.tenant(database::acme(0).id).await.ok().flatten();
                found.map(|found| {
                    let state = found.value.display_name.parse().unwrap();
                    self.remembered = Some((reading.stamp(), state));
                    state
                })
            }
        };
        let Some(state) = state else {
            self.answered.refused += 1;
            return;
        };
        let bound = match standing {
            Standing::Current => {
                self.answered.current += 1;
                BOUND
            }
            Standing::Away { lasting } => {
                self.answered.away += 1;
                assert!(lasting <= BOUND + WINDOW);
                lasting
            }
            Standing::Lost => unreachable!(),
        };
        let well = self.well_since.is_some_and(|since| asked - since > 8 * SECOND);
        let bound = if well { 2 * SECOND } else { bound };
        assert!(state >= self.own, "what it committed itself it knows at once");
        if let Some(replaced) = self.history.get(state + 1) {
            let late = asked.saturating_duration_since(*replaced);
            assert!(late <= bound, "{late:?} stale, {standing:?}, well: {well}");
        }
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::ChangeOn(node) => self.change(node).await,
            Event::AskB => self.ask().await,
            Event::Line(carries) => {
                self.b.1.becomes(carries);
                let well = carries == Carries::After(Duration::ZERO);
                let since = self.well_since.unwrap_or_else(Instant::now);
                self.well_since = well.then_some(since);
            }
            Event::Deafen(deaf) => self.b.1.deafen(deaf),
            Event::Pass(duration) => sleep(duration).await,
        }
        assert!(self.started.elapsed() < Duration::from_hours(2));
    }
}

/// Thousands of answers on one node after changes on another, with news that come, are lost
/// or late, and a line that is slow, cut or dead: none is staler than its standing allows.
#[test]
fn no_answer_is_staler_than_the_bound() {
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let mut all = Answered::default();
    for _ in 0..400 {
        let events = events().new_tree(&mut runner).unwrap().current();
        let mut time = tokio::runtime::Builder::new_current_thread();
        let paused = time.enable_time().start_paused(true).build().unwrap();
        let answered = paused.block_on(async {
            let mut trial = Trial::begin().await;
            for event in &events {
                trial.happens(*event).await;
            }
            trial.answered
        });
        all.current += answered.current;
        all.away += answered.away;
        all.refused += answered.refused;
    }
    assert!(all.current > 3_000 && all.away > 300 && all.refused > 300, "{all:?}");
}
