//! From a store to a file to a store.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use behalf_core::{
    id::{TenantId, TicketId},
    time::Timestamp,
};
use behalf_store::{
    Backend, Entry, Expect, Index, Key, Kind, Store, WriteSet,
    records::{deployment, used_ticket},
    sqlite::Sqlite,
};
use futures_util::TryStreamExt as _;
use uuid::Uuid;

use super::{
    import::Import,
    unfinished::{Mark, refuse},
    *,
};
use crate::{
    clock::{Clock as _, FrozenClock, SharedClock},
    entropy::{SeededEntropy, SharedEntropy},
    keys::{EpochState, MasterKey, MasterKeyText, SealKeys, SealParts},
};

const START: Timestamp = Timestamp(1_800_000_000_000);
const TENANT: TenantId = TenantId(Uuid::from_bytes([3; 16]));

type Contents = BTreeMap<Key, (Vec<u8>, Vec<Entry>)>;

async fn contents(store: &Store) -> Contents {
    let (mut snapshot, mut all) = (store.snapshot().await.unwrap(), Contents::new());
    loop {
        let page = snapshot.next().await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|w| (w.record.key, (w.record.document, w.entries))));
    }
}

struct Bed {
    folder: tempfile::TempDir,
    clock: Arc<FrozenClock>,
    master: Arc<MasterKey>,
}

impl Bed {
    fn new() -> Self {
        let line = MasterKeyText::generate(&SeededEntropy::new(1));
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FrozenClock::at(START)),
            master: Arc::new(MasterKey::parse(line.expose()).unwrap()),
        }
    }

    async fn parts(&self) -> SealParts {
        let backend: Arc<dyn Backend> = Arc::new(Sqlite::in_memory().unwrap());
        SealParts {
            store: Store::open(backend).await.unwrap(),
            master: Arc::clone(&self.master),
            clock: Arc::clone(&self.clock) as SharedClock,
            entropy: Arc::new(SeededEntropy::new(2)) as SharedEntropy,
        }
    }

    /// A deployment with some of everything: an epoch, records with entries, used tickets, a
    /// device that waits.
    async fn deployment(&self) -> SealParts {
        let parts = self.parts().await;
        SealKeys::open(parts.clone()).await.unwrap();
        for n in 0..3_u16 {
            let mut set = WriteSet::new();
            for m in 0..900_u16 {
                let id = [n.to_be_bytes(), m.to_be_bytes()].concat();
                let entry = Entry { index: Index::ServicePrincipalById, value: id.clone() };
                let key = Key::new(TENANT, Kind::ServicePrincipal, id.clone());
                set.put_indexed(key, id, vec![entry], Expect::Absent);
            }
            set.append(TENANT, Kind::Audit, n.to_be_bytes().to_vec());
            let code = used_ticket::Used::Code(TicketId(Uuid::from_u128(n.into())));
            used_ticket::record(&mut set, TENANT, code, START);
            parts.store.commit(set).await.unwrap();
        }
        let mut waiting = WriteSet::new();
        waiting.put(device(), b"waits".to_vec(), Expect::Absent);
        waiting.put(crate::history::place(), b"{}".to_vec(), Expect::Absent);
        parts.store.commit(waiting).await.unwrap();
        parts
    }

    async fn backup(&self, store: &Store) -> PathBuf {
        let export = Export {
            master: &self.master,
            entropy: &SeededEntropy::new(5),
            now: self.clock.now(),
            public_url: "https://login.example.test",
        };
        let (facts, pieces) = super::export(store, export).await.unwrap();
        assert_eq!(facts.made, self.clock.now());
        let pieces: Vec<_> = pieces.try_collect().await.unwrap();
        let path = self.folder.path().join("backup");
        std::fs::write(&path, pieces.concat()).unwrap();
        path
    }
}

fn device() -> Key {
    Key::new(TenantId::NIL, Kind::DeviceGrant, b"WDJBMJHT")
}

/// What a restore itself writes or leaves out.
fn differs(key: &Key) -> bool {
    matches!(key.kind, Kind::DeviceGrant | Kind::KeyRing)
        || [
            deployment::setting_key("restored"),
            crate::history::place(),
            crate::deployment::public_url_place(),
        ]
        .contains(key)
}

