use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use behalf_protocol::delegation::OnwardFailure;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::guard::Forbidden;
use crate::onward;
use crate::validate::Refusal;

/// Where a caller gets a token that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directions {
    /// The authorization endpoint.
    pub authorization_uri: Arc<str>,
    /// The API's metadata (RFC 9728 section 5.1), if its address is known.
    pub resource_metadata: Option<Arc<str>>,
}

impl Directions {
    fn parameters(&self) -> impl Iterator<Item = String> {
        let metadata = self.resource_metadata.iter();
        metadata
            .map(|url| format!(r#"resource_metadata="{url}""#))
            .chain([format!(r#"authorization_uri="{}""#, self.authorization_uri)])
    }
}

/// What a caller is answered who gets no further (RFC 6750 section 3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No bearer token: 401 with an address to get one at, and no error code (RFC 6750 section
    /// 3.1).
    #[error("a bearer token is needed")]
    NoToken(Directions),
    /// More than one `Authorization` header, or one that is no bearer token: 401.
    #[error("send one Authorization header: Bearer and the token")]
    Header,
    /// A token that is not accepted: 401, or 503 if the issuer's keys cannot be fetched.
    #[error("{refusal}")]
    Token {
        /// Why.
        refusal: Refusal,
        /// Where to get another one.
        directions: Directions,
    },
    /// A valid token without the scope or role: 403.
    #[error("the token does not carry what this address asks for")]
    Forbidden(Forbidden),
    /// No guard looked at the token of this request, and the layer denies by default: 403.
    #[error("this address is not open to anybody")]
    Unguarded,
    /// The handler's call onwards failed: 401 with a claims challenge, or 403, where the user must
    /// act; 503 where waiting helps; else 502.
    #[error("{}", onward::text(.0))]
    Onward(OnwardFailure),
    /// A guard without the layer: 500.
    #[error("the router lacks the layer of behalf_resource::ResourceServer")]
    NoLayer,
}

impl AuthError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Token { refusal: Refusal::KeysUnavailable, .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NoToken(_) | Self::Header | Self::Token { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Unguarded => StatusCode::FORBIDDEN,
            Self::Onward(failure) => onward::status(failure),
            Self::NoLayer => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The OAuth error code, where there is one.
    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Token { refusal: Refusal::KeysUnavailable, .. } => {
                Some("temporarily_unavailable")
            }
            Self::Header => Some("invalid_request"),
            Self::Token { .. } => Some("invalid_token"),
            Self::Forbidden(_) | Self::Unguarded => Some("insufficient_scope"),
            Self::Onward(failure) => Some(onward::code(failure)),
            Self::NoToken(_) | Self::NoLayer => None,
        }
    }

    /// The wait of a 503, in seconds.
    fn retry_after(&self) -> u64 {
        match self {
            Self::Onward(OnwardFailure::Unavailable { retry_after: Some(wait) }) => wait.as_secs(),
            _ => 10,
        }
    }

    /// The value of `WWW-Authenticate`. All texts are ours, so nothing needs escaping.
    fn challenge(&self) -> String {
        if let Self::Onward(failure) = self
            && let Some(challenge) = onward::claims_challenge(failure)
        {
            return challenge;
        }
        let mut parameters = Vec::new();
        if let Some(code) = self.code() {
            parameters.push(format!(r#"error="{code}""#));
            parameters.push(format!(r#"error_description="{self}""#));
        }
        match self {
            Self::NoToken(directions) | Self::Token { directions, .. } => {
                parameters.extend(directions.parameters());
            }
            Self::Forbidden(forbidden) if !forbidden.needed().is_empty() => {
                parameters.push(format!(r#"scope="{}""#, forbidden.needed().join(" ")));
            }
            _ => {}
        }
        format!("Bearer {}", parameters.join(", "))
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let status = self.status();
        if matches!(self, Self::NoLayer | Self::Unguarded) {
            tracing::error!(error = %self, "a route is not set up for behalf-resource");
        }
        let mut body = serde_json::json!({ "error_description": self.to_string() });
        if let Some(code) = self.code() {
            body["error"] = code.into();
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            if let Ok(challenge) = HeaderValue::try_from(self.challenge()) {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.retry_after()));
        }
        response
    }
}
