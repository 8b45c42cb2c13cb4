//! Two nodes on one database.

use std::{sync::Arc, time::Duration};

use behalf_store::{
    Backend as _, CommitError, Expect, Key, Kind, Seq, WriteSet, postgres::Postgres,
};
use tokio::time::timeout;

use crate::{
    database::{fresh, options},
    support::{key, one, set, tenant},
};

async fn two() -> [Arc<Postgres>; 2] {
    let options = options(&fresh().await);
    [
        Arc::new(Postgres::open(&options).await.unwrap()),
        Arc::new(Postgres::open(&options).await.unwrap()),
    ]
}

/// Commits one set on each at the same time: how many succeeded. The others met a conflict.
async fn race(nodes: &[Arc<Postgres>; 2], sets: [WriteSet; 2]) -> usize {
    let [first, second] = sets;
    let (first, second) = tokio::join!(nodes[0].commit(first), nodes[1].commit(second));
    for result in [&first, &second] {
        assert!(matches!(result, Ok(_) | Err(CommitError::Conflict { .. })), "{result:?}");
    }
    usize::from(first.is_ok()) + usize::from(second.is_ok())
}

/// A code, a name: of two nodes that take it one gets it.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn what_must_be_absent_is_taken_once() {
    let nodes = two().await;
    for round in 0..300 {
        let take = |by: u8| set(|s| s.put(key(&format!("code-{round}")), vec![by], Expect::Absent));
        assert_eq!(race(&nodes, [take(1), take(2)]).await, 1);
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_version_is_replaced_once() {
    let nodes = two().await;
    nodes[0].commit(set(|s| s.put(key("a"), vec![0], Expect::Absent))).await.unwrap();
    for _ in 0..300 {
        let version = one(&*nodes[1], key("a")).await.unwrap().version;
        let rotate = |by: u8| set(|s| s.put(key("a"), vec![by], Expect::Version(version)));
        assert_eq!(race(&nodes, [rotate(1), rotate(2)]).await, 1);
    }
}

/// Each writes what the other relies on being absent.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn write_skew_on_absent_keys_is_refused() {
    let nodes = two().await;
    for round in 0..300 {
        let (ann, bob) = (key(&format!("ann-{round}")), key(&format!("bob-{round}")));
        let sole = |own: &Key, other: &Key| {
            set(|s| {
                s.put(own.clone(), vec![1], Expect::Absent);
                s.expect(other.clone(), Expect::Absent);
            })
        };
        assert_eq!(race(&nodes, [sole(&ann, &bob), sole(&bob, &ann)]).await, 1);
    }
}

/// Each writes what the other relies on being as it was read.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn write_skew_on_present_keys_is_refused() {
    let nodes = two().await;
    let both = set(|s| {
        s.put(key("ann"), vec![0], Expect::Absent);
        s.put(key("bob"), vec![0], Expect::Absent);
    });
    nodes[0].commit(both).await.unwrap();
    for _ in 0..300 {
        let found = nodes[0].get(&[key("ann"), key("bob")]).await.unwrap();
        let [ann, bob] = [0, 1].map(|n: usize| found[n].as_ref().unwrap().version);
        let leave = |own: Key, version, other: Key, seen| {
            set(|s| {
                s.put(own, vec![1], Expect::Version(version));
                s.expect(other, Expect::Version(seen));
            })
        };
        let sets =
            [leave(key("ann"), ann, key("bob"), bob), leave(key("bob"), bob, key("ann"), ann)];
        assert_eq!(race(&nodes, sets).await, 1);
    }
}

/// What one node deletes while the other writes it is deleted or written, and the log says so: a
/// delete that finds nothing changed nothing.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_delete_and_a_put_come_one_after_the_other() {
    let nodes = two().await;
    for round in 0..200 {
        let name = key(&format!("name-{round}"));
        let put = set(|s| {
            s.put(key("common"), vec![round], Expect::Any);
            s.put(name.clone(), vec![1], Expect::Any);
        });
        let delete = set(|s| {
            s.put(key("common"), vec![round], Expect::Any);
            s.delete(name.clone(), Expect::Any);
        });
        let (put, deleted) = tokio::join!(nodes[0].commit(put), nodes[1].commit(delete));
        let (put, deleted) = (put.unwrap(), deleted.unwrap());
        let present = one(&*nodes[0], name).await.is_some();
        assert_eq!(present, put > deleted, "round {round}: the later one counts");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn numbers_appear_in_order_and_without_gaps() {
    let nodes = two().await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8_u8 {
        let node = Arc::clone(&nodes[usize::from(n) % 2]);
        writers.spawn(async move {
            for round in 0..100_u8 {
                node.commit(set(|s| s.put(key(&n.to_string()), vec![round], Expect::Any)))
                    .await
                    .unwrap();
            }
        });
    }
    let (mut seen, mut looks) = (Seq(0), 0);
    while seen < Seq(800) {
        let changes = nodes[0].changes_since(seen, 1_000).await.unwrap();
        for (seq, _) in &changes.commits {
            assert_eq!(seq.0, seen.0 + 1, "none may appear behind one that was seen");
            seen = *seq;
        }
        looks += 1;
    }
    assert!(looks > 5, "it was looked at while they wrote");
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn appends_of_two_nodes_all_come_behind_one_another() {
    let nodes = two().await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8_u8 {
        let node = Arc::clone(&nodes[usize::from(n) % 2]);
        writers.spawn(async move {
            for _ in 0..25 {
                node.commit(set(|s| s.append(tenant(1), Kind::Audit, vec![n]))).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let query =
        behalf_store::Scan { tenant: tenant(1), kind: Kind::Audit, after: None, limit: 1_000 };
    let records = nodes[0].scan(query).await.unwrap().records;
    let ids: Vec<_> = records.into_iter().map(|record| record.key.id).collect();
    assert_eq!(ids, (1..=200_u64).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_commit_of_the_directory_is_news_to_the_others() {
    let nodes = two().await;
    let news = nodes[1].news().unwrap();
    for round in 0..20 {
        nodes[0].commit(set(|s| s.put(key("a"), vec![round], Expect::Any))).await.unwrap();
        timeout(Duration::from_secs(5), news.notified()).await.unwrap();
    }
}
