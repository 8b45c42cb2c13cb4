//! A database that has changed hands and may lack what it had acknowledged.

use std::sync::Arc;

use behalf_store::{
    Backend as _, Expect, Footing, History, Key, Kind, Store, WriteSet, postgres::Postgres,
};

use crate::{
    database::{client, fresh, options, url},
    postgres::proxy::{Fault, Proxy},
    support::{key, set, tenant},
};

fn used(id: &str) -> WriteSet {
    set(|s| s.put(Key::new(tenant(1), Kind::UsedTicket, id.as_bytes()), vec![1], Expect::Absent))
}

fn set_on(footing: Footing, mut set: WriteSet) -> WriteSet {
    set.stand_on(footing);
    set
}

/// A backend whose next connection comes soon, and its schema.
async fn behind_a_proxy() -> (Proxy, Postgres, String) {
    let (proxy, schema) = (Proxy::start().await, fresh().await);
    let backend = Postgres::open(&proxy.options(&schema)).await.unwrap();
    (proxy, backend, schema)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn what_is_used_once_is_not_written_until_a_loss_is_settled() {
    let (proxy, backend, schema) = behind_a_proxy().await;
    let before = backend.history().unwrap();
    assert_eq!(before, History { timeline: Some(1), synchronous: false, losses: 0 });
    backend.commit(used("one")).await.unwrap();
    let opened = backend.footing();
    // What a failover to a standby that is behind leaves: the newest rows are not there.
    let newest = format!("DELETE FROM {schema}.batch; DELETE FROM {schema}.record");
    client(&url()).await.batch_execute(&newest).await.unwrap();
    proxy.set(Fault::CommitLost);
    for again in ["two", "one"] {
        let refused = backend.commit(used(again)).await.unwrap_err();
        assert!(refused.to_string().contains("has changed hands"), "{again}: {refused}");
    }
    let lost = backend.history().unwrap();
    assert_eq!(lost, History { losses: 1, ..before });
    backend.commit(set(|s| s.put(key("a"), vec![1], Expect::Absent))).await.unwrap();
    backend.settled(lost);
    assert_eq!(backend.history(), Some(lost));
    // What was opened before the loss is late: its first use may have been lost with it.
    let standing_on = |footing| set_on(footing, used("one"));
    let late = backend.commit(standing_on(opened)).await.unwrap_err();
    assert!(late.to_string().contains("has changed hands"), "{late}");
    backend.commit(standing_on(backend.footing())).await.unwrap();
    backend.commit(used("two")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_loss_that_comes_between_judging_and_settling_is_judged_too() {
    let (proxy, schema) = (Proxy::start().await, fresh().await);
    let backend = Arc::new(Postgres::open(&proxy.options(&schema)).await.unwrap());
    let store = Store::open(Arc::clone(&backend) as _).await.unwrap();
    let admin = client(&url()).await;
    let newest = format!("DELETE FROM {schema}.batch; DELETE FROM {schema}.record");
    let directory = |id: &str| set(|s| s.put(key(id), vec![1], Expect::Any));
    let mut judged = store.history().unwrap();
    for losses in 1..=2 {
        store.commit(directory("a")).await.unwrap();
        admin.batch_execute(&newest).await.unwrap();
        proxy.set(Fault::CommitLost);
        store.commit(directory("b")).await.unwrap();
        let found = store.history().unwrap();
        assert_eq!(found.losses, losses);
        if losses == 1 {
            judged = found;
        }
    }
    store.settled(judged);
    let refused = store.commit(used("one")).await.unwrap_err();
    assert!(refused.to_string().contains("has changed hands"), "{refused}");
    store.settled(store.history().unwrap());
    store.commit(used("one")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_connection_lost_while_old_rows_are_forgotten_is_no_loss() {
    let (proxy, backend, _) = behind_a_proxy().await;
    for n in 1..256 {
        backend.commit(used(&n.to_string())).await.unwrap();
    }
    // The transaction that forgets those before it is itself in doubt.
    proxy.set(Fault::AnswerLost);
    backend.commit(used("256")).await.unwrap();
    assert!(proxy.happened());
    assert_eq!(backend.history().unwrap().losses, 0);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_connection_that_is_cut_is_no_loss() {
    let (proxy, backend, _) = behind_a_proxy().await;
    backend.commit(used("one")).await.unwrap();
    for (fault, id) in [(Fault::CommitLost, "two"), (Fault::AnswerLost, "three")] {
        proxy.set(fault);
        backend.commit(used(id)).await.unwrap();
        assert!(proxy.happened());
        assert!(backend.history().unwrap().losses == 0, "{fault:?}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn numbers_that_come_again_are_new_ones() {
    let schema = fresh().await;
    let store =
        Store::open(Arc::new(Postgres::open(&options(&schema)).await.unwrap())).await.unwrap();
    for id in ["a", "b", "c"] {
        store.commit(set(|s| s.put(key(id), vec![1], Expect::Absent))).await.unwrap();
    }
    store.catch_up().await.unwrap();
    let admin = client(&url()).await;
    let back = format!(
        "UPDATE {schema}.counter SET seq = 1; DELETE FROM {schema}.change_log WHERE seq > 1"
    );
    admin.batch_execute(&back).await.unwrap();
    store.catch_up().await.unwrap();
    assert_eq!(store.history().unwrap().losses, 1);
    let seq = store.commit(set(|s| s.put(key("d"), vec![1], Expect::Absent))).await.unwrap();
    assert_eq!(seq.0, 2);
    assert_eq!(store.catch_up().await.unwrap().0, 2);
}
