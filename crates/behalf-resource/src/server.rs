use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::jwt::parse_claims;
use behalf_protocol::claims::AccessToken;
use quick_cache::sync::Cache;

use crate::audience::Audiences;
use crate::builder::Builder;
use crate::challenge::Directions;
use crate::clock::Clock;
use crate::flight;
use crate::issuer::{Issuer, Known};
use crate::layer::ResourceLayer;
use crate::metadata::IssuerTemplate;
use crate::resource_metadata::Description;
use crate::tenancy::Tenancy;
use crate::tenants::AcceptedTenants;
use crate::token::ValidToken;
use crate::validate::{Policy, Refusal, accept, in_time};
use crate::{BuildError, Permissions};
use behalf_protocol::EndpointVersion;

/// The longest token that is looked at, in bytes. Entra's reach about 12 KiB with 200 groups.
const MAX_TOKEN: usize = 16 * 1024;

/// Validates access tokens for one API. Cheap to clone; clones share keys and verdicts.
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) tenancy: Arc<Tenancy>,
    pub(crate) audiences: Audiences,
    pub(crate) v1: Arc<Issuer>,
    pub(crate) v2: Arc<Issuer>,
    /// Keyed by the digest, so that no bearer token stays in memory.
    pub(crate) verdicts: Cache<[u8; 32], Verdict>,
    pub(crate) description: Description,
    pub(crate) directions: Directions,
    /// The configured authority's v2 form.
    pub(crate) authority_v2: String,
}

/// A token that was accepted under a generation of its issuer's keys.
#[derive(Clone)]
pub(crate) struct Verdict {
    token: Arc<ValidToken>,
    version: EndpointVersion,
    generation: u64,
}

impl ResourceServer {
    /// Starts with the token service and the tenant: `https://host/{tenant id or domain}`, or
    /// `https://host/common` for several tenants.
    pub fn builder(authority: impl Into<String>) -> Builder {
        Builder::new(authority.into())
    }

