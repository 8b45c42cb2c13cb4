use std::sync::Arc;
use std::time::Duration;

use crate::entropy::NoEntropy;
use crate::metadata::MetadataError;
use crate::refusal::{Refusal, RefusalKind};
use crate::scopes::ScopeError;

/// Why there is no token. Cheap to clone: callers that wait for one request share its outcome.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token service refused.
    #[error("{0}")]
    Refused(Arc<Refusal>),
    /// No answer: no connection, no valid certificate, or a timeout.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
        /// Nothing of the request was sent.
        unsent: bool,
    },
    /// An answer that is none of a token service.
    #[error("{url} answered {status}, which is no token answer: {reason}")]
    Answer {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The metadata of the authority cannot be trusted or used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// No request can be made for these scopes.
    #[error(transparent)]
    Scopes(#[from] ScopeError),
    /// The client's credential cannot be presented.
    #[error("the client's credential cannot be used: {0}")]
    Credential(String),
    /// A tenant that is neither an id nor a domain.
    #[error("the tenant {0:?} is neither an id nor a domain")]
    Tenant(String),
    /// A `claims` value that is not a JSON object.
    #[error("the claims are not a JSON object: {0}")]
    Claims(String),
    /// The sign-in ended with an answer that cannot be used.
    #[error("the sign-in failed: {0}")]
    SignIn(&'static str),
    /// The ID token is not for this client or this sign-in.
    #[error("the ID token cannot be used: {0}")]
    IdToken(&'static str),
    /// No listener for the browser's answer.
    #[error("no address on this machine for the browser's answer: {0}")]
    Listener(String),
    /// No browser.
    #[error("the browser cannot be opened: {0}; use acquire_token_by_device_code without one")]
    Browser(String),
    /// The user did not finish in time.
    #[error("the sign-in was not finished in time")]
    TimedOut,
    /// No refresh token of this account: the user must sign in.
    #[error("{0} is not signed in to this client: acquire a token interactively")]
    NotSignedIn(String),
    /// The authority lacks an endpoint.
    #[error("the authority {authority} has no {endpoint}")]
    NoEndpoint {
        /// The authority.
        authority: String,
        /// The member of the metadata that is missing.
        endpoint: &'static str,
    },
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The work that was waited for ended without an outcome, as its runtime did.
    #[error("the runtime that made the request was shut down")]
    Abandoned,
}

impl Error {
    /// The token service's refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What a refusal means; `None` where nothing was refused.
    pub fn kind(&self) -> Option<RefusalKind> {
        self.refusal().map(Refusal::kind)
    }

    /// Whether the user must act, by consent or by signing in.
    pub fn is_interaction_required(&self) -> bool {
        use RefusalKind::{ConsentRequired, InteractionRequired};
        matches!(self, Self::NotSignedIn(_))
            || matches!(self.kind(), Some(InteractionRequired | ConsentRequired))
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.kind() == RefusalKind::Temporary,
            Self::Unreachable { .. } | Self::Abandoned => true,
            Self::Answer { status, .. } => matches!(status, 429 | 500..),
            _ => false,
        }
    }

    /// How long the same request is not sent again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// This error as it is told again while its wait is not over.
    pub(crate) fn told_again(&self, left: Duration) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(Arc::new(Refusal {
                retry_after: Some(left),
                ..Refusal::clone(refusal)
            })),
            other => other.clone(),
        }
    }
}
