//! The addresses that clients send browsers to, and the one on which a flow goes on.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
};
use behalf_core::tenant::TenantSegment;
use behalf_protocol::query::MAX_QUERY_BYTES;
use http::{Response, request::Parts};
use http_body_util::{BodyExt as _, Limited};

use super::{
    flow::{Flow, Kind},
    proceed::proceed,
    visit::Visit,
};
use crate::state::Core;

pub(super) async fn v1(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    begin(&core, Kind::AuthorizeV1, &parts).await
}

pub(super) async fn v2(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    begin(&core, Kind::AuthorizeV2, &parts).await
}

pub(super) async fn admin_v1(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    begin(&core, Kind::AdminConsentV1, &parts).await
}

pub(super) async fn admin_v2(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    begin(&core, Kind::AdminConsentV2, &parts).await
}

/// Everything here reads or writes what must be fresh, and carries what was sealed: none of it is
/// begun while the database is away (decisions.md 26), nor while no epoch seals, after one was
/// revoked and before every node knows the next.
pub(super) async fn while_current(
    State(core): State<Arc<Core>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let server = &core.server;
    let epoch = server.tickets.keys().current().sealing_epoch(server.clock.now());
    if core.is_current() && epoch.is_some() {
        return next.run(request).await;
    }
    let (parts, _) = request.into_parts();
    Visit::of(&core, &parts).unavailable()
}

async fn begin(core: &Core, kind: Kind, parts: &Parts) -> Response<Body> {
    let visit = Visit::of(core, parts);
    if let Err(answer) = admit(&visit) {
        return *answer;
    }
    let flow = visit.begin(kind, segment(parts), parts.uri.query().unwrap_or_default());
    Box::pin(proceed(&visit, flow)).await
}

/// Whether the caller's address may ask at all.
pub(super) fn admit(visit: &Visit<'_>) -> Result<(), Box<Response<Body>>> {
    let limits = &visit.server().limits;
    match limits.address_exhausted(visit.circumstances.address, visit.now()) {
        Some(wait) => Err(Box::new(visit.throttled(wait))),
        None => Ok(()),
    }
}

/// An authorization request as a form (OIDC Core 3.1.2.1) becomes the same as a query: another site
/// posts without this host's cookies, and the redirect brings them along.
pub(super) async fn posted(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    if let Err(answer) = admit(&visit) {
        return *answer;
    }
    // The path becomes the redirect's: `/\host/…` would be another host's (AZ-01).
    if TenantSegment::parse(segment(&parts)).is_none() {
        return visit.unreadable();
    }
    let Ok(body) = Limited::new(body, MAX_QUERY_BYTES).collect().await else {
        return visit.unreadable();
    };
    let body = body.to_bytes();
    match std::str::from_utf8(&body) {
        Ok(query) if query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') => {
            visit.redirect(&format!("{}?{query}", parts.uri.path()))
        }
        _ => visit.unreadable(),
    }
}

/// `/{tenant}/continue?flow=…`: where each form leads.
pub(super) async fn go_on(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let visit = Visit::of(&core, &parts);
    if let Err(answer) = admit(&visit) {
        return *answer;
    }
    let text = parts.uri.query().and_then(|query| query.strip_prefix("flow=")).unwrap_or_default();
    match visit.open::<Flow>(text) {
        Ok(flow) if flow.segment == segment(&parts) => Box::pin(proceed(&visit, flow)).await,
        Ok(_) => visit.unreadable(),
        Err(answer) => *answer,
    }
}

/// The path's first segment, as it was sent.
pub(super) fn segment(parts: &Parts) -> &str {
    parts.uri.path().split('/').nth(1).unwrap_or_default()
}
