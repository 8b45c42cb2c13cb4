use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Entry, Index, Key, WriteSet, sqlite::Sqlite};
use uuid::Uuid;

use super::*;
use crate::{backup::unfinished::refuse, clock::FrozenClock, entropy::SeededEntropy};

const TENANT: TenantId = TenantId(Uuid::from_bytes([3; 16]));

async fn store() -> Store {
    Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap()
}

async fn two() -> Copying {
    Copying {
        source: store().await,
        target: store().await,
        clock: Arc::new(FrozenClock::at(Timestamp(1_800_000_000_000))),
        entropy: Arc::new(SeededEntropy::new(1)),
    }
}

fn write(n: u32, document: u32) -> WriteSet {
    let mut set = WriteSet::new();
    let key = Key::new(TENANT, Kind::ServicePrincipal, n.to_be_bytes());
    let value = (document % 7).to_be_bytes().to_vec();
    let entry = Entry { index: Index::ServicePrincipalById, value };
    set.put_indexed(key, document.to_be_bytes().to_vec(), vec![entry], Expect::Any);
    set
}

fn remove(n: u32) -> WriteSet {
    let mut set = WriteSet::new();
    set.delete(Key::new(TENANT, Kind::ServicePrincipal, n.to_be_bytes()), Expect::Any);
    set
}

async fn fill(store: &Store, records: u32) {
    for n in 0..records {
        store.commit(write(n, n)).await.unwrap();
    }
}

async fn contents(store: &Store) -> BTreeMap<Key, (Vec<u8>, Vec<Entry>)> {
    let (mut listing, mut all) = (Listing::begin(store).await.unwrap(), BTreeMap::new());
    while let Some(whole) = listing.next().await.unwrap() {
        all.insert(whole.record.key, (whole.record.document, whole.entries));
    }
    all
}

/// Writers go on until they are refused; what was acknowledged to them is in the target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_moves_too() {
    let copying = two().await;
    fill(&copying.source, 2_500).await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writer = tokio::spawn({
        let (source, stop) = (copying.source.clone(), Arc::clone(&stop));
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let (a, b) = (n * 7 % 3_000, n * 13 % 3_000);
                if a != b && source.commit(write(a, n)).await.is_ok() {
                    source.commit(remove(b)).await.ok();
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                n += 1;
            }
        }
    });
    let mut steps = Vec::new();
    copy(&copying, Ending::Move, &mut |step| steps.push(step)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(acknowledged.load(Ordering::Relaxed) > 0);
    assert_eq!(contents(&copying.target).await, contents(&copying.source).await);
    assert!(matches!(steps[0], Step::Copied { records } if records > 0));
    let names: Vec<_> = steps.iter().rev().take(4).collect();
    assert!(
        matches!(
            names[..],
            [Step::Moved, Step::Verified { .. }, Step::CaughtUp { .. }, Step::Held]
        ),
        "{steps:?}"
    );
    assert_eq!(refuse(&copying.target).await.unwrap(), Ok(()), "it may be served");
    copying.source.commit(write(0, 0)).await.unwrap_err();
    let moved = refuse(&copying.source).await.unwrap().unwrap_err().to_string();
    assert!(moved.contains("set storage.url to that one"), "not after a restart either: {moved}");
    copying.target.commit(write(0, 0)).await.unwrap();
}

#[tokio::test]
async fn a_rehearsal_leaves_the_source_as_it_was_and_the_target_unserved() {
    let copying = two().await;
    fill(&copying.source, 100).await;
    let mut steps = Vec::new();
    copy(&copying, Ending::Rehearse, &mut |step| steps.push(step)).await.unwrap();
    let digest = match &steps[..] {
        [
            Step::Copied { records: 100 },
            Step::CaughtUp { pass: 1, changed: 0 },
            Step::Verified { records: 100, digest },
        ] => digest.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(digest.len(), 64);
    copying.source.commit(write(0, 77)).await.unwrap();
    let refused = refuse(&copying.target).await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("run behalf storage copy again, which begins anew"), "{refused}");
    copy(&copying, Ending::Move, &mut drop).await.unwrap();
    assert_eq!(contents(&copying.target).await, contents(&copying.source).await);
}

