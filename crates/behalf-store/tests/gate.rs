//! The gate before commits: what comes while it is held fails at once, what was before it counts.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail a test so")]

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use behalf_core::id::TenantId;
use behalf_store::{CommitError, Expect, Key, Kind, Store, WriteSet, sqlite::Sqlite};
use uuid::Uuid;

async fn store() -> Store {
    Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap()
}

fn write(id: &str) -> WriteSet {
    let key = Key::new(TenantId(Uuid::from_bytes([1; 16])), Kind::Application, id.as_bytes());
    let mut set = WriteSet::new();
    set.put(key, b"x".to_vec(), Expect::Absent);
    set
}

#[tokio::test]
async fn while_it_is_held_nobody_else_writes() {
    let store = store().await;
    store.commit(write("before")).await.unwrap();
    let held = store.hold().await.unwrap();
    let refused = store.commit(write("during")).await.unwrap_err();
    assert_eq!(
        refused,
        CommitError::Unavailable(
            "nothing is written while the directory moves to another store: try again soon".into()
        )
    );
    held.commit(write("its own")).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().next().await.unwrap().len(), 2);
    drop(held);
    store.commit(write("after")).await.unwrap();
    store.hold().await.unwrap().for_good();
    store.commit(write("too late")).await.unwrap_err();
    store.hold().await.unwrap_err();
}

/// Whoever holds it sees everything that was begun before, also of callers that went away.
#[tokio::test]
async fn what_was_begun_before_it_is_in_the_store_when_it_is_held() {
    let store = store().await;
    for round in 0..20 {
        let mut commits = Vec::new();
        for n in 0..20 {
            let store = store.clone();
            let mut commit =
                Box::pin(async move { store.commit(write(&format!("{round}.{n}"))).await });
            // Polled once: it has queued. Every other caller goes away.
            let mut context = Context::from_waker(Waker::noop());
            let done = commit.as_mut().poll(&mut context);
            if n % 2 == 0 && done.is_pending() {
                commits.push(commit);
            }
        }
        let (held, ()) = tokio::join!(store.hold(), async {
            for commit in commits {
                commit.await.unwrap();
            }
        });
        let held = held.unwrap();
        let mut snapshot = store.snapshot().await.unwrap();
        assert_eq!(snapshot.next().await.unwrap().len(), (round + 1) * 20);
        drop(held);
    }
}
