//! What was ended before its time, in memory, a bucket of a tenant at a time: kept while it is
//! true, so that a warm check reads no row and a new revocation bites at once.

use std::{collections::HashSet, sync::Arc};

use behalf_core::{id::TenantId, ticket::Standing};
use behalf_store::{ReadError, Stamp, Store, records::revoked::Ended};
use quick_cache::{Weighter, sync::Cache};

/// Most memory, in bytes as [`Size`] counts them.
const MEMORY: u64 = 32 << 20;
/// Buckets that are expected to be in use.
const BUCKETS: usize = 16_384;

struct Bucket {
    stamp: Stamp,
    ended: HashSet<Ended>,
}

#[derive(Clone)]
struct Size;

impl Weighter<(TenantId, u8), Arc<Bucket>> for Size {
    fn weight(&self, _: &(TenantId, u8), bucket: &Arc<Bucket>) -> u64 {
        128 + 32 * u64::try_from(bucket.ended.capacity()).unwrap_or(u64::MAX / 64)
    }
}

pub(super) struct Revocations {
    store: Store,
    buckets: Cache<(TenantId, u8), Arc<Bucket>, Size>,
}

impl Revocations {
    pub(super) fn new(store: Store) -> Self {
        Self { store, buckets: Cache::with_weighter(BUCKETS, MEMORY, Size) }
    }

    pub(super) async fn standing(
        &self,
        tenant: TenantId,
        what: Ended,
    ) -> Result<Standing, ReadError> {
        let place = (tenant, what.bucket());
        let warm = self.buckets.get(&place).filter(|b| self.store.is_current(&b.stamp));
        let bucket = if let Some(bucket) = warm {
            bucket
        } else {
            let read = Arc::new(self.read(place).await?);
            self.buckets.insert(place, Arc::clone(&read));
            read
        };
        Ok(if bucket.ended.contains(&what) { Standing::Ended } else { Standing::Live })
    }

    async fn read(&self, (tenant, bucket): (TenantId, u8)) -> Result<Bucket, ReadError> {
        let reading = self.store.reading();
        let (mut ended, mut after) = (HashSet::new(), None);
        loop {
            let page = reading.ended_in(tenant, bucket, after).await?;
            ended.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(Bucket { stamp: reading.stamp(), ended });
            }
        }
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}