    /// Reads `BEHALF_AUTHORITY`, `BEHALF_AUDIENCE` (a list), `BEHALF_TENANTS` (a list or `any`),
    /// `BEHALF_ADDRESS` and `BEHALF_CA_FILE` from the environment, and adds the audience of `P`.
    pub async fn from_env<P: Permissions>() -> Result<Self, BuildError> {
        Builder::from_env()?.permissions::<P>().build().await
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The tower layer for an axum router: it validates the `Authorization` header for the
    /// extractors [`OnBehalf`](crate::OnBehalf), [`AppOnly`](crate::AppOnly) and
    /// [`Either`](crate::Either).
    pub fn layer(&self) -> ResourceLayer {
        ResourceLayer::new(self.clone())
    }

    /// Validates an access token. Runs on a Tokio runtime.
    ///
    /// A token that was accepted is remembered until it expires or its issuer's keys change.
    pub async fn validate(&self, token: &str) -> Result<Arc<ValidToken>, Refusal> {
        let now = self.0.clock.now();
        let digest = key_of(token)?;
        if let Some(token) = self.remembered_verdict(&digest, now) {
            return Ok(token);
        }
        self.check(token, digest, now).await
    }

    /// The verdict about a token that was validated before, if it still holds.
    pub(crate) fn remembered(&self, token: &str) -> Option<Arc<ValidToken>> {
        self.remembered_verdict(&key_of(token).ok()?, self.0.clock.now())
    }

    /// Where callers without a usable token are sent.
    pub(crate) fn authorization_uri(&self) -> &str {
        &self.0.directions.authorization_uri
    }

    pub(crate) fn directions(&self) -> Directions {
        self.0.directions.clone()
    }

    pub(crate) fn description(&self) -> &Description {
        &self.0.description
    }

    pub(crate) fn authority_v2(&self) -> &str {
        &self.0.authority_v2
    }

    pub(crate) fn v2_issuer(&self) -> Option<IssuerTemplate> {
        self.0.v2.known().map(|(known, _)| known.metadata.issuer.clone())
    }

    pub(crate) fn accepted_tenants(&self) -> Option<&AcceptedTenants> {
        self.0.tenancy.accepted()
    }

    fn issuer(&self, version: EndpointVersion) -> &Arc<Issuer> {
        match version {
            EndpointVersion::V1 => &self.0.v1,
            EndpointVersion::V2 => &self.0.v2,
        }
    }

    fn remembered_verdict(&self, digest: &[u8; 32], now: u64) -> Option<Arc<ValidToken>> {
        let verdict = self.0.verdicts.get(digest)?;
        let issuer = self.issuer(verdict.version);
        let holds = issuer.is_usable(now)
            && issuer.generation() == verdict.generation
            && in_time(verdict.token.expires, verdict.token.not_before, now).is_ok();
        holds.then_some(verdict.token)
    }

    async fn check(
        &self,
        token: &str,
        digest: [u8; 32],
        now: u64,
    ) -> Result<Arc<ValidToken>, Refusal> {
        let unverified =
            Unverified::parse(token, Profile::Strict, MAX_TOKEN).map_err(|_| Refusal::Malformed)?;
        // Read before the signature is checked, for they say whose keys to use; nothing else is
        // believed of them until `verify` has held.
        let claims: AccessToken = parse_claims(unverified.unverified_claims(), MAX_TOKEN)
            .map_err(|_| Refusal::Malformed)?;
        let kid = unverified.unverified_header().kid.as_deref().ok_or(Refusal::UnknownKey)?;
        let version = EndpointVersion::of_issuer(&claims.iss);
        let issuer = self.issuer(version);
        let tid = claims.tid.as_deref().unwrap_or_default();
        let (known, generation) = self.known_with(issuer, &claims.iss, tid, kid, now).await?;
        let key = known
            .keys
            .named(kid)
            .find(|key| unverified.verify(&key.verifying).is_ok())
            .ok_or(Refusal::Signature)?;
        let tenants = self.0.tenancy.look_up(now).await.ok_or(Refusal::KeysUnavailable)?;
        let policy = Policy { tenants, audiences: &self.0.audiences };
        let token = accept(claims, &known.metadata.issuer, key.issuer.as_ref(), policy, now)?;
        let token = Arc::new(token);
        let verdict = Verdict { token: Arc::clone(&token), version, generation };
        self.0.verdicts.insert(digest, verdict);
        Ok(token)
    }

    /// Usable keys of the token's issuer, with one named `kid` among them; an unknown one is asked
    /// for once. Strangers' tokens cause no such fetch.
    async fn known_with(
        &self,
        issuer: &Arc<Issuer>,
        iss: &str,
        tid: &str,
        kid: &str,
        now: u64,
    ) -> Result<(Arc<Known>, u64), Refusal> {
        let usable = async || issuer.usable(now).await.map_err(|_| Refusal::KeysUnavailable);
        let current = usable().await?;
        if !current.0.metadata.issuer.fits(iss, tid) {
            return Err(Refusal::Issuer);
        }
        if current.0.keys.named(kid).next().is_some() {
            return Ok(current);
        }
        flight::refresh(issuer, now).await;
        let current = usable().await?;
        if current.0.keys.named(kid).next().is_some() {
            Ok(current)
        } else {
            Err(Refusal::UnknownKey)
        }
    }
}

/// The digest of a token that is short enough to be looked at.
fn key_of(token: &str) -> Result<[u8; 32], Refusal> {
    if token.len() > MAX_TOKEN {
        return Err(Refusal::Malformed);
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().map_err(|_| Refusal::Malformed)
}

impl std::fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResourceServer")
            .field("audiences", &self.0.audiences)
            .field("tenants", &self.0.tenancy.accepted())
            .finish_non_exhaustive()
    }
}
