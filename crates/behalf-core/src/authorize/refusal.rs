//! Why a client whose redirect URI is trusted gets no code.

use behalf_protocol::{authorize::AuthorizeError, error::AadSts};

use crate::{consent::ConsentRefusal, event::Step, id::AppId};

/// Why there is no code. `Display` is the text of `error_description`, which the client reads and
/// the user's browser carries: it says nothing of the directory that the client may not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request itself.
    #[error(transparent)]
    Request(#[from] AuthorizeError),
    /// Only codes come back; tokens in addresses do not (RFC 9700 2.1.2; 700054).
    #[error(
        "The application may not get tokens from this endpoint. Use response_type=code with PKCE."
    )]
    ResponseTypeNotEnabled,
    /// A single-page application without PKCE (9002325).
    #[error("A single-page application must send code_challenge with code_challenge_method=S256.")]
    ProofKeyRequired,
    /// The client is disabled, here or at home (7000112).
    #[error("The application {0} is disabled.")]
    ClientDisabled(AppId),
    /// Nothing could be kept of the request while the user signs in (90015).
    #[error(
        "The parameters are too long to be kept while the user signs in. Shorten state, scope or claims."
    )]
    TooLong,
    /// `prompt=none`, and nobody is signed in, or not lately enough (50058).
    #[error(
        "prompt=none was sent, but the user has to sign in. Send the request again without it."
    )]
    SessionMissing,
    /// `prompt=none`, and several are signed in (16000).
    #[error(
        "prompt=none was sent, but several users are signed in. Send login_hint, or prompt=select_account."
    )]
    SessionAmbiguous,
    /// `prompt=none`, and a second factor is demanded (50076).
    #[error(
        "prompt=none was sent, but the API demands a second factor. Send the request again without it."
    )]
    SecondFactorSilently,
    /// A second factor is demanded, and the user has none (50079).
    #[error(
        "The API demands a second factor, and the user has none yet. An administrator can enrol one."
    )]
    SecondFactorNotEnrolled,
    /// The client is for assigned users only (50105).
    #[error("The application {0} is for assigned users only, and the user is not one of them.")]
    UserNotAssigned(AppId),
    /// `prompt=none`, and the user would have to consent (65001).
    #[error(
        "prompt=none was sent, but the user has not consented to what the application asks for. Send the request again without it."
    )]
    ConsentMissing,
    /// Only an administrator may consent (90094).
    #[error("Only an administrator may allow what the application asks for.")]
    AdminConsentRequired,
    /// Consent cannot even be asked for.
    #[error(transparent)]
    Consent(#[from] ConsentRefusal),
    /// The user went back.
    #[error("The user cancelled the sign-in or declined to consent.")]
    Cancelled,
    /// The server cannot answer now.
    #[error("The server cannot answer now. Try again in a few seconds.")]
    Unavailable,
}

impl Refusal {
    /// The check that failed. Where a user went back is known to who asked him.
    pub fn step(&self) -> Step {
        match self {
            Self::Request(_)
            | Self::ResponseTypeNotEnabled
            | Self::ProofKeyRequired
            | Self::TooLong
            | Self::Unavailable => Step::Form,
            Self::ClientDisabled(_) => Step::ServicePrincipal,
            Self::SessionMissing | Self::SessionAmbiguous | Self::Cancelled => Step::Presented,
            Self::SecondFactorSilently | Self::SecondFactorNotEnrolled => Step::Policy,
            Self::UserNotAssigned(_) => Step::Assignment,
            Self::ConsentMissing | Self::AdminConsentRequired | Self::Consent(_) => Step::Consent,
        }
    }

    /// What the check found, and what it expected, for the sign-in log.
    pub fn found_and_expected(&self) -> (String, &'static str) {
        let (found, expected) = match self {
            Self::Request(error) => return (error.to_string(), "an authorization request"),
            Self::Consent(refusal) => return (refusal.to_string(), "what can be consented to"),
            Self::ResponseTypeNotEnabled => ("another response_type", "code"),
            Self::ProofKeyRequired => ("no code_challenge", "PKCE"),
            Self::ClientDisabled(_) => ("a disabled application", "an enabled one"),
            Self::TooLong => ("parameters that are too long", "shorter ones"),
            Self::SessionMissing => ("prompt=none and nobody signed in", "a session"),
            Self::SessionAmbiguous => ("prompt=none and several sessions", "one session"),
            Self::SecondFactorSilently => ("prompt=none and a weaker sign-in", "a second factor"),
            Self::SecondFactorNotEnrolled => ("no second factor", "one that is enrolled"),
            Self::UserNotAssigned(_) => ("no assignment of the user", "one to the application"),
            Self::ConsentMissing => ("prompt=none and no consent", "a grant"),
            Self::AdminConsentRequired => ("no consent of an administrator", "a grant"),
            Self::Cancelled => ("the user went back", "that he goes on"),
            Self::Unavailable => ("a server that cannot answer", "one that can"),
        };
        (found.to_owned(), expected)
    }

    /// The catalogue's row.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::Request(error) => error.aadsts(),
            Self::ResponseTypeNotEnabled => AadSts::ResponseTypeNotEnabled,
            Self::ProofKeyRequired => AadSts::ProofKeyRequired,
            Self::ClientDisabled(_) => AadSts::ApplicationDisabled,
            Self::TooLong => AadSts::QueryTooLong,
            Self::SessionMissing => AadSts::SessionMissing,
            Self::SessionAmbiguous => AadSts::SessionAmbiguous,
            Self::SecondFactorSilently => AadSts::SecondFactorRequiredSilently,
            Self::SecondFactorNotEnrolled => AadSts::SecondFactorNotEnrolled,
            Self::UserNotAssigned(_) => AadSts::UserNotAssignedSilently,
            Self::ConsentMissing => AadSts::UserConsentMissingSilently,
            Self::AdminConsentRequired => AadSts::AdminConsentRequired,
            Self::Consent(refusal) => of_consent(refusal),
            Self::Cancelled => AadSts::ConsentDeclined,
            Self::Unavailable => AadSts::Unavailable,
        }
    }
}

fn of_consent(refusal: &ConsentRefusal) -> AadSts {
    match refusal {
        ConsentRefusal::ClientUnknown { .. } => AadSts::ApplicationNotFound,
        ConsentRefusal::ClientDisabled { .. } => AadSts::ApplicationDisabled,
        ConsentRefusal::ResourceMissing { .. } => AadSts::ResourceNotProvisioned,
        ConsentRefusal::ResourceDisabled { .. } => AadSts::ResourceDisabled,
        ConsentRefusal::NotRequired { .. } => AadSts::ResourceNotRequired,
        ConsentRefusal::ScopeUnknown { .. } | ConsentRefusal::DefaultMixed => AadSts::InvalidScope,
    }
}
