//! Claims of app-only access tokens, v1.0 and v2.0 (protocol 5.3).

use std::time::Duration;

use behalf_protocol::claims::{ClientAuthenticationClass, TokenId, v1, v2};

use crate::{
    application::{OptionalClaim, TokenVersion, credential::Method},
    id::{RequestId, TenantId},
    time::{CLOCK_SKEW, Timestamp},
    token::Issuance,
};

/// The issuers of one tenant: `{A}/{tid}/` and `{A}/{tid}/v2.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuers {
    v1: String,
    v2: String,
}

impl Issuers {
    /// `public_url` is the server's origin, without a path.
    pub fn new(public_url: &str, tenant: TenantId) -> Self {
        let base = public_url.trim_end_matches('/');
        Self { v1: format!("{base}/{tenant}/"), v2: format!("{base}/{tenant}/v2.0") }
    }

    /// The issuer of tokens in `version`.
    pub fn of(&self, version: TokenVersion) -> &str {
        match version {
            TokenVersion::V1 => &self.v1,
            TokenVersion::V2 => &self.v2,
        }
    }
}

/// When a token counts, in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `iat` and `nbf`: issue time less the skew, as Entra writes them.
    pub not_before: u64,
    /// `exp`.
    pub expires: u64,
    /// `expires_in` of the answer: a second less than is left, as Entra answers.
    pub expires_in: u64,
}

impl Validity {
    /// A token issued `now` that lives for `lifetime`.
    pub fn new(now: Timestamp, lifetime: Duration) -> Self {
        let issued = u64::try_from(now.unix_seconds()).unwrap_or(0);
        let lifetime = lifetime.as_secs();
        Self {
            not_before: issued.saturating_sub(CLOCK_SKEW.as_secs()),
            expires: issued.saturating_add(lifetime),
            expires_in: lifetime.saturating_sub(1),
        }
    }
}

/// The claims as JSON, ready to be signed. `id` becomes `uti`, which leads to the sign-in log.
pub fn app_token(
    issuance: &Issuance<'_>,
    issuers: &Issuers,
    id: RequestId,
    validity: Validity,
) -> serde_json::Result<Vec<u8>> {
    let roles: Vec<&str> = issuance.roles.iter().map(String::as_str).collect();
    let class = match issuance.method {
        Method::Secret => ClientAuthenticationClass::Secret,
        Method::Certificate => ClientAuthenticationClass::Assertion,
    };
    let idtyps = [OptionalClaim::Idtyp, OptionalClaim::IdtypIncludingUsers];
    let idtyp = idtyps.iter().any(|claim| issuance.claims.contains(claim)).then_some("app");
    let xms_cc = if issuance.handles_challenges { super::CAPABLE } else { &[] };
    let mut json = Vec::with_capacity(768);
    let iss = issuers.of(issuance.version);
    match issuance.version {
        TokenVersion::V1 => serde_json::to_writer(
            &mut json,
            &v1::AppToken {
                aud: issuance.v1_audience,
                iss,
                iat: validity.not_before,
                nbf: validity.not_before,
                exp: validity.expires,
                appid: issuance.client.0,
                appidacr: class,
                idp: iss,
                idtyp,
                oid: issuance.subject.0,
                roles: &roles,
                sub: issuance.subject.0,
                tid: issuance.tenant.0,
                uti: TokenId(id.0),
                ver: v1::Version::V1,
                xms_cc,
            },
        ),
        TokenVersion::V2 => serde_json::to_writer(
            &mut json,
            &v2::AppToken {
                aud: issuance.resource.0,
                iss,
                iat: validity.not_before,
                nbf: validity.not_before,
                exp: validity.expires,
                azp: issuance.client.0,
                azpacr: class,
                idtyp,
                oid: issuance.subject.0,
                roles: &roles,
                sub: issuance.subject.0,
                tid: issuance.tenant.0,
                uti: TokenId(id.0),
                ver: v2::Version::V2,
                xms_cc,
            },
        ),
    }?;
    Ok(json)
}
