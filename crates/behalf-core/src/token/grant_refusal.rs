//! Why a request on behalf of a user is refused, beside what any request is refused for.

mod catalogue;
mod faults;

pub use faults::{AssertionFault, Demand, VerifierFault};

use behalf_protocol::{
    EndpointVersion, claims_request::ClaimsRequestError, device::PollRefusal,
    token::request::GrantParameterError,
};

use crate::{
    id::{AppId, ObjectId, TenantId},
    ticket::{Outdated, RefreshRefusal},
};

/// Why there is no token on behalf of a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// What the grant needs is missing or of another kind.
    #[error("{0}")]
    Parameters(GrantParameterError),
    /// `claims` cannot be read.
    #[error("{0}")]
    Claims(ClaimsRequestError),
    /// A client that has no way of asking without a credential sent none (7000218).
    #[error(
        "Application {client} is a confidential client: the request must contain client_secret or client_assertion (with client_assertion_type). An empty value counts as missing."
    )]
    CredentialMissing {
        /// The client id.
        client: AppId,
    },
    /// A page sends a credential along with what was given to it as a public client (700025).
    #[error(
        "What is presented was given to a single-page application, which must not present a credential. Leave client_secret and client_assertion out."
    )]
    CredentialOfPage,
    /// From a browser, for something that was not given to a page (9002326).
    #[error(
        "The request has the header Origin, but what it presents was not given to a redirect URI of the platform spa. Register the redirect URI there, or send the request from the server."
    )]
    NotAPage,
    /// Given to a page, but not presented by one (9002327).
    #[error(
        "What is presented was given to a single-page application and may be redeemed by its page only: the header Origin is missing."
    )]
    PageExpected,
    /// A page without PKCE (9002325).
    #[error(
        "A single-page application must send code_challenge when it asks for the code, and code_verifier when it redeems it."
    )]
    ProofKeyRequired,
    /// No ticket of ours for this purpose (70000).
    #[error(
        "The {what} cannot be read, or was not issued by this server. Send it unchanged; otherwise the user must sign in again."
    )]
    NotATicket {
        /// `authorization code` or `refresh token`.
        what: &'static str,
    },
    /// A code of another client (70000).
    #[error("The authorization code was issued to another application than {client}.")]
    CodeOfOtherClient {
        /// Who presents it.
        client: AppId,
    },
    /// A code of another tenant or endpoint version (700005).
    #[error(
        "The authorization code was issued at another address. Redeem it at the token endpoint of the same tenant and version as the authorization endpoint that issued it."
    )]
    CodeOfOtherEndpoint,
    /// Another redirect URI than the code was sent to (500112).
    #[error(
        "The redirect_uri is not the one the authorization code was sent to. Send the same, letter for letter."
    )]
    OtherRedirectUri,
    /// The verifier is missing, uncalled for, or wrong (501481).
    #[error("The code_verifier {0}")]
    Verifier(VerifierFault),
    /// The code is over (70008).
    #[error(
        "The authorization code expired on {expired}. Codes last ten minutes; ask for a new one."
    )]
    CodeExpired {
        /// `YYYY-MM-DD HH:MM:SSZ`.
        expired: String,
    },
    /// The code was redeemed before (54005).
    #[error(
        "The authorization code was redeemed before, so all that it was redeemed for is revoked. Ask for a new one."
    )]
    CodeRedeemed,
    /// A refresh token fails one of its own checks.
    #[error("{}.", capitalised(.0))]
    Refresh(RefreshRefusal),
    /// A refresh token was used before (70000 `bad_token`).
    #[error(
        "The refresh token was used before and has been replaced, so everything of the same sign-in is revoked. The user must sign in again."
    )]
    RefreshReused,
    /// An access token is to be revoked (90100, RFC 7009 2.2.1).
    #[error(
        "The token is an access token, which stays valid until it expires. Revoke the refresh token of the same sign-in: then neither it nor this token can be exchanged for another one."
    )]
    AccessTokenStays,
    /// Not a signed compact JWT (50027).
    #[error(
        "The assertion is not a signed JWT: {cause}. Send the access token that the web API received, without the word Bearer."
    )]
    AssertionUnreadable {
        /// Why.
        cause: String,
    },
    /// Not a token of this server for this tenant (50013).
    #[error("The assertion is not accepted: {0}")]
    AssertionInvalid(AssertionFault),
    /// Outside its time (500133).
    #[error(
        "The assertion is not within its valid time range: current time {now}, valid from {from}, expired {until}. Answer the client with 401 so that it gets a new token."
    )]
    AssertionTime {
        /// Now.
        now: String,
        /// `nbf`.
        from: String,
        /// `exp`.
        until: String,
    },
    /// Addressed to another application (500131).
    #[error(
        "The assertion is addressed to {}, but presented by application {client}. The client must ask for a token for {client}; only that one can be exchanged by it.", .found.as_deref().unwrap_or("another application")
    )]
    AssertionAudience {
        /// Its `aud`, if it may be repeated.
        found: Option<String>,
        /// Who presents it.
        client: AppId,
    },
    /// An ID token (240002).
    #[error(
        "The assertion is an ID token. Send the access token: an ID token tells the client who signed in and opens nothing."
    )]
    AssertionIsIdToken,
    /// An app-only token (7000114).
    #[error(
        "The assertion is an app-only token of application {client}: there is no user on whose behalf to act. Use client_credentials to call the next API as the application itself."
    )]
    AssertionAppOnly {
        /// Whose it is.
        client: AppId,
    },
    /// A device gets nothing, or nothing yet (RFC 8628 3.5).
    #[error("{}", poll_text(*.cause))]
    Device {
        /// Why.
        cause: PollRefusal,
        /// The endpoint's version: v1 has a word of its own for an expired code.
        version: EndpointVersion,
    },
    /// The password grant is off here (70003).
    #[error(
        "The password grant is off. It is on only where the tenant and the application both allow it; an authorization code or a device code is safer and needs nobody's permission."
    )]
    PasswordGrantOff,
    /// A password under `common` (9001023).
    #[error(
        "The password grant is not available at common. Put the tenant's id or domain in its place, or organizations."
    )]
    PasswordNeedsTenant,
    /// Somebody's password is wrong, or nobody has the name (50126): nobody is told which.
    #[error("The user name or the password is wrong. Blanks at either end of a password count.")]
    WrongPassword,
    /// Too many wrong ones were tried from there (50053).
    #[error(
        "Too many wrong passwords were tried for this user from this network. Try again in {seconds} seconds."
    )]
    UserLocked {
        /// How long to wait.
        seconds: u64,
    },
    /// The user has a second factor, which a password alone cannot answer for (50076).
    #[error(
        "The user has a second factor, which the password grant cannot ask for. Send the user through the authorization endpoint, or use a device code."
    )]
    SecondFactorUnasked,
    /// v1 and an application of one directory: the resource is not among those that its
    /// registration requires, and nothing of it is granted (650057).
    #[error(
        "The resource {resource} ({display_name}) is not among those that the registration of application {client} requires. Add it there, or use the v2.0 endpoint."
    )]
    ResourceNotRequired {
        /// The client id.
        client: AppId,
        /// The resource's `appId`.
        resource: AppId,
        /// Its name.
        display_name: String,
    },
    /// No such user in the tenant any more (50034).
    #[error("User {user} does not exist in tenant {tenant} any more. The user must sign in again.")]
    UserUnknown {
        /// Who.
        user: ObjectId,
        /// Where.
        tenant: TenantId,
    },
    /// The user is disabled (50057).
    #[error("The account of user {user} is disabled. An administrator can enable it.")]
    UserDisabled {
        /// Who.
        user: ObjectId,
    },
    /// What the user was given is revoked (50173).
    #[error("What is presented has been revoked: {0}. The user must sign in again.")]
    Revoked(Outdated),
    /// Everything of the same sign-in was ended (50173).
    #[error(
        "What is presented has been revoked with everything that stems from the same sign-in. The user must sign in again."
    )]
    FamilyEnded,
    /// A scope that the resource does not have (70011, of Graph 650053).
    #[error(
        "The scope {scope} is not one of resource {resource}. Check its spelling, letter case included, in the API's registration."
    )]
    ScopeUnknown {
        /// The scope, if it may be repeated.
        scope: String,
        /// The resource.
        resource: AppId,
        /// It is Microsoft Graph.
        graph: bool,
    },
    /// It asks for itself, by another name than its id (90009).
    #[error(
        "Application {client} asks for a token for itself by an App ID URI. On behalf of a user that is possible by its application id only: put {client} in place of the URI."
    )]
    ItselfByUri {
        /// The client id.
        client: AppId,
    },
    /// The user is not assigned to the resource (50105).
    #[error(
        "User {user} is not assigned to {resource} ({display_name}), which requires assignment. An administrator can assign the user to it."
    )]
    UserNotAssigned {
        /// `userPrincipalName`.
        user: String,
        /// The resource's `appId`.
        resource: AppId,
        /// Its name.
        display_name: String,
    },
    /// Nobody has consented (65001).
    #[error(
        "Nobody has consented that application {client} ({client_name}) uses {scopes} of {resource} ({display_name}) on behalf of this user. Send the user through the authorization endpoint, or let an administrator consent for everybody."
    )]
    ConsentMissing {
        /// The client id.
        client: AppId,
        /// Its name.
        client_name: String,
        /// The resource's `appId`.
        resource: AppId,
        /// Its name.
        display_name: String,
        /// Which scopes are missing, or `any scope`.
        scopes: String,
    },
    /// The sign-in is weaker than the resource demands (50076).
    #[error(
        "{display_name} demands more than this sign-in had: {demand}. Send the user through the authorization endpoint with the claims of this answer."
    )]
    SignInTooWeak {
        /// The resource's name.
        display_name: String,
        /// What is missing.
        demand: Demand,
        /// The resource's `appId`, by which the demand is named.
        resource: AppId,
    },
    /// The user signed in too long ago (70043).
    #[error(
        "{display_name} wants a sign-in of the last {seconds} seconds. Send the user through the authorization endpoint with the claims of this answer."
    )]
    SignInTooOld {
        /// The resource's name.
        display_name: String,
        /// How old it may be.
        seconds: u64,
        /// The resource's `appId`.
        resource: AppId,
    },
}

fn poll_text(cause: PollRefusal) -> &'static str {
    match cause {
        PollRefusal::Pending | PollRefusal::TooFast { msal: true } => {
            "The user has not finished signing in yet. Ask again after the interval."
        }
        PollRefusal::TooFast { msal: false } => {
            "The user has not finished signing in yet, and the device asks too often. Wait five seconds longer between requests."
        }
        PollRefusal::Declined => "The user declined to sign the device in. Stop asking.",
        PollRefusal::Unknown => {
            "The device_code is none that is waiting for this application: it was mistyped, belongs to another application or tenant, or was redeemed before. Start again with a new one."
        }
        PollRefusal::Expired => {
            "The device_code has expired before the user finished. Start again with a new one."
        }
    }
}

fn capitalised(refusal: &RefreshRefusal) -> String {
    let text = refusal.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
