use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::acquire::{Acquire, Wanted};
use crate::answer::TokenAnswer;
use crate::api::{ForResource, TokenSource};
use crate::builder::{BuildError, Builder};
use crate::cache::{AssertionHasher, Slots};
use crate::directory::Directory;
use crate::downstream::Downstream;
use crate::engine::Engine;
use crate::error::Error;
use crate::request::Grant;
use crate::scopes::Scopes;
use crate::secret::Secret;
use behalf_protocol::authority::Authority;

/// An application that can keep a credential: a daemon, a web API, a web application. Cheap to
/// clone; clones share their tokens.
#[derive(Clone)]
pub struct ConfidentialClient {
    pub(crate) shared: Arc<Shared>,
    pub(crate) directory: Arc<Directory>,
}

pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    /// Apart, so that many users cannot push the application's own tokens out.
    pub(crate) app_tokens: Slots,
    pub(crate) user_tokens: Slots,
    pub(crate) hasher: AssertionHasher,
    pub(crate) api: reqwest::Client,
    pub(crate) tenants: Cache<Authority, Arc<Directory>>,
}

impl ConfidentialClient {
    /// Starts with the authority, `https://host/{tenant id or domain}`, and the application id.
    pub fn builder(authority: impl Into<String>, client_id: impl Into<String>) -> Builder {
        Builder::new(authority.into(), client_id.into())
    }

    /// Takes its settings from the environment variables of azure-identity:
    ///
    /// - `AZURE_AUTHORITY_HOST` (`https://host`; no default, so that no secret goes to a host that
    ///   nobody named), `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`;
    /// - the first that is set of `AZURE_CLIENT_SECRET`, `AZURE_CLIENT_CERTIFICATE_PATH` (PEM) and
    ///   `AZURE_FEDERATED_TOKEN_FILE`;
    /// - `BEHALF_CA_FILE`: a PEM file of the authorities to trust.
    ///
    /// An empty value counts as absent.
    pub fn from_env() -> Result<Self, BuildError> {
        Builder::from_env()?.build()
    }

    /// The same application in another tenant, by id or domain: for a multi-tenant application,
    /// which asks each tenant for that tenant's tokens.
    pub fn for_tenant(&self, tenant: &str) -> Result<Self, Error> {
        let authority = self.directory.authority.of_tenant(tenant);
        let authority = authority.ok_or_else(|| Error::Tenant(tenant.to_owned()))?;
        if authority == self.directory.authority {
            return Ok(self.clone());
        }
        let made = || {
            let directory = Arc::new(Directory::new(authority.clone()));
            Ok::<_, std::convert::Infallible>(directory)
        };
        let directory = match self.shared.tenants.get_or_insert_with(&authority, made) {
            Ok(directory) => directory,
            Err(never) => match never {},
        };
        Ok(Self { shared: Arc::clone(&self.shared), directory })
    }

    /// A token for the application itself (`client_credentials`): `{resource}/.default`, which
    /// brings every role that was assigned to it there.
    pub fn acquire_token_for_client<S: Into<String>>(
        &self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Acquire {
        let wanted = Scopes::for_application(scopes).map(Wanted::ForClient);
        Acquire::new(self.clone(), wanted.map_err(Error::from))
    }

    /// A token for the user whose access token came in with a request (on-behalf-of). `assertion`
    /// is that token, issued for this application and validated.
    pub fn acquire_token_on_behalf_of<S: Into<String>>(
        &self,
        assertion: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Acquire {
        let wanted = Scopes::parse(scopes)
            .map(|scopes| Wanted::OnBehalfOf { assertion: Secret::from(assertion), scopes });
        Acquire::new(self.clone(), wanted.map_err(Error::from))
    }

    /// A token for the application itself from the v1 endpoint, which takes a `resource` such as
    /// `api://ledger`: whole, and not kept. For trials and moves; programs ask for scopes.
    pub async fn answer_for_resource(&self, resource: &str) -> Result<TokenAnswer, Error> {
        let grant = Grant::ClientCredentialsV1 { resource: resource.to_owned() };
        self.shared.engine.answered(&self.directory, &grant, None).await
    }

    /// Redeems a refresh token that another program kept (RFC 6749 section 6): the answer is whole,
    /// and nothing is kept here.
    pub async fn answer_by_refresh_token<S: Into<String>>(
        &self,
        refresh_token: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<TokenAnswer, Error> {
        let refresh_token = Secret::from(refresh_token);
        let grant = Grant::RefreshToken { refresh_token, scopes: Scopes::parse(scopes)? };
        self.shared.engine.answered(&self.directory, &grant, None).await
    }

    /// An API that is called for users (on-behalf-of), at `base`. What is wrong with base or scopes
    /// is told by the first call.
    pub fn downstream<S: Into<String>>(
        &self,
        base: impl Into<String>,
        scopes: impl IntoIterator<Item = S>,
    ) -> Downstream {
        let scopes = scopes.into_iter().map(Into::into).collect();
        Downstream::new(self.clone(), base.into(), scopes)
    }

    /// An API that is called as the application itself, such as `api://ledger/.default`.
    pub fn for_resource(&self, scope: impl Into<String>) -> ForResource {
        let source = TokenSource::Application { client: self.clone(), scope: scope.into() };
        ForResource::new(source, self.shared.api.clone())
    }
}

impl fmt::Debug for ConfidentialClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfidentialClient")
            .field("authority", &self.directory.authority.to_string())
            .field("client_id", &self.shared.engine.client_id)
            .field("credential", &self.shared.engine.credential)
            .finish_non_exhaustive()
    }
}
