//! What was decided becomes one write set.

use std::collections::BTreeMap;

use behalf_core::{
    access::{GrantConsent, Permit},
    consent::{self, GrantOutcome},
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId},
    service_principal::AppRoleAssignment,
};
use behalf_store::{
    Expect, WriteSet,
    records::{
        assignment, permission_grant,
        resource_name::{self, NameOwner},
        service_principal,
    },
};

use super::{
    super::{Directory, Refusal},
    approvals,
    gather::{Gathered, Pair},
};

/// Characters of an audit entry's target.
const TARGET_MAX: usize = 500;

impl Directory {
    /// The write set of a permitted acceptance, with the expectation that everything it rests on
    /// is still so. Empty when all of it was granted already.
    pub(super) async fn write(
        &self,
        gathered: &Gathered,
        permit: &Permit<GrantConsent>,
    ) -> Result<(WriteSet, GrantOutcome), Refusal> {
        let outcome = consent::grant(permit, &gathered.facts);
        let mut set = WriteSet::new();
        if outcome.is_empty() {
            return Ok((set, outcome));
        }
        let deed = permit.deed();
        let principals = self.create(&mut set, gathered, &outcome);
        self.put_grants(&mut set, gathered, (&outcome, &principals));
        self.assign(&mut set, gathered, (&outcome, &principals));
        gathered.expect(&mut set);
        let everyone = deed.granted_for == GrantedFor::Everyone;
        if everyone {
            let (tenant, client) = (deed.list.tenant, deed.list.client.app_id);
            approvals::settle(&self.store.reading(), &mut set, (tenant, client), deed).await?;
        }
        let action = if everyone { "grant consent for everyone" } else { "grant consent" };
        self.audit(&mut set, deed.list.tenant, action, &target(permit, &outcome));
        Ok((set, outcome))
    }

    /// Makes the service principals that are missing, and answers with everybody's id.
    fn create(
        &self,
        set: &mut WriteSet,
        gathered: &Gathered,
        outcome: &GrantOutcome,
    ) -> BTreeMap<AppId, ObjectId> {
        let facts = &gathered.facts;
        let all = std::iter::once(&facts.client).chain(&facts.others);
        let known = all.filter_map(|app| Some((app.app_id(), app.principal.as_ref()?.id)));
        let mut principals: BTreeMap<_, _> = known.collect();
        for new in &outcome.creates {
            let Some(app) = facts.app(new.app_id) else { continue };
            let tenant = facts.tenant.id;
            for name in &new.names {
                let owner = gathered.name_owner(name);
                if owner.is_some_and(|o| o.value == NameOwner::Application(new.app_id)) {
                    continue;
                }
                resource_name::claim(set, tenant, name.as_str(), new.app_id, owner);
            }
            let principal = self.principal_of(&app.application, tenant);
            service_principal::put(set, &principal, Expect::Absent);
            let name = app.application.display_name();
            self.audit(set, tenant, "create service principal", name);
            principals.insert(new.app_id, principal.id);
        }
        principals
    }

    fn put_grants(
        &self,
        set: &mut WriteSet,
        gathered: &Gathered,
        (outcome, principals): (&GrantOutcome, &BTreeMap<AppId, ObjectId>),
    ) {
        let tenant = gathered.facts.tenant.id;
        for add in &outcome.grants {
            let Some(pair) = pair(principals, add.client, add.resource) else { continue };
            let found = gathered.grants.get(&(pair, add.granted_for));
            let (client, resource) = pair;
            let mut grant = found.map_or_else(
                || PermissionGrant {
                    id: self.object_id(
                        tenant,
                        "oauth2PermissionGrant",
                        &format!("{client}{resource}{:?}", add.granted_for),
                    ),
                    tenant,
                    client,
                    resource,
                    granted_for: add.granted_for,
                    scopes: [].into(),
                    granted_by: outcome.granted_by,
                    created: self.now(),
                },
                |found| found.value.clone(),
            );
            grant.scopes.extend(&add.scopes);
            grant.granted_by = outcome.granted_by;
            grant.created = self.now();
            permission_grant::put(set, &grant, Expect::as_found(found));
        }
    }

    fn assign(
        &self,
        set: &mut WriteSet,
        gathered: &Gathered,
        (outcome, principals): (&GrantOutcome, &BTreeMap<AppId, ObjectId>),
    ) {
        let tenant = gathered.facts.tenant.id;
        let mut after: BTreeMap<Pair, Vec<AppRoleAssignment>> = BTreeMap::new();
        for add in &outcome.roles {
            let Some(pair) = pair(principals, add.client, add.resource) else { continue };
            let held = gathered.assignments.get(&pair);
            let held = || held.map(|held| held.value.clone()).unwrap_or_default();
            let (principal, resource, role) = (pair.0, pair.1, add.role);
            let name = format!("{principal}{resource}{role}");
            after.entry(pair).or_insert_with(held).push(AppRoleAssignment {
                id: self.object_id(tenant, "appRoleAssignment", &name),
                tenant,
                principal,
                resource,
                role,
                granted_by: self.actor.to_string(),
                created: self.now(),
            });
        }
        for (pair, assignments) in after {
            let expect = Expect::as_found(gathered.assignments.get(&pair));
            assignment::put(set, tenant, pair, &assignments, expect);
        }
    }
}

fn pair(principals: &BTreeMap<AppId, ObjectId>, client: AppId, resource: AppId) -> Option<Pair> {
    Some((*principals.get(&client)?, *principals.get(&resource)?))
}

/// The client and what it was granted, as the audit log names them.
fn target(permit: &Permit<GrantConsent>, outcome: &GrantOutcome) -> String {
    let granted = super::told(permit, outcome).into_iter();
    let granted = granted.map(|g| format!("{} {} {}", g.client, g.resource, g.value));
    let all = std::iter::once(permit.deed().list.client.name.clone()).chain(granted);
    all.collect::<Vec<_>>().join("; ").chars().take(TARGET_MAX).collect()
}

/// Adds what `also` holds to `set`; of what both expect, `set`'s counts.
pub(super) fn join(set: &mut WriteSet, also: &WriteSet) {
    set.puts.extend(also.puts.iter().cloned());
    set.deletes.extend(also.deletes.iter().cloned());
    set.appends.extend(also.appends.iter().cloned());
    for (key, expect) in &also.expectations {
        if !set.expected().any(|(known, _)| known == key) {
            set.expect(key.clone(), *expect);
        }
    }
}
