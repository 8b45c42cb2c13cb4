//! Users as they are looked up, and names that one user has at a time.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]

use std::sync::Arc;

use behalf_core::{
    id::{ObjectId, TenantId},
    time::Timestamp,
    user::{User, UserPrincipalName},
};
use behalf_store::{CommitError, Store, WriteSet, records::user, sqlite::Sqlite};
use uuid::Uuid;

fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

fn named(text: &str) -> UserPrincipalName {
    UserPrincipalName::parse(text).unwrap()
}

fn bob(id: u128, tenant: TenantId) -> User {
    User::new(ObjectId(Uuid::from_u128(id)), tenant, named("bob@acme.test"), Timestamp(1))
}

async fn commit(store: &Store, build: impl FnOnce(&mut WriteSet)) -> Result<(), CommitError> {
    let mut set = WriteSet::new();
    build(&mut set);
    store.commit(set).await.map(|_| ())
}

#[tokio::test]
async fn a_name_is_one_users_in_each_tenant() {
    let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
    let (acme, globex) = (tenant(1), tenant(2));
    commit(&store, |set| user::create(set, &bob(7, acme))).await.unwrap();
    let again = commit(&store, |set| user::create(set, &bob(8, acme))).await;
    assert!(matches!(again, Err(CommitError::Conflict { .. })), "{again:?}");
    commit(&store, |set| user::create(set, &bob(8, globex))).await.unwrap();

    let reading = store.reading();
    let by_name = async |tenant, name: &str| {
        let found = reading.user_by_name(tenant, &named(name)).await.unwrap();
        found.map(|user| user.id.0.as_u128())
    };
    assert_eq!(by_name(acme, "BOB@acme.test").await, Some(7));
    assert_eq!(by_name(globex, "bob@acme.test").await, Some(8));
    assert_eq!(by_name(acme, "eve@acme.test").await, None);
    let stamp = reading.stamp();

    // Renamed: the old name is free, the new one taken, and what was read is stale.
    let before = reading.user(acme, bob(7, acme).id).await.unwrap().unwrap();
    let after = User { name: named("rob@acme.test"), ..before.value.clone() };
    commit(&store, |set| user::update(set, &before, &after)).await.unwrap();
    assert!(!store.is_current(&stamp));
    assert_eq!(by_name(acme, "rob@acme.test").await, Some(7));
    assert_eq!(by_name(acme, "bob@acme.test").await, None);
    let stale = commit(&store, |set| user::update(set, &before, &after)).await;
    assert!(matches!(stale, Err(CommitError::Conflict { .. })), "a lost update is refused");

    let listed = reading.users(acme, None, 10).await.unwrap().items;
    assert_eq!(listed.iter().map(|user| &user.value).collect::<Vec<_>>(), [&after]);
    commit(&store, |set| user::delete(set, &listed[0])).await.unwrap();
    assert_eq!(by_name(acme, "rob@acme.test").await, None);
    assert_eq!(reading.user(acme, after.id).await.unwrap(), None);
    assert_eq!(by_name(globex, "bob@acme.test").await, Some(8), "another tenant's is untouched");
}
