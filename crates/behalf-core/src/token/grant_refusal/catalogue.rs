//! What a refusal is in the catalogue, which check it failed, and what the client is to bring back.

use behalf_protocol::{
    claims_request::ClaimsChallenge, device::PollRefusal, error::AadSts,
    token::request::GrantParameterError,
};

use super::{Demand, GrantRefusal};
use crate::{event::Step, ticket::RefreshRefusal};

impl GrantRefusal {
    /// The catalogue's row.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::Parameters(error) => error.aadsts(),
            Self::Claims(error) => error.aadsts(),
            Self::CredentialMissing { .. } => AadSts::NoCredential,
            Self::CredentialOfPage => AadSts::CredentialFromPublicClient,
            Self::NotAPage => AadSts::CrossOriginNotAllowed,
            Self::PageExpected => AadSts::CrossOriginRequired,
            Self::ProofKeyRequired => AadSts::ProofKeyRequired,
            Self::NotATicket { .. } | Self::CodeOfOtherClient { .. } => AadSts::GrantMalformed,
            Self::CodeOfOtherEndpoint => AadSts::CodeOfOtherTenant,
            Self::OtherRedirectUri => AadSts::RedirectUriMismatchAtRedemption,
            Self::Verifier(_) => AadSts::CodeVerifierMismatch,
            Self::CodeExpired { .. } => AadSts::CodeExpired,
            Self::CodeRedeemed => AadSts::CodeRedeemed,
            Self::Refresh(refusal) => of_refresh(*refusal),
            Self::RefreshReused => AadSts::RefreshTokenReused,
            Self::AccessTokenStays => AadSts::UnsupportedTokenType,
            Self::AssertionUnreadable { .. } => AadSts::AssertionUnreadable,
            Self::AssertionInvalid(_) => AadSts::AssertionInvalid,
            Self::AssertionTime { .. } => AadSts::AssertionExpired,
            Self::AssertionAudience { .. } => AadSts::AssertionForOtherResource,
            Self::AssertionIsIdToken => AadSts::AssertionIsIdToken,
            Self::AssertionAppOnly { .. } => AadSts::AssertionAppOnly,
            Self::Device { cause, version } => cause.aadsts(*version),
            Self::PasswordGrantOff => AadSts::UnsupportedGrantType,
            Self::PasswordNeedsTenant => AadSts::GrantNeedsTenant,
            Self::WrongPassword => AadSts::WrongPassword,
            Self::UserLocked { .. } => AadSts::UserLocked,
            Self::ResourceNotRequired { .. } => AadSts::ResourceNotRequired,
            Self::UserUnknown { .. } => AadSts::UserNotFound,
            Self::UserDisabled { .. } => AadSts::UserDisabled,
            Self::Revoked(_) | Self::FamilyEnded => AadSts::GrantRevoked,
            Self::ScopeUnknown { graph: true, .. } => AadSts::GraphScopeUnknown,
            Self::ScopeUnknown { .. } => AadSts::InvalidScope,
            Self::ItselfByUri { .. } => AadSts::SelfTokenByUri,
            Self::UserNotAssigned { .. } => AadSts::UserNotAssigned,
            Self::ConsentMissing { .. } => AadSts::UserConsentMissing,
            Self::SignInTooWeak { .. } | Self::SecondFactorUnasked => AadSts::SecondFactorRequired,
            Self::SignInTooOld { .. } => AadSts::SignInTooOld,
        }
    }

    /// The check that failed.
    pub fn step(&self) -> Step {
        match self {
            Self::Parameters(GrantParameterError::Target | GrantParameterError::Scope(_)) => {
                Step::Target
            }
            Self::Parameters(_) | Self::Claims(_) => Step::Form,
            Self::CredentialMissing { .. } => Step::Credential,
            Self::CredentialOfPage
            | Self::NotAPage
            | Self::PageExpected
            | Self::ProofKeyRequired
            | Self::NotATicket { .. }
            | Self::CodeOfOtherClient { .. }
            | Self::CodeOfOtherEndpoint
            | Self::OtherRedirectUri
            | Self::Verifier(_)
            | Self::CodeExpired { .. }
            | Self::AccessTokenStays
            | Self::AssertionUnreadable { .. }
            | Self::AssertionInvalid(_)
            | Self::AssertionTime { .. }
            | Self::AssertionAudience { .. }
            | Self::AssertionIsIdToken
            | Self::AssertionAppOnly { .. }
            | Self::WrongPassword
            | Self::UserLocked { .. } => Step::Presented,
            Self::Device { cause, .. } => match cause {
                // The code proved itself; it is the user who is not done.
                PollRefusal::Pending | PollRefusal::Declined => Step::User,
                PollRefusal::TooFast { .. } | PollRefusal::Unknown | PollRefusal::Expired => {
                    Step::Presented
                }
            },
            Self::PasswordGrantOff => Step::Grant,
            Self::PasswordNeedsTenant => Step::Tenant,
            Self::Refresh(refusal) => step_of_refresh(*refusal),
            Self::CodeRedeemed | Self::RefreshReused => Step::SingleUse,
            Self::UserUnknown { .. }
            | Self::UserDisabled { .. }
            | Self::Revoked(_)
            | Self::FamilyEnded => Step::User,
            Self::ItselfByUri { .. } => Step::Resource,
            Self::ScopeUnknown { .. }
            | Self::ConsentMissing { .. }
            | Self::ResourceNotRequired { .. } => Step::Consent,
            Self::UserNotAssigned { .. } => Step::Assignment,
            Self::SignInTooWeak { .. } | Self::SignInTooOld { .. } | Self::SecondFactorUnasked => {
                Step::Policy
            }
        }
    }

    /// What the client must bring back to the authorization endpoint: the answer's `claims`.
    pub fn claims(&self) -> Option<String> {
        let challenge = match self {
            Self::SignInTooWeak { demand: Demand::Context(context), .. } => {
                ClaimsChallenge::AuthenticationContext(context)
            }
            Self::SignInTooWeak { resource, .. } | Self::SignInTooOld { resource, .. } => {
                ClaimsChallenge::Policy(resource.0)
            }
            _ => return None,
        };
        Some(challenge.to_json())
    }
}

