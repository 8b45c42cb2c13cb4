//! The part of the table that requests on behalf of a user add.

use behalf_core::{
    ticket::{Outdated, RefreshRefusal},
    token::{AssertionFault, Demand, GrantRefusal, VerifierFault},
};
use behalf_protocol::{
    EndpointVersion, claims_request::ClaimsRequestError, device::PollRefusal, pkce::PkceError,
    token::request::GrantParameterError,
};

use crate::common::{ACME, DAEMON, LEDGER, NOW, at, id};

/// One of each.
pub(super) fn every_refusal() -> Vec<GrantRefusal> {
    let mut all = of_the_request();
    all.extend(of_codes_and_refresh_tokens());
    all.extend(of_assertions());
    all.extend(of_devices_and_passwords());
    all.extend(of_the_user());
    all.extend(of_the_resource());
    all
}

fn of_the_request() -> Vec<GrantRefusal> {
    [
        GrantParameterError::Missing { name: "assertion" },
        GrantParameterError::TokenUse,
        GrantParameterError::TokenType { name: "subject_token_type" },
        GrantParameterError::ActorToken,
        GrantParameterError::Target,
        GrantParameterError::Verifier(PkceError::Verifier),
    ]
    .map(GrantRefusal::Parameters)
    .into_iter()
    .chain([
        GrantRefusal::Claims(ClaimsRequestError::Malformed),
        GrantRefusal::CredentialMissing { client: id(DAEMON) },
        GrantRefusal::CredentialOfPage,
        GrantRefusal::NotAPage,
        GrantRefusal::PageExpected,
        GrantRefusal::ProofKeyRequired,
    ])
    .collect()
}

fn of_codes_and_refresh_tokens() -> Vec<GrantRefusal> {
    let (issued, expired) = (at(NOW - 100), at(NOW));
    let mut all = vec![
        GrantRefusal::NotATicket { what: "refresh token" },
        GrantRefusal::CodeOfOtherClient { client: id(DAEMON) },
        GrantRefusal::CodeOfOtherEndpoint,
        GrantRefusal::OtherRedirectUri,
        GrantRefusal::CodeExpired { expired: "2026-11-22 12:42:20Z".into() },
        GrantRefusal::CodeRedeemed,
        GrantRefusal::RefreshReused,
        GrantRefusal::AccessTokenStays,
    ];
    let faults = [VerifierFault::Missing, VerifierFault::Unexpected, VerifierFault::Wrong];
    all.extend(faults.map(GrantRefusal::Verifier));
    let refusals = [
        RefreshRefusal::OtherClient,
        RefreshRefusal::AuthenticationMissing,
        RefreshRefusal::TurnedConfidential,
        RefreshRefusal::OtherTenant,
        RefreshRefusal::Idle { issued, expired },
        RefreshRefusal::TooOld { expired },
        RefreshRefusal::SpaTooOld { expired },
        RefreshRefusal::UserUnknown,
        RefreshRefusal::UserDisabled,
        RefreshRefusal::Outdated(Outdated::Password),
        RefreshRefusal::ClientGone,
        RefreshRefusal::ClientDisabled,
        RefreshRefusal::ClientRevoked,
        RefreshRefusal::FamilyEnded,
    ];
    all.extend(refusals.map(GrantRefusal::Refresh));
    all
}

fn of_assertions() -> Vec<GrantRefusal> {
    let kid = || "key-of-november".to_owned();
    let faults = [
        AssertionFault::KeyUnknown { kid: kid() },
        AssertionFault::Signature { kid: kid() },
        AssertionFault::Claims,
        AssertionFault::Issuer { tenant: id(ACME) },
        AssertionFault::Chain,
        AssertionFault::OtherPrincipal,
        AssertionFault::TooLong,
    ];
    let mut all = vec![
        GrantRefusal::AssertionUnreadable { cause: "its header is not that of a JWT".into() },
        GrantRefusal::AssertionTime {
            now: "2026-11-22 12:42:20Z".into(),
            from: "2026-11-22 10:00:00Z".into(),
            until: "2026-11-22 11:00:00Z".into(),
        },
        GrantRefusal::AssertionAudience { found: None, client: id(DAEMON) },
        GrantRefusal::AssertionAudience { found: Some(LEDGER.into()), client: id(DAEMON) },
        GrantRefusal::AssertionIsIdToken,
        GrantRefusal::AssertionAppOnly { client: id(DAEMON) },
    ];
    all.extend(faults.map(GrantRefusal::AssertionInvalid));
    all
}

fn of_devices_and_passwords() -> Vec<GrantRefusal> {
    use EndpointVersion::{V1, V2};
    let polls = [
        (PollRefusal::Pending, V2),
        (PollRefusal::TooFast { msal: false }, V2),
        (PollRefusal::TooFast { msal: true }, V2),
        (PollRefusal::Declined, V2),
        (PollRefusal::Unknown, V2),
        (PollRefusal::Expired, V1),
        (PollRefusal::Expired, V2),
    ];
    let mut all: Vec<_> =
        polls.into_iter().map(|(cause, version)| GrantRefusal::Device { cause, version }).collect();
    all.extend([
        GrantRefusal::PasswordGrantOff,
        GrantRefusal::PasswordNeedsTenant,
        GrantRefusal::WrongPassword,
        GrantRefusal::UserLocked { seconds: 60 },
        GrantRefusal::SecondFactorUnasked,
    ]);
    all
}

