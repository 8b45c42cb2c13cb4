//! Every path the server answers, grouped by who calls it.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::{self, Next},
    routing::{any, future::RouteFuture, get},
};
use behalf_protocol::{EndpointVersion, error::AadSts};
use futures_util::{FutureExt as _, future::Either};
use http::{Method, Response};
use tower::Service;

use crate::{
    authorize, cors, discovery,
    error::{self, ErrorAnswer},
    health,
    request::Circumstances,
    state::Core,
    token::{self, endpoint},
    userinfo,
};

#[cfg(not(panic = "unwind"))]
compile_error!("a panic ends one request and not the server: build with panic = \"unwind\"");

/// The public paths of one core.
pub fn router(core: Arc<Core>) -> Public {
    let rest = Router::new()
        // Clients and APIs that want to know how.
        .merge(discovery::routes())
        // The browsers of users.
        .merge(authorize::routes(&core))
        // Clients that have tokens, and APIs that are shown one.
        .merge(token::routes())
        .merge(userinfo::routes())
        // Clients of the directory's API, which find none yet.
        .route("/v1.0/{*path}", any(no_graph))
        // Whoever watches over the process.
        .merge(health_routes())
        .fallback(not_found);
    guarded(core, rest)
}

/// A panic in one request is that request's 500 and nobody else's: not of the other requests on its
/// connection either.
fn guarded(core: Arc<Core>, rest: Router<Arc<Core>>) -> Public {
    let guard = middleware::from_fn_with_state(Arc::clone(&core), answer_rest);
    let rest = rest.layer(guard).with_state(Arc::clone(&core));
    Public { core, rest }
}

/// The token endpoint, and a router for the rest.
///
/// Clients that want a token are told apart before the router: it would decode and copy the path,
/// note which route matched and wrap the answer three times, which a token request feels.
#[derive(Debug, Clone)]
pub struct Public {
    core: Arc<Core>,
    rest: Router,
}

type Boxed = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<http::Request<B>> for Public
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Boxed, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match token_path(request.uri().path()) {
            Some((_, version)) => {
                let answer = answer_token(Arc::clone(&self.core), version, request.map(Body::new));
                Either::Left(Box::pin(answer.map(Ok)))
            }
            None => Either::Right(self.rest.call(request)),
        }
    }
}

/// `/{tenant}/oauth2/v2.0/token` and `/{tenant}/oauth2/token`. The tenant is taken as sent, since
/// an escaped one names nothing.
fn token_path(path: &str) -> Option<(&str, EndpointVersion)> {
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let version = match rest {
        "oauth2/v2.0/token" => EndpointVersion::V2,
        "oauth2/token" => EndpointVersion::V1,
        _ => return None,
    };
    (!tenant.is_empty()).then_some((tenant, version))
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

async fn answer_rest(
    State(core): State<Arc<Core>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let extensions = request.extensions().clone();
    let circumstances = || core.circumstances((&uri, &headers, &extensions));
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => panicked(&core, &circumstances()),
    }
}

/// What the request that panicked is told; the panic itself is in the log.
fn panicked(core: &Core, circumstances: &Circumstances) -> Response<Body> {
    ErrorAnswer::of(AadSts::InternalError).respond(&core.server.public_url, circumstances)
}

async fn answer_token(
    core: Arc<Core>,
    version: EndpointVersion,
    request: Request,
) -> Response<Body> {
    let circumstances =
        core.circumstances((request.uri(), request.headers(), request.extensions()));
    let (parts, body) = request.into_parts();
    let tenant = token_path(parts.uri.path()).map_or("", |(tenant, _)| tenant);
    if parts.method == Method::OPTIONS {
        return cors::preflight(&core, tenant, &parts).await;
    }
    let answer = endpoint::token(&core, (version, tenant), circumstances, (&parts, body));
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => panicked(&core, &circumstances),
    }
}

async fn not_found(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let circumstances =
        core.circumstances((request.uri(), request.headers(), request.extensions()));
    ErrorAnswer::of(AadSts::NotInThisVersion).respond(&core.server.public_url, &circumstances)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::in_memory;

    async fn asked(public: &Public, method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("client-request-id", CORRELATION).body(Body::empty());
        let answer = public.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const CORRELATION: &str = "5f3b8a52-3f5e-4c1c-9d0c-6f3f6f0e7a11";

    #[tokio::test]
    async fn a_panic_is_the_500_of_its_request_and_nobody_elses() {
        let core = in_memory::opened().await.core(0);
        let panics = async || -> &'static str { panic!("planted") };
        let rest = Router::new()
            .merge(health_routes())
            .merge(discovery::routes())
            .route("/panics", get(panics))
            .route("/works", get(async || "works"));
        let public = guarded(core, rest);
        for _ in 0..3 {
            let (first, second) = tokio::join!(
                asked(&public, Method::GET, "/panics"),
                asked(&public, Method::GET, "/works")
            );
            assert_eq!(first.0, StatusCode::INTERNAL_SERVER_ERROR);
            let told: serde_json::Value = serde_json::from_str(&first.1).unwrap();
            assert_eq!(told["error"], "server_error");
            assert_eq!(told["correlation_id"], CORRELATION);
            assert!(!first.1.contains("planted"), "{}", first.1);
            assert_eq!(second, (StatusCode::OK, "works".to_owned()));
        }
        let (token, _) = asked(&public, Method::POST, "/none/oauth2/v2.0/token").await;
        assert_eq!(token, StatusCode::BAD_REQUEST, "decided as always");
        assert_eq!(asked(&public, Method::GET, "/livez").await.0, StatusCode::OK);
    }

    #[test]
    fn only_the_two_token_paths_are_token_paths() {
        use EndpointVersion::{V1, V2};
        assert_eq!(token_path("/contoso.test/oauth2/v2.0/token"), Some(("contoso.test", V2)));
        assert_eq!(token_path("/a%20b/oauth2/token"), Some(("a%20b", V1)));
        for other in [
            "",
            "/",
            "/oauth2/token",
            "//oauth2/v2.0/token",
            "/a/b/oauth2/token",
            "/a/oauth2/token/",
            "/a/oauth2/V2.0/token",
            "/a/oauth2/v2.0/Token",
            "/a/oauth2/v2.0/tokens",
            "a/oauth2/token",
        ] {
            assert_eq!(token_path(other), None, "{other}");
        }
    }
}
