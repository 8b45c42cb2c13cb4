//! Refusals as HTTP answers.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::wire;
use crate::{
    directory::{Kind, Refusal, apply::ApplyError},
    journal,
    keys::{EpochError, RingError, RotateError},
};

/// When whoever found the server busy should come again, in seconds.
const RETRY_AFTER: u64 = 2;

/// A refusal and its status.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn bad_request(message: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message }
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.to_owned() }
    }

    pub(super) fn unavailable(message: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind() {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Denied => StatusCode::FORBIDDEN,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, message: refusal.to_string() }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Problems(_) => Self::bad_request(error.to_string()),
            ApplyError::Refusal(refusal) => refusal.into(),
        }
    }
}

impl From<RingError> for Failure {
    fn from(error: RingError) -> Self {
        match error {
            RingError::Rotate(RotateError::Unknown) => Self::not_found(&error.to_string()),
            RingError::Rotate(_) => Self::bad_request(error.to_string()),
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<EpochError> for Failure {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::Unknown(_) => Self::not_found(&error.to_string()),
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<journal::ReadError> for Failure {
    fn from(error: journal::ReadError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut answer = json(self.status, &wire::Failure { message: self.message });
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        answer
    }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    // Serialising our own types cannot fail; should it ever, the body is empty and no JSON.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
