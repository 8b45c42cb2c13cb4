use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::account::{Account, Accounts};
use crate::answer::{Granted, TokenAnswer};
use crate::api::{ForResource, TokenSource};
use crate::builder::BuildError;
use crate::cache::{Held, Key, Owner, Slot, Slots};
use crate::clock::{Clock, SystemClock};
use crate::device::{DevicePrompt, sign_in_by_device_code};
use crate::directory::Directory;
use crate::engine::Engine;
use crate::entropy::{self, Entropy, SystemEntropy};
use crate::error::Error;
use crate::interactive::Interactive;
use crate::request::Grant;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::sign_in;
use crate::silent::Silent;
use crate::token::{AccessToken, Source};
use crate::transport::{Transport, api_client};
use behalf_protocol::authority::Authority;

/// How many access tokens are kept.
const TOKENS: usize = 1000;

/// A program on a user's machine, which can keep no secret: the user signs in. Cheap to clone;
/// clones share accounts and tokens. Both live in memory only.
#[derive(Clone)]
pub struct PublicClient(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Arc<Engine>,
    pub(crate) directory: Arc<Directory>,
    tokens: Slots,
    accounts: Accounts,
    api: reqwest::Client,
}

impl PublicClient {
    /// Starts with the authority, `https://host/{tenant id, domain, or organizations}`, and the
    /// application id.
    pub fn builder(authority: impl Into<String>, client_id: impl Into<String>) -> PublicBuilder {
        PublicBuilder {
            authority: authority.into(),
            client_id: client_id.into(),
            ca_file: None,
            capabilities: Vec::new(),
            clock: Box::new(SystemClock),
            entropy: Box::new(SystemEntropy),
        }
    }

