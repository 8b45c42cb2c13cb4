//! What the two halves of a middle tier say to each other: the one that validates the token of a
//! request, and the one that calls the next API for the user of that token.

use std::time::Duration;

/// A user's access token as it came with a request: what on-behalf-of presents as `assertion`.
pub trait UserAssertion {
    /// The token.
    fn assertion(&self) -> &str;

    /// Whether its client handles claims challenges (`xms_cc` in the token has `cp1`).
    fn handles_challenges(&self) -> bool {
        false
    }

    /// The authorization endpoint where its client gets tokens, for a challenge.
    fn authorization_uri(&self) -> Option<&str> {
        None
    }
}

impl UserAssertion for str {
    fn assertion(&self) -> &str {
        self
    }
}

impl UserAssertion for String {
    fn assertion(&self) -> &str {
        self
    }
}

/// What a middle tier must tell its own caller after the call onwards has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnwardFailure {
    /// The user must act: consent, sign in again, pass a second factor.
    Interaction(Interaction),
    /// Something is busy or away; a repeated call may succeed.
    Unavailable {
        /// How long to wait, where that is known.
        retry_after: Option<Duration>,
    },
    /// A fault of the middle tier or of what it calls: nothing the caller could mend.
    Fault,
}

/// The user must act, where the caller's client can reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// `interaction_required` or `consent_required`.
    pub error: &'static str,
    /// The claims (JSON) that the client must ask for.
    pub claims: Option<String>,
    /// Whether the caller's client handles claims challenges.
    pub handles_challenges: bool,
    /// The authorization endpoint.
    pub authorization_uri: Option<String>,
}

/// An error of calling onwards that knows what the middle tier's caller is to be told.
pub trait OnwardError: std::error::Error {
    /// What that is.
    fn failure(&self) -> OnwardFailure;
}
