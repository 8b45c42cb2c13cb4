//! `POST /{tenant}/oauth2/token` and `/{tenant}/oauth2/v2.0/token`: from bytes to an answer.
//!
//! parse → authenticate → gather → decide → log → sign → respond, in that order and no other. An
//! answer can be made only from [`Logged`](crate::journal::Logged), which only the journal hands
//! out, so no token and no refusal leaves before its event is safe.

use axum::body::{Body, Bytes};
use behalf_core::event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Trail};
use behalf_protocol::{EndpointVersion, error::AadSts, token::request::MAX_BODY_BYTES};
use http::{Method, Response, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{
    error::ErrorAnswer,
    journal::Shed,
    request::Circumstances,
    state::Core,
    token::{
        inquiry::{Denied, Inquiry},
        issue,
    },
};

/// Answers one request. `segment` is the tenant as the path names it.
pub(crate) async fn token(
    core: &Core,
    (version, segment): (EndpointVersion, &str),
    circumstances: Circumstances,
    (parts, body): (&Parts, Body),
) -> Response<Body> {
    let body = match received(core, &circumstances, (parts, body)).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let known = core.server.store.known();
    let mut inquiry = Inquiry::new(core, version, segment, circumstances);
    let mut judged = inquiry.judge(&parts.headers, &body).await;
    // What is missing here may have been given on another node a moment ago: who was refused there
    // for want of consent comes here with it.
    if let Err(Denied::Refused(refusal)) = &judged
        && inquiry.can_be_judged_again(refusal)
        && inquiry.learned_since(known).await
    {
        inquiry = Inquiry::new(core, version, segment, circumstances);
        judged = Box::pin(inquiry.judge(&parts.headers, &body)).await;
    }
    match judged {
        Ok(granted) => issue::issue(core, inquiry, granted).await,
        Err(denied) => deny(core, inquiry, denied).await,
    }
}

/// The body of a POST; the error is the answer to what reaches no decision.
pub(super) async fn received(
    core: &Core,
    circumstances: &Circumstances,
    (parts, body): (&Parts, Body),
) -> Result<Bytes, Box<Response<Body>>> {
    if parts.method != Method::POST {
        let answer = ErrorAnswer { allow: Some("POST"), ..ErrorAnswer::of(AadSts::WrongMethod) };
        return Err(Box::new(core.turn_away(Shed::Verb, &answer, circumstances)));
    }
    if let Some(wait) =
        core.server.limits.address_exhausted(circumstances.address, circumstances.now)
    {
        let answer = ErrorAnswer::of(AadSts::Throttled).after(wait);
        return Err(Box::new(core.turn_away(Shed::Limited, &answer, circumstances)));
    }
    if !core.journal.ready() {
        return Err(Box::new(core.unavailable(Shed::Overload, circumstances)));
    }
    let (shed, kind) = match read(body, &parts.headers).await {
        Ok(body) => return Ok(body),
        Err(Unread::TooLarge) => (Shed::BodySize, AadSts::BodyTooLarge),
        Err(Unread::Broken) => (Shed::Unparsable, AadSts::MalformedRequest),
    };
    Err(Box::new(core.turn_away(shed, &ErrorAnswer::of(kind), circumstances)))
}

/// Answers what was not granted.
pub(super) async fn deny(core: &Core, inquiry: Inquiry<'_>, denied: Denied) -> Response<Body> {
    match denied {
        Denied::Refused(refusal) => issue::refuse(core, inquiry, &refusal).await,
        Denied::Throttled(wait) => {
            let answer = ErrorAnswer::of(AadSts::Throttled).after(wait);
            let mut answer = core.turn_away(Shed::Limited, &answer, &inquiry.circumstances);
            inquiry.share(answer.headers_mut());
            answer
        }
        Denied::Unavailable => {
            let mut answer = core.unavailable(Shed::Overload, &inquiry.circumstances);
            inquiry.share(answer.headers_mut());
            answer
        }
    }
}

enum Unread {
    TooLarge,
    Broken,
}

/// Reads the body, at most 64 KiB of it: a longer one is refused before it is buffered. How long it
/// may take is the listener's business ([`crate::net::Bounds::request`]), which needs no timer for
/// each request.
async fn read(body: Body, headers: &http::HeaderMap) -> Result<Bytes, Unread> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > MAX_BODY_BYTES as u64) {
        return Err(Unread::TooLarge);
    }
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Broken),
    }
}

/// The event of a request of which nothing is known yet.
pub(crate) fn blank_event(version: EndpointVersion, request: &Circumstances) -> SignInEvent {
    SignInEvent {
        user: None,
        chain: Vec::new(),
        id: request.id,
        time: request.now,
        tenant: behalf_core::id::TenantId::NIL,
        grant: Grant::Unknown,
        endpoint: match version {
            EndpointVersion::V1 => Endpoint::V1,
            EndpointVersion::V2 => Endpoint::V2,
        },
        client: ClientRef::Absent,
        resource: None,
        resource_app: None,
        credential: None,
        address: request.address,
        correlation: request.correlation,
        trail: Trail::default(),
        outcome: Outcome::Refused { code: 0, found: String::new(), expected: String::new() },
    }
}