fn same(restored: &Contents, source: &Contents) {
    let rest = |all: &Contents| -> Contents {
        all.iter()
            .filter(|(key, _)| !differs(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    assert_eq!(rest(restored), rest(source));
}

async fn states(parts: &SealParts) -> Vec<(u32, EpochState)> {
    let now = parts.clock.now();
    let epochs = SealKeys::stored(parts).await.unwrap();
    epochs.iter().map(|epoch| (epoch.number, epoch.state(now))).collect()
}

#[tokio::test]
async fn everything_is_restored_and_nothing_that_was_issued_before_counts() {
    let bed = Bed::new();
    let source = bed.deployment().await;
    let path = bed.backup(&source.store).await;
    let (facts, counts) = verify(&path, &bed.master).unwrap();
    assert_eq!((facts.made, facts.version.as_str()), (START, env!("CARGO_PKG_VERSION")));
    assert_eq!(counts.kinds[&Kind::ServicePrincipal], 2_700);
    assert_eq!(counts.kinds[&Kind::UsedTicket], 3);
    bed.clock.advance(Duration::from_hours(1));
    let target = bed.parts().await;
    let restored = restore(&path, &target, Sessions::End).await.unwrap();
    assert_eq!(restored, Restored { facts, counts, epochs: 0 });
    let all = contents(&target.store).await;
    same(&all, &contents(&source.store).await);
    assert!(!all.contains_key(&crate::history::place()), "another database has another history");
    assert!(!all.contains_key(&device()), "a device that was redeemed since would be again");
    assert_eq!(states(&source).await, [(1, EpochState::Sealing)]);
    assert_eq!(states(&target).await, [(1, EpochState::Revoked), (2, EpochState::Sealing)]);
    assert_eq!(last_restore(&target.store).await.unwrap(), Some(bed.clock.now()));
    assert_eq!(refuse(&target.store).await.unwrap(), Ok(()), "it may be served");
    // A used code is still used.
    let mut again = WriteSet::new();
    let code = used_ticket::Used::Code(TicketId(Uuid::from_u128(0)));
    used_ticket::record(&mut again, TENANT, code, START);
    target.store.commit(again).await.unwrap_err();
}

#[tokio::test]
async fn sessions_can_be_kept_and_it_is_said_how_many_epochs_that_opens() {
    let bed = Bed::new();
    let source = bed.deployment().await;
    let path = bed.backup(&source.store).await;
    let target = bed.parts().await;
    let restored = restore(&path, &target, Sessions::Keep).await.unwrap();
    assert_eq!(restored.epochs, 1);
    assert_eq!(states(&target).await, [(1, EpochState::Sealing)]);
    assert!(!contents(&target.store).await.contains_key(&device()));
    assert!(last_restore(&target.store).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_with_anything_in_it_is_left_as_it_is() {
    let bed = Bed::new();
    let source = bed.deployment().await;
    let path = bed.backup(&source.store).await;
    let before = contents(&source.store).await;
    let refused = restore(&path, &source, Sessions::End).await.unwrap_err().to_string();
    assert!(refused.starts_with("the store is not empty: it holds a record of kind"), "{refused}");
    assert_eq!(contents(&source.store).await, before);
}

#[tokio::test]
async fn of_a_backup_that_is_damaged_anywhere_nothing_is_written() {
    let bed = Bed::new();
    let path = bed.backup(&bed.deployment().await.store).await;
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [&flipped[..], &good[..good.len() - 1], b"", b"other"] {
        std::fs::write(&path, bad).unwrap();
        let target = bed.parts().await;
        let refused = restore(&path, &target, Sessions::End).await.unwrap_err();
        assert!(matches!(refused, RestoreError::Backup { .. }), "{refused}");
        assert!(contents(&target.store).await.is_empty());
    }
}

#[tokio::test]
async fn a_half_restore_is_not_served_and_the_next_one_begins_anew() {
    let bed = Bed::new();
    let source = bed.deployment().await;
    let path = bed.backup(&source.store).await;
    let target = bed.parts().await;
    // Killed in the middle: some records of another backup are there.
    let begun = Unfinished { work: Work::Restore, begun: START };
    let mark = Mark::set(&target.store, None, begun, &*target.entropy).await.unwrap();
    let mut import = Import::new(&target.store, &mark);
    for n in 0..5_000_u32 {
        let key = Key::new(TENANT, Kind::User, n.to_be_bytes());
        let saved = Saved { key, entries: vec![], document: vec![1] };
        import.put(saved, Expect::Absent).await.unwrap();
    }
    import.commit().await.unwrap();
    let refused = refuse(&target.store).await.unwrap().unwrap_err().to_string();
    assert_eq!(
        refused,
        "the store holds a part of a backup, begun at 2027-01-15 08:00:00Z and not finished: run \
         behalf restore again, which begins anew, or give it an empty store"
    );
    restore(&path, &target, Sessions::End).await.unwrap();
    same(&contents(&target.store).await, &contents(&source.store).await);
    assert_eq!(refuse(&target.store).await.unwrap(), Ok(()));
    // The one that was thought dead writes on: it is stopped.
    let key = Key::new(TENANT, Kind::User, b"late");
    let saved = Saved { key, entries: vec![], document: vec![1] };
    let mut late = Import::new(&target.store, &mark);
    late.put(saved, Expect::Absent).await.unwrap();
    late.commit().await.unwrap_err();
}
