//! The one way out: an event made safe, then the answer it describes.
//!
//! The event is submitted before the signature is queued and the answer waits for both, so the
//! disk and the processor work at the same time.

use std::sync::Arc;

use axum::body::Body;
use behalf_core::{
    application::TokenVersion,
    claims::{Issuers, Validity, app_token},
    event::{Outcome, clipped},
    token::{Issuance, Refusal},
};
use behalf_protocol::{error::AadSts, token::TokenResponse};
use http::Response;

use crate::{
    error::{ErrorAnswer, no_store},
    journal::{Logged, Shed},
    keys::TokenKey,
    request::Circumstances,
    state::Core,
    token::inquiry::Inquiry,
};

/// A token that was decided, to be signed.
pub(crate) struct Granted {
    key: Arc<TokenKey>,
    version: TokenVersion,
    claims: Vec<u8>,
    validity: Validity,
    /// The resource as the client asked for it, which v1 answers repeat.
    requested: String,
    roles: Vec<String>,
}

impl Granted {
    /// Picks the key and writes the claims.
    pub(crate) fn prepare(
        core: &Core,
        issuers: &Issuers,
        issuance: &Issuance<'_>,
        requested: &str,
        request: &Circumstances,
    ) -> serde_json::Result<Self> {
        let key = Arc::clone(core.server.keys.current().active(issuance.alg, request.now));
        let lifetime = issuance.lifetime.unwrap_or_else(|| core.server.token_lifetime(request.id));
        let validity = Validity::new(request.now, lifetime);
        let claims = app_token(issuance, issuers, request.id, validity)?;
        Ok(Self {
            key,
            version: issuance.version,
            claims,
            validity,
            requested: requested.to_owned(),
            roles: issuance.roles.to_vec(),
        })
    }

    fn outcome(&mut self) -> Outcome {
        Outcome::Issued {
            kid: self.key.kid().to_owned(),
            version: self.version,
            expires: i64::try_from(self.validity.expires).unwrap_or(i64::MAX),
            roles: std::mem::take(&mut self.roles),
        }
    }
}

/// Logs, signs and answers with the token.
pub(crate) async fn issue(
    core: &Core,
    mut inquiry: Inquiry<'_>,
    mut granted: Granted,
) -> Response<Body> {
    // A full queue answers before any event is written: what was not answered is not in the log.
    let Ok(slot) = core.signer.reserve() else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    inquiry.event.outcome = granted.outcome();
    let Ok(pending) = core.journal.submit(&inquiry.event) else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    let (key, version) = (Arc::clone(&granted.key), granted.version);
    let claims = std::mem::take(&mut granted.claims);
    let signature = slot.sign(key.cost(), move || key.sign(version, &claims));
    // First what takes longer: by then the other is mostly there, and nobody is woken for it.
    let (signed, logged) = if core.signer.queued() > 2 * core.journal.commit_time() {
        let signed = signature.await;
        (signed, pending.await)
    } else {
        let logged = pending.await;
        (signature.await, logged)
    };
    let Ok(logged) = logged else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    if let Ok(Ok(token)) = signed {
        core.decided(&inquiry.event, &inquiry.circumstances);
        return answer(&inquiry, &granted, &token, &logged);
    }
    tracing::error!(request = %inquiry.event.id, "a token could not be signed");
    ErrorAnswer::of(AadSts::InternalError).respond(&core.server.public_url, &inquiry.circumstances)
}

fn answer(
    inquiry: &Inquiry<'_>,
    granted: &Granted,
    token: &str,
    _proof: &Logged,
) -> Response<Body> {
    let json = TokenResponse {
        access_token: token,
        expires_in: granted.validity.expires_in,
        expires_on: granted.validity.expires,
        not_before: granted.validity.not_before,
        resource: &granted.requested,
    }
    .to_json(inquiry.version);
    let mut response = Response::new(Body::from(json));
    no_store(response.headers_mut(), &inquiry.circumstances);
    response
}

/// Logs and answers with the refusal.
pub(crate) async fn refuse(
    core: &Core,
    mut inquiry: Inquiry<'_>,
    refusal: &Refusal,
) -> Response<Body> {
    let kind = refusal.aadsts();
    let (found, expected) = refusal.found_and_expected();
    inquiry.event.outcome = Outcome::Refused {
        code: kind.code(),
        found: clipped(&found).to_owned(),
        expected: clipped(&expected).to_owned(),
    };
    if refusal.is_unauthenticated() {
        let Circumstances { address, now, .. } = inquiry.circumstances;
        let limits = &core.server.limits;
        if let Some(wait) = limits.charge_failure(address, inquiry.event.client, now) {
            let answer = ErrorAnswer::of(AadSts::Throttled).after(wait);
            return core.turn_away(Shed::Limited, &answer, &inquiry.circumstances);
        }
    }
    let Ok(pending) = core.journal.submit(&inquiry.event) else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    let text = refusal.to_string();
    let Ok(logged) = pending.await else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    core.decided(&inquiry.event, &inquiry.circumstances);
    refused(core, &inquiry, ErrorAnswer::of(kind).saying(&text), &logged)
}

fn refused(
    core: &Core,
    inquiry: &Inquiry<'_>,
    answer: ErrorAnswer<'_>,
    _proof: &Logged,
) -> Response<Body> {
    ErrorAnswer { basic: inquiry.basic, ..answer }
        .respond(&core.server.public_url, &inquiry.circumstances)
}
