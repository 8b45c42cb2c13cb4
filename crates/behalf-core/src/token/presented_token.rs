//! A token of ours that comes back: the assertion of on-behalf-of, the subject of an exchange.
//!
//! [`verify`] makes the checks of protocol 3.2 that need no record of the directory, in its order.

use behalf_jose::{
    VerifyingKey,
    jws::{JwsError, Profile, Unverified},
    jwt::parse_claims,
};
use behalf_protocol::claims::{PresentedKind, PresentedToken, TokenFormat, TokenId};

use crate::{
    application::{TokenVersion, identifier_uri::name_key},
    event::{Step, Trail, loggable_target},
    id::{AppId, ObjectId, RequestId, TenantId, parse_guid},
    ticket::{Aio, SealRing},
    time::{CLOCK_SKEW, Timestamp, written},
    token::{AssertionFault, AuthenticatedClient, ClientFacts, GrantRefusal},
};

/// Longest access token (decisions.md 19), with some room for those of other settings.
pub const TOKEN_MAX: usize = 8 * 1024;

/// What a token that comes back is checked against.
pub struct TokenCheck<'a> {
    /// The key of a `kid`, if tokens issued at that time may be its (decisions.md 14).
    pub key: &'a dyn Fn(&str, Timestamp) -> Option<&'a VerifyingKey>,
    /// What opens the token's chain.
    pub ring: &'a SealRing,
    /// Origins whose issuers are this server's: the public one and former ones, without a slash at
    /// the end.
    pub bases: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// An access token of ours, for its presenter, on behalf of a user. Only [`verify`] makes one. Its
/// user may be gone and its family ended: that is the grant's to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    user: ObjectId,
    client: AppId,
    aio: Aio,
}

impl VerifiedAssertion {
    /// On whose behalf.
    pub fn user(&self) -> ObjectId {
        self.user
    }

    /// Whom it was issued to.
    pub fn client(&self) -> AppId {
        self.client
    }

    /// Its chain: through whom the user came, and what it depends on.
    pub fn aio(&self) -> &Aio {
        &self.aio
    }
}

/// Checks form, key and signature, issuer and tenant, time, audience, kind and chain.
pub fn verify(
    text: &str,
    caller: &AuthenticatedClient<'_>,
    check: &TokenCheck<'_>,
    trail: &mut Trail,
) -> Result<VerifiedAssertion, GrantRefusal> {
    let result = checked(text, caller, check);
    match result {
        Ok(_) => trail.ok(Step::Presented),
        Err(_) => trail.failed(Step::Presented),
    }
    result
}

fn checked(
    text: &str,
    caller: &AuthenticatedClient<'_>,
    check: &TokenCheck<'_>,
) -> Result<VerifiedAssertion, GrantRefusal> {
    let facts = caller.facts();
    let claims = signed(text, check)?;
    let issuer = || AssertionFault::Issuer { tenant: facts.tenant.id };
    if !is_ours(&claims, facts.tenant.id, check.bases) {
        return Err(GrantRefusal::AssertionInvalid(issuer()));
    }
    in_time(&claims, check.now)?;
    if !is_for(&claims, facts) {
        let found = loggable_target(&claims.aud).map(str::to_owned);
        return Err(GrantRefusal::AssertionAudience { found, client: facts.app_id });
    }
    let (user, client) = match claims.kind() {
        PresentedKind::Delegated { user, client, .. } => (ObjectId(user), AppId(client)),
        PresentedKind::IdToken => return Err(GrantRefusal::AssertionIsIdToken),
        PresentedKind::AppOnly => {
            let client = AppId(claims.client().unwrap_or_default());
            return Err(GrantRefusal::AssertionAppOnly { client });
        }
    };
    let aio = chain_of(&claims, check.ring);
    let aio = aio.ok_or(GrantRefusal::AssertionInvalid(AssertionFault::Chain))?;
    Ok(VerifiedAssertion { user, client, aio })
}

/// Whether the token is addressed to this application.
pub(super) fn is_for(claims: &PresentedToken, resource: &ClientFacts) -> bool {
    parse_guid(&claims.aud).is_ok_and(|guid| guid == resource.app_id.0)
        || resource.names.contains(&name_key(&claims.aud))
}

/// The chain that a token of ours carries, if it is its own.
pub(super) fn chain_of(claims: &PresentedToken, ring: &SealRing) -> Option<Aio> {
    let uti = TokenId::parse(claims.uti.as_deref()?)?;
    ring.open_aio((TenantId(claims.tid), RequestId(uti.0)), claims.aio.as_deref()?).ok()
}

/// Form, key, signature, and claims as we write them.
pub(crate) fn signed(text: &str, check: &TokenCheck<'_>) -> Result<PresentedToken, GrantRefusal> {
    let fault = GrantRefusal::AssertionInvalid;
    let jws = Unverified::parse(text, Profile::Strict, TOKEN_MAX).map_err(|error| {
        let cause = match error {
            JwsError::Header(_) => "its header is not that of a JWT".to_owned(),
            other => other.to_string(),
        };
        GrantRefusal::AssertionUnreadable { cause }
    })?;
    // The claims say when the token was issued and with that which keys it may have: a lie about it
    // fails at the signature.
    let claims = parse_claims::<PresentedToken>(jws.unverified_claims(), TOKEN_MAX)
        .map_err(|_| fault(AssertionFault::Claims))?;
    let kid = jws.unverified_header().kid.as_deref().unwrap_or_default();
    let shown = || if is_key_name(kid) { kid.to_owned() } else { "of another form".to_owned() };
    let issued = Timestamp::from_unix_seconds(i64::try_from(claims.iat).unwrap_or(i64::MAX / 1000));
    // One from the future has a key of now: its time is refused by name.
    let key = (check.key)(kid, issued.plus(CLOCK_SKEW).min(check.now))
        .ok_or_else(|| fault(AssertionFault::KeyUnknown { kid: shown() }))?;
    jws.verify(key).map_err(|_| fault(AssertionFault::Signature { kid: shown() }))?;
    Ok(claims)
}

/// What a text must be like to be repeated as the name of a key.
fn is_key_name(kid: &str) -> bool {
    (1..=64).contains(&kid.len())
        && !kid.starts_with("eyJ")
        && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Whether the issuer is this server's for the tenant, in the token's own format.
pub(crate) fn is_ours(claims: &PresentedToken, tenant: TenantId, bases: &[String]) -> bool {
    let version = match claims.ver {
        TokenFormat::V1 => TokenVersion::V1,
        TokenFormat::V2 => TokenVersion::V2,
    };
    claims.tid == tenant.0
        && bases.iter().any(|base| {
            let issuers = crate::claims::Issuers::new(base, tenant);
            issuers.of(version) == claims.iss
        })
}

pub(super) fn in_time(claims: &PresentedToken, now: Timestamp) -> Result<(), GrantRefusal> {
    let seconds = |time| i64::try_from(time).unwrap_or(i64::MAX / 1000);
    let (from, until) = (seconds(claims.nbf), seconds(claims.exp));
    let now = now.unix_seconds();
    if now >= from && now < until {
        return Ok(());
    }
    Err(GrantRefusal::AssertionTime {
        now: written(now),
        from: written(from),
        until: written(until),
    })
}
