//! Calling the next API for the user of an incoming token.

use std::sync::Arc;
use std::time::Duration;

use behalf_protocol::delegation::{Interaction, OnwardError, OnwardFailure, UserAssertion};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Body, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::api::{ApiError, TokenSource};
use crate::confidential::ConfidentialClient;
use crate::error::Error;
use crate::refusal::RefusalKind;
use crate::secret::Secret;

/// The longest answer that [`OnBehalfOf::get`] and [`OnBehalfOf::post`] read.
const MAX_BODY: usize = 16 << 20;

/// An API that is called for users. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Downstream(Arc<Target>);

#[derive(Debug)]
struct Target {
    client: ConfidentialClient,
    base: String,
    scopes: Vec<String>,
}

impl Downstream {
    pub(crate) fn new(client: ConfidentialClient, base: String, scopes: Vec<String>) -> Self {
        Self(Arc::new(Target { client, base, scopes }))
    }

    /// Calls for the user of an incoming, validated token: an
    /// `OnBehalf` guard of behalf-resource, or the token's text.
    pub fn on_behalf_of(&self, user: &(impl UserAssertion + ?Sized)) -> OnBehalfOf {
        let caller = Caller {
            handles_challenges: user.handles_challenges(),
            authorization_uri: user.authorization_uri().map(str::to_owned),
        };
        let source = TokenSource::User {
            client: self.0.client.clone(),
            scopes: self.0.scopes.clone(),
            assertion: Secret::from(user.assertion()),
        };
        OnBehalfOf { target: Arc::clone(&self.0), source, caller }
    }
}

/// What the incoming token says about where it came from, for a challenge to its client.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Caller {
    handles_challenges: bool,
    authorization_uri: Option<String>,
}

/// One API for one user.
#[derive(Debug, Clone)]
pub struct OnBehalfOf {
    target: Arc<Target>,
    source: TokenSource,
    caller: Caller,
}

impl OnBehalfOf {
    /// GETs `path` and reads the answer as JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DownstreamError> {
        self.request(Method::GET, path).fetch().await
    }

    /// POSTs `body` as JSON to `path` and reads the answer as JSON.
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, DownstreamError> {
        self.request(Method::POST, path).json(body).fetch().await
    }

    /// Any call. `path` begins with a slash and stays below the API's base; it may have a query.
    pub fn request(&self, method: Method, path: &str) -> DownstreamRequest {
        let url = below(&self.target.base, path);
        let http = &self.target.client.shared.api;
        DownstreamRequest {
            builder: url.map(|url| http.request(method, url)),
            target: Arc::clone(&self.target),
            source: self.source.clone(),
            caller: self.caller.clone(),
        }
    }
}

/// A call to be made.
#[derive(Debug)]
#[must_use = "nothing is sent until `send` or `fetch`"]
pub struct DownstreamRequest {
    builder: Result<RequestBuilder, DownstreamError>,
    target: Arc<Target>,
    source: TokenSource,
    caller: Caller,
}

impl DownstreamRequest {
    /// Adds a header. `Authorization` is set by [`send`](Self::send), whatever was added.
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K, Error: Into<http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<http::Error>>,
    {
        self.builder = self.builder.map(|builder| builder.header(name, value));
        self
    }

