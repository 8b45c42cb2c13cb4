//! Consent is taken back: by the user who gave it, by an administrator, or with one of its parties.

use behalf_core::{
    access::{self, Actor, Reach},
    consent,
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, TenantId},
};
use behalf_store::{
    Expect, GrantsOf, Reading, Stored, WriteSet,
    records::{assignment, permission_grant, tenant as tenant_record},
};

use super::super::{Directory, Refusal, commit, service_principals::find, tenant};

/// Which of a client's permissions are meant; everything given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// On this resource.
    pub resource: Option<AppId>,
    /// Granted for everyone, or for this user.
    pub granted_for: Option<GrantedFor>,
}

impl Directory {
    /// Takes from a client what everyone granted it in this tenant, app roles too; answers with
    /// how many permissions. What users granted for themselves stays.
    pub async fn revoke_admin_consent(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<usize, Refusal> {
        let granted_for = Some(GrantedFor::Everyone);
        let selection = Selection { granted_for, ..Selection::default() };
        self.revoke_consent((tenant, client), &selection, Actor::Operator).await
    }

    /// Takes back what `selection` means, as far as `actor` may: a user his own grants, an
    /// administrator every grant, and app roles where grants for everyone are meant. Answers with
    /// how many permissions were taken.
    pub async fn revoke_consent(
        &self,
        (tenant, client): (TenantId, AppId),
        selection: &Selection,
        actor: Actor<'_>,
    ) -> Result<usize, Refusal> {
        commit!(self, self.draft_revoke((tenant, client), selection, actor))
    }

    async fn draft_revoke(
        &self,
        (id, client): (TenantId, AppId),
        selection: &Selection,
        actor: Actor<'_>,
    ) -> Result<(WriteSet, usize), Refusal> {
        let reading = self.store.reading();
        let here = tenant(&reading, id).await?;
        let permit = access::revoke_consent(actor, &here)?;
        let principal = find(&reading, id, client).await?;
        let resource = match selection.resource {
            Some(resource) => Some(find(&reading, id, resource).await?.id),
            None => None,
        };
        let (mut set, mut taken) = (WriteSet::new(), 0);
        for stored in grants(&reading, id, GrantsOf::Client(principal.id)).await? {
            let meant = selection.granted_for.is_none_or(|whom| whom == stored.granted_for)
                && resource.is_none_or(|resource| resource == stored.resource);
            if meant && consent::revocable(&permit, [&stored.value]).next().is_some() {
                permission_grant::delete(&mut set, &stored, Expect::Version(stored.version));
                taken += stored.scopes.len();
            }
        }
        let roles = !matches!(selection.granted_for, Some(GrantedFor::User(_)));
        if roles && permit.deed().reach == Reach::Everything {
            taken += take_roles(&reading, &mut set, (id, principal.id, resource)).await?;
        }
        if taken > 0 {
            set.expect(tenant_record::key(id), Expect::Version(here.version));
            self.audit(&mut set, id, "revoke consent", &client.to_string());
        }
        Ok((set, taken))
    }

    /// The delegated permissions of one party in a tenant.
    pub async fn permission_grants(
        &self,
        tenant: TenantId,
        of: GrantsOf,
    ) -> Result<Vec<PermissionGrant>, Refusal> {
        let all = grants(&self.store.reading(), tenant, of).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }
}

async fn grants(
    reading: &Reading<'_>,
    tenant: TenantId,
    of: GrantsOf,
) -> Result<Vec<Stored<PermissionGrant>>, Refusal> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = reading.permission_grants(tenant, of, after).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Takes the app roles of a service principal, all or those on one resource.
async fn take_roles(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    (tenant, principal, resource): (TenantId, ObjectId, Option<ObjectId>),
) -> Result<usize, Refusal> {
    let (mut taken, mut after) = (0, None);
    loop {
        let page = reading.assignments_of(tenant, principal, after).await?;
        for held in &page.items {
            let Some(first) = held.first() else { continue };
            if resource.is_none_or(|resource| resource == first.resource) {
                let pair = (principal, first.resource);
                assignment::put(set, tenant, pair, &[], Expect::Version(held.version));
                taken += held.len();
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(taken);
        }
    }
}

/// Removes every grant of and on a service principal that goes.
pub(in crate::directory) async fn remove_of_principal(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    (tenant, principal): (TenantId, ObjectId),
) -> Result<(), Refusal> {
    for stored in grants(reading, tenant, GrantsOf::Client(principal)).await? {
        permission_grant::delete(set, &stored, Expect::Any);
    }
    // What it was granted on itself is among the first.
    let on = grants(reading, tenant, GrantsOf::Resource(principal)).await?;
    for stored in on.iter().filter(|stored| stored.client != principal) {
        permission_grant::delete(set, stored, Expect::Any);
    }
    Ok(())
}
