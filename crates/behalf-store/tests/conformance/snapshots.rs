use std::sync::Arc;

use behalf_store::{Backend, Expect, Key, Kind, Page, Seq, Snapshot, Whole};

use crate::conformance::bed::{entry, indexed};
use crate::support::{key, one, set, tenant};

async fn all(mut snapshot: Box<dyn Snapshot>) -> Vec<Whole> {
    let mut all = Vec::new();
    loop {
        let page = snapshot.next().await.unwrap();
        assert!(page.len() <= Page::MAX as usize);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub(crate) async fn a_snapshot_of_nothing_is_empty(backend: Arc<dyn Backend>) {
    let mut snapshot = backend.snapshot().await.unwrap();
    assert_eq!(snapshot.seq(), Seq(0));
    for _ in 0..2 {
        assert_eq!(snapshot.next().await.unwrap(), []);
    }
}

pub(crate) async fn a_snapshot_is_ordered_by_tenant_kind_and_id(backend: Arc<dyn Backend>) {
    let mut expected = Vec::new();
    for (t, kind) in [
        (1, Kind::Application),
        (1, Kind::Audit),
        (2, Kind::Tenant),
        (2, Kind::Application),
        (3, Kind::CredentialUse),
    ] {
        expected.extend((0..500_u16).map(|n| Key::new(tenant(t), kind, n.to_be_bytes())));
    }
    expected.extend(["a", "ab", "b"].map(|id| Key::new(tenant(255), Kind::Family, id)));
    // Written backwards and in two commits, so that no order comes by itself.
    let backwards: Vec<_> = expected.iter().rev().cloned().collect();
    for some in backwards.chunks(1_300) {
        let put = set(|s| {
            for key in some {
                s.put(key.clone(), key.id.clone(), Expect::Absent);
            }
        });
        backend.commit(put).await.unwrap();
    }
    let found = all(backend.snapshot().await.unwrap()).await;
    let keys: Vec<_> = found.iter().map(|whole| whole.record.key.clone()).collect();
    assert_eq!(keys, expected);
    assert!(found.iter().all(|whole| whole.record.document == whole.record.key.id));
}

pub(crate) async fn a_snapshot_has_records_whole(backend: Arc<dyn Backend>) {
    let mut two = indexed("b", "red", "2");
    two.entries.push(entry("blue"));
    let mut puts = vec![indexed("a", "red", "1"), two.clone(), indexed("c", "green", "3")];
    puts[2].entries.clear();
    backend.commit(set(|s| s.puts.clone_from(&puts))).await.unwrap();
    // Written again, with other entries.
    two.entries = vec![entry("white"), entry("black")];
    backend.commit(set(|s| s.puts = vec![two.clone()])).await.unwrap();
    backend.commit(set(|s| s.append(tenant(9), Kind::Audit, b"x".to_vec()))).await.unwrap();
    puts[1] = two;
    let found = all(backend.snapshot().await.unwrap()).await;
    assert_eq!(found.len(), 4);
    for (whole, put) in found.iter().zip(&puts) {
        assert_eq!(Some(&whole.record), one(&*backend, put.key.clone()).await.as_ref());
        assert_eq!(whole.entries, put.entries);
    }
    assert_eq!(found[3].record.key, Key::new(tenant(9), Kind::Audit, 1_u64.to_be_bytes()));
    assert_eq!(found[3].entries, []);
}

/// Two records, the first and the last of all, always change together; between them lie pages.
pub(crate) async fn a_snapshot_is_of_one_moment_while_others_commit(backend: Arc<dyn Backend>) {
    let write = |n: u64| {
        set(|s| {
            s.put(key("first"), n.to_string().into(), Expect::Any);
            s.put(Key { tenant: tenant(3), ..key("last") }, n.to_string().into(), Expect::Any);
        })
    };
    let between = set(|s| {
        for n in 0..2_500_u32 {
            let id = n.to_be_bytes().to_vec();
            s.put(Key { tenant: tenant(2), id, ..key("x") }, b"between".to_vec(), Expect::Absent);
        }
    });
    backend.commit(between).await.unwrap();
    backend.commit(write(2)).await.unwrap();
    let writer = tokio::spawn({
        let backend = Arc::clone(&backend);
        async move {
            for n in 3..=300 {
                assert_eq!(backend.commit(write(n)).await.unwrap(), Seq(n));
            }
        }
    });
    let mut taken = 0;
    while taken < 3 || !writer.is_finished() {
        let snapshot = backend.snapshot().await.unwrap();
        let seq = snapshot.seq();
        let found = all(snapshot).await;
        assert_eq!(found.len(), 2_502);
        for whole in [&found[0], &found[2_501]] {
            assert_eq!(whole.record.document, seq.0.to_string().as_bytes(), "{:?}", whole.record);
        }
        taken += 1;
    }
    writer.await.unwrap();
}

pub(crate) async fn a_snapshot_keeps_what_was_changed_after_it(backend: Arc<dyn Backend>) {
    backend.commit(set(|s| s.puts = vec![indexed("a", "red", "1")])).await.unwrap();
    backend.commit(set(|s| s.puts = vec![indexed("b", "red", "1")])).await.unwrap();
    let snapshot = backend.snapshot().await.unwrap();
    let after = set(|s| {
        s.puts = vec![indexed("a", "blue", "2"), indexed("c", "blue", "2")];
        s.delete(indexed("b", "", "").key, Expect::Any);
    });
    assert_eq!(backend.commit(after).await.unwrap(), Seq(3));
    assert_eq!(snapshot.seq(), Seq(2));
    let found = all(snapshot).await;
    let told: Vec<_> = found
        .iter()
        .map(|whole| (&whole.record.key.id[..], &whole.record.document[..], &whole.entries[..]))
        .collect();
    let red = [entry("red")];
    assert_eq!(told, [(&b"a"[..], &b"1"[..], &red[..]), (b"b", b"1", &red)]);
    assert_eq!(all(backend.snapshot().await.unwrap()).await.len(), 2);
}
