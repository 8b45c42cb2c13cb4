//! Connections that are cut, at every moment of a commit.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use behalf_store::{
    Backend as _, Change, ChangeSink, CommitError, Expect, Seq,
    postgres::{Options, Postgres},
};
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::{
    database::{client, fresh, options, url},
    postgres::{
        proxy::{Fault, Proxy},
        slow::waiting,
    },
    support::{key, one, set},
};

#[derive(Default)]
struct Heard(Mutex<Vec<Seq>>);

impl ChangeSink for Heard {
    fn apply(&self, seq: Seq, _: &[Change]) {
        self.0.lock().unwrap().push(seq);
    }
}

/// A backend behind a proxy, with one record and one number given.
async fn behind_a_proxy() -> (Proxy, Postgres, Arc<Heard>) {
    let proxy = Proxy::start().await;
    let backend = Postgres::open(&proxy.options(&fresh().await)).await.unwrap();
    let heard = Arc::new(Heard::default());
    backend.watch(Arc::clone(&heard) as _);
    let first = set(|s| s.put(key("first"), vec![1], Expect::Absent));
    assert_eq!(backend.commit(first).await, Ok(Seq(1)));
    (proxy, backend, heard)
}

async fn numbers(backend: &Postgres) -> Vec<u64> {
    let changes = backend.changes_since(Seq(0), 1_000).await.unwrap();
    changes.commits.iter().map(|(seq, _)| seq.0).collect()
}

/// `Absent` would be refused if it were written twice.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_commit_whose_answer_is_lost_happened_once_and_its_caller_is_told() {
    let (proxy, backend, heard) = behind_a_proxy().await;
    for n in 2..20 {
        proxy.set(Fault::AnswerLost);
        let put = set(|s| s.put(key(&n.to_string()), vec![1], Expect::Absent));
        assert_eq!(backend.commit(put).await, Ok(Seq(n)));
        assert!(proxy.happened());
        assert!(one(&backend, key(&n.to_string())).await.is_some());
    }
    assert_eq!(numbers(&backend).await, (1..20).collect::<Vec<_>>());
    assert_eq!(*heard.0.lock().unwrap(), (1..20).map(Seq).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_commit_that_did_not_arrive_is_made_again() {
    let (proxy, backend, heard) = behind_a_proxy().await;
    for n in 2..20 {
        proxy.set(Fault::CommitLost);
        let put = set(|s| s.put(key(&n.to_string()), vec![1], Expect::Absent));
        assert_eq!(backend.commit(put).await, Ok(Seq(n)));
        assert!(proxy.happened());
    }
    assert_eq!(numbers(&backend).await, (1..20).collect::<Vec<_>>());
    assert_eq!(*heard.0.lock().unwrap(), (1..20).map(Seq).collect::<Vec<_>>());
}

/// Nobody can say what came of it, so nobody does.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn what_is_not_known_by_the_deadline_is_said_to_be_unknown() {
    let (proxy, backend, _) = behind_a_proxy().await;
    proxy.set(Fault::AnswerLostForGood);
    let put = || set(|s| s.put(key("a"), vec![1], Expect::Absent));
    let told = backend.commit(put()).await.unwrap_err();
    assert!(told.to_string().ends_with("the write may have happened"), "{told}");
    // While the database is away that is said at once.
    let away = backend.commit(put()).await.unwrap_err();
    assert!(away.to_string().contains("cannot be reached"), "{away}");
    proxy.reopen();
    let found = loop {
        match backend.commit(put()).await {
            Err(CommitError::Unavailable(_)) => sleep(Duration::from_millis(10)).await,
            result => break result,
        }
    };
    assert!(matches!(found, Err(CommitError::Conflict { found: Some(_), .. })), "{found:?}");
}

/// Ends connections: how many.
async fn terminate(client: &Client, which: &str) -> usize {
    let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}");
    client.query(&sql, &[]).await.unwrap().len()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn idle_connections_that_were_ended_cost_no_error() {
    let (client, schema) = (client(&url()).await, fresh().await);
    // A user of its own: other tests' connections are left alone.
    let user = format!("CREATE ROLE {schema} SUPERUSER LOGIN PASSWORD 'own'");
    client.batch_execute(&user).await.unwrap();
    let url = url().replacen("behalf:throw-away", &format!("{schema}:own"), 1);
    let options = Options::parse(&format!("{url}?schema={schema}")).unwrap();
    let backend = Postgres::open(&options).await.unwrap();
    for n in 1..20 {
        let put = set(|s| s.put(key(&n.to_string()), vec![1], Expect::Absent));
        assert_eq!(backend.commit(put).await, Ok(Seq(n)));
        assert!(one(&backend, key("1")).await.is_some());
        assert!(terminate(&client, &format!("usename = '{schema}'")).await > 0);
        assert!(one(&backend, key("1")).await.is_some());
    }
}

/// The connection is ended while the transaction waits for a row: nothing of it happened.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_transaction_that_was_ended_under_way_is_made_again() {
    let schema = fresh().await;
    let backend = Arc::new(Postgres::open(&options(&schema)).await.unwrap());
    backend.commit(set(|s| s.put(key("a"), vec![1], Expect::Absent))).await.unwrap();
    let (holder, watcher) = (client(&url()).await, client(&url()).await);
    let hold = format!("BEGIN; SELECT 1 FROM {schema}.record FOR UPDATE");
    holder.batch_execute(&hold).await.unwrap();
    let put = set(|s| s.put(key("a"), vec![2], Expect::Any));
    let writer = Arc::clone(&backend);
    let committed = tokio::spawn(async move { writer.commit(put).await });
    while terminate(&watcher, &waiting(&schema)).await == 0 {}
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(committed.await.unwrap(), Ok(Seq(2)));
    assert_eq!(one(&*backend, key("a")).await.unwrap().document, [2]);
}
