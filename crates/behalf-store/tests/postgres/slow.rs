//! A database that is slow or hangs.

use std::{sync::Arc, time::Duration};

use behalf_store::{
    Backend as _, CommitError, Expect, Key, Kind, ReadError, Seq, postgres::Postgres,
};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

use crate::{
    database::{client, fresh, options, url},
    postgres::proxy::Proxy,
    support::{key, one, set, tenant},
};

/// Of the activities of the database, those that wait for a row of this schema.
pub(crate) fn waiting(schema: &str) -> String {
    format!(
        "(SELECT true FROM pg_sleep(0.005)) AND wait_event_type = 'Lock' AND pid IN (
             SELECT pid FROM pg_locks WHERE relation = '{schema}.record'::regclass)"
    )
}

/// Waits until a backend waits for a row of this schema.
async fn somebody_waits(client: &Client, schema: &str) {
    let sql = format!("SELECT 1 FROM pg_stat_activity WHERE {}", waiting(schema));
    while client.query(&sql, &[]).await.unwrap().is_empty() {}
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_row_that_is_held_too_long_is_an_error_by_the_deadline_and_no_longer() {
    let schema = fresh().await;
    let backend = Postgres::open(&options(&schema)).await.unwrap();
    let holder = client(&url()).await;
    let hold = format!("BEGIN; SELECT 1 FROM {schema}.counter FOR UPDATE");
    holder.batch_execute(&hold).await.unwrap();
    let put = || set(|s| s.put(key("a"), vec![1], Expect::Absent));
    let begun = Instant::now();
    let told = backend.commit(put()).await.unwrap_err();
    assert!(matches!(&told, CommitError::Unavailable(cause) if cause.contains("lock")), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(one(&backend, key("a")).await, None, "and nothing of it happened");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(backend.commit(put()).await, Ok(Seq(1)));
}

/// The database ends one of two transactions that wait for each other; if it is ours, it is made
/// again.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_deadlock_is_survived() {
    let schema = fresh().await;
    let backend = Arc::new(Postgres::open(&options(&schema)).await.unwrap());
    let both = |n: u8| {
        set(|s| {
            s.put(key("a"), vec![n], Expect::Any);
            s.put(key("b"), vec![n], Expect::Any);
        })
    };
    backend.commit(both(1)).await.unwrap();
    let (other, watcher) = (client(&url()).await, client(&url()).await);
    let lock = |id: &str| format!("SELECT 1 FROM {schema}.record WHERE id = '{id}' FOR UPDATE");
    // It is in no hurry to look for a circle: ours is the one that is ended.
    let begin = format!("SET deadlock_timeout = '60s'; BEGIN; {}", lock("b"));
    let committed = loop {
        other.batch_execute(&begin).await.unwrap();
        let writer = Arc::clone(&backend);
        let committed = tokio::spawn(async move { writer.commit(both(2)).await });
        somebody_waits(&watcher, &schema).await;
        other.batch_execute(&lock("a")).await.unwrap();
        other.batch_execute("COMMIT").await.unwrap();
        match committed.await.unwrap() {
            // A machine so busy that no time was left for a second try.
            Err(CommitError::Unavailable(_)) => {}
            committed => break committed,
        }
    };
    assert_eq!(committed, Ok(Seq(2)));
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let deadlocks = async || -> i64 { watcher.query_one(sql, &[]).await.unwrap().get(0) };
    timeout(Duration::from_secs(20), async {
        while deadlocks().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

/// Everybody is answered, most at once, and when it goes on so does everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_database_that_hangs_costs_errors_and_nothing_piles_up() {
    let proxy = Proxy::start().await;
    let backend = Arc::new(Postgres::open(&proxy.options(&fresh().await)).await.unwrap());
    let put = |id: u32| set(|s| s.put(key(&id.to_string()), vec![1], Expect::Any));
    backend.commit(put(0)).await.unwrap();
    one(&*backend, key("0")).await.unwrap();
    proxy.hang(true);
    let (mut writers, mut readers) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    let begun = Instant::now();
    for id in 0..10_000 {
        let (writer, reader) = (Arc::clone(&backend), Arc::clone(&backend));
        writers.spawn(async move { (writer.commit(put(id)).await, begun.elapsed()) });
        readers.spawn(async move { (reader.get(&[key("0")]).await, begun.elapsed()) });
    }
    let (written, read) = (writers.join_all().await, readers.join_all().await);
    let late = Duration::from_secs(9);
    for (result, elapsed) in &written {
        assert!(matches!(result, Err(CommitError::Unavailable(_))), "{result:?}");
        assert!(*elapsed < late, "{elapsed:?}");
    }
    for (result, elapsed) in &read {
        assert!(matches!(result, Err(ReadError::Unavailable(_))), "{result:?}");
        assert!(*elapsed < late, "{elapsed:?}");
    }
    let refused = |text: &str| text.contains("wait for the database");
    let refusals = written.iter().filter(|(r, _)| refused(&r.as_ref().unwrap_err().to_string()));
    assert!(refusals.count() > 5_000, "what does not fit into the queue is refused");
    let refusals = read.iter().filter(|(r, _)| refused(&r.as_ref().unwrap_err().to_string()));
    assert!(refusals.count() > 5_000);
    proxy.hang(false);
    let recovered = Instant::now();
    let again =
        async || backend.commit(put(0)).await.is_ok() && backend.get(&[key("0")]).await.is_ok();
    while !again().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(recovered.elapsed() < Duration::from_secs(5), "{:?}", recovered.elapsed());
}

/// A primary that freezes lets connections in and says nothing; its successor is the next host.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_host_that_hangs_keeps_nobody_from_the_next() {
    let (proxy, schema) = (Proxy::start().await, fresh().await);
    let backend = Postgres::open(&proxy.first_of_two(&schema)).await.unwrap();
    let put = |id: &'static str| set(|s| s.put(key(id), vec![1], Expect::Any));
    backend.commit(put("a")).await.unwrap();
    let keys = [key("a")];
    // As many connections as there are for reads, and each of them hangs.
    let read = || backend.get(&keys);
    drop(tokio::join!(read(), read(), read(), read()));
    proxy.hang(true);
    let begun = Instant::now();
    // What was under way at that moment may fail, and at its deadline.
    drop(backend.get(&[key("a")]).await);
    drop(backend.commit(put("b")).await);
    assert_eq!(backend.get(&[key("a")]).await.unwrap().len(), 1, "{:?}", begun.elapsed());
    backend.commit(put("c")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    drop(Postgres::open(&proxy.first_of_two(&schema)).await.unwrap());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_counter_that_is_gone_is_an_error_and_nothing_is_written() {
    let schema = fresh().await;
    let backend = Postgres::open(&options(&schema)).await.unwrap();
    client(&url()).await.batch_execute(&format!("DELETE FROM {schema}.counter")).await.unwrap();
    let once = Key::new(tenant(1), Kind::UsedTicket, b"once");
    for set in
        [set(|s| s.put(key("a"), vec![1], Expect::Any)), set(|s| s.put(once, vec![1], Expect::Any))]
    {
        backend.commit(set).await.unwrap_err();
    }
    let count = format!("SELECT count(*) FROM {schema}.record");
    let rows: i64 = client(&url()).await.query_one(&count, &[]).await.unwrap().get(0);
    assert_eq!(rows, 0);
}
