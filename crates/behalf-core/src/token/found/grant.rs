//! The same of requests on behalf of a user.

use behalf_protocol::device::PollRefusal;

use crate::token::{AssertionFault, GrantRefusal, VerifierFault};

pub(super) fn found_and_expected(refusal: &GrantRefusal) -> (String, String) {
    let pair = |found: &str, expected: &str| (found.to_owned(), expected.to_owned());
    match refusal {
        GrantRefusal::Parameters(error) => {
            (error.to_string(), "the parameters of the grant".to_owned())
        }
        GrantRefusal::Claims(error) => (error.to_string(), "a claims request".to_owned()),
        GrantRefusal::CredentialMissing { .. } => {
            pair("no credential", "client_secret or client_assertion")
        }
        GrantRefusal::CredentialOfPage => pair("a credential", "a page's request without one"),
        GrantRefusal::NotAPage => pair("the header Origin", "a request from a server or program"),
        GrantRefusal::PageExpected => pair("no header Origin", "a request from the page"),
        GrantRefusal::ProofKeyRequired => pair("no code_challenge", "PKCE"),
        GrantRefusal::NotATicket { what } => pair("an unreadable text", what),
        GrantRefusal::CodeOfOtherClient { .. } => pair("another client's code", "this client's"),
        GrantRefusal::CodeOfOtherEndpoint => {
            pair("a code of another tenant or version", "this endpoint's code")
        }
        GrantRefusal::OtherRedirectUri => pair("another redirect_uri", "the code's redirect_uri"),
        GrantRefusal::Verifier(fault) => match fault {
            VerifierFault::Missing => pair("no code_verifier", "an answer to the challenge"),
            VerifierFault::Unexpected => pair("a code_verifier", "none, without a challenge"),
            VerifierFault::Wrong => pair("another code_verifier", "an answer to the challenge"),
        },
        GrantRefusal::CodeExpired { expired } => {
            (format!("a code that expired {expired}"), "a code of the last minutes".to_owned())
        }
        GrantRefusal::CodeRedeemed => pair("a code that was redeemed", "an unused code"),
        GrantRefusal::Refresh(refusal) => (refusal.to_string(), "a live refresh token".to_owned()),
        GrantRefusal::RefreshReused => {
            pair("a refresh token that was replaced", "the newest of its family")
        }
        GrantRefusal::AccessTokenStays => pair("an access token", "a refresh token"),
        GrantRefusal::AssertionUnreadable { cause } => {
            (cause.clone(), "a signed compact JWT".to_owned())
        }
        GrantRefusal::AssertionInvalid(fault) => of_fault(fault),
        GrantRefusal::AssertionTime { now, from, until } => {
            (format!("valid from {from} until {until}"), format!("valid at {now}"))
        }
        GrantRefusal::AssertionAudience { found, client } => (
            found.clone().unwrap_or_else(|| "another audience".to_owned()),
            format!("{client} or one of its names"),
        ),
        GrantRefusal::AssertionIsIdToken => pair("an ID token", "an access token of a user"),
        GrantRefusal::AssertionAppOnly { client } => {
            (format!("an app-only token of {client}"), "an access token of a user".to_owned())
        }
        GrantRefusal::Device { cause, .. } => of_poll(*cause),
        GrantRefusal::PasswordGrantOff => {
            pair("the password grant, which is off", "a grant that is on here")
        }
        GrantRefusal::PasswordNeedsTenant => pair("common", "one tenant's id or domain"),
        GrantRefusal::WrongPassword => pair("a wrong name or password", "the user's"),
        GrantRefusal::UserLocked { .. } => pair("too many wrong passwords from there", "fewer"),
        GrantRefusal::SecondFactorUnasked => {
            pair("a user with a second factor", "an interactive sign-in")
        }
        GrantRefusal::ResourceNotRequired { resource, .. } => {
            (format!("{resource}, not required"), "a resource of the registration".to_owned())
        }
        GrantRefusal::UserUnknown { user, .. } => {
            (format!("no user {user}"), "a user of this tenant".to_owned())
        }
        GrantRefusal::UserDisabled { user } => {
            (format!("{user}, disabled"), "an enabled user".to_owned())
        }
        GrantRefusal::Revoked(outdated) => {
            (outdated.to_string(), "the counters of the sign-in".to_owned())
        }
        GrantRefusal::FamilyEnded => pair("a family that was ended", "a live one"),
        GrantRefusal::ScopeUnknown { scope, resource, .. } => {
            (scope.clone(), format!("a scope of {resource}"))
        }
        GrantRefusal::ItselfByUri { client } => {
            ("its own App ID URI".to_owned(), format!("{client}, or another API"))
        }
        GrantRefusal::UserNotAssigned { user, resource, .. } => {
            (format!("no assignment of {user}"), format!("one on {resource}"))
        }
        GrantRefusal::ConsentMissing { scopes, client, resource, .. } => {
            (format!("no consent to {scopes}"), format!("a grant of {client} on {resource}"))
        }
        GrantRefusal::SignInTooWeak { demand, .. } => pair("a weaker sign-in", &demand.to_string()),
        GrantRefusal::SignInTooOld { seconds, .. } => {
            ("an older sign-in".to_owned(), format!("one of the last {seconds} seconds"))
        }
    }
}

fn of_poll(cause: PollRefusal) -> (String, String) {
    let (found, expected) = match cause {
        PollRefusal::Pending => ("a user who is not done", "one who is"),
        PollRefusal::TooFast { .. } => ("a poll before its time", "one each interval"),
        PollRefusal::Declined => ("a user who declined", "one who approved"),
        PollRefusal::Unknown => ("another device code", "one that waits for this client"),
        PollRefusal::Expired => ("an expired device code", "one of the last minutes"),
    };
    (found.to_owned(), expected.to_owned())
}

fn of_fault(fault: &AssertionFault) -> (String, String) {
    let (found, expected) = match fault {
        AssertionFault::KeyUnknown { kid } => {
            (format!("key {kid}"), "a key of this server in its signing time")
        }
        AssertionFault::Signature { kid } => ("another signature".to_owned(), kid.as_str()),
        AssertionFault::Claims => ("other claims".to_owned(), "the claims of our tokens"),
        AssertionFault::Issuer { .. } => ("another issuer".to_owned(), "this server and tenant"),
        AssertionFault::Chain => ("no aio that opens".to_owned(), "the sealed chain of our tokens"),
        AssertionFault::OtherPrincipal => {
            ("a former service principal".to_owned(), "the caller's service principal")
        }
        AssertionFault::TooLong => ("8 services".to_owned(), "fewer before this one"),
    };
    (found, expected.to_owned())
}
