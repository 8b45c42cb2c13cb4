use std::{sync::Arc, time::Duration};

use behalf_core::{
    device::{Decision, DeviceCode, DeviceGrant, UserCode},
    id::{AppId, FamilyId, SessionId, TenantId, TicketId},
    ticket::{Family, Requested, Rotation, rotate},
    time::Timestamp,
};
use behalf_store::{
    Backend, CommitError, Expect, Store,
    records::{
        deployment, device_grant,
        expiring::Expiring,
        family,
        revoked::{self, Ended},
        used_ticket::{self, Used},
    },
};
use uuid::Uuid;

use crate::support::{set, tenant};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn fam() -> FamilyId {
    FamilyId(Uuid::from_bytes([7; 16]))
}

fn row(generation: u32, since: Timestamp) -> Family {
    Family { generation, since, expires: since.plus(Duration::from_hours(24 * 90)) }
}

/// Redeems `generation` as the server does: read, decide, write what was decided on what was read.
async fn redeem(store: &Store, generation: u32, now: Timestamp) -> (Rotation, bool) {
    let place = (tenant(1), fam());
    loop {
        let found = store.reading().family(place.0, place.1).await.unwrap();
        let decided = rotate(found.as_ref().map(|f| &f.value), generation, now);
        let Rotation::Issue { generation, issued } = decided else { return (decided, false) };
        let write = set(|s| {
            family::put(s, place, &row(generation, issued), found.as_ref());
            s.expect(revoked::key(place.0, Ended::Family(place.1)), Expect::Absent);
        });
        match store.commit(write).await {
            Ok(_) => return (decided, true),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn of_a_thousand_redemptions_of_one_generation_one_writes(
    backend: Arc<dyn Backend>,
) {
    let store = Store::open(backend).await.unwrap();
    for generation in [0, 1] {
        let mut racers = tokio::task::JoinSet::new();
        for n in 0..1_000 {
            let store = store.clone();
            // A second from the first to the last, all within the grace.
            let now =
                NOW.plus(Duration::from_secs(u64::from(generation)) + Duration::from_millis(n));
            racers.spawn(async move { redeem(&store, generation, now).await });
        }
        let outcomes = racers.join_all().await;
        assert_eq!(outcomes.iter().filter(|(_, wrote)| *wrote).count(), 1);
        let successors: std::collections::BTreeSet<_> = outcomes
            .iter()
            .map(|(outcome, _)| match outcome {
                Rotation::Issue { generation, issued }
                | Rotation::Repeat { generation, issued } => (*generation, *issued),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(successors.len(), 1, "everybody gets the same successor: {successors:?}");
        let stored = store.reading().family(tenant(1), fam()).await.unwrap().unwrap();
        assert_eq!(stored.generation, generation + 1);
    }
    let (outcome, _) = redeem(&store, 0, NOW.plus(Duration::from_secs(2))).await;
    assert_eq!(outcome, Rotation::Reuse, "the successor was used: the grace is over");
}

pub(crate) async fn an_ended_family_does_not_rotate(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let place = (tenant(1), fam());
    let ended = revoked::key(place.0, Ended::Family(place.1));
    let end = set(|s| revoked::put(s, place.0, Ended::Family(place.1), NOW));
    store.commit(end).await.unwrap();
    let write = set(|s| {
        family::put(s, place, &row(1, NOW), None);
        s.expect(ended.clone(), Expect::Absent);
    });
    let refused = store.commit(write).await;
    assert!(matches!(refused, Err(CommitError::Conflict { key, .. }) if key == ended));
}

pub(crate) async fn what_was_ended_is_found_in_its_bucket(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let family = Ended::Family(fam());
    let session = Ended::Session(SessionId(fam().0));
    let elsewhere = Ended::Session(SessionId(Uuid::from_bytes([8; 16])));
    assert_eq!((family.bucket(), elsewhere.bucket()), (7, 8));
    let listed = async |tenant: TenantId, bucket: u8| {
        let reading = store.reading();
        let items = reading.ended_in(tenant, bucket, None).await.unwrap().items;
        (items, reading.stamp())
    };
    let (none, stamp) = listed(tenant(1), 7).await;
    let (_, other_bucket) = listed(tenant(1), 8).await;
    let (_, other_tenant) = listed(tenant(2), 7).await;
    assert!(none.is_empty());
    let end = set(|s| {
        revoked::put(s, tenant(1), family, NOW);
        revoked::put(s, tenant(1), session, NOW);
    });
    store.commit(end).await.unwrap();
    assert!(!store.is_current(&stamp), "it bites at once");
    assert!(store.is_current(&other_bucket) && store.is_current(&other_tenant));
    let (items, stamp) = listed(tenant(1), 7).await;
    assert_eq!(items, [family, session]);
    assert!(listed(tenant(1), 8).await.0.is_empty());
    assert!(listed(tenant(2), 7).await.0.is_empty());
    let reading = store.reading();
    assert!(reading.is_ended(tenant(1), family).await.unwrap());
    assert!(!reading.is_ended(tenant(2), family).await.unwrap());
    let forget = set(|s| s.delete(revoked::key(tenant(1), family), Expect::Any));
    store.commit(forget).await.unwrap();
    assert!(!store.is_current(&stamp));
    assert_eq!(listed(tenant(1), 7).await.0, [session]);
}

pub(crate) async fn a_ticket_is_used_once(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let id = TicketId(Uuid::from_bytes([9; 16]));
    let used = async |tenant, what| {
        store.commit(set(|s| used_ticket::record(s, tenant, what, NOW))).await.is_ok()
    };
    assert!(used(tenant(1), Used::Code(id)).await);
    assert!(!used(tenant(1), Used::Code(id)).await);
    assert!(used(tenant(1), Used::Page(id)).await, "another kind of ticket");
    assert!(used(tenant(2), Used::Code(id)).await, "another tenant's");
}

pub(crate) async fn what_is_forgotten_in_time_says_when(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let place = (tenant(1), fam());
    let (code, later) = (TicketId(fam().0), row(1, NOW).expires);
    let write = set(|s| {
        family::put(s, place, &row(1, NOW), None);
        revoked::put(s, place.0, Ended::Family(place.1), NOW);
        used_ticket::record(s, place.0, Used::Code(code), NOW);
    });
    store.commit(write).await.unwrap();
    for (kind, expected) in [
        (Expiring::Family, vec![later]),
        (Expiring::Revoked, vec![NOW]),
        (Expiring::UsedTicket, vec![NOW]),
        (Expiring::UsedAssertion, vec![]),
    ] {
        let listed = store.reading().expiring(place.0, kind, None).await.unwrap().items;
        let times: Vec<_> = listed.iter().map(|item| item.until).collect();
        assert_eq!(times, expected, "{kind:?}");
        for item in listed {
            assert_eq!(item.key.kind, kind.kind());
            store.commit(set(|s| s.delete(item.key, Expect::Version(item.version)))).await.unwrap();
        }
        let rest = store.reading().expiring(place.0, kind, None).await.unwrap().items;
        assert!(rest.is_empty());
    }
}

pub(crate) async fn of_many_polls_one_takes_the_grant(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let user_code = UserCode::draw([1; 16]);
    let grant = DeviceGrant {
        id: TicketId(fam().0),
        code: DeviceCode::draw(user_code, &[2; 32]).hash(),
        client: AppId(Uuid::from_bytes([3; 16])),
        home: tenant(1),
        tenant: Some(tenant(1)),
        v1: false,
        confidential: false,
        requested: Requested::default(),
        expires: NOW,
        decision: Decision::Waiting,
    };
    let put = |grant: &DeviceGrant, expect| set(|s| device_grant::put(s, user_code, grant, expect));
    store.commit(put(&grant, Expect::Absent)).await.unwrap();
    let again = store.commit(put(&grant, Expect::Absent)).await;
    assert!(matches!(again, Err(CommitError::Conflict { .. })), "codes are unique");
    let found = store.reading().device_grant(user_code).await.unwrap().unwrap();
    assert_eq!(found.value, grant);
    let other = store.reading().device_grant(UserCode::draw([9; 16])).await.unwrap();
    assert!(other.is_none());

    let listed = store.reading().expiring(TenantId::NIL, Expiring::DeviceGrant, None).await;
    assert_eq!(listed.unwrap().items[0].until, NOW);

    let answered = DeviceGrant { decision: Decision::Declined, ..grant };
    store.commit(put(&answered, Expect::Version(found.version))).await.unwrap();
    let stale = store.commit(set(|s| device_grant::take(s, user_code, found.version))).await;
    assert!(matches!(stale, Err(CommitError::Conflict { .. })), "it was answered meanwhile");

    let found = store.reading().device_grant(user_code).await.unwrap().unwrap();
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, found) = (store.clone(), found.clone());
        polls.spawn(async move {
            store.commit(set(|s| device_grant::take(s, user_code, found.version))).await.is_ok()
        });
    }
    assert_eq!(polls.join_all().await.into_iter().filter(|won| *won).count(), 1);
    assert!(store.reading().device_grant(user_code).await.unwrap().is_none());
}

pub(crate) async fn epochs_and_signing_keys_are_two_rings(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let write = set(|s| {
        for number in [10, 9] {
            let id = deployment::epoch_id(number);
            deployment::put_key(s, &id, vec![1], Expect::Absent);
        }
        deployment::put_key(s, "85ImZaPpqaWwVwaS9J74G2I8LqI", vec![2], Expect::Absent);
    });
    store.commit(write).await.unwrap();
    let reading = store.reading();
    let keys: Vec<_> = reading.key_ring().await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(keys, ["85ImZaPpqaWwVwaS9J74G2I8LqI"]);
    let epochs: Vec<_> = reading.seal_epochs().await.unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(epochs, [9, 10]);
}
