use std::path::PathBuf;
use std::sync::Arc;

use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::Permissions;
use crate::audience::{Audience, Audiences};
use crate::authority::{Authority, TenantSegment, Version, is_tenant_name, tenant_id};
use crate::clock::{Clock, SystemClock};
use crate::issuer::Issuer;
use crate::metadata::{IssuerTemplate, Metadata, MetadataError};
use crate::server::{Inner, ResourceServer};
use crate::source::{FetchError, Fetched, HttpsError, HttpsSource, MetadataSource};
use crate::tenants::{AcceptedTenants, Choice, Tenants, list};
use crate::validate::Policy;

/// How many accepted tokens are remembered, about 1 KiB each.
const REMEMBERED_TOKENS: usize = 10_000;

/// Why a resource server cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// `BEHALF_AUTHORITY` is not set.
    #[error("BEHALF_AUTHORITY is not set: expected https://host/{{tenant id, domain or common}}")]
    NoAuthority,
    /// The authority is no https address with one path segment.
    #[error("the authority {0:?} is not https://host/{{tenant id, domain or common}}")]
    Authority(String),
    /// No audience at all.
    #[error("no audience: name the API's application id or App ID URI (BEHALF_AUDIENCE)")]
    NoAudience,
    /// With several tenants, an audience that somebody else may have in one of them.
    #[error(
        "the audience {0:?} does not contain the API's application id, so in another tenant it may \
         be somebody else's: use the application id or api://{{application id}}, or state with \
         `owned_audience` that it is yours in all accepted tenants"
    )]
    AudienceNotOwned(String),
    /// Which tenants to accept cannot be told from `common`.
    #[error("the authority is for all tenants: say which to accept (BEHALF_TENANTS)")]
    NoTenants,
    /// An authority of one tenant, and other tenants to accept.
    #[error("the authority is for one tenant, {0:?} is another: use https://host/common")]
    OtherTenant(String),
    /// Not a tenant's id or domain, or the service does not know it.
    #[error("the tenant {0:?} is neither an id nor a domain that the token service knows")]
    Tenant(String),
    /// HTTPS cannot be set up.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// A document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A document cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// Collects what a [`ResourceServer`] needs.
#[must_use]
pub struct Builder {
    authority: String,
    audiences: Vec<Audience>,
    tenants: Option<Tenants>,
    ca_file: Option<PathBuf>,
    clock: Box<dyn Clock>,
    source: Option<Arc<dyn MetadataSource>>,
    remembered_tokens: usize,
}

impl Builder {
    pub(crate) fn new(authority: String) -> Self {
        Self {
            authority,
            audiences: Vec::new(),
            tenants: None,
            ca_file: None,
            clock: Box::new(SystemClock),
            source: None,
            remembered_tokens: REMEMBERED_TOKENS,
        }
    }

