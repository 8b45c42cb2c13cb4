//! The router whose handlers cannot lack a guard. That one without does not compile is told, and
//! tried, in the documentation of `behalf_resource::routing`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use behalf_resource::routing::{GuardedRouter, get};
use behalf_resource::{AppOnly, Either, OnBehalf, permissions};
use http::header::AUTHORIZATION;
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{app_v2, first, token, user_v2, with, world};

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

/// How often a handler ran.
type Runs = Arc<AtomicUsize>;

async fn read(
    _: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>,
    State(runs): State<Runs>,
    _: Uri,
) {
    runs.fetch_add(1, Ordering::SeqCst);
}

/// A handler that consumes the body comes after its guard, too.
async fn write(_: AppOnly<EntriesReadAll>, State(runs): State<Runs>, _: String) {
    runs.fetch_add(1, Ordering::SeqCst);
}

async fn router(runs: &Runs) -> Router {
    GuardedRouter::new()
        .route("/entries", get(read).post(write))
        .open("/livez", axum::routing::get(async || "ok"))
        .layer(world().server().await.layer())
        .with_state(Arc::clone(runs))
}

async fn status(router: &Router, method: Method, path: &str, claims: Option<&Value>) -> u16 {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(claims) = claims {
        let token = token(claims, "k1", &first());
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from("text")).unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn no_handler_runs_for_a_caller_whom_its_guard_refuses() {
    let runs = Runs::default();
    let router = router(&runs).await;
    let roleless = with(app_v2(), &json!({ "roles": [] }));
    for (method, claims, expected) in [
        (Method::GET, None, 401),
        (Method::POST, None, 401),
        (Method::GET, Some(roleless.clone()), 403),
        (Method::POST, Some(roleless), 403),
        (Method::POST, Some(user_v2()), 403),
        (Method::DELETE, Some(app_v2()), 405),
    ] {
        let found = status(&router, method.clone(), "/entries", claims.as_ref()).await;
        assert_eq!(found, expected, "{method} {claims:?}");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(status(&router, Method::GET, "/entries", Some(&user_v2())).await, 200);
    assert_eq!(status(&router, Method::POST, "/entries", Some(&app_v2())).await, 200);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_declared_open_looks_at_no_token() {
    let router = router(&Runs::default()).await;
    assert_eq!(status(&router, Method::GET, "/livez", None).await, 200);
    let stranger = with(app_v2(), &json!({ "exp": 1 }));
    assert_eq!(status(&router, Method::GET, "/livez", Some(&stranger)).await, 200);
    assert_eq!(status(&router, Method::GET, "/nowhere", None).await, 404);
}
