//! The facts of tenants, clients and resources, kept in memory for as long as they are true.
//!
//! A cached fact carries the [`Stamp`] of what it was read from. It is used while nothing it
//! depends on has changed, in whichever tenant (decisions.md 2), so a warm request reads nothing
//! from the database and a removed secret bites at once.

mod pages;
mod resource;
mod users;

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use behalf_core::{
    application::Application,
    claims::Issuers,
    id::{AppId, ObjectId, TenantId},
    tenant::{Tenant, TenantSegment},
    token::{ClientFacts, ResourceFacts},
};
use behalf_store::{ReadError, Reading, Stamp, Store};
use quick_cache::{Equivalent, sync::Cache};

pub(crate) use resource::{named_principal, named_resource};

use crate::telemetry::{CacheName, Metrics};
use resource::resource_name;

/// Most entries of each kind. A client and a resource in use cost about two kilobytes.
const CAPACITY: usize = 20_000;
/// Most names that are remembered to name no tenant. They have a memory of their own, so that whoever
/// makes names up pushes out no fact.
const UNKNOWN_CAPACITY: usize = 4_096;

/// A tenant as requests need it.
#[derive(Debug)]
pub struct TenantFacts {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Issuers of its tokens.
    pub issuers: Issuers,
}

/// What is remembered of a name.
#[derive(Debug)]
pub enum Remembered {
    /// It names this tenant.
    Tenant(Arc<TenantFacts>),
    /// It names none.
    NoTenant,
    /// Only the store can tell.
    Nothing,
}

/// Where facts come from: memory while they are true, else the store.
pub struct Facts {
    store: Store,
    public_url: String,
    default_tenant: Option<TenantSegment>,
    metrics: Arc<Metrics>,
    tenants: Cache<Box<str>, Arc<Cached<Arc<TenantFacts>>>>,
    unknown_tenants: Cache<Box<str>, Stamp>,
    clients: Cache<ClientKey, Arc<Cached<Arc<ClientFacts>>>>,
    resources: Cache<ResourceKey, Arc<Cached<Option<Arc<ResourceFacts>>>>>,
    users: users::Users,
    pages: pages::Pages,
}

struct Cached<T> {
    stamp: Stamp,
    facts: T,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ClientKey {
    tenant: TenantId,
    client: AppId,
}

/// Who wants to act at a resource. His service principal is part of it: made anew it has nothing that
/// the former one had.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Caller {
    tenant: TenantId,
    client: AppId,
    principal: Option<ObjectId>,
}

impl Caller {
    fn of(client: &ClientFacts) -> Self {
        let principal = client.service_principal.map(|own| own.id);
        Self { tenant: client.tenant.id, client: client.app_id, principal }
    }
}

#[derive(PartialEq, Eq)]
struct ResourceKey {
    caller: Caller,
    requested: Box<str>,
}

#[derive(Clone, Copy)]
struct ResourceRef<'a> {
    caller: Caller,
    requested: &'a str,
}

impl Hash for ResourceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ResourceRef { caller: self.caller, requested: &self.requested }.hash(state);
    }
}

impl Hash for ResourceRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.caller, self.requested).hash(state);
    }
}

impl Equivalent<ResourceKey> for ResourceRef<'_> {
    fn equivalent(&self, key: &ResourceKey) -> bool {
        self.caller == key.caller && *self.requested == *key.requested
    }
}