fn of_refresh(refusal: RefreshRefusal) -> AadSts {
    match refusal {
        RefreshRefusal::OtherClient
        | RefreshRefusal::AuthenticationMissing
        | RefreshRefusal::TurnedConfidential => AadSts::GrantMalformed,
        RefreshRefusal::OtherTenant => AadSts::UserOfOtherTenant,
        RefreshRefusal::Idle { .. } => AadSts::RefreshTokenUnused,
        RefreshRefusal::TooOld { .. } => AadSts::RefreshTokenTooOld,
        RefreshRefusal::SpaTooOld { .. } => AadSts::RefreshTokenOfBrowserTooOld,
        RefreshRefusal::UserUnknown => AadSts::UserNotFound,
        RefreshRefusal::UserDisabled => AadSts::UserDisabled,
        RefreshRefusal::Outdated(_)
        | RefreshRefusal::ClientRevoked
        | RefreshRefusal::FamilyEnded => AadSts::GrantRevoked,
        RefreshRefusal::ClientGone => AadSts::ApplicationNotFound,
        RefreshRefusal::ClientDisabled => AadSts::ApplicationDisabled,
    }
}

fn step_of_refresh(refusal: RefreshRefusal) -> Step {
    match refusal {
        RefreshRefusal::OtherClient
        | RefreshRefusal::AuthenticationMissing
        | RefreshRefusal::TurnedConfidential
        | RefreshRefusal::OtherTenant
        | RefreshRefusal::Idle { .. }
        | RefreshRefusal::TooOld { .. }
        | RefreshRefusal::SpaTooOld { .. } => Step::Presented,
        RefreshRefusal::UserUnknown
        | RefreshRefusal::UserDisabled
        | RefreshRefusal::Outdated(_)
        | RefreshRefusal::FamilyEnded => Step::User,
        RefreshRefusal::ClientGone
        | RefreshRefusal::ClientDisabled
        | RefreshRefusal::ClientRevoked => Step::ServicePrincipal,
    }
}
