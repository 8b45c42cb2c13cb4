use behalf_protocol::claims::AccessToken;
use uuid::Uuid;

use crate::audience::Audiences;
use crate::metadata::IssuerTemplate;
use crate::tenants::AcceptedTenants;
use crate::token::{Caller, ValidToken};
use behalf_protocol::EndpointVersion;
use behalf_protocol::authority::tenant_id;

/// How far the clocks of issuer and API may be apart, in seconds.
const SKEW: u64 = 300;

/// Why a token is not accepted. The text goes to the caller: it repeats nothing from the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a signed JWT in compact form, or too long, or with claims of wrong types.
    #[error("the token is not a readable access token")]
    Malformed,
    /// `exp` plus 300 s is past.
    #[error("the token expired {} min ago", ago.div_ceil(60))]
    Expired {
        /// Seconds since `exp`.
        ago: u64,
    },
    /// `nbf` is more than 300 s ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is not the configured issuer with `tid` filled in.
    #[error("the token is from another issuer")]
    Issuer,
    /// `ver` does not go with the issuer.
    #[error("the version of the token does not go with its issuer")]
    Version,
    /// The tenant is not one that the API accepts.
    #[error("the tenant of the token is not accepted here")]
    Tenant,
    /// `aud` is not the API's.
    #[error("the token is for another audience")]
    Audience,
    /// No key of that name among the issuer's.
    #[error("the key of the token is not one of its issuer's")]
    UnknownKey,
    /// The signature does not hold, or names an algorithm that is not the key's.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Neither `appid` nor `azp`: an ID token, perhaps.
    #[error("the token is not an access token")]
    NotAnAccessToken,
    /// Neither clearly a user's nor clearly an application's token.
    #[error("the token is neither a user's nor an application's")]
    Caller,
    /// The issuer's metadata or keys were never seen, or its keys are over an hour old, and they
    /// cannot be fetched. Not the caller's fault.
    #[error("the keys of the issuer cannot be fetched at the moment")]
    KeysUnavailable,
}

/// What an API accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy<'a> {
    pub(crate) tenants: &'a AcceptedTenants,
    pub(crate) audiences: &'a Audiences,
}

/// Decides about the claims of a token whose signature holds under a key of `issuer`.
pub(crate) fn accept(
    claims: AccessToken,
    issuer: &IssuerTemplate,
    key_issuer: Option<&IssuerTemplate>,
    policy: Policy<'_>,
    now: u64,
) -> Result<ValidToken, Refusal> {
    let tid = claims.tid.as_deref().ok_or(Refusal::Issuer)?;
    let tenant = canonical_id(tid).ok_or(Refusal::Issuer)?;
    if !issuer.fits(&claims.iss, tid) {
        return Err(Refusal::Issuer);
    }
    if !key_issuer.is_none_or(|key_issuer| is_key_of(key_issuer, issuer, &claims.iss, tid)) {
        return Err(Refusal::UnknownKey);
    }
    if claims.ver.as_deref() != Some(EndpointVersion::of_issuer(&claims.iss).claim()) {
        return Err(Refusal::Version);
    }
    if !policy.tenants.accepts(tenant) {
        return Err(Refusal::Tenant);
    }
    let mut audiences = claims.aud.iter();
    let audience = match (audiences.next(), audiences.next()) {
        (Some(only), None) if policy.audiences.contains(only) => only.to_owned(),
        _ => return Err(Refusal::Audience),
    };
    // RFC 9068 section 2.2 wants `iat`, and every issuer of such tokens writes it.
    claims.iat.ok_or(Refusal::Malformed)?;
    let not_before = claims.nbf.unwrap_or(0);
    in_time(claims.exp, not_before, now)?;
    let caller = caller(&claims, tenant)?;
    Ok(ValidToken {
        caller,
        audience,
        scopes: claims.scp.unwrap_or_default(),
        roles: claims.roles,
        expires: claims.exp,
        not_before,
        token_id: claims.uti,
        handles_challenges: claims.xms_cc.iter().any(|value| value.eq_ignore_ascii_case("cp1")),
    })
}

/// Accepted from `nbf` − 300 s until just before `exp` + 300 s.
pub(crate) fn in_time(expires: u64, not_before: u64, now: u64) -> Result<(), Refusal> {
    if now >= expires.saturating_add(SKEW) {
        return Err(Refusal::Expired { ago: now - expires });
    }
    if not_before > now.saturating_add(SKEW) {
        return Err(Refusal::NotYetValid);
    }
    Ok(())
}

/// The issuer that a key names must be the token's, or the metadata's own.
fn is_key_of(key_issuer: &IssuerTemplate, metadata: &IssuerTemplate, iss: &str, tid: &str) -> bool {
    key_issuer.fits(iss, tid) || key_issuer == metadata
}

/// `scp` makes it a user's, its absence with `oid` = `sub` an application's; ID tokens have no
/// client and are refused.
fn caller(claims: &AccessToken, tenant: Uuid) -> Result<Caller, Refusal> {
    let client = claims.appid.as_deref().or(claims.azp.as_deref());
    let client = client.and_then(canonical_id).ok_or(Refusal::NotAnAccessToken)?;
    let oid = claims.oid.as_deref().and_then(canonical_id).ok_or(Refusal::Caller)?;
    let says = claims.idtyp.as_deref();
    match &claims.scp {
        Some(_) if says != Some("app") => Ok(Caller::User { tenant, oid, client }),
        None if says != Some("user") && claims.sub == claims.oid => {
            Ok(Caller::App { tenant, oid, client })
        }
        _ => Err(Refusal::Caller),
    }
}

/// An id in the one spelling that tokens carry: lower case, with hyphens.
fn canonical_id(text: &str) -> Option<Uuid> {
    tenant_id(text).filter(|_| !text.bytes().any(|b| b.is_ascii_uppercase()))
}