impl Facts {
    /// Facts of `store`. `default_tenant` is what the reserved segment `adfs` stands for.
    pub fn new(
        store: Store,
        public_url: String,
        default_tenant: Option<TenantSegment>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            store,
            public_url,
            default_tenant,
            metrics,
            tenants: Cache::new(CAPACITY),
            unknown_tenants: Cache::new(UNKNOWN_CAPACITY),
            clients: Cache::new(CAPACITY),
            resources: Cache::new(CAPACITY),
            users: users::Users::new(),
            pages: pages::Pages::new(),
        }
    }

    /// What was found in a cache, if it still holds.
    fn current<T>(
        &self,
        cache: CacheName,
        found: Option<Arc<Cached<T>>>,
    ) -> Option<Arc<Cached<T>>> {
        let found = found.filter(|cached| self.store.is_current(&cached.stamp));
        self.metrics.cache(cache, found.is_some());
        found
    }

    /// What is remembered of the tenant that a path segment names, in any letter case.
    pub fn remembered_tenant(&self, segment: &str) -> Remembered {
        let name = lower_case(segment);
        if let Some(cached) = self.current(CacheName::Tenant, self.tenants.get(&*name)) {
            return Remembered::Tenant(Arc::clone(&cached.facts));
        }
        match self.unknown_tenants.get(&*name) {
            Some(stamp) if self.store.is_current(&stamp) => Remembered::NoTenant,
            _ => Remembered::Nothing,
        }
    }

    /// The tenant that a path segment names, as the store has it; `None` when there is none or it
    /// is disabled. `common` and the like name none. Remembers the answer.
    pub async fn read_tenant(&self, segment: &str) -> Result<Option<Arc<TenantFacts>>, ReadError> {
        let Some(parsed) = TenantSegment::parse(segment) else { return Ok(None) };
        let name = lower_case(segment);
        let reading = self.store.reading();
        let parsed = match (parsed, &self.default_tenant) {
            (TenantSegment::DefaultTenant, Some(default)) => Some(default.clone()),
            (TenantSegment::DefaultTenant, None) => {
                sole_tenant(&reading).await?.map(TenantSegment::Id)
            }
            (named, _) => Some(named),
        };
        let tenant = match parsed {
            Some(named) => named_tenant(&reading, &named).await?,
            None => None,
        };
        let Some(tenant) = tenant else {
            self.unknown_tenants.insert((*name).into(), reading.stamp());
            return Ok(None);
        };
        let issuers = Issuers::new(&self.public_url, tenant.id);
        let facts = Arc::new(TenantFacts { tenant: Arc::new(tenant), issuers });
        let cached = Cached { stamp: reading.stamp(), facts: Arc::clone(&facts) };
        self.tenants.insert((*name).into(), Arc::new(cached));
        Ok(Some(facts))
    }

    /// The client `app` as `tenant` sees it; `None` when it must look unknown there.
    pub async fn client(
        &self,
        tenant: TenantId,
        app: AppId,
    ) -> Result<Option<Arc<ClientFacts>>, ReadError> {
        let key = ClientKey { tenant, client: app };
        if let Some(cached) = self.current(CacheName::Client, self.clients.get(&key)) {
            return Ok(Some(Arc::clone(&cached.facts)));
        }
        let reading = self.store.reading();
        let Some(asked) = reading.tenant(tenant).await? else { return Ok(None) };
        let Some(application) = reading.application_by_app_id(app).await? else { return Ok(None) };
        let principal = reading.service_principal_by_app_id(tenant, app).await?;
        let home_disabled = home_disabled(&reading, &application.value).await?;
        let Some(facts) = ClientFacts::gather(
            Arc::new(asked.value),
            &application.value,
            home_disabled,
            principal.as_ref().map(|p| &p.value),
        ) else {
            return Ok(None);
        };
        let facts = Arc::new(facts);
        let cached = Cached { stamp: reading.stamp(), facts: Arc::clone(&facts) };
        self.clients.insert(key, Arc::new(cached));
        Ok(Some(facts))
    }

    /// The resource that `requested` names in the client's tenant, with what the client may do
    /// there; `None` when the tenant knows no such name.
    pub async fn resource(
        &self,
        client: &ClientFacts,
        requested: &str,
    ) -> Result<Option<Arc<ResourceFacts>>, ReadError> {
        let caller = Caller::of(client);
        let key = ResourceRef { caller, requested };
        if let Some(cached) = self.current(CacheName::Resource, self.resources.get(&key)) {
            return Ok(cached.facts.clone());
        }
        let reading = self.store.reading();
        let facts = read_resource(&reading, client, requested).await?.map(Arc::new);
        let key = ResourceKey { caller, requested: requested.into() };
        let cached = Cached { stamp: reading.stamp(), facts: facts.clone() };
        self.resources.insert(key, Arc::new(cached));
        Ok(facts)
    }
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("tenants", &self.tenants.len())
            .field("clients", &self.clients.len())
            .field("resources", &self.resources.len())
            .finish_non_exhaustive()
    }
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return name.to_ascii_lowercase().into();
    }
    name.into()
}

/// The only tenant of the deployment, which `adfs` names when the operator named none.
async fn sole_tenant(reading: &Reading<'_>) -> Result<Option<TenantId>, ReadError> {
    let tenants = reading.tenants(None, 2).await?;
    Ok(match tenants.items.as_slice() {
        [only] => Some(only.value.id),
        _ => None,
    })
}

async fn named_tenant(
    reading: &Reading<'_>,
    segment: &TenantSegment,
) -> Result<Option<Tenant>, ReadError> {
    let found = match segment {
        TenantSegment::Id(id) => reading.tenant(*id).await?,
        TenantSegment::Domain(domain) => reading.tenant_by_domain(domain).await?,
        TenantSegment::Any | TenantSegment::DefaultTenant | TenantSegment::Consumers => None,
    };
    Ok(found.map(|stored| stored.value).filter(|tenant| !tenant.disabled))
}

async fn home_disabled(
    reading: &Reading<'_>,
    application: &Application,
) -> Result<bool, ReadError> {
    Ok(reading.tenant(application.tenant).await?.is_none_or(|home| home.value.disabled))
}

/// Reads what one client may do as itself at the resource that it names.
async fn read_resource(
    reading: &Reading<'_>,
    client: &ClientFacts,
    requested: &str,
) -> Result<Option<ResourceFacts>, ReadError> {
    let tenant = client.tenant.id;
    let name = resource_name(requested);
    let Some((principal, application)) = named_resource(reading, tenant, requested).await? else {
        return Ok(None);
    };
    let home_disabled = home_disabled(reading, &application).await?;
    let assignments = match client.service_principal {
        Some(own) => reading.assignments(tenant, own.id, principal.id).await?,
        None => None,
    };
    let assignments = assignments.map(|stored| stored.value).unwrap_or_default();
    Ok(Some(ResourceFacts::gather(name, &application, &principal, home_disabled, &assignments)))
}
