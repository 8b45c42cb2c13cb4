//! Errors of calling onwards, as the caller is told of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use behalf_protocol::delegation::{Interaction, OnwardError, OnwardFailure};
use http::StatusCode;

use crate::challenge::AuthError;

/// What an error of behalf-client's `Downstream` means to the caller of this API.
///
/// The error itself goes to the log: its text may name what is none of the caller's business.
impl<E: OnwardError> From<E> for AuthError {
    fn from(error: E) -> Self {
        let failure = error.failure();
        if failure == OnwardFailure::Fault {
            tracing::error!(%error, "a call onwards failed");
        } else {
            tracing::warn!(%error, "a call onwards failed");
        }
        Self::Onward(failure)
    }
}

/// The platform's claims challenge, where there are claims and a client that handles them.
pub(crate) fn claims_challenge(failure: &OnwardFailure) -> Option<String> {
    let OnwardFailure::Interaction(interaction) = failure else { return None };
    let Interaction { claims: Some(claims), handles_challenges: true, authorization_uri, .. } =
        interaction
    else {
        return None;
    };
    let uri = authorization_uri.as_ref();
    let uri = uri.map(|uri| format!(r#", authorization_uri="{uri}""#)).unwrap_or_default();
    let claims = STANDARD.encode(claims);
    Some(format!(r#"Bearer realm=""{uri}, error="insufficient_claims", claims="{claims}""#))
}

pub(crate) fn status(failure: &OnwardFailure) -> StatusCode {
    match failure {
        OnwardFailure::Interaction(_) if claims_challenge(failure).is_some() => {
            StatusCode::UNAUTHORIZED
        }
        OnwardFailure::Interaction(_) => StatusCode::FORBIDDEN,
        OnwardFailure::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

pub(crate) fn code(failure: &OnwardFailure) -> &'static str {
    match failure {
        OnwardFailure::Interaction(_) if claims_challenge(failure).is_some() => {
            "insufficient_claims"
        }
        OnwardFailure::Interaction(interaction) => interaction.error,
        OnwardFailure::Unavailable { .. } => "temporarily_unavailable",
        _ => "server_error",
    }
}

pub(crate) const fn text(failure: &OnwardFailure) -> &'static str {
    match failure {
        OnwardFailure::Interaction(_) => {
            "the user must consent or sign in again before this API can call the next one for them"
        }
        OnwardFailure::Unavailable { .. } => "what this API needs is not available at the moment",
        _ => "what this API needs has failed",
    }
}
