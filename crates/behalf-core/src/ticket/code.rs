//! An authorization code's claims: what was agreed on, and what redeeming it must show.

use std::net::IpAddr;

use aws_lc_rs::{constant_time, digest};
use behalf_protocol::{
    EndpointVersion,
    pkce::{CodeChallenge, CodeChallengeMethod, CodeVerifier},
};
use serde::{Deserialize, Serialize};

use super::{
    Counters, Purpose, Requested, SignIn, TicketClaims,
    sign_in::AuthenticationMethod,
    wire::{self, Version},
};
use crate::{
    id::{AppId, FamilyId, ObjectId, SessionId, TicketId},
    time::Timestamp,
};

/// What an authorization code says. It is bound to endpoint version, tenant (the one it is sealed
/// for), client, redirect URI and challenge, and used once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct CodeTicket {
    /// `jti`: the family of everything it is redeemed for.
    pub id: TicketId,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends (70008).
    pub expires: Timestamp,
    /// Who signed in; his home is the tenant the code is sealed for.
    pub user: ObjectId,
    /// His and the tenant's counters.
    pub counters: Counters,
    /// Whose it is.
    pub client: CodeClient,
    /// Which version of the authorize endpoint issued it: that of the token endpoint must be the
    /// same.
    pub endpoint: EndpointVersion,
    /// The redirect URI it was sent to, as it was spelled.
    pub redirect_uri: String,
    /// What the verifier must answer (RFC 7636).
    pub challenge: Option<CodeChallenge>,
    /// What was asked for.
    pub requested: Requested,
    /// `nonce`, for the ID token.
    pub nonce: Option<String>,
    /// The ID token must say when the user signed in.
    pub auth_time: bool,
    /// How the user signed in.
    pub sign_in: SignIn,
}

impl CodeTicket {
    /// The family that begins with the code.
    pub fn family(&self) -> FamilyId {
        self.id.into()
    }
}

/// The client that a code was issued to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeClient {
    /// `appId`.
    pub app_id: AppId,
    /// Its service principal in the user's tenant.
    pub service_principal: ObjectId,
    /// That one's counter.
    pub revision: u32,
    /// The redirect URI is of a web application: redeeming it needs client authentication.
    pub confidential: bool,
    /// The redirect URI is of a single-page application.
    pub spa: bool,
}

/// Whether `verifier` answers `challenge` (RFC 7636 4.6), compared in constant time.
pub fn answers(verifier: CodeVerifier<'_>, challenge: &CodeChallenge) -> bool {
    let sha256 = |bytes: &[u8]| {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        hash
    };
    let found = verifier.challenge(challenge.method(), sha256);
    let expected = challenge.expose().as_bytes();
    constant_time::verify_slices_are_equal(found.as_bytes(), expected).is_ok()
}

impl TicketClaims for CodeTicket {
    const PURPOSE: Purpose = Purpose::Code;

    fn issued(&self) -> Timestamp {
        self.issued
    }
}

/// The members as they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: Version,
    #[serde(with = "wire::id")]
    jti: TicketId,
    #[serde(with = "wire::seconds")]
    iat: Timestamp,
    #[serde(with = "wire::seconds")]
    exp: Timestamp,
    #[serde(with = "wire::id")]
    sub: ObjectId,
    urev: u32,
    prev: u32,
    trev: u32,
    #[serde(with = "wire::id")]
    cid: AppId,
    #[serde(with = "wire::id")]
    csp: ObjectId,
    srev: u32,
    #[serde(with = "wire::bit")]
    conf: bool,
    #[serde(with = "wire::bit")]
    spa: bool,
    /// Endpoint version, 1 or 2.
    ver: u8,
    /// Redirect URI.
    uri: String,
    /// S256 challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s256: Option<String>,
    /// Plain challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    res: Option<String>,
    #[serde(with = "wire::words", default, skip_serializing_if = "Vec::is_empty")]
    scp: Vec<String>,
    #[serde(with = "wire::words", default, skip_serializing_if = "Vec::is_empty")]
    oi: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    /// `auth_time` is wanted.
    #[serde(with = "wire::bit", default, skip_serializing_if = "std::ops::Not::not")]
    wat: bool,
    amr: Vec<AuthenticationMethod>,
    acr: String,
    #[serde(with = "wire::seconds")]
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(with = "wire::id")]
    sid: SessionId,
}