/// Stopped at each step in turn: the source is written as before, the target is not served, and
/// the next copy is whole. One that got further than it was to be stopped has moved.
#[tokio::test]
async fn a_copy_that_is_stopped_anywhere_begins_anew() {
    let mut copying = two().await;
    fill(&copying.source, 1_200).await;
    for at in 0..4_u32 {
        let reached = tokio::sync::Notify::new();
        let mut steps = 0;
        let mut tell = |_| {
            if steps == at {
                reached.notify_one();
            }
            steps += 1;
        };
        tokio::select! {
            biased;
            () = reached.notified() => {}
            _done = copy(&copying, Ending::Move, &mut tell) => {}
        }
        if copying.source.commit(write(at, 9_999)).await.is_err() {
            assert!(steps > 4, "shut before both sides were compared: {steps}");
            copying = two().await;
            fill(&copying.source, 1_200).await;
            continue;
        }
        refuse(&copying.target).await.unwrap().unwrap_err();
    }
    copy(&copying, Ending::Move, &mut drop).await.unwrap();
    assert_eq!(contents(&copying.target).await, contents(&copying.source).await);
}

/// Once both sides are the same it happens whole, whoever still waits for it.
#[tokio::test]
async fn there_is_no_moment_at_which_both_may_be_written() {
    let copying = two().await;
    fill(&copying.source, 3).await;
    let verified = tokio::sync::Notify::new();
    let mut tell = |step| {
        if matches!(step, Step::Verified { .. }) {
            verified.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = verified.notified() => {}
        done = copy(&copying, Ending::Move, &mut tell) => panic!("not stopped: {done:?}"),
    }
    while refuse(&copying.target).await.unwrap().is_err() {
        // Until then the source is shut, and from before then marked.
        copying.source.commit(write(0, 1)).await.unwrap_err();
        tokio::task::yield_now().await;
    }
    refuse(&copying.source).await.unwrap().unwrap_err();
    copying.source.commit(write(0, 1)).await.unwrap_err();
    // Neither is taken for one into which a copy may be written.
    let back = Copying { source: copying.target, target: copying.source, ..two().await };
    let refused = copy(&back, Ending::Rehearse, &mut drop).await.unwrap_err();
    assert!(matches!(refused, CopyError::NotEmpty { .. }), "{refused}");
}

#[tokio::test]
async fn a_target_with_anything_in_it_is_left_as_it_is() {
    let copying = two().await;
    fill(&copying.source, 3).await;
    copying.target.commit(write(9, 9)).await.unwrap();
    let before = contents(&copying.target).await;
    let refused = copy(&copying, Ending::Move, &mut drop).await.unwrap_err();
    assert!(matches!(refused, CopyError::NotEmpty { kind: Kind::ServicePrincipal }), "{refused}");
    assert_eq!(contents(&copying.target).await, before);
    copying.source.commit(write(0, 1)).await.unwrap();
}

/// Somebody writes into the target after the last pass: the sides differ, and nothing moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_differs_is_not_moved_to() {
    let copying = two().await;
    fill(&copying.source, 3).await;
    let (target, runtime) = (copying.target.clone(), tokio::runtime::Handle::current());
    let mut tell = move |step| {
        if matches!(step, Step::CaughtUp { pass: 2, .. }) {
            let (target, runtime) = (target.clone(), runtime.clone());
            let meddling = std::thread::spawn(move || runtime.block_on(target.commit(write(1, 5))));
            meddling.join().unwrap().unwrap();
        }
    };
    let refused = copy(&copying, Ending::Move, &mut tell).await.unwrap_err();
    assert!(matches!(refused, CopyError::Differs { .. }), "{refused}");
    copying.source.commit(write(0, 1)).await.unwrap();
    refuse(&copying.target).await.unwrap().unwrap_err();
}