fn of_the_user() -> Vec<GrantRefusal> {
    vec![
        GrantRefusal::UserUnknown { user: id(DAEMON), tenant: id(ACME) },
        GrantRefusal::UserDisabled { user: id(DAEMON) },
        GrantRefusal::Revoked(Outdated::User),
        GrantRefusal::FamilyEnded,
    ]
}

fn of_the_resource() -> Vec<GrantRefusal> {
    let resource = id(LEDGER);
    let display_name = || "Ledger".to_owned();
    let unknown =
        |graph| GrantRefusal::ScopeUnknown { scope: "Entries.Nothing".into(), resource, graph };
    let weak =
        |demand| GrantRefusal::SignInTooWeak { display_name: display_name(), demand, resource };
    vec![
        unknown(false),
        unknown(true),
        GrantRefusal::ItselfByUri { client: id(DAEMON) },
        GrantRefusal::UserNotAssigned {
            user: "ada@acme.test".into(),
            resource,
            display_name: display_name(),
        },
        GrantRefusal::ConsentMissing {
            client: id(DAEMON),
            client_name: "Orders".into(),
            resource,
            display_name: display_name(),
            scopes: "Entries.Read".into(),
        },
        GrantRefusal::ResourceNotRequired {
            client: id(DAEMON),
            resource,
            display_name: display_name(),
        },
        weak(Demand::SecondFactor),
        weak(Demand::Context("c1".into())),
        GrantRefusal::SignInTooOld { display_name: display_name(), seconds: 600, resource },
    ]
}

/// The variant's name. Exhaustive on purpose, as its caller.
pub(super) fn name(refusal: &GrantRefusal) -> &'static str {
    match refusal {
        GrantRefusal::Parameters(_) => "Parameters",
        GrantRefusal::Claims(_) => "Claims",
        GrantRefusal::CredentialMissing { .. } => "CredentialMissing (user)",
        GrantRefusal::CredentialOfPage => "CredentialOfPage",
        GrantRefusal::NotAPage => "NotAPage",
        GrantRefusal::PageExpected => "PageExpected",
        GrantRefusal::ProofKeyRequired => "ProofKeyRequired",
        GrantRefusal::NotATicket { .. } => "NotATicket",
        GrantRefusal::CodeOfOtherClient { .. } => "CodeOfOtherClient",
        GrantRefusal::CodeOfOtherEndpoint => "CodeOfOtherEndpoint",
        GrantRefusal::OtherRedirectUri => "OtherRedirectUri",
        GrantRefusal::Verifier(_) => "Verifier",
        GrantRefusal::CodeExpired { .. } => "CodeExpired",
        GrantRefusal::CodeRedeemed => "CodeRedeemed",
        GrantRefusal::Refresh(_) => "Refresh",
        GrantRefusal::RefreshReused => "RefreshReused",
        GrantRefusal::AccessTokenStays => "AccessTokenStays",
        GrantRefusal::AssertionUnreadable { .. } => "AssertionUnreadable",
        GrantRefusal::AssertionInvalid(_) => "AssertionInvalid",
        GrantRefusal::AssertionTime { .. } => "AssertionTime",
        GrantRefusal::AssertionAudience { .. } => "AssertionAudience",
        GrantRefusal::AssertionIsIdToken => "AssertionIsIdToken",
        GrantRefusal::AssertionAppOnly { .. } => "AssertionAppOnly",
        GrantRefusal::Device { .. } => "Device",
        GrantRefusal::PasswordGrantOff => "PasswordGrantOff",
        GrantRefusal::PasswordNeedsTenant => "PasswordNeedsTenant",
        GrantRefusal::WrongPassword => "WrongPassword",
        GrantRefusal::UserLocked { .. } => "UserLocked",
        GrantRefusal::SecondFactorUnasked => "SecondFactorUnasked",
        GrantRefusal::ResourceNotRequired { .. } => "ResourceNotRequired",
        GrantRefusal::UserUnknown { .. } => "UserUnknown",
        GrantRefusal::UserDisabled { .. } => "UserDisabled",
        GrantRefusal::Revoked(_) => "Revoked",
        GrantRefusal::FamilyEnded => "FamilyEnded",
        GrantRefusal::ScopeUnknown { .. } => "ScopeUnknown",
        GrantRefusal::ItselfByUri { .. } => "ItselfByUri",
        GrantRefusal::UserNotAssigned { .. } => "UserNotAssigned",
        GrantRefusal::ConsentMissing { .. } => "ConsentMissing",
        GrantRefusal::SignInTooWeak { .. } => "SignInTooWeak",
        GrantRefusal::SignInTooOld { .. } => "SignInTooOld",
    }
}
