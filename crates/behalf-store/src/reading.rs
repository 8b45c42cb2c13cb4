//! Reads that remember what they depended on.

mod permissions;
mod tickets;

pub use permissions::GrantsOf;

use std::sync::{Mutex, PoisonError};

use behalf_core::{
    application::Application,
    id::{AppId, CredentialId, ObjectId, TenantId},
    service_principal::ServicePrincipal,
    tenant::{DomainName, Tenant},
    time::Timestamp,
    user::{User, UserPrincipalName},
};

use crate::{
    backend::{Cursor, Find, Page, ReadError, Scan},
    coherence::{Stamp, index_slot, key_slot},
    record::{Index, Key, Kind, Record, Stored},
    records::{
        application::{self, AppHome},
        audit::{self, AuditEntry},
        credential_use, deployment,
        domain::{self, DomainOwner},
        resource_name::{self, NameOwner},
        service_principal, tenant, user,
    },
    store::Store,
};

/// Reads from a store and remembers what was read, absent records included. What is made of the
/// answers may be kept for as long as [`Store::is_current`] says so of its [`Reading::stamp`].
///
/// Each look-up is a snapshot of its own; if the directory changed between two of them under what
/// they read, the stamp is stale from the start.
#[derive(Debug)]
pub struct Reading<'a> {
    store: &'a Store,
    stamp: Mutex<Stamp>,
}

/// A part of a list, and where to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    /// The items, ordered by id.
    pub items: Vec<T>,
    /// There may be more after this id.
    pub next: Option<Cursor>,
}

impl<'a> Reading<'a> {
    pub(crate) fn begin(store: &'a Store) -> Self {
        Self { store, stamp: Mutex::new(store.stamp()) }
    }

