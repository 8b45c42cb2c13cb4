use std::sync::Arc;

use behalf_store::{Backend, CommitError, Expect, Find, Index, Key, Kind, Seq, Version};
use tokio::task::JoinSet;

use crate::conformance::bed::{documents, indexed};
use crate::support::{key, one, set, tenant};

pub(crate) async fn a_put_replaces_and_gives_a_new_version(backend: Arc<dyn Backend>) {
    let put = |text: &str| set(|s| s.put(key("a"), text.into(), Expect::Any));
    backend.commit(put("one")).await.unwrap();
    let first = one(&*backend, key("a")).await.unwrap();
    backend.commit(put("two")).await.unwrap();
    let second = one(&*backend, key("a")).await.unwrap();
    assert_eq!((first.document, second.document), (b"one".to_vec(), b"two".to_vec()));
    assert!(second.version > first.version);
}

pub(crate) async fn a_version_never_comes_back(backend: Arc<dyn Backend>) {
    let put = || set(|s| s.put(key("a"), b"x".to_vec(), Expect::Absent));
    backend.commit(put()).await.unwrap();
    let first = one(&*backend, key("a")).await.unwrap().version;
    backend.commit(set(|s| s.delete(key("a"), Expect::Version(first)))).await.unwrap();
    backend.commit(put()).await.unwrap();
    let stale = set(|s| s.put(key("a"), b"y".to_vec(), Expect::Version(first)));
    assert!(matches!(backend.commit(stale).await, Err(CommitError::Conflict { .. })));
}

/// A single-use code, a unique name: of many who race, one.
pub(crate) async fn absent_wins_exactly_once(backend: Arc<dyn Backend>) {
    for round in 0..5 {
        let id = format!("code-{round}");
        assert_eq!(race(&backend, &key(&id), Expect::Absent).await, 1);
    }
}

pub(crate) async fn a_version_wins_exactly_once(backend: Arc<dyn Backend>) {
    backend.commit(set(|s| s.put(key("a"), b"0".to_vec(), Expect::Any))).await.unwrap();
    for _ in 0..5 {
        let version = one(&*backend, key("a")).await.unwrap().version;
        assert_eq!(race(&backend, &key("a"), Expect::Version(version)).await, 1);
    }
}

async fn race(backend: &Arc<dyn Backend>, key: &Key, expect: Expect) -> usize {
    let mut racers = JoinSet::new();
    for n in 0..64_u8 {
        let (backend, key) = (Arc::clone(backend), key.clone());
        racers.spawn(async move {
            backend.commit(set(|s| s.put(key, vec![n], expect))).await.map(|_| n)
        });
    }
    let results = racers.join_all().await;
    let winners: Vec<u8> = results.iter().filter_map(|r| r.as_ref().ok().copied()).collect();
    for result in &results {
        assert!(matches!(result, Ok(_) | Err(CommitError::Conflict { .. })), "{result:?}");
    }
    assert_eq!(one(&**backend, key.clone()).await.unwrap().document, winners);
    winners.len()
}

/// Half of the sets that are under way together conflict; the others are whole.
pub(crate) async fn a_conflict_stores_nothing_of_its_set_and_harms_no_other(
    backend: Arc<dyn Backend>,
) {
    backend.commit(set(|s| s.put(key("taken"), b"x".to_vec(), Expect::Any))).await.unwrap();
    let mut writers = JoinSet::new();
    for n in 0..100 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            let bad = n % 2 == 1;
            let result = backend
                .commit(set(|s| {
                    s.put(key(&format!("first-{n:02}")), b"1".to_vec(), Expect::Absent);
                    s.delete(key("never"), Expect::Any);
                    s.append(tenant(1), Kind::Audit, n.to_string().into());
                    if bad {
                        s.put(key("taken"), b"y".to_vec(), Expect::Absent);
                    }
                    s.put(key(&format!("last-{n:02}")), b"2".to_vec(), Expect::Absent);
                }))
                .await;
            assert_eq!(result.is_err(), bad, "{result:?}");
        });
    }
    writers.join_all().await;
    for n in 0..100 {
        for id in [format!("first-{n:02}"), format!("last-{n:02}")] {
            assert_eq!(one(&*backend, key(&id)).await.is_some(), n % 2 == 0, "{id}");
        }
    }
    assert_eq!(one(&*backend, key("taken")).await.unwrap().document, b"x");
    let appended = documents(&*backend, Kind::Audit).await;
    assert_eq!(appended.len(), 50);
    assert!(appended.iter().all(|n| n.parse::<u32>().unwrap() % 2 == 0));
}

pub(crate) async fn a_conflict_says_what_it_found(backend: Arc<dyn Backend>) {
    let impossible = Version(u64::MAX);
    let absent = set(|s| s.put(key("a"), b"1".to_vec(), Expect::Version(impossible)));
    assert_eq!(
        backend.commit(absent).await,
        Err(CommitError::Conflict { key: key("a"), found: None })
    );
    backend.commit(set(|s| s.put(key("a"), b"1".to_vec(), Expect::Absent))).await.unwrap();
    let found = Some(one(&*backend, key("a")).await.unwrap().version);
    let again = set(|s| s.put(key("a"), b"2".to_vec(), Expect::Absent));
    assert_eq!(backend.commit(again).await, Err(CommitError::Conflict { key: key("a"), found }));
    let delete = set(|s| s.delete(key("b"), Expect::Version(impossible)));
    assert_eq!(
        backend.commit(delete).await,
        Err(CommitError::Conflict { key: key("b"), found: None })
    );
}

