use std::io;
use std::time::Duration;

use url::Url;

use crate::answer::TokenAnswer;
use crate::browser;
use crate::claims;
use crate::error::Error;
use crate::loopback::Loopback;
use crate::public::{PublicClient, SignIn};
use crate::redirect::Pending;
use crate::request::Grant;
use crate::scopes::Scopes;
use crate::sign_in::AuthorizationRequest;
use crate::token::AccessToken;

/// How long the user has.
const PATIENCE: Duration = Duration::from_mins(10);

/// `prompt` of the authorization request (OpenID Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// The user signs in anew.
    Login,
    /// The user is asked for consent, even where it was given.
    Consent,
    /// The user chooses among their accounts.
    SelectAccount,
}

impl Prompt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

type Opener = Box<dyn FnOnce(&Url) -> io::Result<()> + Send>;

/// A sign-in with the browser: `.await` it.
#[must_use = "nothing happens until this is awaited"]
pub struct Interactive {
    client: PublicClient,
    scopes: Result<Scopes, Error>,
    open: Opener,
    prompt: Option<Prompt>,
    login_hint: Option<String>,
    claims: Option<String>,
    timeout: Duration,
}

impl Interactive {
    pub(crate) fn new(client: PublicClient, scopes: Result<Scopes, Error>) -> Self {
        Self {
            client,
            scopes,
            open: Box::new(browser::open_browser),
            prompt: None,
            login_hint: None,
            claims: None,
            timeout: PATIENCE,
        }
    }

    /// Shows the address to the user in another way than with the system's browser.
    pub fn open_with(mut self, open: impl FnOnce(&Url) -> io::Result<()> + Send + 'static) -> Self {
        self.open = Box::new(open);
        self
    }

    /// What the user is asked for at least.
    pub const fn prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = Some(prompt);
        self
    }

    /// The name that the user will sign in with, such as `alice@acme.test`.
    pub fn login_hint(mut self, name: impl Into<String>) -> Self {
        self.login_hint = Some(name.into());
        self
    }

    /// Sends the claims (JSON) of an error or a challenge along.
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }

    /// How long the user has (10 minutes unless told).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the user sign in and gives the answer whole: for programs that keep tokens themselves.
    pub async fn answer(self) -> Result<TokenAnswer, Error> {
        let client = self.client.clone();
        let SignedIn { answer, nonce, .. } = self.sign_in().await?;
        client.account(&answer.granted, Some(&nonce)).await?;
        Ok(answer)
    }

    async fn run(self) -> Result<AccessToken, Error> {
        let client = self.client.clone();
        let SignedIn { answer, scopes, nonce } = self.sign_in().await?;
        client.keep(answer.granted, &scopes, Some(&nonce)).await
    }

    async fn sign_in(self) -> Result<SignedIn, Error> {
        let Self { client, scopes, open, prompt, login_hint, claims, timeout } = self;
        let (scopes, engine) = (scopes?, &client.0.engine);
        let endpoints = client.0.directory.endpoints(engine).await?;
        let loopback = Loopback::open().await?;
        let claims = claims::merge(&engine.capabilities, claims.as_deref());
        let claims = claims.map_err(Error::Claims)?;
        let wishes = [
            ("prompt", prompt.map(Prompt::as_str)),
            ("login_hint", login_hint.as_deref()),
            ("claims", claims.as_deref()),
        ];
        let place = (client.0.directory.as_ref(), endpoints.as_ref());
        let wanted = (loopback.redirect_uri(), scopes.clone());
        let request = AuthorizationRequest::new(engine, place, wanted, &wishes)?;
        let AuthorizationRequest { url, redirect_uri, state, nonce, verifier, .. } = request;
        open(&url).map_err(|error| Error::Browser(error.to_string()))?;

        let pending = Pending { state, endpoints };
        let answer = tokio::time::timeout(timeout, loopback.answer(pending)).await;
        let code = answer.map_err(|_| Error::TimedOut)??;
        let grant =
            Grant::AuthorizationCode { code, redirect_uri, verifier, scopes: scopes.clone() };
        let answer = engine.answered(&client.0.directory, &grant, None).await?;
        Ok(SignedIn { answer, scopes, nonce })
    }
}

/// What a sign-in brought; the ID token is not checked yet.
struct SignedIn {
    answer: TokenAnswer,
    scopes: Scopes,
    nonce: String,
}

impl IntoFuture for Interactive {
    type Output = Result<AccessToken, Error>;
    type IntoFuture = SignIn;

    fn into_future(self) -> SignIn {
        Box::pin(self.run())
    }
}
