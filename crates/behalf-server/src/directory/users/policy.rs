//! A tenant's rules for its users, and the end of everything they were given.

use behalf_core::{
    access::{
        Actor,
        users::{UserDeed, administer_user},
    },
    id::TenantId,
    tenant::{Tenant, UserPolicy},
};
use behalf_store::{Expect, WriteSet, records::tenant as tenant_record};

use crate::directory::{Directory, Refusal, commit, tenant};

impl Directory {
    /// Changes what a tenant's users may do.
    pub async fn set_user_policy(
        &self,
        by: Actor<'_>,
        id: TenantId,
        policy: UserPolicy,
    ) -> Result<Tenant, Refusal> {
        let edit = |tenant: &mut Tenant| tenant.users = policy;
        commit!(self, self.draft_tenant_edit(by, id, "set user policy", &edit))
    }

    /// Changes whether clients get tokens for themselves in a tenant while the database is away.
    pub async fn set_degraded_service(
        &self,
        by: Actor<'_>,
        id: TenantId,
        allowed: bool,
    ) -> Result<Tenant, Refusal> {
        let edit = |tenant: &mut Tenant| tenant.no_degraded_service = !allowed;
        commit!(self, self.draft_tenant_edit(by, id, "set degraded service", &edit))
    }

    /// Ends every session and refresh token of every user of a tenant.
    pub async fn revoke_all_sessions(
        &self,
        by: Actor<'_>,
        id: TenantId,
    ) -> Result<Tenant, Refusal> {
        let edit = |tenant: &mut Tenant| tenant.revision = tenant.revision.wrapping_add(1);
        commit!(self, self.draft_tenant_edit(by, id, "revoke sessions of all users", &edit))
    }

    async fn draft_tenant_edit(
        &self,
        by: Actor<'_>,
        id: TenantId,
        action: &str,
        edit: &(dyn Fn(&mut Tenant) + Send + Sync),
    ) -> Result<(WriteSet, Tenant), Refusal> {
        let found = tenant(&self.store.reading(), id).await?;
        administer_user(by, &found, UserDeed::SetPolicy, None)?;
        let mut after = found.value.clone();
        edit(&mut after);
        let mut set = WriteSet::new();
        if after != found.value {
            tenant_record::put(&mut set, &after, Expect::Version(found.version));
            self.audit(&mut set, id, action, &after.display_name);
        }
        Ok((set, after))
    }
}