    /// Starts with the settings of the environment: see [`ResourceServer::from_env`].
    pub fn from_env() -> Result<Self, BuildError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Starts with the settings that `lookup` gives for the names of environment variables. An
    /// empty value counts as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        let lookup = |name| lookup(name).filter(|value| !value.trim().is_empty());
        let mut builder = Self::new(lookup("BEHALF_AUTHORITY").ok_or(BuildError::NoAuthority)?);
        for audience in lookup("BEHALF_AUDIENCE").iter().flat_map(|text| list(text)) {
            builder = builder.audience(audience);
        }
        builder.tenants = lookup("BEHALF_TENANTS").map(|text| Tenants::from_list(&text));
        builder.ca_file = lookup("BEHALF_CA_FILE").map(PathBuf::from);
        Ok(builder)
    }

    /// Accepts tokens for this audience: the API's application id (which v2 tokens name), or an App
    /// ID URI. May be called several times.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(Audience { value: audience.into(), owned_everywhere: false });
        self
    }

    /// As [`audience`](Self::audience), and states that the URI is this API's in every accepted
    /// tenant. A URI belongs to its resource in one tenant only; in another, tokens for somebody
    /// else's resource may carry it.
    pub fn owned_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(Audience { value: audience.into(), owned_everywhere: true });
        self
    }

    /// Adds the audience of a [`permissions!`](crate::permissions) declaration.
    pub fn permissions<P: Permissions>(self) -> Self {
        self.audience(P::AUDIENCE)
    }

    /// Whose tokens to accept. With an authority of one tenant that tenant is the default.
    pub fn tenants(mut self, tenants: Tenants) -> Self {
        self.tenants = Some(tenants);
        self
    }

    /// Trusts the certificate authorities in this PEM file, and no other, for fetching.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Takes metadata and keys from `source` instead of the network.
    pub fn source(mut self, source: impl MetadataSource) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Remembers up to `count` accepted tokens (10,000 unless told).
    pub fn remembered_tokens(mut self, count: usize) -> Self {
        self.remembered_tokens = count;
        self
    }

    /// Fetches metadata and keys, and looks up domains.
    pub async fn build(mut self) -> Result<ResourceServer, BuildError> {
        let authority = Authority::parse(&self.authority)
            .ok_or_else(|| BuildError::Authority(self.authority.clone()))?;
        if self.audiences.is_empty() {
            return Err(BuildError::NoAudience);
        }
        let source = match self.source.take() {
            Some(source) => source,
            None => Arc::new(HttpsSource::new(self.ca_file.as_deref())?),
        };
        let directory = Directory { authority: &authority, source: source.as_ref() };
        let v2 = directory.metadata(&authority.segment, Version::V2).await?;
        let v1 = directory.metadata(&authority.segment, Version::V1).await?;
        let tenants = directory.tenants(self.tenants.as_ref(), &v2).await?;
        let audiences = self.audiences();
        let audiences = Audiences::new(&audiences, tenants.is_several())
            .map_err(BuildError::AudienceNotOwned)?;
        let now = self.clock.now();
        Ok(ResourceServer::new(Inner {
            clock: self.clock,
            policy: Policy { tenants, audiences },
            v1: Issuer::load(v1, Arc::clone(&source), now).await?,
            v2: Issuer::load(v2, source, now).await?,
            verdicts: Cache::new(self.remembered_tokens),
            authorization_uri: authority.authorize_url(),
        }))
    }

    /// The audiences, where a statement of ownership covers every mention of the same URI.
    fn audiences(&self) -> Vec<Audience> {
        let owned = |value: &str| {
            self.audiences.iter().any(|other| other.owned_everywhere && other.value == value)
        };
        self.audiences
            .iter()
            .map(|audience| Audience {
                owned_everywhere: owned(&audience.value),
                value: audience.value.clone(),
            })
            .collect()
    }
}

/// The token service as the builder asks it.
struct Directory<'a> {
    authority: &'a Authority,
    source: &'a dyn MetadataSource,
}

impl Directory<'_> {
    async fn metadata(&self, segment: &str, version: Version) -> Result<Metadata, BuildError> {
        let url = self.authority.metadata_url(segment, version);
        match self.source.fetch(&url, None).await? {
            Fetched::Document { body, .. } => Ok(Metadata::parse(&url, &body)?),
            Fetched::NotModified => {
                let reason = "not modified, though nothing was known".to_owned();
                Err(BuildError::Fetch(FetchError { url, reason }))
            }
        }
    }

    async fn tenants(
        &self,
        chosen: Option<&Tenants>,
        metadata: &Metadata,
    ) -> Result<AcceptedTenants, BuildError> {
        let home = match &self.authority.tenant {
            TenantSegment::One(name) => Some(
                IssuerTemplate(metadata.issuer.clone())
                    .tenant()
                    .ok_or_else(|| BuildError::Tenant(name.clone()))?,
            ),
            TenantSegment::Many => None,
        };
        let names = match (chosen.map(|tenants| &tenants.0), home) {
            (Some(Choice::Listed(names)), _) if names.is_empty() => {
                return Err(BuildError::NoTenants);
            }
            (Some(Choice::Listed(names)), _) => names,
            (None, None) => return Err(BuildError::NoTenants),
            (None | Some(Choice::Any), Some(home)) => {
                return Ok(AcceptedTenants::Listed(vec![home]));
            }
            (Some(Choice::Any), None) => {
                tracing::warn!("tokens of every tenant are accepted; check the caller's tenant");
                return Ok(AcceptedTenants::Any);
            }
        };
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let id = self.tenant(name).await?;
            if home.is_some_and(|home| home != id) {
                return Err(BuildError::OtherTenant(name.clone()));
            }
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(AcceptedTenants::Listed(ids))
    }

    /// A tenant's id; that of a domain stands in the issuer of its metadata.
    async fn tenant(&self, name: &str) -> Result<Uuid, BuildError> {
        if let Some(id) = tenant_id(name) {
            return Ok(id);
        }
        let unknown = || BuildError::Tenant(name.to_owned());
        if !is_tenant_name(name) {
            return Err(unknown());
        }
        let metadata = self.metadata(&name.to_ascii_lowercase(), Version::V2).await?;
        IssuerTemplate(metadata.issuer).tenant().ok_or_else(unknown)
    }
}
