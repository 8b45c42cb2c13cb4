//! Tenants and their domains.

use behalf_core::{
    application::IdentifierUri,
    id::TenantId,
    tenant::{DomainName, Tenant, TenantSegment},
    time::Timestamp,
};
use behalf_store::{
    Cursor, Expect, List, Reading, Stored, WriteSet,
    records::{domain, tenant},
};

use super::{Directory, Refusal, UserRefusal, check, commit, users};

/// Most domains of a tenant.
const DOMAINS_MAX: usize = 100;

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// What people call it.
    pub display_name: String,
    /// Its domains, at least one; the operator vouches for them. The first is the initial one.
    pub domains: Vec<String>,
    /// Its id, if it is to have a certain one.
    pub id: Option<TenantId>,
}

impl Directory {
    /// Makes a tenant.
    pub async fn create_tenant(&self, new: &NewTenant) -> Result<Tenant, Refusal> {
        let id = new.id.unwrap_or_else(|| TenantId(self.uuid()));
        commit!(self, self.draft_tenant(id, new))
    }

    async fn draft_tenant(
        &self,
        id: TenantId,
        new: &NewTenant,
    ) -> Result<(WriteSet, Tenant), Refusal> {
        check::name("tenant name", &new.display_name)?;
        let domains = parse_domains(&new.domains)?;
        let (reading, now) = (self.store.reading(), self.now());
        if id.0.is_nil() || reading.tenant(id).await?.is_some() {
            return Err(Refusal::TenantExists(id.to_string()));
        }
        let mut set = WriteSet::new();
        for name in &domains {
            claim(&reading, &mut set, name, (id, now)).await?;
        }
        let display_name = new.display_name.clone();
        let made = Tenant::new(id, display_name, domains, now);
        tenant::put(&mut set, &made, Expect::Absent);
        self.audit(&mut set, id, "create tenant", &made.display_name);
        Ok((set, made))
    }

    /// The tenant that a GUID or a domain names.
    pub async fn find_tenant(&self, name: &str) -> Result<Stored<Tenant>, Refusal> {
        let reading = self.store.reading();
        let found = match TenantSegment::parse(name) {
            Some(TenantSegment::Id(id)) => reading.tenant(id).await?,
            Some(TenantSegment::Domain(domain)) => reading.tenant_by_domain(&domain).await?,
            _ => None,
        };
        found.ok_or_else(|| Refusal::NoTenant(name.chars().take(80).collect()))
    }

    /// The tenants, ordered by id, a page at a time.
    pub async fn tenants(&self, after: Option<Cursor>) -> Result<List<Stored<Tenant>>, Refusal> {
        Ok(self.store.reading().tenants(after, 1_000).await?)
    }

    /// Gives a tenant another domain, for which the operator vouches. Having it is no error.
    pub async fn add_domain(&self, id: TenantId, name: &str) -> Result<Tenant, Refusal> {
        commit!(self, self.draft_domain(id, name))
    }

    async fn draft_domain(&self, id: TenantId, name: &str) -> Result<(WriteSet, Tenant), Refusal> {
        let reading = self.store.reading();
        let found = super::tenant(&reading, id).await?;
        let mut after = found.value.clone();
        after.domains.push(parse_domain(name)?);
        let added = after.domains.last().cloned();
        after.domains = dedup(after.domains)?;
        let mut set = WriteSet::new();
        if let Some(added) = added.filter(|_| after != found.value) {
            claim(&reading, &mut set, &added, (id, self.now())).await?;
            tenant::put(&mut set, &after, Expect::Version(found.version));
            self.audit(&mut set, id, "add domain", added.as_str());
        }
        Ok((set, after))
    }

    /// Takes a domain from a tenant. It names nobody for 24 hours, in which only this tenant may
    /// have it back (decisions.md 3). The last domain stays, and so does one that App ID URIs lie
    /// on: without it their names would be somebody else's.
    pub async fn remove_domain(&self, id: TenantId, name: &str) -> Result<Tenant, Refusal> {
        commit!(self, self.draft_removal(id, name))
    }

