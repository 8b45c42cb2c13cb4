//! Facts of users, and of what a client may do in their name.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use behalf_core::{
    application::Application,
    grant::GrantedFor,
    id::{ObjectId, TenantId},
    service_principal::ServicePrincipal,
    token::{ClientFacts, DelegatedFacts},
    user::User,
};
use behalf_protocol::claims::Actor;
use behalf_store::{ReadError, Reading};
use quick_cache::{Equivalent, sync::Cache};

use super::{
    CAPACITY, Cached, Caller, Facts, home_disabled, named_resource, resource::resource_name,
};
use crate::telemetry::CacheName;

/// A fact, or that there is none.
type Remembered<T> = Arc<Cached<Option<Arc<T>>>>;

/// What is remembered.
pub(super) struct Users {
    users: Cache<(TenantId, ObjectId), Remembered<User>>,
    delegations: Cache<Key, Remembered<DelegatedFacts>>,
}

impl Users {
    pub(super) fn new() -> Self {
        Self { users: Cache::new(CAPACITY), delegations: Cache::new(CAPACITY) }
    }
}

/// Who wants to act for whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Who {
    caller: Caller,
    user: ObjectId,
}

#[derive(PartialEq, Eq)]
struct Key {
    who: Who,
    requested: Box<str>,
}

#[derive(Clone, Copy)]
struct Ref<'a> {
    who: Who,
    requested: &'a str,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Ref { who: self.who, requested: &self.requested }.hash(state);
    }
}

impl Hash for Ref<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.who, self.requested).hash(state);
    }
}

impl Equivalent<Key> for Ref<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.who == key.who && *self.requested == *key.requested
    }
}

impl Facts {
    /// The user of that id in the tenant.
    pub async fn user(
        &self,
        tenant: TenantId,
        id: ObjectId,
    ) -> Result<Option<Arc<User>>, ReadError> {
        let Users { users, .. } = &self.users;
        if let Some(cached) = self.current(CacheName::User, users.get(&(tenant, id))) {
            return Ok(cached.facts.clone());
        }
        let reading = self.store.reading();
        let user = reading.user(tenant, id).await?.map(|stored| Arc::new(stored.value));
        let cached = Cached { stamp: reading.stamp(), facts: user.clone() };
        users.insert((tenant, id), Arc::new(cached));
        Ok(user)
    }

    /// The resource that `requested` names in the client's tenant, with what the client may do
    /// there for the user; `None` when the tenant knows no such name.
    pub async fn delegated(
        &self,
        client: &ClientFacts,
        user: ObjectId,
        requested: &str,
    ) -> Result<Option<Arc<DelegatedFacts>>, ReadError> {
        let who = Who { caller: Caller::of(client), user };
        let Users { delegations, .. } = &self.users;
        let found = delegations.get(&Ref { who, requested });
        if let Some(cached) = self.current(CacheName::Delegation, found) {
            return Ok(cached.facts.clone());
        }
        let reading = self.store.reading();
        let facts = match named_resource(&reading, client.tenant.id, requested).await? {
            Some((principal, application)) => {
                let target = (resource_name(requested), &principal, &application);
                Some(Arc::new(read_delegated(&reading, (client, user), target).await?))
            }
            None => None,
        };
        let cached = Cached { stamp: reading.stamp(), facts: facts.clone() };
        let key = Key { who, requested: requested.into() };
        delegations.insert(key, Arc::new(cached));
        Ok(facts)
    }

    /// The clients of a chain, oldest first; those that are not there any more are left out.
    pub async fn actors(
        &self,
        tenant: TenantId,
        chain: &[ObjectId],
    ) -> Result<Vec<Actor>, ReadError> {
        let reading = self.store.reading();
        let mut actors = Vec::with_capacity(chain.len());
        for hop in chain {
            if let Some(found) = reading.service_principal(tenant, *hop).await? {
                actors.push(Actor { sub: hop.0, appid: found.value.app_id.0 });
            }
        }
        Ok(actors)
    }
}

async fn read_delegated(
    reading: &Reading<'_>,
    (client, user): (&ClientFacts, ObjectId),
    (name, principal, application): (&str, &ServicePrincipal, &Application),
) -> Result<DelegatedFacts, ReadError> {
    let tenant = client.tenant.id;
    let home_disabled = home_disabled(reading, application).await?;
    let mut grants = Vec::new();
    if let Some(own) = client.service_principal {
        for granted_for in [GrantedFor::Everyone, GrantedFor::User(user)] {
            let pair = (own.id, principal.id);
            let grant = reading.permission_grant(tenant, pair, granted_for).await?;
            grants.extend(grant.map(|stored| stored.value));
        }
    }
    let assignments = reading.assignments(tenant, user, principal.id).await?;
    let assignments = assignments.map(|stored| stored.value).unwrap_or_default();
    let resource = (application, home_disabled);
    let held = (grants.as_slice(), assignments.as_slice());
    let facts = DelegatedFacts::gather(name, resource, principal, (client, user), held);
    Ok(facts.with_client_assignment(assigned_to(reading, client, user).await?))
}

/// Whether a user may use a client at all: he is assigned to it, or nobody needs to be.
async fn assigned_to(
    reading: &Reading<'_>,
    client: &ClientFacts,
    user: ObjectId,
) -> Result<bool, ReadError> {
    let tenant = client.tenant.id;
    let Some(own) = client.service_principal else { return Ok(true) };
    let principal = reading.service_principal_by_app_id(tenant, client.app_id).await?;
    if principal.is_none_or(|principal| !principal.assignment_required) {
        return Ok(true);
    }
    let held = reading.assignments(tenant, user, own.id).await?;
    Ok(held.is_some_and(|held| !held.is_empty()))
}
