//! What goes on beside the requests: keys, usage, tallies, the journal's housekeeping is its own.

use std::{sync::Arc, time::Duration};

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Expect, ReadError, Store, WriteSet};

use crate::{entropy::RequestIds, state::Server};

/// How often small things are looked after.
const TICK: Duration = Duration::from_secs(1);
/// How often used assertions that can never be used again are forgotten.
const SWEEP: u32 = 600;

/// Runs for as long as the process does.
pub(crate) async fn run(server: Arc<Server>) {
    let keys = Arc::clone(&server.keys).run();
    tokio::join!(keys, tick(&server));
}

async fn tick(server: &Server) {
    let lane = server.journal.lane();
    let ids = RequestIds::new(Arc::clone(&server.entropy));
    let mut beat = 0_u32;
    loop {
        tokio::time::sleep(TICK).await;
        let now = server.clock.now();
        let lost: u64 = server
            .tallies
            .take(now, &ids)
            .into_iter()
            .filter_map(|tally| lane.submit_tally(&tally).is_err().then_some(tally.count))
            .sum();
        if lost > 0 {
            // One line a second, however many callers there were: the disk may be full.
            tracing::warn!(
                count = lost,
                "requests that were turned away are not counted: the sign-in log is full"
            );
        }
        if let Err(error) = server.store.flush_usage(now, false).await {
            tracing::warn!(%error, "when credentials were last used could not be written");
        }
        beat += 1;
        if beat.is_multiple_of(SWEEP)
            && let Err(error) = forget_used_assertions(&server.store, now).await
        {
            tracing::warn!(%error, "used client assertions could not be forgotten");
        }
    }
}

/// Removes the records of assertions that have expired: the expiry refuses them by itself now.
pub(crate) async fn forget_used_assertions(store: &Store, now: Timestamp) -> Result<(), ReadError> {
    let mut tenants = None;
    loop {
        let page = store.reading().tenants(tenants.take(), 100).await?;
        for tenant in &page.items {
            forget_in(store, tenant.value.id, now).await?;
        }
        match page.next {
            Some(next) => tenants = Some(next),
            None => return Ok(()),
        }
    }
}

async fn forget_in(store: &Store, tenant: TenantId, now: Timestamp) -> Result<(), ReadError> {
    let mut after = None;
    loop {
        let page = store.reading().used_assertions(tenant, after.take()).await?;
        let mut set = WriteSet::new();
        for record in page.items {
            if record.until <= now {
                set.delete(record.key, Expect::Any);
            }
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
