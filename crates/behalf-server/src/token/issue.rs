//! The one way out: an event made safe, then the answer it describes.
//!
//! The event is submitted before the signature is queued and the answer waits for both, so the
//! disk and the processor work at the same time.

use std::sync::Arc;

use axum::body::Body;
use behalf_core::{
    application::TokenVersion,
    claims::{Issuers, Validity, app_token},
    event::{Outcome, Step, clipped},
    token::{Issuance, Refusal},
};
use behalf_jose::KeyError;
use behalf_protocol::{error::AadSts, token::TokenResponse};
use http::Response;

use crate::{
    error::{ErrorAnswer, no_store},
    journal::{Logged, Shed},
    keys::{SignFailed, Slot, TokenKey},
    request::Circumstances,
    state::Core,
    token::{
        inquiry::{Denied, Inquiry},
        user_answer::UserAnswer,
    },
};

/// Claims, and what signs them.
pub(crate) struct Unsigned {
    pub(super) key: Arc<TokenKey>,
    pub(super) version: TokenVersion,
    pub(super) claims: Vec<u8>,
}

impl Unsigned {
    fn sign(self, slot: Slot) -> impl Future<Output = Signature> + Send {
        let Self { key, version, claims } = self;
        slot.sign(key.cost(), move || key.sign(version, &claims))
    }
}

/// The most bytes of an access token (decisions.md 19): with `Authorization: Bearer` before it, it
/// still fits the 8 KiB that servers commonly allow a request's header fields.
const LONGEST: usize = 7 * 1024;

/// An access token that is not too long to be used. There is no other way to a [`Granted`].
pub(crate) struct Access(Unsigned);

impl Access {
    pub(super) fn new(token: Unsigned) -> Result<Self, Refusal> {
        let length = token.key.signed_len(token.version, token.claims.len());
        if length > LONGEST {
            return Err(Refusal::TokenTooLong { length, most: LONGEST });
        }
        Ok(Self(token))
    }
}

type Signature = Result<Result<String, KeyError>, SignFailed>;

/// A token that was decided, to be signed.
pub(crate) struct Granted {
    token: Access,
    validity: Validity,
    /// The resource as the client asked for it, which v1 answers repeat.
    requested: String,
    roles: Vec<String>,
    /// On behalf of a user: what the answer has besides.
    user: Option<Box<UserAnswer>>,
}

impl Granted {
    /// A token on behalf of a user.
    pub(super) fn for_user(
        token: Access,
        validity: Validity,
        requested: &str,
        roles: &[String],
        user: UserAnswer,
    ) -> Self {
        Self {
            token,
            validity,
            requested: requested.to_owned(),
            roles: roles.to_vec(),
            user: Some(Box::new(user)),
        }
    }

    /// Picks the key and writes the claims.
    pub(crate) fn prepare(
        core: &Core,
        issuers: &Issuers,
        issuance: &Issuance<'_>,
        requested: &str,
        request: &Circumstances,
    ) -> Result<Self, Denied> {
        let key = Arc::clone(core.server.keys.current().active(issuance.alg, request.now));
        let challenged = issuance.handles_challenges;
        let usual = || core.server.token_lifetime(request.id, challenged);
        let lifetime = issuance.lifetime.unwrap_or_else(usual);
        let lifetime = issuance.longest.map_or(lifetime, |longest| lifetime.min(longest));
        let validity = Validity::new(request.now, lifetime);
        let claims = app_token(issuance, issuers, request.id, validity);
        let claims = claims.map_err(|_| Denied::Unavailable)?;
        Ok(Self {
            token: Access::new(Unsigned { key, version: issuance.version, claims })?,
            validity,
            requested: requested.to_owned(),
            roles: issuance.roles.to_vec(),
            user: None,
        })
    }

    fn outcome(&mut self) -> Outcome {
        Outcome::Issued {
            kid: self.token.0.key.kid().to_owned(),
            version: self.token.0.version,
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
    inquiry.event.outcome = granted.outcome();
    let Granted { token: Access(token), validity, requested, mut user, .. } = granted;
    let (slot, id_token) = match &mut user {
        Some(user) => (user.slot.take(), user.id_token.take()),
        None => (core.signer.reserve().ok(), None),
    };
    // A full queue answers before any event is written: what was not answered is not in the log.
    let Some(slot) = slot else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    let Ok(pending) = core.journal.submit(&inquiry.event) else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    let signature = token.sign(slot);
    let id_signature = id_token.map(|(slot, token)| token.sign(slot));
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
    let id_token = match id_signature {
        Some(signature) => flat(signature.await).map(Some),
        None => Some(None),
    };
    if let (Some(token), Some(id_token)) = (flat(signed), id_token) {
        core.decided(&inquiry.event, &inquiry.circumstances);
        let response = TokenResponse {
            access_token: &token,
            expires_in: validity.expires_in,
            expires_on: validity.expires,
            not_before: validity.not_before,
            resource: &requested,
        };
        return answer(&inquiry, response, (user.as_deref(), id_token.as_deref()), &logged);
    }
    tracing::error!(request = %inquiry.event.id, "a token could not be signed");
    ErrorAnswer::of(AadSts::InternalError).respond(&core.server.public_url, &inquiry.circumstances)
}

fn flat(signature: Signature) -> Option<String> {
    signature.ok()?.ok()
}

fn answer(
    inquiry: &Inquiry<'_>,
    token: TokenResponse<'_>,
    (user, id_token): (Option<&UserAnswer>, Option<&str>),
    _proof: &Logged,
) -> Response<Body> {
    let json = match user {
        Some(user) => user.to_json(token, id_token, inquiry.version),
        None => token.to_json(inquiry.version),
    };
    let mut response = Response::new(Body::from(json));
    no_store(response.headers_mut(), &inquiry.circumstances);
    inquiry.share(response.headers_mut());
    response
}

/// Logs and answers with the refusal.
pub(crate) async fn refuse(
    core: &Core,
    mut inquiry: Inquiry<'_>,
    refusal: &Refusal,
) -> Response<Body> {
    if inquiry.event.trail.first_failed().is_none() {
        inquiry.event.trail.failed(refusal.step());
    }
    let kind = refusal.aadsts();
    let (found, expected) = refusal.found_and_expected();
    inquiry.event.outcome = Outcome::Refused {
        code: kind.code(),
        found: clipped(&found).to_owned(),
        expected: clipped(&expected).to_owned(),
    };
    // A public client proves nothing but by what it presents.
    let unproved = inquiry.event.credential.is_none() && refusal.step() == Step::Presented;
    if refusal.is_unauthenticated() || unproved {
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
    let (text, claims) = (refusal.to_string(), refusal.claims());
    let Ok(logged) = pending.await else {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    };
    core.decided(&inquiry.event, &inquiry.circumstances);
    let answer = ErrorAnswer { claims: claims.as_deref(), ..ErrorAnswer::of(kind).saying(&text) };
    refused(core, &inquiry, answer, &logged)
}

fn refused(
    core: &Core,
    inquiry: &Inquiry<'_>,
    answer: ErrorAnswer<'_>,
    _proof: &Logged,
) -> Response<Body> {
    let mut response = ErrorAnswer { basic: inquiry.basic, ..answer }
        .respond(&core.server.public_url, &inquiry.circumstances);
    inquiry.share(response.headers_mut());
    response
}
