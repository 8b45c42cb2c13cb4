//! What a decision about consent rests on, read from the store, and what must still be so when it
//! is committed.

use std::collections::{BTreeMap, BTreeSet};

use behalf_core::{
    application::{Application, IdentifierUri},
    consent::{AppInTenant, ConsentFacts, NamedScopes, Wanted},
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, TenantId},
    service_principal::AppRoleAssignment,
    tenant::Tenant,
    time::Timestamp,
};
use behalf_store::{
    Expect, Key, Reading, Stored, WriteSet,
    records::{
        application, assignment, permission_grant,
        resource_name::{self, NameOwner},
        service_principal, tenant as tenant_record,
    },
};

use super::super::{
    Refusal,
    names::{Claim, judge},
    tenant,
};
use crate::facts::named_principal;

/// Most applications that one decision may draw in.
const APPS_MAX: usize = 200;

/// What consent is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// Where.
    pub(super) tenant: TenantId,
    /// For which client.
    pub(super) client: AppId,
    /// For what.
    pub(super) wanted: &'a Wanted,
    /// Of whom; nobody where an operator consents for everyone.
    pub(super) user: Option<ObjectId>,
}

/// A pair of service principals.
pub(super) type Pair = (ObjectId, ObjectId);

/// The facts, and the records they were read from.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) facts: ConsentFacts,
    pub(super) grants: BTreeMap<(Pair, GrantedFor), Stored<PermissionGrant>>,
    pub(super) assignments: BTreeMap<Pair, Stored<Vec<AppRoleAssignment>>>,
    /// The owners of names that an application without a service principal would have here.
    names: BTreeMap<String, Option<Stored<NameOwner>>>,
    basis: BTreeMap<Key, Expect>,
}

impl Gathered {
    /// Who has a name now, as it was read.
    pub(super) fn name_owner(&self, name: &IdentifierUri) -> Option<&Stored<NameOwner>> {
        self.names.get(name.as_str()).and_then(Option::as_ref)
    }

    /// The decision rests on `key` too.
    pub(super) fn rests_on(&mut self, key: Key, expect: Expect) {
        self.basis.insert(key, expect);
    }

    /// Requires in `set` that everything which was read and is not written is still so.
    pub(super) fn expect(&self, set: &mut WriteSet) {
        let written: BTreeSet<Key> = set.expected().map(|(key, _)| key.clone()).collect();
        for (key, expect) in self.basis.iter().filter(|(key, _)| !written.contains(*key)) {
            set.expect(key.clone(), *expect);
        }
    }
}

/// Reads everything that `question` may come to.
pub(super) async fn gather(
    reading: &Reading<'_>,
    question: &Question<'_>,
    now: Timestamp,
) -> Result<Gathered, Refusal> {
    let here = tenant(reading, question.tenant).await?;
    let unknown = || Refusal::NotForThisTenant(question.client);
    let client = reading.application_by_app_id(question.client).await?.ok_or_else(unknown)?;
    let basis = BTreeMap::from([(tenant_record::key(here.id), Expect::Version(here.version))]);
    let mut gatherer = Gatherer { reading, here: here.value, now, names: BTreeMap::new(), basis };
    let own = gatherer.in_tenant(client).await?;
    let mut others: Vec<AppInTenant> = Vec::new();
    let mut wanted: Vec<AppId> = Vec::new();
    if let Wanted::Named(scopes) = question.wanted {
        wanted.extend(gatherer.named(scopes).await?);
    }
    if let Wanted::Registered { target: Some(target) } = question.wanted {
        let named = NamedScopes { resource: target.clone(), values: Vec::new() };
        wanted.extend(gatherer.named(&[named]).await?);
    }
    wanted.extend(own.application.required_resource_access.iter().map(|r| r.app_id));
    gatherer.read(wanted, &own, &mut others).await?;
    let combined = |app: &&AppInTenant| is_combined(&own.application, &app.application);
    let needs = others.iter().filter(combined);
    let needs = needs.flat_map(|app| &app.application.required_resource_access);
    let second = needs.map(|required| required.app_id).collect();
    gatherer.read(second, &own, &mut others).await?;
    let Gatherer { here, names, basis, .. } = gatherer;
    let facts = ConsentFacts {
        tenant: here,
        client: own,
        others,
        grants: Vec::new(),
        assignments: Vec::new(),
    };
    let (grants, assignments) = (BTreeMap::new(), BTreeMap::new());
    let mut all = Gathered { facts, grants, assignments, names, basis };
    held(reading, question, &mut all).await?;
    Ok(all)
}

/// Whether what an API needs may come up with the client's consent.
fn is_combined(client: &Application, api: &Application) -> bool {
    client.tenant == api.tenant
        && api.known_clients.contains(&client.app_id)
        && client.required_resource_access.iter().any(|r| r.app_id == api.app_id)
}