    async fn draft_removal(&self, id: TenantId, name: &str) -> Result<(WriteSet, Tenant), Refusal> {
        let reading = self.store.reading();
        let found = super::tenant(&reading, id).await?;
        let domain = parse_domain(name)?;
        let mut after = found.value.clone();
        after.domains.retain(|own| *own != domain);
        if after.domains == found.value.domains {
            return Err(Refusal::NoDomain {
                tenant: found.value.display_name.clone(),
                domain: domain.as_str().to_owned(),
            });
        }
        if after.domains.is_empty() {
            return Err(Refusal::LastDomain(domain.as_str().to_owned()));
        }
        if let Some((application, uri)) = resting_on_more(&reading, &found.value, &after).await? {
            let domain = domain.as_str().to_owned();
            return Err(Refusal::DomainInUse { domain, application, uri });
        }
        if let Some(name) = users::resting_on_more(&reading, &after).await? {
            return Err(UserRefusal::DomainInUse(name.to_string()).into());
        }
        let mut set = WriteSet::new();
        domain::release(&mut set, &domain, id, self.now());
        tenant::put(&mut set, &after, Expect::Version(found.version));
        self.audit(&mut set, id, "remove domain", domain.as_str());
        Ok((set, after))
    }

    /// Disables a tenant (it answers as an unknown one) or enables it again. What its users were
    /// given before it was disabled stays ended (tickets.md 5).
    pub async fn set_tenant_disabled(
        &self,
        id: TenantId,
        disabled: bool,
    ) -> Result<Tenant, Refusal> {
        commit!(self, async {
            let found = super::tenant(&self.store.reading(), id).await?;
            let ends = disabled && !found.disabled;
            let revision = found.revision.wrapping_add(u32::from(ends));
            let after = Tenant { disabled, revision, ..found.value.clone() };
            let mut set = WriteSet::new();
            if after != found.value {
                tenant::put(&mut set, &after, Expect::Version(found.version));
                let action = if disabled { "disable tenant" } else { "enable tenant" };
                self.audit(&mut set, id, action, &after.display_name);
            }
            Ok::<_, Refusal>((set, after))
        })
    }
}

fn parse_domain(name: &str) -> Result<DomainName, Refusal> {
    DomainName::parse(name).map_err(|_| Refusal::NotADomain(name.chars().take(80).collect()))
}

fn parse_domains(names: &[String]) -> Result<Vec<DomainName>, Refusal> {
    if names.is_empty() {
        return Err(Refusal::NotADomain(String::new()));
    }
    dedup(names.iter().map(|name| parse_domain(name)).collect::<Result<_, _>>()?)
}

/// Each domain once, in the order of first mention.
fn dedup(domains: Vec<DomainName>) -> Result<Vec<DomainName>, Refusal> {
    let mut once: Vec<DomainName> = Vec::with_capacity(domains.len());
    for domain in domains {
        if !once.contains(&domain) {
            once.push(domain);
        }
    }
    if once.len() > DOMAINS_MAX {
        return Err(Refusal::TooMany { what: "domains", found: once.len(), most: DOMAINS_MAX });
    }
    Ok(once)
}

/// An application, and its App ID URI that it could have in its tenant as it was `before` and
/// could not as it is `after`.
async fn resting_on_more(
    reading: &Reading<'_>,
    before: &Tenant,
    after: &Tenant,
) -> Result<Option<(String, String)>, Refusal> {
    let mut cursor = None;
    loop {
        let page = reading.applications(after.id, cursor, 1_000).await?;
        for app in &page.items {
            let may_have = |uri: &IdentifierUri, tenant| {
                IdentifierUri::register(uri.as_str(), app.app_id, tenant, app.audience).is_ok()
            };
            let lost = app
                .identifier_uris
                .iter()
                .find(|uri| may_have(uri, before) && !may_have(uri, after));
            if let Some(uri) = lost {
                return Ok(Some((app.name.clone(), uri.as_str().to_owned())));
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

/// A domain names one tenant of the deployment; one that was given up is quarantined, except for
/// its last owner (decisions.md 3).
async fn claim(
    reading: &Reading<'_>,
    set: &mut WriteSet,
    name: &DomainName,
    (tenant, now): (TenantId, Timestamp),
) -> Result<(), Refusal> {
    let found = reading.domain(name).await?;
    let free = match found.as_deref() {
        None => true,
        Some(domain::DomainOwner::Tenant(owner)) => *owner == tenant,
        Some(domain::DomainOwner::Quarantined { last, until }) => *last == tenant || now >= *until,
    };
    if !free {
        return Err(Refusal::DomainTaken(name.as_str().to_owned()));
    }
    domain::claim(set, name, tenant, found.as_ref());
    Ok(())
}