    /// How long the whole call may take; there is no such limit unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.builder = self.builder.map(|builder| builder.timeout(timeout));
        self
    }

    /// Sets the body to `value` as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.builder = self.builder.map(|builder| builder.json(value));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.builder = self.builder.map(|builder| builder.body(body));
        self
    }

    /// Sends it with the user's token, and gives whatever is answered.
    pub async fn send(self) -> Result<Response, DownstreamError> {
        let Self { builder, target, source, caller } = self;
        let answer = source.send(&target.client.shared.api, builder?).await;
        answer.map_err(|error| match error {
            ApiError::Token(error) => DownstreamError::Token(Refused { error, caller }),
            ApiError::Http(error) => DownstreamError::Http(error),
            ApiError::Insecure(url) => DownstreamError::Address(url.to_string()),
        })
    }

    /// Sends it and reads the answer as JSON; any status but 2xx is an error.
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, DownstreamError> {
        let mut answer = self.send().await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(DownstreamError::Status(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(DownstreamError::Http)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(DownstreamError::Body(format!("it is longer than {MAX_BODY} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| DownstreamError::Body(error.to_string()))
    }
}

/// Why the call for the user brought nothing. Given back by a handler with `?`, behalf-resource
/// answers its caller as section 3.5 of the platform's protocol asks: a claims challenge where the
/// user must act, 503 where waiting helps, 502 else.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownstreamError {
    /// No token for the user, so no call.
    #[error(transparent)]
    Token(Refused),
    /// The call could not be made or answered.
    #[error("the next API cannot be called: {0}")]
    Http(reqwest::Error),
    /// Not an address below the API's base, or plain HTTP to another machine.
    #[error("{0} is no address to send a user's token to: expected an https base and a path")]
    Address(String),
    /// The next API refused or failed.
    #[error("the next API answered {0}")]
    Status(StatusCode),
    /// The next API's answer is not what was expected.
    #[error("the answer of the next API cannot be read: {0}")]
    Body(String),
}

/// A token that was not given, and whose client would have to hear of it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    error: Error,
    caller: Caller,
}

impl Refused {
    /// Why there is no token.
    pub const fn error(&self) -> &Error {
        &self.error
    }
}

impl OnwardError for DownstreamError {
    fn failure(&self) -> OnwardFailure {
        match self {
            Self::Token(Refused { error, caller }) if error.is_interaction_required() => {
                let consent = error.kind() == Some(RefusalKind::ConsentRequired);
                OnwardFailure::Interaction(Interaction {
                    error: if consent { "consent_required" } else { "interaction_required" },
                    claims: error.refusal().and_then(|refusal| refusal.claims.clone()),
                    handles_challenges: caller.handles_challenges,
                    authorization_uri: caller.authorization_uri.clone(),
                })
            }
            Self::Token(Refused { error, .. }) if error.is_retryable() => {
                OnwardFailure::Unavailable { retry_after: error.retry_after() }
            }
            Self::Status(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                OnwardFailure::Unavailable { retry_after: Some(Duration::from_secs(10)) }
            }
            Self::Token(_) | Self::Status(_) | Self::Address(_) | Self::Body(_) => {
                OnwardFailure::Fault
            }
            Self::Http(_) => OnwardFailure::Unavailable { retry_after: None },
        }
    }
}

/// The address of `path` on the API: a user's token goes nowhere else, whatever a path is made of.
fn below(base: &str, path: &str) -> Result<Url, DownstreamError> {
    let odd = || DownstreamError::Address(format!("{base}{path}"));
    let root = Url::parse(base).map_err(|_| odd())?;
    let prefix = root.path().trim_end_matches('/');
    let url = Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(|_| odd())?;
    let plain = path.starts_with('/')
        && root.username().is_empty()
        && root.query().is_none()
        && root.fragment().is_none();
    let inside = url.path().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    if plain && inside && url.origin() == root.origin() { Ok(url) } else { Err(odd()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_the_base() {
        for (base, path, url) in [
            ("https://ledger.test", "/entries", "https://ledger.test/entries"),
            ("https://ledger.test/", "/entries?a=b", "https://ledger.test/entries?a=b"),
            ("https://ledger.test/v1/", "/entries/1", "https://ledger.test/v1/entries/1"),
            ("https://ledger.test", "//other/", "https://ledger.test//other/"),
        ] {
            assert_eq!(below(base, path).unwrap().as_str(), url);
        }
        for (base, path) in [
            ("https://ledger.test", "entries"),
            ("https://ledger.test", "@evil.test/"),
            ("https://ledger.test", ".evil.test/"),
            ("https://ledger.test", ":444/"),
            ("https://ledger.test/v1", "/../admin"),
            ("https://ledger.test/v1", "/%2e%2e/admin"),
            ("https://user@ledger.test", "/"),
            ("https://ledger.test?x=", "/"),
            ("ledger.test", "/"),
            ("", "/"),
        ] {
            assert!(below(base, path).is_err(), "{base} {path}");
        }
    }
}