/// Reads what is granted already.
async fn held(
    reading: &Reading<'_>,
    question: &Question<'_>,
    gathered: &mut Gathered,
) -> Result<(), Refusal> {
    let facts = &mut gathered.facts;
    let principal = |app: &AppInTenant| app.principal.as_ref().map(|principal| principal.id);
    let all: Vec<_> = std::iter::once(&facts.client).chain(&facts.others).collect();
    let mut pairs = BTreeSet::new();
    for client in &all {
        let itself = client.app_id() == facts.client.app_id();
        if !itself && !is_combined(&facts.client.application, &client.application) {
            continue;
        }
        let required = &client.application.required_resource_access;
        for resource in &all {
            let wanted = itself || required.iter().any(|r| r.app_id == resource.app_id());
            if let (true, Some(own), Some(other)) = (wanted, principal(client), principal(resource))
            {
                pairs.insert((own, other));
            }
        }
    }
    let whom = [Some(GrantedFor::Everyone), question.user.map(GrantedFor::User)];
    for pair in pairs {
        for granted_for in whom.into_iter().flatten() {
            let found = reading.permission_grant(question.tenant, pair, granted_for).await?;
            let key = permission_grant::key(question.tenant, pair, granted_for);
            gathered.basis.insert(key, Expect::as_found(found.as_ref()));
            if let Some(found) = found {
                facts.grants.push(found.value.clone());
                gathered.grants.insert((pair, granted_for), found);
            }
        }
        let found = reading.assignments(question.tenant, pair.0, pair.1).await?;
        let key = assignment::key(question.tenant, pair.0, pair.1);
        gathered.basis.insert(key, Expect::as_found(found.as_ref()));
        if let Some(found) = found {
            facts.assignments.extend(found.value.iter().cloned());
            gathered.assignments.insert(pair, found);
        }
    }
    Ok(())
}

/// Reads applications and remembers what it read.
struct Gatherer<'a, 's> {
    reading: &'a Reading<'s>,
    here: Tenant,
    now: Timestamp,
    names: BTreeMap<String, Option<Stored<NameOwner>>>,
    basis: BTreeMap<Key, Expect>,
}

impl Gatherer<'_, '_> {
    /// The applications that names lead to in this tenant. One that leads nowhere may still be
    /// what the client requires; the decision tells.
    async fn named(&mut self, scopes: &[NamedScopes]) -> Result<Vec<AppId>, Refusal> {
        let mut ids = Vec::new();
        for NamedScopes { resource, .. } in scopes {
            // Only what is known here: nothing of other tenants is told by asking for it.
            let known = named_principal(self.reading, self.here.id, resource).await?;
            ids.extend(known.map(|principal| principal.app_id));
        }
        Ok(ids)
    }

    async fn read(
        &mut self,
        ids: Vec<AppId>,
        own: &AppInTenant,
        others: &mut Vec<AppInTenant>,
    ) -> Result<(), Refusal> {
        for id in ids {
            if id == own.app_id() || others.iter().any(|app| app.app_id() == id) {
                continue;
            }
            if others.len() >= APPS_MAX {
                let (what, found) = ("applications that consent would touch", APPS_MAX + 1);
                return Err(Refusal::TooMany { what, found, most: APPS_MAX });
            }
            let Some(app) = self.reading.application_by_app_id(id).await? else { continue };
            others.push(self.in_tenant(app).await?);
        }
        Ok(())
    }

    async fn in_tenant(&mut self, app: Stored<Application>) -> Result<AppInTenant, Refusal> {
        let key = application::key(app.tenant, app.id);
        self.basis.insert(key, Expect::Version(app.version));
        let home = self.reading.tenant(app.tenant).await?;
        let key = tenant_record::key(app.tenant);
        self.basis.insert(key, Expect::as_found(home.as_ref()));
        let principal = self.reading.service_principal_by_app_id(self.here.id, app.app_id).await?;
        let key = service_principal::key(self.here.id, app.app_id);
        self.basis.insert(key, Expect::as_found(principal.as_ref()));
        let free_names =
            if principal.is_some() { Vec::new() } else { self.free_names(&app.value).await? };
        Ok(AppInTenant {
            home_name: home.as_ref().map(|home| home.display_name.clone()).unwrap_or_default(),
            home_disabled: home.is_none_or(|home| home.disabled),
            principal: principal.map(|principal| principal.value),
            application: app.value,
            free_names,
        })
    }

    /// The names an application without a service principal would have here: at home its own come
    /// before provisioned ones, elsewhere those that travel and are free (decisions.md 1).
    async fn free_names(&mut self, app: &Application) -> Result<Vec<IdentifierUri>, Refusal> {
        let at_home = app.tenant == self.here.id;
        let mut free = Vec::new();
        for name in &app.identifier_uris {
            if !at_home && !name.may_travel(app.app_id, app.tenant) {
                continue;
            }
            let found = self.reading.resource_name(self.here.id, name.as_str()).await?;
            let is_free = match judge(found.as_deref(), app.app_id, self.now) {
                Claim::Held | Claim::Free => true,
                Claim::TakenBy(owner) if at_home => {
                    let holder =
                        self.reading.service_principal_by_app_id(self.here.id, owner).await?;
                    holder.is_some_and(|holder| holder.home != self.here.id)
                }
                Claim::Reserved(_) | Claim::TakenBy(_) => false,
            };
            let key = resource_name::key(self.here.id, name.as_str());
            self.basis.insert(key, Expect::as_found(found.as_ref()));
            if is_free {
                free.push(name.clone());
            }
            self.names.insert(name.as_str().to_owned(), found);
        }
        Ok(free)
    }
}
