use std::sync::Arc;

use behalf_store::{Backend, Expect, Find, Index, Key, Kind, Page, Scan};

use crate::conformance::bed::indexed;
use crate::support::{key, one, set, tenant};

pub(crate) async fn absent_and_present_keys_come_in_the_order_asked(backend: Arc<dyn Backend>) {
    assert_eq!(backend.get(&[key("a"), key("b")]).await.unwrap(), [None, None]);
    backend.commit(set(|s| s.put(key("b"), b"two".to_vec(), Expect::Any))).await.unwrap();
    let found = backend.get(&[key("b"), key("a"), key("b")]).await.unwrap();
    let documents: Vec<_> = found.iter().map(|r| r.as_ref().map(|r| &r.document[..])).collect();
    assert_eq!(documents, [Some(&b"two"[..]), None, Some(b"two")]);
    assert_eq!(found[0].as_ref().unwrap().key, key("b"));
    assert_eq!(backend.get(&[]).await.unwrap(), []);
}

pub(crate) async fn tenants_do_not_see_each_other(backend: Arc<dyn Backend>) {
    let here = indexed("a", "v", "here");
    let mut there = indexed("a", "v", "there");
    there.key.tenant = tenant(2);
    backend.commit(set(|s| s.puts = vec![here.clone(), there.clone()])).await.unwrap();
    for put in [here, there] {
        let tenant = put.key.tenant;
        assert_eq!(one(&*backend, put.key.clone()).await.unwrap().document, put.document);
        let found = backend.find(find("v", None, 10)).await.unwrap().records;
        assert_eq!(found.len(), 1);
        let kind = Kind::ServicePrincipal;
        let page = backend.scan(Scan { tenant, kind, after: None, limit: 10 }).await.unwrap();
        assert_eq!(page.records.len(), 1);
        assert_eq!(page.records[0].document, put.document);
    }
    let elsewhere = Key { tenant: tenant(3), ..key("a") };
    assert_eq!(one(&*backend, elsewhere).await, None);
}

fn find(value: &str, after: Option<Vec<u8>>, limit: u32) -> Find {
    let (tenant, index) = (tenant(1), Index::ServicePrincipalById);
    Find { tenant, index, value: value.into(), after, limit }
}

/// Two records always change together; no reader may see one without the other.
pub(crate) async fn several_keys_are_of_one_snapshot(backend: Arc<dyn Backend>) {
    let write = |n: u32| {
        set(|s| {
            s.put(key("left"), n.to_string().into(), Expect::Any);
            s.put(key("right"), n.to_string().into(), Expect::Any);
        })
    };
    backend.commit(write(0)).await.unwrap();
    let writer = tokio::spawn({
        let backend = Arc::clone(&backend);
        async move {
            for n in 1..=200 {
                backend.commit(write(n)).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let found = backend.get(&[key("left"), key("right")]).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap().document, found[1].as_ref().unwrap().document);
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

pub(crate) async fn scans_are_ordered_paged_and_of_one_kind(backend: Arc<dyn Backend>) {
    let ids = ["b", "a", "ab", "c", "\u{7f}"];
    backend
        .commit(set(|s| {
            for id in ids {
                s.put(key(id), id.into(), Expect::Absent);
            }
            s.put(Key { kind: Kind::KeyRing, ..key("a") }, b"other".to_vec(), Expect::Absent);
        }))
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (tenant, kind) = (tenant(1), Kind::Application);
        let page = backend.scan(Scan { tenant, kind, after, limit: 2 }).await.unwrap();
        assert!(page.records.len() <= 2);
        seen.extend(page.records.into_iter().map(|r| String::from_utf8(r.key.id).unwrap()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a", "ab", "b", "c", "\u{7f}"]);
}

pub(crate) async fn finds_follow_the_newest_entries(backend: Arc<dyn Backend>) {
    let ids = |page: Page| page.records.into_iter().map(|r| r.key.id).collect::<Vec<_>>();
    backend.commit(set(|s| s.puts.push(indexed("a", "red", "1")))).await.unwrap();
    backend.commit(set(|s| s.puts.push(indexed("b", "red", "2")))).await.unwrap();
    let red = backend.find(find("red", None, 10)).await.unwrap();
    assert_eq!(ids(red), [b"a", b"b"]);
    backend.commit(set(|s| s.puts.push(indexed("a", "blue", "3")))).await.unwrap();
    assert_eq!(ids(backend.find(find("red", None, 10)).await.unwrap()), [b"b"]);
    let blue = backend.find(find("blue", None, 10)).await.unwrap();
    assert_eq!(blue.records[0].document, b"3");
    // A record without entries is found by its key alone.
    let bare = indexed("a", "blue", "4").key;
    backend.commit(set(|s| s.put(bare.clone(), b"4".to_vec(), Expect::Any))).await.unwrap();
    assert_eq!(backend.find(find("blue", None, 10)).await.unwrap().records, []);
    assert_eq!(one(&*backend, bare).await.unwrap().document, b"4");
    for absent in ["", "re", "redd", "RED"] {
        assert_eq!(backend.find(find(absent, None, 10)).await.unwrap().records, [], "{absent}");
    }
}

pub(crate) async fn finds_are_paged(backend: Arc<dyn Backend>) {
    let puts = (0..7).map(|n| indexed(&format!("r{n}"), "red", "")).collect();
    backend.commit(set(|s| s.puts = puts)).await.unwrap();
    let first = backend.find(find("red", None, 3)).await.unwrap();
    assert_eq!(first.next.as_deref(), Some(&b"r2"[..]));
    let second = backend.find(find("red", first.next, 3)).await.unwrap();
    let third = backend.find(find("red", second.next, 3)).await.unwrap();
    assert_eq!((second.records.len(), third.records.len(), third.next), (3, 1, None));
    assert_eq!(third.records[0].key.id, b"r6");
}

pub(crate) async fn page_limits_are_kept(backend: Arc<dyn Backend>) {
    let most = Page::MAX as usize;
    backend
        .commit(set(|s| {
            s.puts = (0..=most).map(|n| indexed(&format!("{n:05}"), "x", "")).collect();
        }))
        .await
        .unwrap();
    for (limit, expected) in [(0, 1), (1, 1), (u32::MAX, most)] {
        let found = backend.find(find("x", None, limit)).await.unwrap();
        assert_eq!(found.records.len(), expected);
        let (tenant, kind) = (tenant(1), Kind::ServicePrincipal);
        let scanned = backend.scan(Scan { tenant, kind, after: None, limit }).await.unwrap();
        assert_eq!(scanned.records.len(), expected);
    }
}
