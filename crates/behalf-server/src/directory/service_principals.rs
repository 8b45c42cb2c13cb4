//! Service principals: an application as a tenant knows it.

use behalf_core::{
    application::SignInAudience,
    id::{AppId, TenantId},
    service_principal::ServicePrincipal,
};
use behalf_store::{
    Expect, Reading, Stored, WriteSet,
    records::{application, assignment, service_principal},
};

use super::{Directory, Refusal, commit, consent, names::Claimant, tenant};

impl Directory {
    /// Makes a multi-tenant application known in another tenant, or an application in its home
    /// again. Its names come along where they may travel and are free (decisions.md 1); having
    /// one already is no error.
    pub async fn create_service_principal(
        &self,
        tenant: TenantId,
        app_id: AppId,
    ) -> Result<ServicePrincipal, Refusal> {
        commit!(self, self.draft_service_principal(tenant, app_id))
    }

    async fn draft_service_principal(
        &self,
        id: TenantId,
        app_id: AppId,
    ) -> Result<(WriteSet, ServicePrincipal), Refusal> {
        let reading = self.store.reading();
        tenant(&reading, id).await?;
        let application = reading.application_by_app_id(app_id).await?;
        let usable = |a: &Stored<_>| may_be_used(a, id);
        let application = application.filter(usable).ok_or(Refusal::NotForThisTenant(app_id))?;
        let mut set = WriteSet::new();
        if let Some(found) = reading.service_principal_by_app_id(id, app_id).await? {
            return Ok((set, found.value));
        }
        let claimant = Claimant { tenant: id, app: app_id, now: self.now() };
        let names = &application.identifier_uris;
        if application.tenant == id {
            claimant.claim(&reading, &mut set, names).await?;
        } else {
            let home = application.tenant;
            claimant.claim_provisioned(&reading, &mut set, (names, home)).await?;
        }
        let key = application::key(application.tenant, application.id);
        set.expect(key, Expect::Version(application.version));
        let principal = self.principal_of(&application, id);
        service_principal::put(&mut set, &principal, Expect::Absent);
        self.audit(&mut set, id, "create service principal", application.display_name());
        Ok((set, principal))
    }

    /// Requires clients of this service principal to be assigned, or no longer (501051).
    pub async fn set_assignment_required(
        &self,
        tenant: TenantId,
        app_id: AppId,
        required: bool,
    ) -> Result<ServicePrincipal, Refusal> {
        let action = if required { "require assignment" } else { "require no assignment" };
        let edit = |principal: &mut ServicePrincipal| principal.assignment_required = required;
        commit!(self, self.draft_principal_edit((tenant, app_id), action, &edit))
    }

    /// Disables a service principal, or enables it again: no tokens for it or by it in this
    /// tenant. What it was given before it was disabled stays ended (tickets.md 5).
    pub async fn set_service_principal_disabled(
        &self,
        tenant: TenantId,
        app_id: AppId,
        disabled: bool,
    ) -> Result<ServicePrincipal, Refusal> {
        let action =
            if disabled { "disable service principal" } else { "enable service principal" };
        let edit = |principal: &mut ServicePrincipal| {
            if disabled && !principal.disabled {
                principal.revision = principal.revision.wrapping_add(1);
            }
            principal.disabled = disabled;
        };
        commit!(self, self.draft_principal_edit((tenant, app_id), action, &edit))
    }

    async fn draft_principal_edit(
        &self,
        (tenant, app_id): (TenantId, AppId),
        action: &str,
        edit: &(dyn Fn(&mut ServicePrincipal) + Send + Sync),
    ) -> Result<(WriteSet, ServicePrincipal), Refusal> {
        let reading = self.store.reading();
        let found = find(&reading, tenant, app_id).await?;
        let mut after = found.value.clone();
        edit(&mut after);
        let mut set = WriteSet::new();
        if after != found.value {
            service_principal::put(&mut set, &after, Expect::Version(found.version));
            self.audit(&mut set, tenant, action, &app_id.to_string());
        }
        Ok((set, after))
    }

    /// Deletes a service principal, its names in this tenant and the assignments of and on it.
    pub async fn delete_service_principal(
        &self,
        tenant: TenantId,
        app_id: AppId,
    ) -> Result<(), Refusal> {
        commit!(self, self.draft_principal_delete(tenant, app_id))
    }

    async fn draft_principal_delete(
        &self,
        tenant: TenantId,
        app_id: AppId,
    ) -> Result<(WriteSet, ()), Refusal> {
        let reading = self.store.reading();
        let found = find(&reading, tenant, app_id).await?;
        let mut set = WriteSet::new();
        if let Some(application) = reading.application_by_app_id(app_id).await? {
            let claimant = Claimant { tenant, app: app_id, now: self.now() };
            claimant.release(&reading, &mut set, &application.identifier_uris).await?;
        }
        remove(&reading, &mut set, &found).await?;
        self.audit(&mut set, tenant, "delete service principal", &app_id.to_string());
        Ok((set, ()))
    }
}

/// The service principal of an application in a tenant, which must exist.
pub(super) async fn find(
    reading: &Reading<'_>,
    tenant: TenantId,
    app_id: AppId,
) -> Result<Stored<ServicePrincipal>, Refusal> {
    let found = reading.service_principal_by_app_id(tenant, app_id).await?;
    found.ok_or_else(|| Refusal::NoServicePrincipal(app_id.to_string()))
}

/// Removes `principal` with the assignments and grants of it and on it.
pub(super) async fn remove(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    principal: &Stored<ServicePrincipal>,
) -> Result<(), Refusal> {
    service_principal::delete(set, principal);
    let (tenant, id) = (principal.tenant, principal.id);
    consent::remove_of_principal(reading, set, (tenant, id)).await?;
    let mut after = None;
    loop {
        let page = reading.assignments_of(tenant, id, after).await?;
        for found in page.items.iter().filter_map(|stored| stored.first()) {
            assignment::put(set, tenant, (id, found.resource), &[], Expect::Any);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = reading.assignments_on(tenant, id, after).await?;
        // What it is assigned on itself is among the first.
        let others = page.items.iter().filter_map(|s| s.first()).filter(|a| a.principal != id);
        for found in others {
            assignment::put(set, tenant, (found.principal, id), &[], Expect::Any);
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Whether an application may have a service principal in `tenant` (AD-16).
fn may_be_used(application: &behalf_core::application::Application, tenant: TenantId) -> bool {
    application.tenant == tenant || application.audience == SignInAudience::Multi
}
