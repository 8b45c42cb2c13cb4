//! The addresses of the room besides the token endpoint, which the router finds by itself.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    routing::{any, options},
};
use behalf_protocol::EndpointVersion;
use http::{Response, request::Parts};

use super::{device_authorization, endpoint, inquiry::Inquiry, introspection, revocation};
use crate::{cors, state::Core};

/// Revocation, device authorization and introspection, at a tenant's address in both versions.
pub(crate) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/{tenant}/oauth2/revoke", options(preflight).fallback(revoke_v1))
        .route("/{tenant}/oauth2/v2.0/revoke", options(preflight).fallback(revoke_v2))
        .route("/{tenant}/oauth2/devicecode", any(device_v1))
        .route("/{tenant}/oauth2/v2.0/devicecode", any(device_v2))
        .route("/{tenant}/oauth2/introspect", any(introspect_v1))
        .route("/{tenant}/oauth2/v2.0/introspect", any(introspect_v2))
}

async fn revoke_v1(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    revoke(&core, EndpointVersion::V1, request).await
}

async fn revoke_v2(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    revoke(&core, EndpointVersion::V2, request).await
}

/// A page may give up what it was given; nobody's page asks about tokens.
async fn preflight(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    cors::preflight(&core, segment(parts.uri.path()), &parts).await
}

async fn device_v1(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    device(&core, EndpointVersion::V1, request).await
}

async fn device_v2(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    device(&core, EndpointVersion::V2, request).await
}

async fn device(core: &Core, version: EndpointVersion, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let circumstances = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
    let place = (version, segment(parts.uri.path()));
    let answer = device_authorization::answer(core, place, circumstances, (&parts, body));
    Box::pin(answer).await
}

async fn introspect_v1(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    introspect(&core, EndpointVersion::V1, request).await
}

async fn introspect_v2(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    introspect(&core, EndpointVersion::V2, request).await
}

async fn revoke(core: &Core, version: EndpointVersion, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let circumstances = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
    let body = match endpoint::received(core, &circumstances, (&parts, body)).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let mut inquiry = Inquiry::new(core, version, segment(parts.uri.path()), circumstances);
    match Box::pin(revocation::judge(&mut inquiry, &parts.headers, &body)).await {
        Ok(()) => revocation::answer(core, inquiry).await,
        Err(denied) => endpoint::deny(core, inquiry, denied).await,
    }
}

async fn introspect(core: &Core, version: EndpointVersion, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let circumstances = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
    let body = match endpoint::received(core, &circumstances, (&parts, body)).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let mut inquiry = Inquiry::new(core, version, segment(parts.uri.path()), circumstances);
    match Box::pin(introspection::judge(&mut inquiry, &parts.headers, &body)).await {
        Ok(json) => introspection::answer(&inquiry, json),
        Err(denied) => endpoint::deny(core, inquiry, denied).await,
    }
}

/// The tenant as it was sent.
fn segment(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}
