use std::sync::{Arc, Mutex};

use behalf_store::{Backend, Change, ChangeSink, Changes, Expect, Key, Kind, Seq, limits};

use crate::conformance::bed::{index_change, indexed};
use crate::support::{key, set, tenant};

async fn put(backend: &dyn Backend, id: &str) -> Seq {
    backend.commit(set(|s| s.put(key(id), b"x".to_vec(), Expect::Any))).await.unwrap()
}

async fn since(backend: &dyn Backend, after: u64) -> Changes {
    backend.changes_since(Seq(after), 1_000).await.unwrap()
}

pub(crate) async fn directory_commits_are_numbered_without_gaps(backend: Arc<dyn Backend>) {
    let none = Changes { newest: Seq(0), commits: vec![], forgotten: false };
    assert_eq!(since(&*backend, 0).await, none);
    assert_eq!(put(&*backend, "a").await, Seq(1));
    let refused = set(|s| s.put(key("a"), b"y".to_vec(), Expect::Absent));
    backend.commit(refused).await.unwrap_err();
    assert_eq!(put(&*backend, "b").await, Seq(2));
    assert_eq!(since(&*backend, 0).await.newest, Seq(2));
}

pub(crate) async fn other_kinds_take_no_number(backend: Arc<dyn Backend>) {
    put(&*backend, "a").await;
    for kind in [Kind::UsedAssertion, Kind::CredentialUse] {
        let other = Key { kind, ..key("x") };
        let set = set(|s| s.put(other, b"x".to_vec(), Expect::Absent));
        assert_eq!(backend.commit(set).await.unwrap(), Seq(1));
    }
    let audit = set(|s| s.append(tenant(1), Kind::Audit, b"x".to_vec()));
    assert_eq!(backend.commit(audit).await.unwrap(), Seq(1));
    let read = set(|s| s.expect(key("a"), Expect::Any));
    assert_eq!(backend.commit(read).await.unwrap(), Seq(1));
    assert_eq!(since(&*backend, 0).await.commits.len(), 1);
}

pub(crate) async fn the_log_names_records_and_lists(backend: Arc<dyn Backend>) {
    let record = || Change::Record(indexed("a", "", "").key);
    backend.commit(set(|s| s.puts.push(indexed("a", "red", "1")))).await.unwrap();
    backend.commit(set(|s| s.puts.push(indexed("a", "red", "2")))).await.unwrap();
    backend.commit(set(|s| s.puts.push(indexed("a", "blue", "3")))).await.unwrap();
    backend.commit(set(|s| s.delete(indexed("a", "", "").key, Expect::Any))).await.unwrap();
    backend
        .commit(set(|s| {
            s.put(key("z"), b"1".to_vec(), Expect::Any);
            s.put(Key { kind: Kind::CredentialUse, ..key("z") }, b"1".to_vec(), Expect::Any);
        }))
        .await
        .unwrap();
    let expected = vec![
        // It came under "red", stays there with another document, goes to "blue", is gone.
        (Seq(1), vec![record(), index_change("red")]),
        (Seq(2), vec![record(), index_change("red")]),
        (Seq(3), vec![record(), index_change("blue"), index_change("red")]),
        (Seq(4), vec![record(), index_change("blue")]),
        (Seq(5), vec![Change::Record(key("z"))]),
    ];
    assert_eq!(since(&*backend, 0).await.commits, expected);
    assert_eq!(since(&*backend, 3).await.commits, expected[3..]);
    assert_eq!(since(&*backend, 5).await.commits, []);
    assert_eq!(since(&*backend, 99).await.commits, []);
}

pub(crate) async fn the_log_is_handed_out_in_whole_commits(backend: Arc<dyn Backend>) {
    for n in 0..5 {
        let three = set(|s| {
            for m in 0..3 {
                s.put(key(&format!("{n}-{m}")), b"x".to_vec(), Expect::Any);
            }
        });
        backend.commit(three).await.unwrap();
    }
    let changes = backend.changes_since(Seq(1), 2).await.unwrap();
    let lengths: Vec<_> = changes.commits.iter().map(|(seq, c)| (seq.0, c.len())).collect();
    assert_eq!(lengths, [(2, 3), (3, 3)]);
    assert_eq!((changes.newest, changes.forgotten), (Seq(5), false));
}

pub(crate) async fn large_commits_are_logged_as_everything(backend: Arc<dyn Backend>) {
    let large = set(|s| {
        for n in 0..=limits::LOGGED_CHANGES {
            s.put(key(&n.to_string()), b"x".to_vec(), Expect::Any);
        }
    });
    backend.commit(large).await.unwrap();
    let expected = vec![(Seq(1), vec![Change::Everything])];
    assert_eq!(since(&*backend, 0).await.commits, expected);
}

/// A number without a change would be a gap, at which whoever follows the log stops.
pub(crate) async fn what_changes_nothing_takes_no_number(backend: Arc<dyn Backend>) {
    put(&*backend, "a").await;
    let nothing = set(|s| s.delete(key("nobody"), Expect::Any));
    assert_eq!(backend.commit(nothing).await.unwrap(), Seq(1));
    assert_eq!(put(&*backend, "b").await, Seq(2));
    assert_eq!(since(&*backend, 0).await.commits.len(), 2);
}

#[derive(Default)]
struct Heard(Mutex<Vec<(Seq, Vec<Change>)>>);

impl ChangeSink for Heard {
    fn apply(&self, seq: Seq, changes: &[Change]) {
        self.0.lock().unwrap().push((seq, changes.to_vec()));
    }
}

pub(crate) async fn the_watcher_hears_of_a_commit_before_its_writer(backend: Arc<dyn Backend>) {
    let heard = Arc::new(Heard::default());
    backend.watch(Arc::clone(&heard) as _);
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (backend, heard) = (Arc::clone(&backend), Arc::clone(&heard));
        writers.spawn(async move {
            let seq = put(&*backend, &n.to_string()).await;
            let heard = heard.0.lock().unwrap();
            let (_, changes) = heard.iter().find(|(known, _)| *known == seq).unwrap();
            assert_eq!(changes, &[Change::Record(key(&n.to_string()))]);
        });
    }
    writers.join_all().await;
    let refused = set(|s| s.put(key("0"), b"y".to_vec(), Expect::Absent));
    backend.commit(refused).await.unwrap_err();
    let usage = Key { kind: Kind::CredentialUse, ..key("x") };
    backend.commit(set(|s| s.put(usage, b"x".to_vec(), Expect::Any))).await.unwrap();
    let heard = heard.0.lock().unwrap();
    let numbers: Vec<_> = heard.iter().map(|(seq, _)| seq.0).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>(), "in commit order, and nothing else");
}

pub(crate) async fn an_old_log_is_forgotten(backend: Arc<dyn Backend>) {
    let mut writers = tokio::task::JoinSet::new();
    for worker in 0..64 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            for _ in 0..350 {
                put(&*backend, &worker.to_string()).await;
            }
        });
    }
    writers.join_all().await;
    let old = since(&*backend, 0).await;
    assert!(old.forgotten);
    assert_eq!(old.newest, Seq(22_400));
    let recent = since(&*backend, 12_400).await;
    assert!(!recent.forgotten, "whoever is 10,000 behind can still follow");
    assert_eq!(recent.commits.len(), 1_000);
}
