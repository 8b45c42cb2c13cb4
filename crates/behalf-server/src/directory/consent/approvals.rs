//! Users ask that an administrator consent, and administrators see it.

use behalf_core::{
    access::{self, Actor, GrantConsent},
    consent::{
        ConsentList,
        approval::{self, ApprovalRequest},
    },
    id::{AppId, ObjectId, TenantId},
    user::User,
};
use behalf_store::{Expect, Reading, Stored, WriteSet, records::consent_request};

use super::super::{Directory, Refusal, commit, tenant};

impl Directory {
    /// Notes that `user` needs `list`, which only an administrator may grant. One request for each
    /// client waits, the newest; bounded for each user and tenant.
    pub async fn request_approval(
        &self,
        user: &User,
        list: &ConsentList,
        reason: &str,
    ) -> Result<ApprovalRequest, Refusal> {
        commit!(self, self.draft_request(user, list, reason))
    }

    async fn draft_request(
        &self,
        user: &User,
        list: &ConsentList,
        reason: &str,
    ) -> Result<(WriteSet, ApprovalRequest), Refusal> {
        let reading = self.store.reading();
        let (here, now) = (tenant(&reading, list.tenant).await?, self.now());
        if user.tenant != here.id || user.disabled {
            return Err(access::Denied::NoUserHere.into());
        }
        let request = ApprovalRequest::new(user.id, list, reason, now);
        let found = reading.consent_request(here.id, user.id, request.client).await?;
        let mut set = WriteSet::new();
        if found.is_none() {
            self.make_room(&reading, &mut set, (here.id, user.id)).await?;
        }
        consent_request::put(&mut set, &request, Expect::as_found(found.as_ref()));
        self.audit(&mut set, here.id, "request consent", &list.client.name);
        Ok((set, request))
    }

    /// Forgets requests that waited too long, and refuses one more than may wait.
    async fn make_room(
        &self,
        reading: &Reading<'_>,
        set: &mut WriteSet,
        (tenant, user): (TenantId, ObjectId),
    ) -> Result<(), Refusal> {
        let (mut waiting, mut own) = (0, 0);
        for stored in all(reading, tenant).await? {
            if !stored.waits(self.now()) {
                consent_request::delete(set, &stored, Expect::Any);
                continue;
            }
            waiting += 1;
            own += usize::from(stored.user == user);
        }
        for (what, found, most) in [
            ("requests for consent of one user", own, approval::PER_USER),
            ("requests for consent in a tenant", waiting, approval::PER_TENANT),
        ] {
            if found >= most {
                return Err(Refusal::TooMany { what, found: found + 1, most });
            }
        }
        Ok(())
    }

    /// The requests that wait in a tenant, for an administrator; they end when he consents.
    pub async fn approval_requests(
        &self,
        id: TenantId,
        actor: Actor<'_>,
    ) -> Result<Vec<ApprovalRequest>, Refusal> {
        let reading = self.store.reading();
        access::resolve_approvals(actor, &*tenant(&reading, id).await?)?;
        let waiting = all(&reading, id).await?.into_iter().map(|stored| stored.value);
        Ok(waiting.filter(|request| request.waits(self.now())).collect())
    }

    /// Declines a user's request.
    pub async fn decline_approval(
        &self,
        tenant: TenantId,
        (user, client): (ObjectId, AppId),
        actor: Actor<'_>,
    ) -> Result<(), Refusal> {
        commit!(self, self.draft_decline(tenant, (user, client), actor))
    }

    async fn draft_decline(
        &self,
        id: TenantId,
        (user, client): (ObjectId, AppId),
        actor: Actor<'_>,
    ) -> Result<(WriteSet, ()), Refusal> {
        let reading = self.store.reading();
        access::resolve_approvals(actor, &*tenant(&reading, id).await?)?;
        let found = reading.consent_request(id, user, client).await?;
        let found = found.ok_or(Refusal::NoConsentRequest(client))?;
        let mut set = WriteSet::new();
        consent_request::delete(&mut set, &found, Expect::Version(found.version));
        self.audit(&mut set, id, "decline consent", &client.to_string());
        Ok((set, ()))
    }
}

async fn all(
    reading: &Reading<'_>,
    tenant: TenantId,
) -> Result<Vec<Stored<ApprovalRequest>>, Refusal> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = reading.consent_requests(tenant, after).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Ends the requests that a grant for everyone fulfils.
pub(super) async fn settle(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    (tenant, client): (TenantId, AppId),
    deed: &GrantConsent,
) -> Result<(), Refusal> {
    let granted = |wanted: &approval::WantedPermission| {
        deed.list.parts.iter().any(|part| {
            part.client.app_id == wanted.client
                && part.resource.app_id == wanted.resource
                && part.permissions.iter().any(|permission| permission.id == wanted.id)
        })
    };
    for stored in all(reading, tenant).await? {
        if stored.client == client && stored.wanted.iter().all(granted) {
            consent_request::delete(set, &stored, Expect::Any);
        }
    }
    Ok(())
}
