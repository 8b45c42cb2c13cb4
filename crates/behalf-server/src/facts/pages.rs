//! Which origins serve pages of a tenant's applications: whose script may ask the token endpoint.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use behalf_core::{
    application::{Platform, Redirect},
    id::TenantId,
};
use behalf_store::{ReadError, Reading, Stamp};
use quick_cache::sync::Cache;

use super::Facts;

/// Most tenants that are remembered.
const CAPACITY: usize = 1_000;
/// How long what was read is used although something in the directory changed: a preflight proves
/// nothing and shows nothing, so nobody may make the directory read for each.
const RECENT: Duration = Duration::from_secs(1);
const PAGE: u32 = 1_000;

pub(super) struct Pages(Cache<TenantId, Arc<Known>>);

struct Known {
    stamp: Stamp,
    read: Duration,
    pages: Vec<Redirect>,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Facts {
    /// Whether `origin` serves a page of an application that has a service principal in `tenant`.
    /// `now` is the monotonic time.
    pub(crate) async fn has_page(
        &self,
        tenant: TenantId,
        origin: &str,
        now: Duration,
    ) -> Result<bool, ReadError> {
        let holds = |known: &Arc<Known>| {
            self.store.is_current(&known.stamp) || now < known.read.saturating_add(RECENT)
        };
        let known = if let Some(known) = self.pages.0.get(&tenant).filter(holds) {
            known
        } else {
            let reading = self.store.reading();
            let pages = read(&reading, tenant).await?;
            let known = Arc::new(Known { stamp: reading.stamp(), read: now, pages });
            self.pages.0.insert(tenant, Arc::clone(&known));
            known
        };
        Ok(known.pages.iter().any(|page| page.allows_origin(origin)))
    }
}

async fn read(reading: &Reading<'_>, tenant: TenantId) -> Result<Vec<Redirect>, ReadError> {
    let (mut pages, mut after) = (BTreeSet::new(), None);
    loop {
        let list = reading.service_principals(tenant, after, PAGE).await?;
        for principal in list.items {
            let home = (principal.home, principal.application);
            let Some(application) = reading.application(home.0, home.1).await? else { continue };
            let spa = |uri: &Redirect| uri.platform == Platform::Spa;
            pages.extend(application.value.redirects.into_iter().filter(spa));
        }
        after = list.next;
        if after.is_none() {
            return Ok(pages.into_iter().collect());
        }
    }
}