    /// Lets the user sign in with the browser: authorization code with PKCE, and a listener on this
    /// machine (RFC 8252). The application needs the redirect URI `http://localhost`.
    pub fn acquire_token_interactive<S: Into<String>>(
        &self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Interactive {
        Interactive::new(self.clone(), Scopes::parse(scopes).map_err(Error::from))
    }

    /// Lets the user sign in on another device (RFC 8628): `prompt` shows them the address and the
    /// code, then this waits until they are done or the code has expired.
    pub async fn acquire_token_by_device_code<S: Into<String>>(
        &self,
        scopes: impl IntoIterator<Item = S>,
        prompt: impl FnOnce(&DevicePrompt),
    ) -> Result<AccessToken, Error> {
        let scopes = Scopes::parse(scopes)?;
        let answer = sign_in_by_device_code(self, &scopes, prompt).await?;
        self.keep(answer.granted, &scopes, None).await
    }

    /// As [`acquire_token_by_device_code`](Self::acquire_token_by_device_code), but gives the answer
    /// whole and keeps nothing.
    pub async fn answer_by_device_code<S: Into<String>>(
        &self,
        scopes: impl IntoIterator<Item = S>,
        prompt: impl FnOnce(&DevicePrompt),
    ) -> Result<TokenAnswer, Error> {
        let answer = sign_in_by_device_code(self, &Scopes::parse(scopes)?, prompt).await?;
        self.account(&answer.granted, None).await?;
        Ok(answer)
    }

    /// As [`acquire_token_by_refresh_token`](Self::acquire_token_by_refresh_token), but gives the
    /// answer whole and keeps nothing.
    pub async fn answer_by_refresh_token<S: Into<String>>(
        &self,
        refresh_token: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<TokenAnswer, Error> {
        let refresh_token = Secret::from(refresh_token);
        let grant = Grant::RefreshToken { refresh_token, scopes: Scopes::parse(scopes)? };
        self.0.engine.answered(&self.0.directory, &grant, None).await
    }

    /// Redeems a refresh token that another program kept, and keeps its account.
    pub async fn acquire_token_by_refresh_token<S: Into<String>>(
        &self,
        refresh_token: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<AccessToken, Error> {
        let scopes = Scopes::parse(scopes)?;
        let refresh_token = Secret::from(refresh_token);
        let grant =
            Grant::RefreshToken { refresh_token: refresh_token.clone(), scopes: scopes.clone() };
        let mut granted = self.0.engine.token(&self.0.directory, &grant, None).await?;
        granted.refresh_token.get_or_insert(refresh_token);
        self.keep(granted, &scopes, None).await
    }

    /// A token for a user who has signed in, without asking them: from the cache, or with their
    /// refresh token. An error whose [`Error::is_interaction_required`] holds means that they must
    /// sign in again.
    pub fn acquire_token_silent<S: Into<String>>(
        &self,
        account: &Account,
        scopes: impl IntoIterator<Item = S>,
    ) -> Silent {
        Silent::new(self.clone(), account.clone(), Scopes::parse(scopes).map_err(Error::from))
    }

    /// An API that is called for a user who has signed in, such as `api://orders/Orders.Read`.
    pub fn for_account<S: Into<String>>(
        &self,
        account: &Account,
        scopes: impl IntoIterator<Item = S>,
    ) -> ForResource {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let source =
            TokenSource::Account { client: self.clone(), scopes, account: account.clone() };
        ForResource::new(source, self.0.api.clone())
    }

    /// The users who have signed in, the latest last.
    pub fn accounts(&self) -> Vec<Account> {
        self.0.accounts.all()
    }

    /// Forgets a user and all their tokens. They stay signed in to the browser.
    pub fn remove_account(&self, account: &Account) {
        self.0.accounts.remove(account);
        self.0.tokens.forget(&owner(account));
    }

    pub(crate) fn knows(&self, account: &Account) -> bool {
        self.0.accounts.find(account).is_some()
    }

    /// Redeems the account's refresh token, and keeps the one that takes its place.
    pub(crate) async fn refresh(
        &self,
        account: &Account,
        scopes: &Scopes,
        claims: Option<&str>,
    ) -> Result<Held, Error> {
        let signed_in = self.0.accounts.find(account);
        let signed_in = signed_in.ok_or_else(|| Error::NotSignedIn(account.to_string()))?;
        let mut refresh_token = signed_in.refresh_token.lock().await;
        let grant =
            Grant::RefreshToken { refresh_token: refresh_token.clone(), scopes: scopes.clone() };
        let mut granted = self.0.engine.token(&self.0.directory, &grant, claims).await?;
        if let Some(rotated) = granted.refresh_token.take() {
            *refresh_token = rotated;
        }
        Ok(self.held(granted, scopes).of_account(Some(account.clone())))
    }

    /// Keeps what a sign-in brought. `nonce` is that of the authorization request.
    pub(crate) async fn keep(
        &self,
        mut granted: Granted,
        scopes: &Scopes,
        nonce: Option<&str>,
    ) -> Result<AccessToken, Error> {
        let account = self.account(&granted, nonce).await?;
        let refresh_token = granted.refresh_token.take();
        let now = self.0.engine.clock.now();
        let held = Arc::new(self.held(granted, scopes).of_account(account.clone()));
        if let (Some(account), Some(refresh_token)) = (account, refresh_token) {
            self.slot(&account, scopes, None).put(&held, now);
            self.0.accounts.keep(account, refresh_token);
        }
        Ok(AccessToken::new(held, Source::Network, now))
    }

    /// Who signed in. An authorization request asked for an ID token, so its answer must have one.
    pub(crate) async fn account(
        &self,
        granted: &Granted,
        nonce: Option<&str>,
    ) -> Result<Option<Account>, Error> {
        sign_in::account((&self.0.engine, &self.0.directory), granted, nonce).await
    }

    fn held(&self, granted: Granted, scopes: &Scopes) -> Held {
        let engine = &self.0.engine;
        Held::new(
            granted.access_token,
            scopes.to_string(),
            engine.clock.now(),
            granted.expires_in,
            granted.refresh_in,
            entropy::below(engine.entropy.as_ref(), u64::MAX),
        )
    }

    pub(crate) fn slot(
        &self,
        account: &Account,
        scopes: &Scopes,
        claims: Option<String>,
    ) -> Arc<Slot> {
        self.0.tokens.at(&Key {
            authority: self.0.directory.authority.clone(),
            client_id: self.0.engine.client_id.clone(),
            owner: owner(account),
            scopes: scopes.clone(),
            claims,
        })
    }
}

fn owner(account: &Account) -> Owner {
    Owner::Account(account.home_account_id().to_owned(), account.tenant())
}

impl fmt::Debug for PublicClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicClient")
            .field("authority", &self.0.directory.authority.to_string())
            .field("client_id", &self.0.engine.client_id)
            .finish_non_exhaustive()
    }
}

/// A sign-in under way.
pub(crate) type SignIn = Pin<Box<dyn Future<Output = Result<AccessToken, Error>> + Send>>;

/// Collects what a [`PublicClient`] needs.
#[must_use]
pub struct PublicBuilder {
    authority: String,
    client_id: String,
    ca_file: Option<PathBuf>,
    capabilities: Vec<String>,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
}

impl PublicBuilder {
    /// Trusts the certificate authorities in this PEM file, and no other, for the token service;
    /// for the APIs that are called, besides the system's.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Tells the token service what this client can do, such as `cp1`.
    pub fn client_capabilities<S: Into<String>>(
        mut self,
        capabilities: impl IntoIterator<Item = S>,
    ) -> Self {
        self.capabilities = capabilities.into_iter().map(Into::into).collect();
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
    pub fn build(self) -> Result<PublicClient, BuildError> {
        let authority = Authority::parse(&self.authority)
            .ok_or_else(|| BuildError::Authority(self.authority.clone()))?;
        if uuid::Uuid::try_parse(&self.client_id).is_err() {
            return Err(BuildError::ClientId(self.client_id));
        }
        let engine = Engine {
            client_id: self.client_id,
            credential: None,
            capabilities: self.capabilities,
            transport: Transport::new(self.ca_file.as_deref())?,
            clock: self.clock,
            entropy: self.entropy,
        };
        Ok(PublicClient(Arc::new(Inner {
            engine: Arc::new(engine),
            directory: Arc::new(Directory::new(authority)),
            tokens: Slots::new(TOKENS),
            accounts: Accounts::default(),
            api: api_client(self.ca_file.as_deref())?,
        })))
    }
}