impl From<CodeTicket> for Wire {
    fn from(code: CodeTicket) -> Self {
        let (s256, plain) = match code.challenge.as_ref().map(|c| (c.method(), c.expose())) {
            Some((CodeChallengeMethod::S256, text)) => (Some(text.to_owned()), None),
            Some((CodeChallengeMethod::Plain, text)) => (None, Some(text.to_owned())),
            None => (None, None),
        };
        Self {
            v: Version,
            jti: code.id,
            iat: code.issued,
            exp: code.expires,
            sub: code.user,
            urev: code.counters.user,
            prev: code.counters.password,
            trev: code.counters.tenant,
            cid: code.client.app_id,
            csp: code.client.service_principal,
            srev: code.client.revision,
            conf: code.client.confidential,
            spa: code.client.spa,
            ver: match code.endpoint {
                EndpointVersion::V1 => 1,
                EndpointVersion::V2 => 2,
            },
            uri: code.redirect_uri,
            s256,
            plain,
            res: code.requested.resource,
            scp: code.requested.scopes,
            oi: code.requested.openid,
            nonce: code.nonce,
            wat: code.auth_time,
            amr: code.sign_in.methods,
            acr: code.sign_in.acr,
            at: code.sign_in.time,
            ip: code.sign_in.address,
            sid: code.sign_in.session,
        }
    }
}

/// Claims that contradict themselves.
#[derive(Debug, thiserror::Error)]
#[error("`ver` is neither 1 nor 2, or there are two challenges or one that is none")]
struct Contradiction;

impl TryFrom<Wire> for CodeTicket {
    type Error = Contradiction;

    fn try_from(wire: Wire) -> Result<Self, Contradiction> {
        Ok(Self {
            id: wire.jti,
            issued: wire.iat,
            expires: wire.exp,
            user: wire.sub,
            counters: Counters { user: wire.urev, password: wire.prev, tenant: wire.trev },
            client: CodeClient {
                app_id: wire.cid,
                service_principal: wire.csp,
                revision: wire.srev,
                confidential: wire.conf,
                spa: wire.spa,
            },
            endpoint: match wire.ver {
                1 => EndpointVersion::V1,
                2 => EndpointVersion::V2,
                _ => return Err(Contradiction),
            },
            redirect_uri: wire.uri,
            challenge: match (wire.s256, wire.plain) {
                (Some(_), Some(_)) => return Err(Contradiction),
                (s256, plain) => {
                    let method = if s256.is_some() { "S256" } else { "plain" };
                    let text = s256.or(plain);
                    CodeChallenge::parse(text.as_deref(), text.is_some().then_some(method))
                        .map_err(|_| Contradiction)?
                }
            },
            requested: Requested { resource: wire.res, scopes: wire.scp, openid: wire.oi },
            nonce: wire.nonce,
            auth_time: wire.wat,
            sign_in: SignIn {
                methods: wire.amr,
                acr: wire.acr,
                time: wire.at,
                address: wire.ip,
                session: wire.sid,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use behalf_protocol::token::request::TokenForm;

    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_challenge_is_answered_by_its_verifier_only() {
        let challenge = |text, method| CodeChallenge::parse(Some(text), Some(method));
        let s256 = challenge(CHALLENGE, "S256").unwrap().unwrap();
        let plain = challenge(VERIFIER, "plain").unwrap().unwrap();
        for (verifier, expected) in
            [(VERIFIER, true), (CHALLENGE, false), (&VERIFIER.replace('d', "e"), false)]
        {
            let body = format!("code_verifier={verifier}");
            let form_type = Some("application/x-www-form-urlencoded");
            let form = TokenForm::parse(form_type, body.as_bytes()).unwrap();
            let text = form.code_verifier.unwrap();
            let verifier = CodeVerifier::parse(&text).unwrap();
            assert_eq!(answers(verifier, &s256), expected);
            assert_eq!(answers(verifier, &plain), expected);
        }
    }
}
