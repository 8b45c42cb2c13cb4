//! Reads of what tickets leave behind when they are used or ended.

use behalf_core::{
    device::{DeviceGrant, UserCode},
    id::{FamilyId, TenantId},
    ticket::Family,
};

use super::{List, Reading, list};
use crate::{
    backend::{Cursor, Page, ReadError},
    record::{Index, Stored},
    records::{
        device_grant,
        expiring::{self, Expiring, Until},
        family,
        revoked::{self, Ended},
    },
};

impl Reading<'_> {
    /// Whether a family or session was ended before its time.
    pub async fn is_ended(&self, tenant: TenantId, what: Ended) -> Result<bool, ReadError> {
        Ok(self.get(revoked::key(tenant, what)).await?.is_some())
    }

    /// Everything that was ended in one bucket of a tenant ([`Ended::bucket`]), a page at a time.
    pub async fn ended_in(
        &self,
        tenant: TenantId,
        bucket: u8,
        after: Option<Cursor>,
    ) -> Result<List<Ended>, ReadError> {
        let value = vec![bucket];
        let page = self.find(tenant, Index::RevokedByBucket, value, after, Page::MAX).await?;
        list(page, revoked::read)
    }

    /// The row of a family of rotating refresh tokens; `None` before its first refresh.
    pub async fn family(
        &self,
        tenant: TenantId,
        id: FamilyId,
    ) -> Result<Option<Stored<Family>>, ReadError> {
        self.get_as(family::key(tenant, id), family::read).await
    }

    /// The device grant that a user code finds.
    pub async fn device_grant(
        &self,
        code: UserCode,
    ) -> Result<Option<Stored<DeviceGrant>>, ReadError> {
        self.get_as(device_grant::key(code), device_grant::read).await
    }

    /// A tenant's records of a kind that are forgotten in time, a page at a time.
    pub async fn expiring(
        &self,
        tenant: TenantId,
        kind: Expiring,
        after: Option<Cursor>,
    ) -> Result<List<Until>, ReadError> {
        list(self.scan(tenant, kind.kind(), after, Page::MAX).await?, expiring::read)
    }
}
