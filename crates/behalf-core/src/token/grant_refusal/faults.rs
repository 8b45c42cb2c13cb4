//! What exactly was missing or wrong.

use crate::id::TenantId;

/// What a sign-in lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Demand {
    /// A second factor.
    #[error("a second factor")]
    SecondFactor,
    /// An authentication context.
    #[error("authentication context {0}")]
    Context(String),
}

/// What is wrong with a `code_verifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierFault {
    /// There was a challenge.
    #[error("is missing: the authorization request had a code_challenge.")]
    Missing,
    /// There was no challenge (RFC 9700 2.1.1: a downgrade, or a code injected).
    #[error("is not expected: the authorization request had no code_challenge.")]
    Unexpected,
    /// It answers another challenge.
    #[error("does not answer the code_challenge of the authorization request.")]
    Wrong,
}

/// Why an assertion is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    /// Signed by no key of ours that was in use then.
    #[error("no key of this server signs as {kid} at the time that it was issued.")]
    KeyUnknown {
        /// The key's name, if it may be repeated.
        kid: String,
    },
    /// Changed, or signed by somebody else.
    #[error("its signature does not hold under key {kid}.")]
    Signature {
        /// The key's name.
        kid: String,
    },
    /// Its payload is not what this server writes.
    #[error("its claims are not those of a token of this server.")]
    Claims,
    /// Another issuer.
    #[error("it was issued by another issuer than this server for tenant {tenant}.")]
    Issuer {
        /// The tenant asked.
        tenant: TenantId,
    },
    /// Without a chain that opens.
    #[error(
        "its chain of delegation (aio) is missing or does not verify; ask the client for a new token."
    )]
    Chain,
    /// The caller's service principal was made anew since.
    #[error("it was issued for a service principal of the caller that does not exist any more.")]
    OtherPrincipal,
    /// It passed through as many services as there may be.
    #[error("the user's identity has passed through 8 services already, the most there may be.")]
    TooLong,
}
