use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::BuildError;
use crate::flight::{self, Flight, Upstream};
use crate::metadata::Metadata;
use crate::source::{FetchError, Fetched, MetadataSource};
use crate::tenants::{AcceptedTenants, Choice, Tenants};
use behalf_protocol::EndpointVersion;
use behalf_protocol::authority::{Authority, is_tenant_name, tenant_id};

/// Whose tokens are accepted. Tenants that are named by a domain are looked up once: a domain that
/// moves to another tenant later does not let that tenant in.
pub(crate) struct Tenancy {
    authority: Authority,
    names: Names,
    source: Arc<dyn MetadataSource>,
    accepted: OnceLock<AcceptedTenants>,
    flight: Flight,
}

enum Names {
    /// The authority's tenant, which those listed must be.
    Home {
        name: String,
        listed: Vec<String>,
    },
    Listed(Vec<String>),
    Any,
}

impl Tenancy {
    /// Checks what can be told without asking anybody.
    pub(crate) fn new(
        authority: &Authority,
        chosen: Option<&Tenants>,
        source: Arc<dyn MetadataSource>,
    ) -> Result<Arc<Self>, BuildError> {
        let names = match (authority.is_many(), chosen.map(|tenants| &tenants.0)) {
            (_, Some(Choice::Listed(names))) if names.is_empty() => {
                return Err(BuildError::NoTenants);
            }
            (true, None) => return Err(BuildError::NoTenants),
            (true, Some(Choice::Any)) => {
                tracing::warn!("tokens of every tenant are accepted; check the caller's tenant");
                Names::Any
            }
            (true, Some(Choice::Listed(names))) => Names::Listed(names.clone()),
            (false, chosen) => {
                let listed = match chosen {
                    Some(Choice::Listed(names)) => names.clone(),
                    Some(Choice::Any) | None => Vec::new(),
                };
                Names::Home { name: authority.segment().to_owned(), listed }
            }
        };
        let spelled: &[String] = match &names {
            Names::Home { listed, .. } => listed,
            Names::Listed(names) => names,
            Names::Any => &[],
        };
        if let Some(bad) = spelled.iter().find(|name| !is_tenant_name(name)) {
            return Err(BuildError::Tenant(bad.clone()));
        }
        Ok(Arc::new(Self {
            authority: authority.clone(),
            names,
            source,
            accepted: OnceLock::new(),
            flight: Flight::new(),
        }))
    }

    /// Whether tokens of more than one tenant can arrive, as far as names tell: which of them are
    /// one tenant's, the token service alone knows, and it may be away.
    pub(crate) fn is_several(&self) -> bool {
        match &self.names {
            Names::Home { .. } => false,
            Names::Listed(names) => {
                names.iter().any(|name| !name.eq_ignore_ascii_case(names[0].as_str()))
            }
            Names::Any => true,
        }
    }

    /// The tenants, if all have been looked up.
    pub(crate) fn accepted(&self) -> Option<&AcceptedTenants> {
        self.accepted.get()
    }

    /// The tenants; looks them up now if that failed before.
    pub(crate) async fn look_up(self: &Arc<Self>, now: u64) -> Option<&AcceptedTenants> {
        if self.accepted.get().is_none() {
            flight::refresh(self, now).await;
        }
        self.accepted.get()
    }

    async fn ids(&self) -> Result<AcceptedTenants, BuildError> {
        match &self.names {
            Names::Any => Ok(AcceptedTenants::Any),
            Names::Listed(names) => {
                let mut ids = Vec::with_capacity(names.len());
                for name in names {
                    ids.push(self.tenant(name).await?);
                }
                ids.sort_unstable();
                ids.dedup();
                Ok(AcceptedTenants::Listed(ids))
            }
            Names::Home { name, listed } => {
                let home = self.tenant(name).await?;
                for other in listed {
                    if self.tenant(other).await? != home {
                        return Err(BuildError::OtherTenant(other.clone()));
                    }
                }
                Ok(AcceptedTenants::Listed(vec![home]))
            }
        }
    }

    /// A tenant's id; that of a domain stands in the issuer of its metadata.
    async fn tenant(&self, name: &str) -> Result<Uuid, BuildError> {
        if let Some(id) = tenant_id(name) {
            return Ok(id);
        }
        let unnamed = || BuildError::Tenant(name.to_owned());
        let url = self.authority.of_tenant(name).ok_or_else(unnamed)?;
        let url = url.metadata_url(EndpointVersion::V2);
        let metadata = match self.source.fetch(&url, None).await? {
            Fetched::Document { body, .. } => Metadata::parse(&url, &body)?,
            Fetched::NotModified => {
                let reason = "not modified, though nothing was known".to_owned();
                return Err(FetchError::definite(&url, reason).into());
            }
        };
        metadata.issuer.tenant().ok_or_else(|| BuildError::Tenant(name.to_owned()))
    }
}

impl Upstream for Tenancy {
    fn flight(&self) -> &Flight {
        &self.flight
    }

    async fn fetch(&self, _now: u64) -> Result<(), BuildError> {
        let ids = self.ids().await?;
        // Whoever came first looked the same names up.
        let _ = self.accepted.set(ids);
        Ok(())
    }
}
