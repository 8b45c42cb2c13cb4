//! The sign-in event: what was decided about one request, with the checks in their order.
//!
//! An event is made of the same [`Trail`] that the decision wrote while it checked, so the log,
//! `behalf log` and `behalf demo` cannot tell another story than the one that happened.

use std::net::IpAddr;

use behalf_protocol::token::GrantType;
use uuid::Uuid;

use crate::{
    application::{TokenVersion, credential::Method},
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    ticket::AuthenticationMethod,
    time::Timestamp,
};

/// The checks a token request passes, in the order in which they are made (implementation.md 5).
/// The numbers are stored: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// The path names a tenant that exists.
    Tenant = 1,
    /// The form is well-formed and names each parameter once.
    Form = 2,
    /// The grant type is one behalf knows.
    Grant = 3,
    /// `scope` or `resource` has the shape the grant asks for.
    Target = 4,
    /// The client exists and may be used in this tenant.
    Client = 5,
    /// The credential proves that it is the client.
    Credential = 6,
    /// The client is enabled and has a service principal here.
    ServicePrincipal = 7,
    /// The resource exists here and is enabled.
    Resource = 8,
    /// The client is assigned, where the resource requires it; of a user's token, the user is.
    Assignment = 9,
    /// What the grant presents proves itself: code, refresh token, assertion, device code, password.
    Presented = 10,
    /// The user exists, is enabled, and what he was given is not revoked.
    User = 11,
    /// The client may use the scopes for the user.
    Consent = 12,
    /// The sign-in is as strong and as fresh as the resource demands.
    Policy = 13,
    /// What counts once was not used before; the last check before a token is signed.
    SingleUse = 14,
    /// What was decided on is what the database holds. Skipped: the database was away, and what was
    /// known when it went decided (decisions.md 26). Of nobody else is it recorded.
    Freshness = 15,
}

impl Step {
    /// Every step, by number. Without a user they are made in this order; with one, what is
    /// presented and its user come before the service principal (protocol 3.2, tickets.md 4).
    pub const ALL: [Self; 15] = [
        Self::Tenant,
        Self::Form,
        Self::Grant,
        Self::Target,
        Self::Client,
        Self::Credential,
        Self::ServicePrincipal,
        Self::Resource,
        Self::Assignment,
        Self::Presented,
        Self::User,
        Self::Consent,
        Self::Policy,
        Self::SingleUse,
        Self::Freshness,
    ];

    /// The stored number's step, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }

    /// What people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Form => "form",
            Self::Grant => "grant type",
            Self::Target => "target",
            Self::Client => "client",
            Self::Credential => "credential",
            Self::ServicePrincipal => "service principal",
            Self::Resource => "resource",
            Self::Assignment => "assignment",
            Self::Presented => "grant",
            Self::User => "user",
            Self::Consent => "consent",
            Self::Policy => "policy",
            Self::SingleUse => "single use",
            Self::Freshness => "freshness",
        }
    }
}

/// How one step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    /// Checked and passed.
    Ok = 1,
    /// Checked and failed: the last of a trail.
    Failed = 2,
    /// Nothing to check here.
    Skipped = 3,
}

/// The ordered checks of one request. Fixed size: it is written for every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trail {
    marks: [Option<(Step, Mark)>; Step::ALL.len()],
    length: usize,
}

impl Trail {
    /// Records that `step` passed.
    pub fn ok(&mut self, step: Step) {
        self.push(step, Mark::Ok);
    }

    /// Records that `step` had nothing to check.
    pub fn skipped(&mut self, step: Step) {
        self.push(step, Mark::Skipped);
    }

    /// Records that `step` failed.
    pub fn failed(&mut self, step: Step) {
        self.push(step, Mark::Failed);
    }

