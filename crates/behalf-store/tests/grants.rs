//! Delegated permissions as they are looked up: for everyone, for one user, and by each party.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]

use std::sync::Arc;

use behalf_core::{
    grant::{GrantedFor, PermissionGrant},
    id::{ObjectId, PermissionId, TenantId},
    time::Timestamp,
};
use behalf_store::{Expect, GrantsOf, Store, WriteSet, records::permission_grant, sqlite::Sqlite};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn object(n: u128) -> ObjectId {
    ObjectId(Uuid::from_u128(n))
}

fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

fn grant(tenant: TenantId, granted_for: GrantedFor, scopes: &[u128]) -> PermissionGrant {
    PermissionGrant {
        id: object(9),
        tenant,
        client: object(1),
        resource: object(2),
        granted_for,
        scopes: scopes.iter().map(|n| PermissionId(Uuid::from_u128(*n))).collect(),
        granted_by: ObjectId::NIL,
        created: NOW,
    }
}

async fn commit(store: &Store, grants: &[PermissionGrant]) {
    let mut set = WriteSet::new();
    for grant in grants {
        permission_grant::put(&mut set, grant, Expect::Any);
    }
    store.commit(set).await.unwrap();
}

#[tokio::test]
async fn one_record_for_each_pair_and_for_whom() {
    let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
    let (acme, globex, bob) = (tenant(1), tenant(2), object(7));
    let everyone = grant(acme, GrantedFor::Everyone, &[1]);
    let own = grant(acme, GrantedFor::User(bob), &[2, 3]);
    let there = grant(globex, GrantedFor::Everyone, &[4]);
    commit(&store, &[everyone.clone(), own.clone(), there.clone()]).await;

    let reading = store.reading();
    let of = async |tenant, pair, granted_for| {
        let found = reading.permission_grant(tenant, pair, granted_for).await.unwrap();
        found.map(|found| found.value)
    };
    let pair = (object(1), object(2));
    assert_eq!(of(acme, pair, GrantedFor::Everyone).await, Some(everyone.clone()));
    assert_eq!(of(acme, pair, GrantedFor::User(bob)).await, Some(own.clone()));
    assert_eq!(of(acme, pair, GrantedFor::User(object(8))).await, None);
    assert_eq!(of(acme, (object(2), object(1)), GrantedFor::Everyone).await, None);
    assert_eq!(of(globex, pair, GrantedFor::Everyone).await, Some(there));

    let all = async |of| {
        let list = reading.permission_grants(acme, of, None).await.unwrap().items;
        list.into_iter().map(|stored| stored.value.granted_for).collect::<Vec<_>>()
    };
    let both = [GrantedFor::Everyone, GrantedFor::User(bob)];
    assert_eq!(all(GrantsOf::Client(object(1))).await, both);
    assert_eq!(all(GrantsOf::Resource(object(2))).await, both);
    assert_eq!(all(GrantsOf::User(bob)).await, [GrantedFor::User(bob)]);
    assert_eq!(all(GrantsOf::User(object(1))).await, []);

    // What was read is stale once the grant is gone, and one without scopes is gone.
    let stamp = reading.stamp();
    commit(&store, &[PermissionGrant { scopes: [].into(), ..own }]).await;
    assert!(!store.is_current(&stamp));
    assert_eq!(of(acme, pair, GrantedFor::User(bob)).await, None);
    assert_eq!(all(GrantsOf::User(bob)).await, []);
}
