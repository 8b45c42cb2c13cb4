//! Calling an API without touching a token.

use std::fmt;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Body, RequestBuilder, Response};
use serde::Serialize;
use url::{Host, Url};

use crate::account::Account;
use crate::challenge;
use crate::confidential::ConfidentialClient;
use crate::error::Error;
use crate::public::PublicClient;
use crate::scopes::{ScopeError, Scopes};
use crate::secret::Secret;
use crate::token::AccessToken;

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No token, so no call.
    #[error(transparent)]
    Token(#[from] Error),
    /// The call could not be made or answered.
    #[error("the call failed: {0}")]
    Http(#[from] reqwest::Error),
    /// The address is plain HTTP on another machine, where the token could be read on its way.
    #[error("{0} is not https: a token goes over plain HTTP to this machine only")]
    Insecure(Url),
}

/// An API to be called with tokens of one kind.
#[derive(Debug)]
#[must_use]
pub struct ForResource {
    source: TokenSource,
    http: reqwest::Client,
}

impl ForResource {
    pub(crate) const fn new(source: TokenSource, http: reqwest::Client) -> Self {
        Self { source, http }
    }

    /// A client with the methods of `reqwest::Client`. It follows no redirects, for the token would
    /// go with them. Fails if no token can be asked for with these scopes.
    pub fn reqwest(self) -> Result<ApiClient, Error> {
        self.source.check()?;
        Ok(ApiClient { source: self.source, http: self.http })
    }

    /// As [`reqwest`](Self::reqwest), with the caller's own client.
    pub fn with(self, http: reqwest::Client) -> Result<ApiClient, Error> {
        Self { http, ..self }.reqwest()
    }
}

/// Calls APIs with tokens, which it fetches, keeps and renews. A claims
/// challenge (401, `insufficient_claims`) is answered once, with a token that has the claims.
#[derive(Debug, Clone)]
pub struct ApiClient {
    source: TokenSource,
    http: reqwest::Client,
}

impl ApiClient {
    /// GET.
    pub fn get(&self, url: impl AsRef<str>) -> ApiRequest {
        self.request(Method::GET, url)
    }

    /// POST.
    pub fn post(&self, url: impl AsRef<str>) -> ApiRequest {
        self.request(Method::POST, url)
    }

    /// PUT.
    pub fn put(&self, url: impl AsRef<str>) -> ApiRequest {
        self.request(Method::PUT, url)
    }

    /// PATCH.
    pub fn patch(&self, url: impl AsRef<str>) -> ApiRequest {
        self.request(Method::PATCH, url)
    }

    /// DELETE.
    pub fn delete(&self, url: impl AsRef<str>) -> ApiRequest {
        self.request(Method::DELETE, url)
    }

    /// Any method. A broken address is told by [`ApiRequest::send`].
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> ApiRequest {
        ApiRequest { builder: self.http.request(method, url.as_ref()), api: self.clone() }
    }
}

/// A call to be made.
#[derive(Debug)]
#[must_use = "nothing is sent until `send`"]
pub struct ApiRequest {
    builder: RequestBuilder,
    api: ApiClient,
}

impl ApiRequest {
    /// Adds a header. `Authorization` is set by [`send`](Self::send), whatever was added.
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K, Error: Into<http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<http::Error>>,
    {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Adds headers.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.builder = self.builder.headers(headers);
        self
    }

    /// How long the whole call may take; there is no such limit unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.builder = self.builder.timeout(timeout);
        self
    }

    /// Sets the body to `value` as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.builder = self.builder.json(value);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.builder = self.builder.body(body);
        self
    }

    /// Sends it with a token. After a claims challenge it is sent once more, unless its body is a
    /// stream; the second answer is final.
    pub async fn send(self) -> Result<Response, ApiError> {
        self.api.source.send(&self.api.http, self.builder).await
    }
}

/// Whose token a call carries.
#[derive(Clone)]
pub(crate) enum TokenSource {
    Application {
        client: ConfidentialClient,
        scope: String,
    },
    User {
        client: ConfidentialClient,
        scopes: Vec<String>,
        assertion: Secret,
    },
    Account {
        client: PublicClient,
        scopes: Vec<String>,
        account: Account,
    },
    /// A token that is there: nobody can be asked for one with more claims.
    Given(AccessToken),
}

impl TokenSource {
    fn check(&self) -> Result<(), ScopeError> {
        match self {
            Self::Application { scope, .. } => Scopes::for_application([scope]).map(drop),
            Self::User { scopes, .. } | Self::Account { scopes, .. } => {
                Scopes::parse(scopes).map(drop)
            }
            Self::Given(_) => Ok(()),
        }
    }

    /// A token; one that answers a challenge with `claims`.
    async fn token(&self, claims: Option<String>) -> Result<AccessToken, Error> {
        let acquire = match self {
            Self::Application { client, scope } => client.acquire_token_for_client([scope]),
            Self::User { client, scopes, assertion } => {
                client.acquire_token_on_behalf_of(assertion.expose(), scopes)
            }
            Self::Account { client, scopes, account } => {
                let silent = client.acquire_token_silent(account, scopes);
                return match claims {
                    Some(claims) => silent.claims(claims).await,
                    None => silent.await,
                };
            }
            Self::Given(token) => return Ok(token.clone()),
        };
        match claims {
            Some(claims) => acquire.claims(claims).await,
            None => acquire.await,
        }
    }

    pub(crate) async fn send(
        &self,
        http: &reqwest::Client,
        builder: RequestBuilder,
    ) -> Result<Response, ApiError> {
        let request = builder.build()?;
        ensure_private(request.url())?;
        let again = request.try_clone().filter(|_| !matches!(self, Self::Given(_)));
        let answer = send(http, request, &self.token(None).await?).await?;
        match (challenged(&answer), again) {
            (Some(claims), Some(request)) => {
                send(http, request, &self.token(Some(claims)).await?).await
            }
            _ => Ok(answer),
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application { scope, .. } => write!(f, "Application({scope})"),
            Self::User { scopes, .. } | Self::Account { scopes, .. } => {
                write!(f, "User({})", scopes.join(" "))
            }
            Self::Given(token) => write!(f, "User({})", token.scopes()),
        }
    }
}

/// The claims of a claims challenge.
fn challenged(answer: &Response) -> Option<String> {
    let refused = answer.status() == StatusCode::UNAUTHORIZED;
    refused.then(|| challenge::insufficient_claims(answer.headers())).flatten()
}

async fn send(
    http: &reqwest::Client,
    mut request: reqwest::Request,
    token: &AccessToken,
) -> Result<Response, ApiError> {
    let value = format!("Bearer {}", token.expose());
    // The answer was checked to hold nothing that a header cannot.
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(http.execute(request).await?)
}

/// HTTPS, or this very machine.
fn ensure_private(url: &Url) -> Result<(), ApiError> {
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_local) {
        Ok(())
    } else {
        Err(ApiError::Insecure(url.clone()))
    }
}
