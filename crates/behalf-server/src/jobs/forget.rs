//! Forgetting what refuses nothing any more: records whose own expiry does it by now.

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Expect, ReadError, Store, WriteSet, records::expiring::Expiring};

/// Removes the expired records of every tenant.
pub(super) async fn forget_expired(store: &Store, now: Timestamp) -> Result<(), ReadError> {
    for kind in Expiring::ALL.into_iter().filter(|kind| kind.is_global()) {
        forget_in(store, TenantId::NIL, kind, now).await?;
    }
    let mut tenants = None;
    loop {
        let page = store.reading().tenants(tenants.take(), 100).await?;
        for tenant in &page.items {
            for kind in Expiring::ALL.into_iter().filter(|kind| !kind.is_global()) {
                forget_in(store, tenant.value.id, kind, now).await?;
            }
        }
        match page.next {
            Some(next) => tenants = Some(next),
            None => return Ok(()),
        }
    }
}

async fn forget_in(
    store: &Store,
    tenant: TenantId,
    kind: Expiring,
    now: Timestamp,
) -> Result<(), ReadError> {
    let mut after = None;
    loop {
        let page = store.reading().expiring(tenant, kind, after.take()).await?;
        let mut set = WriteSet::new();
        for record in page.items.into_iter().filter(|record| record.until <= now) {
            // A family that was refreshed meanwhile stays.
            set.delete(record.key, Expect::Version(record.version));
        }
        if !set.deletes.is_empty() && store.commit(set).await.is_err() {
            // The next sweep finds them again.
            return Ok(());
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use behalf_core::{id::FamilyId, tenant::Tenant, ticket::Family};
    use behalf_store::{
        records::{family, revoked, tenant, used_ticket},
        sqlite::Sqlite,
    };
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[tokio::test]
    async fn what_is_over_is_forgotten_and_nothing_else() {
        let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
        let acme = Tenant::new(TenantId(Uuid::from_bytes([1; 16])), "Acme", vec![], NOW);
        let mut set = WriteSet::new();
        tenant::put(&mut set, &acme, Expect::Absent);
        for (n, until) in [(1, NOW), (2, NOW.plus(Duration::from_millis(1)))] {
            let id = Uuid::from_bytes([n; 16]);
            let row = Family { generation: 1, since: NOW, expires: until };
            family::put(&mut set, (acme.id, FamilyId(id)), &row, None);
            revoked::put(&mut set, acme.id, revoked::Ended::Family(FamilyId(id)), until);
            used_ticket::record(&mut set, acme.id, used_ticket::Used::Code(id.into()), until);
        }
        store.commit(set).await.unwrap();
        forget_expired(&store, NOW).await.unwrap();
        for kind in [Expiring::Family, Expiring::Revoked, Expiring::UsedTicket] {
            let rest = store.reading().expiring(acme.id, kind, None).await.unwrap().items;
            let times: Vec<_> = rest.iter().map(|record| record.until.0 - NOW.0).collect();
            assert_eq!(times, [1], "{kind:?}");
        }
    }
}
