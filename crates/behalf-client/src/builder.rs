use std::path::PathBuf;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::cache::{AssertionHasher, Slots};
use crate::clock::{Clock, SystemClock};
use crate::confidential::{ConfidentialClient, Shared};
use crate::credential::{Credential, CredentialError};
use crate::directory::Directory;
use crate::engine::Engine;
use crate::entropy::{Entropy, NoEntropy, SystemEntropy};
use crate::environment;
use crate::transport::{HttpsError, Transport, api_client};
use behalf_protocol::authority::Authority;

/// How many of an application's own tokens are kept: about one for each API it calls.
const APP_TOKENS: usize = 1000;
/// How many users' tokens are kept, about 3 KiB each.
const USER_TOKENS: usize = 10_000;
/// How many tenants' metadata are kept.
const TENANTS: usize = 1000;

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is missing in the environment.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A setting of azure-identity that is not served.
    #[error("{name} is set, which this client does not do: {fix}")]
    Unsupported {
        /// The variable.
        name: &'static str,
        /// What to do instead.
        fix: &'static str,
    },
    /// The authority is no https address with one path segment.
    #[error("the authority {0:?} is not https://host/{{tenant id or domain}}")]
    Authority(String),
    /// The application id is missing or holds what no id holds.
    #[error("the client id {0:?} is not an application id: expected a GUID")]
    ClientId(String),
    /// A confidential client without a credential.
    #[error("no credential: add a secret, a certificate or a federated token file")]
    NoCredential,
    /// The credential cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// HTTPS cannot be set up.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Collects what a [`ConfidentialClient`] needs.
#[must_use]
pub struct Builder {
    authority: String,
    client_id: String,
    credential: Option<Credential>,
    ca_file: Option<PathBuf>,
    capabilities: Vec<String>,
    cached_users: usize,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
}

impl Builder {
    pub(crate) fn new(authority: String, client_id: String) -> Self {
        Self {
            authority,
            client_id,
            credential: None,
            ca_file: None,
            capabilities: Vec::new(),
            cached_users: USER_TOKENS,
            clock: Box::new(SystemClock),
            entropy: Box::new(SystemEntropy),
        }
    }

    /// Starts with the settings of the environment: see [`ConfidentialClient::from_env`].
    pub fn from_env() -> Result<Self, BuildError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Starts with the settings that `lookup` gives for the names of environment variables.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        environment::read(lookup)
    }

    /// What the client proves itself with.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Trusts the certificate authorities in this PEM file, and no other, for the token service;
    /// for the APIs that are called, besides the system's.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Tells the token service what this client can do. With `cp1` the whole program must handle
    /// claims challenges, which the clients of [`ConfidentialClient::for_resource`] do; tokens then
    /// live for up to a day and are revoked by such challenges.
    pub fn client_capabilities<S: Into<String>>(
        mut self,
        capabilities: impl IntoIterator<Item = S>,
    ) -> Self {
        self.capabilities = capabilities.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps up to `count` tokens of users (10,000 unless told), those used last.
    pub fn cached_users(mut self, count: usize) -> Self {
        self.cached_users = count;
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Takes randomness from `entropy`.
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Box::new(entropy);
        self
    }

    /// Makes the client. Reads the CA file; makes no request.
    pub fn build(self) -> Result<ConfidentialClient, BuildError> {
        let authority = Authority::parse(&self.authority)
            .ok_or_else(|| BuildError::Authority(self.authority.clone()))?;
        if uuid::Uuid::try_parse(&self.client_id).is_err() {
            return Err(BuildError::ClientId(self.client_id));
        }
        let credential = self.credential.ok_or(BuildError::NoCredential)?;
        let hasher = AssertionHasher::new(self.entropy.as_ref())?;
        let engine = Engine {
            client_id: self.client_id,
            credential: Some(credential),
            capabilities: self.capabilities,
            transport: Transport::new(self.ca_file.as_deref())?,
            clock: self.clock,
            entropy: self.entropy,
        };
        let shared = Shared {
            engine: Arc::new(engine),
            app_tokens: Slots::new(APP_TOKENS),
            user_tokens: Slots::new(self.cached_users),
            hasher,
            api: api_client(self.ca_file.as_deref())?,
            tenants: Cache::new(TENANTS),
        };
        let directory = Arc::new(Directory::new(authority));
        Ok(ConfidentialClient { shared: Arc::new(shared), directory })
    }
}