    /// The steps in the order they were made.
    pub fn steps(&self) -> impl Iterator<Item = (Step, Mark)> + '_ {
        self.marks.iter().take(self.length).flatten().copied()
    }

    /// The step that failed.
    pub fn first_failed(&self) -> Option<Step> {
        self.steps().find(|(_, mark)| *mark == Mark::Failed).map(|(step, _)| step)
    }

    /// A trail from stored marks; what does not fit is dropped.
    pub fn from_steps(steps: impl IntoIterator<Item = (Step, Mark)>) -> Self {
        let mut trail = Self::default();
        for (step, mark) in steps {
            trail.push(step, mark);
        }
        trail
    }

    fn push(&mut self, step: Step, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(self.length) {
            *slot = Some((step, mark));
            self.length += 1;
        }
    }
}

/// Grants, as the log names them, and what else reaches a decision. The numbers are stored: append
/// only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Grant {
    /// The request did not get as far as naming a grant behalf knows.
    Unknown = 0,
    /// `client_credentials` (RFC 6749 4.4).
    ClientCredentials = 1,
    /// `authorization_code` (RFC 6749 4.1).
    AuthorizationCode = 2,
    /// `refresh_token` (RFC 6749 6).
    RefreshToken = 3,
    /// `jwt-bearer` with `requested_token_use=on_behalf_of`.
    OnBehalfOf = 4,
    /// `device_code` (RFC 8628).
    DeviceCode = 5,
    /// `password` (RFC 6749 4.3).
    Password = 6,
    /// Token exchange (RFC 8693).
    TokenExchange = 7,
    /// No grant: an authorization request, and what its user did in the browser.
    Authorize = 8,
    /// No grant: a token was to be revoked (RFC 7009).
    Revocation = 9,
    /// No grant: a token was asked about (RFC 7662). In the log only when that was refused.
    Introspection = 10,
}

impl Grant {
    /// Every one, by number.
    pub const ALL: [Self; 11] = [
        Self::Unknown,
        Self::ClientCredentials,
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::OnBehalfOf,
        Self::DeviceCode,
        Self::Password,
        Self::TokenExchange,
        Self::Authorize,
        Self::Revocation,
        Self::Introspection,
    ];

    /// The stored number's grant, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether a request of it can end with a token.
    pub const fn issues_tokens(self) -> bool {
        !matches!(self, Self::Unknown | Self::Authorize | Self::Revocation | Self::Introspection)
    }

    /// The grant that a token request names.
    pub const fn of(named: GrantType) -> Self {
        match named {
            GrantType::ClientCredentials => Self::ClientCredentials,
            GrantType::AuthorizationCode => Self::AuthorizationCode,
            GrantType::RefreshToken => Self::RefreshToken,
            GrantType::OnBehalfOf => Self::OnBehalfOf,
            GrantType::DeviceCode => Self::DeviceCode,
            GrantType::Password => Self::Password,
            GrantType::TokenExchange => Self::TokenExchange,
        }
    }

    /// What logs and metrics call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::OnBehalfOf => "on_behalf_of",
            Self::DeviceCode => "device_code",
            Self::Password => "password",
            Self::TokenExchange => "token_exchange",
            Self::Authorize => "authorize",
            Self::Revocation => "revocation",
            Self::Introspection => "introspection",
        }
    }
}

/// Which endpoint was asked. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Endpoint {
    /// `/oauth2/token`.
    V1 = 1,
    /// `/oauth2/v2.0/token`.
    V2 = 2,
}

/// The client as far as it is known. Clients put secrets into the wrong field, so a client id that
/// is none is kept as its length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRef {
    /// No client id was sent.
    Absent,
    /// What was sent is no GUID; its length in bytes.
    Malformed(u32),
    /// A GUID, of an application or of none.
    Id(AppId),
}

/// What one request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A token was signed.
    Issued {
        /// Key it was signed with.
        kid: String,
        /// Its format.
        version: TokenVersion,
        /// Its `exp`, unix seconds.
        expires: i64,
        /// Its `roles`.
        roles: Vec<String>,
    },
    /// A user signed in with his browser; the tokens that come of it have events of their own.
    SignedIn {
        /// By what.
        methods: Vec<AuthenticationMethod>,
    },
    /// What was to be revoked is, or was nothing that could be.
    Revoked,
    /// It was refused.
    Refused {
        /// The AADSTS number.
        code: u32,
        /// What the failing check found; at most 256 bytes, nothing secret.
        found: String,
        /// What it expected.
        expected: String,
    },
}

