//! Nodes that share a database: what one commits another knows in time, or knows that it does not
//! know (implementation.md 2.3, decisions.md 26). All on paused time.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail a test so")]

#[path = "following/database.rs"]
mod database;
#[path = "following/trial.rs"]
mod trial;

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
