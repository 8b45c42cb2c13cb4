//! What goes on beside the requests: keys, usage, tallies, the journal's housekeeping is its own.

use std::{sync::Arc, time::Duration};

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Expect, ReadError, Store, WriteSet};

use crate::{entropy::RequestIds, journal::Lane, state::Server};

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
        server.write_tallies(&lane, &ids);
        server.write_usage(false).await;
        beat += 1;
        if beat.is_multiple_of(SWEEP)
            && let Err(error) = forget_used_assertions(&server.store, now).await
        {
            tracing::warn!(%error, "used client assertions could not be forgotten");
        }
    }
}

impl Server {
    /// Writes what is still in memory and closes the sign-in log: the last thing before the process
    /// ends, when no request is under way any more.
    pub async fn finish(&self) {
        self.write_tallies(&self.journal.lane(), &RequestIds::new(Arc::clone(&self.entropy)));
        self.write_usage(true).await;
        self.journal.close();
    }

    fn write_tallies(&self, lane: &Lane, ids: &RequestIds) {
        let lost: u64 = self
            .tallies
            .take(self.clock.now(), ids)
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
    }

    async fn write_usage(&self, all: bool) {
        if let Err(error) = self.store.flush_usage(self.clock.now(), all).await {
            tracing::warn!(%error, "when credentials were last used could not be written");
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