    /// What everything read so far depends on.
    pub fn stamp(&self) -> Stamp {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touching(&self, touch: impl FnOnce(&mut Stamp)) {
        touch(&mut self.stamp.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The record at `key`.
    async fn get(&self, key: Key) -> Result<Option<Record>, ReadError> {
        self.touching(|stamp| stamp.touch(key_slot(&key)));
        self.store.count_read();
        let keys = [key];
        Ok(self.store.patiently(self.store.backend().get(&keys)).await?.pop().flatten())
    }

    async fn get_as<T>(
        &self,
        key: Key,
        read: impl FnOnce(&Record) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        self.get(key).await?.as_ref().map(read).transpose()
    }

    /// A tenant by its id.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Stored<Tenant>>, ReadError> {
        self.get_as(tenant::key(id), tenant::read).await
    }

    /// The tenant that a domain names.
    pub async fn tenant_by_domain(
        &self,
        domain: &DomainName,
    ) -> Result<Option<Stored<Tenant>>, ReadError> {
        match self.domain(domain).await? {
            Some(Stored { value: DomainOwner::Tenant(id), .. }) => self.tenant(id).await,
            _ => Ok(None),
        }
    }

    /// Whose a domain is, quarantine included.
    pub async fn domain(
        &self,
        domain: &DomainName,
    ) -> Result<Option<Stored<DomainOwner>>, ReadError> {
        self.get_as(domain::key(domain), domain::read).await
    }

    /// An application object of its home tenant.
    pub async fn application(
        &self,
        tenant: TenantId,
        id: ObjectId,
    ) -> Result<Option<Stored<Application>>, ReadError> {
        self.get_as(application::key(tenant, id), application::read).await
    }

    /// The home of an appId, which may have been deleted there.
    pub async fn app_home(&self, app_id: AppId) -> Result<Option<AppHome>, ReadError> {
        self.get_as(application::home_key(app_id), application::read_home).await
    }

    /// An application by its client id, wherever its home is.
    pub async fn application_by_app_id(
        &self,
        app_id: AppId,
    ) -> Result<Option<Stored<Application>>, ReadError> {
        match self.app_home(app_id).await? {
            Some(home) => self.application(home.tenant, home.application).await,
            None => Ok(None),
        }
    }

    /// An application by the unique name it has in its home tenant.
    pub async fn application_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Stored<Application>>, ReadError> {
        let key = application::name_key(tenant, name);
        if key.id.is_empty() {
            return Ok(None);
        }
        match self.get_as(key, application::read_name).await? {
            Some(id) => self.application(tenant, id).await,
            None => Ok(None),
        }
    }

    /// The service principal of an application in a tenant.
    pub async fn service_principal_by_app_id(
        &self,
        tenant: TenantId,
        app_id: AppId,
    ) -> Result<Option<Stored<ServicePrincipal>>, ReadError> {
        self.get_as(service_principal::key(tenant, app_id), service_principal::read).await
    }

    /// A service principal by its object id.
    pub async fn service_principal(
        &self,
        tenant: TenantId,
        id: ObjectId,
    ) -> Result<Option<Stored<ServicePrincipal>>, ReadError> {
        let value = id.bytes().to_vec();
        let page = self.find(tenant, Index::ServicePrincipalById, value, None, 1).await?;
        page.records.first().map(service_principal::read).transpose()
    }

    /// The service principal that a name (App ID URI, in any letter case, with or without its
    /// trailing slash) leads to in a tenant.
    pub async fn service_principal_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Stored<ServicePrincipal>>, ReadError> {
        match self.resource_name(tenant, name).await? {
            Some(Stored { value: NameOwner::Application(app_id), .. }) => {
                self.service_principal_by_app_id(tenant, app_id).await
            }
            _ => Ok(None),
        }
    }

    /// Whose a name is in a tenant, reservation included.
    pub async fn resource_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Stored<NameOwner>>, ReadError> {
        let key = resource_name::key(tenant, name);
        if key.id.is_empty() {
            return Ok(None);
        }
        self.get_as(key, resource_name::read).await
    }

    /// A user by his object id.
    pub async fn user(
        &self,
        tenant: TenantId,
        id: ObjectId,
    ) -> Result<Option<Stored<User>>, ReadError> {
        self.get_as(user::key(tenant, id), user::read).await
    }

    /// A user by the name he has in his tenant.
    pub async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &UserPrincipalName,
    ) -> Result<Option<Stored<User>>, ReadError> {
        match self.get_as(user::name_key(tenant, name), user::read_name).await? {
            Some(id) => self.user(tenant, id).await,
            None => Ok(None),
        }
    }

    /// A tenant's users, ordered by object id, a page at a time.
    pub async fn users(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<List<Stored<User>>, ReadError> {
        list(self.scan(tenant, Kind::User, after, limit).await?, user::read)
    }

    /// The deployment's tenants, ordered by id, a page at a time.
    pub async fn tenants(
        &self,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<List<Stored<Tenant>>, ReadError> {
        let page = self.scan(TenantId::NIL, Kind::Tenant, after, limit).await?;
        list(page, tenant::read)
    }

    /// A tenant's applications, ordered by object id, a page at a time.
    pub async fn applications(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<List<Stored<Application>>, ReadError> {
        let page = self.scan(tenant, Kind::Application, after, limit).await?;
        list(page, application::read)
    }

    /// A tenant's service principals, ordered by appId, a page at a time.
    pub async fn service_principals(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<List<Stored<ServicePrincipal>>, ReadError> {
        let page = self.scan(tenant, Kind::ServicePrincipal, after, limit).await?;
        list(page, service_principal::read)
    }

    /// The audit log of a tenant, oldest first, a page at a time.
    pub async fn audit(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<List<AuditEntry>, ReadError> {
        list(self.scan(tenant, Kind::Audit, after, limit).await?, audit::read)
    }

    /// The signing keys, at most [`Page::MAX`], ordered by id: id and document.
    pub async fn key_ring(&self) -> Result<Vec<(String, Stored<Vec<u8>>)>, ReadError> {
        let entries = self.rings().await?;
        Ok(entries.into_iter().filter(|(id, _)| deployment::epoch_of(id).is_none()).collect())
    }

    /// The epochs of the sealing key, ordered by number: number and document.
    pub async fn seal_epochs(&self) -> Result<Vec<(u32, Stored<Vec<u8>>)>, ReadError> {
        let entries = self.rings().await?.into_iter();
        Ok(entries.filter_map(|(id, entry)| Some((deployment::epoch_of(&id)?, entry))).collect())
    }

    async fn rings(&self) -> Result<Vec<(String, Stored<Vec<u8>>)>, ReadError> {
        let page = self.scan(TenantId::NIL, Kind::KeyRing, None, Page::MAX).await?;
        let entry = |record: Record| {
            let id = String::from_utf8_lossy(&record.key.id).into_owned();
            (id, Stored { value: record.document, version: record.version })
        };
        Ok(page.records.into_iter().map(entry).collect())
    }

    /// A setting of the deployment.
    pub async fn setting(&self, name: &str) -> Result<Option<Stored<Vec<u8>>>, ReadError> {
        let stored = |record: Record| Stored { value: record.document, version: record.version };
        Ok(self.get(deployment::setting_key(name)).await?.map(stored))
    }

    /// When a credential of an application was last used, as far as it is known: the newest use
    /// may not be written yet, so the store's memory is asked too.
    pub async fn credential_last_used(
        &self,
        home: TenantId,
        credential: CredentialId,
    ) -> Result<Option<Timestamp>, ReadError> {
        let key = credential_use::key(home, credential);
        let written = self.get_as(key, credential_use::read).await?;
        Ok(written.max(self.store.usage().pending(home, credential)))
    }

    async fn find(
        &self,
        tenant: TenantId,
        index: Index,
        value: Vec<u8>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, ReadError> {
        self.touching(|stamp| stamp.touch(index_slot(tenant, index, &value)));
        self.store.count_read();
        self.store
            .patiently(self.store.backend().find(Find { tenant, index, value, after, limit }))
            .await
    }

    /// A walk depends on everything: no slot stands for "all of a kind".
    async fn scan(
        &self,
        tenant: TenantId,
        kind: Kind,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, ReadError> {
        self.touching(Stamp::touch_everything);
        self.store.count_read();
        self.store.patiently(self.store.backend().scan(Scan { tenant, kind, after, limit })).await
    }
}

fn list<T>(
    page: Page,
    read: impl Fn(&Record) -> Result<T, ReadError>,
) -> Result<List<T>, ReadError> {
    let items = page.records.iter().map(read).collect::<Result<_, _>>()?;
    Ok(List { items, next: page.next })
}