pub(crate) async fn what_was_only_read_counts(backend: Arc<dyn Backend>) {
    let guarded = |expect| {
        set(|s| {
            s.expect(key("guard"), expect);
            s.put(key("a"), b"1".to_vec(), Expect::Any);
        })
    };
    backend.commit(guarded(Expect::Absent)).await.unwrap();
    backend.commit(set(|s| s.put(key("guard"), b"g".to_vec(), Expect::Any))).await.unwrap();
    assert!(backend.commit(guarded(Expect::Absent)).await.is_err());
    let version = one(&*backend, key("guard")).await.unwrap().version;
    backend.commit(guarded(Expect::Version(version))).await.unwrap();
    // Reading is not writing: the guard is as it was.
    assert_eq!(one(&*backend, key("guard")).await.unwrap().version, version);
    backend.commit(set(|s| s.delete(key("guard"), Expect::Any))).await.unwrap();
    assert!(backend.commit(guarded(Expect::Version(version))).await.is_err());
}

/// Two doctors are on call; each may go if the other stays. One of them may.
pub(crate) async fn write_skew_is_refused(backend: Arc<dyn Backend>) {
    for round in 0..20 {
        let (ann, bob) = (key(&format!("ann-{round}")), key(&format!("bob-{round}")));
        backend
            .commit(set(|s| {
                s.put(ann.clone(), b"on".to_vec(), Expect::Absent);
                s.put(bob.clone(), b"on".to_vec(), Expect::Absent);
            }))
            .await
            .unwrap();
        let read = backend.get(&[ann.clone(), bob.clone()]).await.unwrap();
        let version = |n: usize| Expect::Version(read[n].as_ref().unwrap().version);
        let leave = |who: &Key, other: &Key, mine, theirs| {
            set(|s| {
                s.put(who.clone(), b"off".to_vec(), mine);
                s.expect(other.clone(), theirs);
            })
        };
        let (one, two) = tokio::join!(
            backend.commit(leave(&ann, &bob, version(0), version(1))),
            backend.commit(leave(&bob, &ann, version(1), version(0))),
        );
        assert_eq!([one.is_ok(), two.is_ok()].into_iter().filter(|ok| *ok).count(), 1);
    }
}

pub(crate) async fn deletes_take_entries_along(backend: Arc<dyn Backend>) {
    let put = indexed("a", "red", "1");
    backend.commit(set(|s| s.puts.push(put.clone()))).await.unwrap();
    backend.commit(set(|s| s.delete(put.key.clone(), Expect::Any))).await.unwrap();
    assert_eq!(one(&*backend, put.key.clone()).await, None);
    let (tenant, index) = (tenant(1), Index::ServicePrincipalById);
    let red = Find { tenant, index, value: b"red".to_vec(), after: None, limit: 9 };
    assert_eq!(backend.find(red.clone()).await.unwrap().records, []);
    // It comes back under another value; the old one stays empty.
    backend.commit(set(|s| s.puts.push(indexed("a", "blue", "2")))).await.unwrap();
    assert_eq!(backend.find(red).await.unwrap().records, []);
    let absent = set(|s| s.delete(key("nobody"), Expect::Any));
    backend.commit(absent).await.unwrap();
}

pub(crate) async fn appends_come_in_order(backend: Arc<dyn Backend>) {
    for n in 0..300_u32 {
        let two = set(|s| {
            s.append(tenant(1), Kind::Audit, (2 * n).to_string().into());
            s.append(tenant(1), Kind::Audit, (2 * n + 1).to_string().into());
            s.append(tenant(2), Kind::Audit, b"elsewhere".to_vec());
        });
        backend.commit(two).await.unwrap();
    }
    let expected: Vec<_> = (0..600).map(|n: u32| n.to_string()).collect();
    assert_eq!(documents(&*backend, Kind::Audit).await, expected);
}

pub(crate) async fn many_writers_are_all_answered(backend: Arc<dyn Backend>) {
    let mut writers = JoinSet::new();
    for n in 0..2_000_u32 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            let id = key(&n.to_string());
            backend.commit(set(|s| s.put(id, n.to_string().into(), Expect::Absent))).await
        });
    }
    let mut numbers: Vec<Seq> =
        writers.join_all().await.into_iter().collect::<Result<_, _>>().unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2_000).map(Seq).collect::<Vec<_>>());
    for n in (0..2_000).step_by(97) {
        let found = one(&*backend, key(&n.to_string())).await.unwrap();
        assert_eq!(found.document, n.to_string().into_bytes());
    }
}

/// A caller who goes away (a closed connection) leaves a commit that happened or did not, never
/// half of one, and never a store that waits.
pub(crate) async fn a_dropped_commit_still_happens(backend: Arc<dyn Backend>) {
    let two = set(|s| {
        s.put(key("a"), b"1".to_vec(), Expect::Any);
        s.put(key("b"), b"1".to_vec(), Expect::Any);
    });
    {
        let mut commit = backend.commit(two);
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(commit.as_mut().poll(context).is_ready())
        });
        polled.await;
    }
    backend.commit(set(|s| s.put(key("c"), b"1".to_vec(), Expect::Any))).await.unwrap();
    let found = backend.get(&[key("a"), key("b"), key("c")]).await.unwrap();
    assert_eq!(found.iter().filter(|r| r.is_some()).count(), 3);
}