/// One request that reached a decision, granted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInEvent {
    /// The request's id: UUIDv7, so that ids sort by time.
    pub id: RequestId,
    /// When it was decided.
    pub time: Timestamp,
    /// Whose log it belongs to; nil when no tenant was found (operators see those).
    pub tenant: TenantId,
    /// The grant.
    pub grant: Grant,
    /// The endpoint's version.
    pub endpoint: Endpoint,
    /// The client.
    pub client: ClientRef,
    /// The user on whose behalf, as soon as what is presented names one.
    pub user: Option<ObjectId>,
    /// Through whom the user came to the client: service principals, oldest first, at most
    /// [`CHAIN_MAX`](crate::ticket::CHAIN_MAX). Only with a user.
    pub chain: Vec<ObjectId>,
    /// The resource as the client asked for it; only a URI or GUID ([`loggable_target`]).
    pub resource: Option<String>,
    /// The application the resource resolved to.
    pub resource_app: Option<AppId>,
    /// The credential that was accepted.
    pub credential: Option<(Method, CredentialId)>,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The client's `client-request-id`, or one of ours.
    pub correlation: Uuid,
    /// The ordered checks.
    pub trail: Trail,
    /// What it came to.
    pub outcome: Outcome,
}

/// Longest `found`, `expected` or target an event keeps, in bytes.
pub const TEXT_MAX: usize = 256;

/// What the log and an `error_description` may repeat of a scope or resource: a URI or GUID that
/// holds nothing that looks like a token or one of our secrets. `None`: say its length instead.
pub fn loggable_target(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let plain = bytes.len() <= TEXT_MAX
        && bytes.iter().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{}|".contains(b))
        && !holds(bytes, b"eyJ")
        && !holds(bytes, crate::secret::PREFIX.as_bytes())
        && !holds(bytes, crate::secret::DEV_PREFIX.as_bytes());
    let named = || match text.split_once("://") {
        Some((scheme, rest)) => {
            !scheme.is_empty()
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && !rest.is_empty()
                && !rest.bytes().any(|b| matches!(b, b'@' | b'?'))
        }
        None => crate::id::parse_guid(text.trim_end_matches("/.default")).is_ok(),
    };
    (plain && named()).then_some(text)
}

/// Whether `needle` is in `text`. Both are short and every token request asks several times:
/// preparing the standard library's search would cost more than the search.
fn holds(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// Cuts `text` to what an event keeps, at a character boundary.
pub fn clipped(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_repeated() {
        for good in [
            "api://ledger",
            "api://ledger/.default",
            "https://x.test//.default",
            "a9200000-0000-4000-8000-000000000004/.default",
        ] {
            assert_eq!(loggable_target(good), Some(good));
        }
        for bad in [
            "behalf-dev-invoice-daemon",
            "bhs_aaa",
            "https://x/eyJhbGciOi",
            "api://bhs_aaa",
            "https://user:pass@x.test",
            "https://x.test/?secret=a",
            "hunter2",
            "api://<script>",
            "",
        ] {
            assert_eq!(loggable_target(bad), None, "{bad}");
        }
        assert_eq!(loggable_target(&format!("api://{}", "a".repeat(300))), None);
    }

    #[test]
    fn a_trail_keeps_its_order() {
        let mut trail = Trail::default();
        trail.ok(Step::Tenant);
        trail.skipped(Step::Form);
        trail.failed(Step::Grant);
        assert_eq!(trail.first_failed(), Some(Step::Grant));
        assert_eq!(Trail::from_steps(trail.steps()), trail);
        for step in Step::ALL {
            assert_eq!(Step::from_number(step as u8), Some(step));
        }
        for grant in Grant::ALL {
            assert_eq!(Grant::from_number(grant as u8), Some(grant));
        }
    }

    #[test]
    fn clipping_keeps_characters_whole() {
        assert_eq!(clipped(&"é".repeat(200)).len(), 256);
        assert_eq!(clipped("a"), "a");
    }
}
