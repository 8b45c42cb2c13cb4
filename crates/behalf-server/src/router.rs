//! Every path the server answers, grouped by who calls it.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    routing::{any, get},
};
use behalf_protocol::{EndpointVersion, error::AadSts};
use futures_util::FutureExt as _;
use http::Response;

use crate::{
    discovery,
    error::{self, ErrorAnswer},
    health,
    state::Core,
    token::endpoint,
};

/// The public router of one core.
pub fn router(core: Arc<Core>) -> Router {
    Router::new()
        // Clients that want a token.
        .route("/{tenant}/oauth2/v2.0/token", any(token_v2))
        .route("/{tenant}/oauth2/token", any(token_v1))
        // Clients and APIs that want to know how.
        .merge(discovery::routes())
        // Clients of the directory's API, which find none yet.
        .route("/v1.0/{*path}", any(no_graph))
        // Whoever watches over the process.
        .merge(health_routes())
        .fallback(not_found)
        .with_state(core)
}

/// The router of the management port: what operators' tools read.
pub fn management(core: Arc<Core>) -> Router {
    health_routes().route("/metrics", get(health::metrics)).with_state(core)
}

fn health_routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/startupz", get(health::started))
}

async fn no_graph(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let parts = (request.uri(), request.headers(), request.extensions());
    error::no_graph(&core.circumstances(parts))
}

async fn token_v1(core: State<Arc<Core>>, request: Request) -> Response<Body> {
    token(core, EndpointVersion::V1, request).await
}

async fn token_v2(core: State<Arc<Core>>, request: Request) -> Response<Body> {
    token(core, EndpointVersion::V2, request).await
}

/// A panic in one request is that request's 500 and nobody else's.
async fn token(
    State(core): State<Arc<Core>>,
    version: EndpointVersion,
    request: Request,
) -> Response<Body> {
    let path = request.uri().path().to_owned();
    // The path matched, so there is a segment; it is taken as sent, since an escaped one names
    // nothing.
    let segment = path.split('/').nth(1).unwrap_or_default();
    let circumstances =
        core.circumstances((request.uri(), request.headers(), request.extensions()));
    let answer = endpoint::token(&core, (version, segment), circumstances, request);
    match std::panic::AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            ErrorAnswer::of(AadSts::InternalError).respond(&core.server.public_url, &circumstances)
        }
    }
}

async fn not_found(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let circumstances =
        core.circumstances((request.uri(), request.headers(), request.extensions()));
    ErrorAnswer::of(AadSts::NotInThisVersion).respond(&core.server.public_url, &circumstances)
}
