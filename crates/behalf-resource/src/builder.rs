use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join3;
use quick_cache::sync::Cache;

use crate::Permissions;
use crate::audience::{Audience, Audiences};
use crate::challenge::Directions;
use crate::clock::{Clock, SystemClock};
use crate::flight;
use crate::issuer::Issuer;
use crate::metadata::MetadataError;
use crate::resource_metadata::{Address, Description};
use crate::server::{Inner, ResourceServer};
use crate::source::{FetchError, HttpsError, HttpsSource, MetadataSource};
use crate::tenancy::Tenancy;
use crate::tenants::{Tenants, list};
use behalf_protocol::EndpointVersion;
use behalf_protocol::authority::Authority;

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
    /// Not the address of an API.
    #[error("the API's address {0:?} is not https://host[:port][/path] (BEHALF_ADDRESS)")]
    Address(String),
    /// HTTPS cannot be set up.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// A document could not be fetched, and trying again will not help.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A document cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl BuildError {
    /// Lets pass what may be gone in a moment.
    fn unless_transient(self) -> Result<(), Self> {
        match self {
            Self::Fetch(error) if error.transient => {
                tracing::warn!(%error, "started without the token service; trying again");
                Ok(())
            }
            error => Err(error),
        }
    }
}

/// Collects what a [`ResourceServer`] needs.
#[must_use]
pub struct Builder {
    authority: String,
    audiences: Vec<Audience>,
    tenants: Option<Tenants>,
    address: Option<String>,
    scopes: Vec<String>,
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
            address: None,
            scopes: Vec::new(),
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
        builder.address = lookup("BEHALF_ADDRESS");
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

    /// Adds the audience of a [`permissions!`](crate::permissions) declaration, and its scopes to
    /// what [`metadata_routes`](ResourceServer::metadata_routes) tells.
    pub fn permissions<P: Permissions>(mut self) -> Self {
        let scopes = P::SCOPES.iter().map(|(value, _)| format!("{}/{value}", P::AUDIENCE));
        self.scopes.extend(scopes);
        self.audience(P::AUDIENCE)
    }

    /// Where clients reach this API: `https://host[:port][/path]`. It is named in
    /// [`metadata_routes`](ResourceServer::metadata_routes), and challenges then point there; so
    /// merge them.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
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

    /// Checks the configuration, fetches metadata and keys, and looks up domains.
    ///
    /// A token service that is away does not stop the start: callers are answered 503 until it is
    /// back, and the first request after that is served. What it answers must be usable, though: an
    /// unknown tenant, or a document that is no metadata, is an error here.
    pub async fn build(mut self) -> Result<ResourceServer, BuildError> {
        let authority = Authority::parse(&self.authority)
            .ok_or_else(|| BuildError::Authority(self.authority.clone()))?;
        let description = self.description()?;
        let source = match self.source.take() {
            Some(source) => source,
            None => Arc::new(HttpsSource::new(self.ca_file.as_deref())?),
        };
        let tenancy = Tenancy::new(&authority, self.tenants.as_ref(), Arc::clone(&source))?;
        let audiences = Audiences::new(&self.audiences(), tenancy.is_several())
            .map_err(BuildError::AudienceNotOwned)?;
        let url = |version| authority.metadata_url(version);
        let v1 = Issuer::new(url(EndpointVersion::V1), Arc::clone(&source));
        let v2 = Issuer::new(url(EndpointVersion::V2), source);
        let now = self.clock.now();
        let (of_v1, of_v2, of_tenants) = join3(
            flight::first(&*v1, now),
            flight::first(&*v2, now),
            flight::first(&*tenancy, now),
        )
        .await;
        for result in [of_v2, of_v1, of_tenants] {
            result.or_else(BuildError::unless_transient)?;
        }
        Ok(ResourceServer::new(Inner {
            clock: self.clock,
            tenancy,
            audiences,
            v1,
            v2,
            verdicts: Cache::new(self.remembered_tokens),
            directions: Directions {
                authorization_uri: authority.authorize_url().into(),
                resource_metadata: description
                    .address
                    .as_ref()
                    .map(|address| address.metadata_url().into()),
            },
            description,
            authority_v2: format!("{authority}/v2.0"),
        }))
    }

    fn description(&mut self) -> Result<Description, BuildError> {
        let told = match &self.address {
            Some(text) => {
                let bad = || BuildError::Address(text.clone());
                Some(Address::parse(text).ok_or_else(bad)?)
            }
            None => None,
        };
        let is_uri = |own: &&Audience| own.value.contains("://");
        let audience = self.audiences.iter().find(is_uri).or(self.audiences.first());
        Ok(Description {
            address: told,
            audience: audience.ok_or(BuildError::NoAudience)?.value.clone(),
            scopes: std::mem::take(&mut self.scopes),
        })
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
