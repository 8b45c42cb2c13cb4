//! What callers of an API are answered (RFC 6750 section 3), by a router with guards.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use behalf_resource::{Any, AppOnly, Caller, Either, OnBehalf, ResourceServer, permissions};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{NOW, app_v2, first, token, user_v2, with, world};

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    scope EntriesReadWrite = "Entries.ReadWrite" : "Change your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

async fn entries(who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>) -> &'static str {
    match who.caller() {
        Caller::User { .. } => "user",
        Caller::App { .. } => "application",
    }
}

async fn router() -> Router {
    let world = world();
    router_of(&world.server().await)
}

fn router_of(server: &ResourceServer) -> Router {
    Router::new()
        .route("/entries", get(entries))
        .route("/mine", get(async |who: OnBehalf<EntriesRead>| who.oid().to_string()))
        .route("/change", get(async |_: OnBehalf<EntriesReadWrite>| "changed"))
        .route("/all", get(async |who: AppOnly<EntriesReadAll>| who.client().to_string()))
        .route("/any", get(async |_: AppOnly<Any>| "any application"))
        .route("/open", get(async || "open"))
        .layer(server.layer())
}

/// Status, challenge and body.
async fn send(router: &Router, path: &str, authorization: &[&str]) -> (u16, String, String) {
    let mut request = Request::get(path);
    for value in authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let challenge = response.headers().get(WWW_AUTHENTICATE);
    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

async fn status(router: &Router, path: &str, claims: &Value) -> u16 {
    let bearer = format!("Bearer {}", token(claims, "k1", &first()));
    send(router, path, &[&bearer]).await.0
}

#[tokio::test]
async fn no_token_gets_an_address_and_no_error_code() {
    let router = router().await;
    let expected =
        r#"Bearer authorization_uri="https://login.behalf.test/common/oauth2/v2.0/authorize""#;
    let good = token(&app_v2(), "k1", &first());
    for (path, authorization) in [
        ("/entries".to_owned(), None),
        ("/entries".to_owned(), Some("Basic YTpi")),
        // Tokens in the query are not looked at.
        (format!("/entries?access_token={good}"), None),
    ] {
        let authorization: Vec<_> = authorization.into_iter().collect();
        let (status, challenge, body) = send(&router, &path, &authorization).await;
        assert_eq!((status, challenge.as_str()), (401, expected), "{path}");
        assert_eq!(body, r#"{"error_description":"a bearer token is needed"}"#);
    }
}

#[tokio::test]
async fn mw_01_one_bearer_header_with_one_token() {
    let router = router().await;
    let good = format!("Bearer {}", token(&app_v2(), "k1", &first()));
    for authorization in
        [vec![good.as_str(), &good], vec!["Bearer"], vec!["Bearer "], vec!["bearer  "]]
    {
        let (status, challenge, _) = send(&router, "/entries", &authorization).await;
        assert_eq!(status, 401);
        assert!(challenge.starts_with(r#"Bearer error="invalid_request""#), "{challenge}");
    }
    let lower = good.replace("Bearer", "bearer");
    assert_eq!(send(&router, "/entries", &[&lower]).await.0, 200, "schemes ignore letter case");
}

#[tokio::test]
async fn a_bad_token_is_told_why_in_words_of_ours() {
    let router = router().await;
    let expired = with(app_v2(), &json!({ "exp": NOW - 600 }));
    let bearer = format!("Bearer {}", token(&expired, "k1", &first()));
    let (status, challenge, body) = send(&router, "/entries", &[&bearer]).await;
    assert_eq!(status, 401);
    assert_eq!(
        challenge,
        concat!(
            r#"Bearer error="invalid_token", error_description="the token expired 10 min ago", "#,
            r#"authorization_uri="https://login.behalf.test/common/oauth2/v2.0/authorize""#
        )
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"], "invalid_token");
    for bad in ["Bearer nonsense", "Bearer \"><script>", "Bearer a b"] {
        let (status, challenge, body) = send(&router, "/entries", &[bad]).await;
        assert_eq!(status, 401);
        assert!(challenge.contains(r#"error="invalid_token""#));
        assert!(!challenge.contains('<') && !body.contains('<'));
    }
}

#[tokio::test]
async fn mw_16_and_17_the_guard_decides_by_kind_and_whole_words() {
    let router = router().await;
    let user = |scp: &str| with(user_v2(), &json!({ "scp": scp }));
    let app = |roles: Value| with(app_v2(), &json!({ "roles": roles }));
    let all = || app(json!(["Entries.Read.All"]));
    for (path, claims, expected) in [
        ("/entries", user("Entries.Read"), 200),
        ("/entries", user("User.Read Entries.Read"), 200),
        ("/entries", all(), 200),
        ("/entries", user("User.Read"), 403),
        ("/entries", app(json!([])), 403),
        ("/mine", user("Entries.Read"), 200),
        ("/mine", user("Entries.Read.All"), 403),
        ("/mine", user("Entries.Rea"), 403),
        ("/mine", user("entries.read"), 403),
        ("/mine", user("Entries.Read,User.Read"), 403),
        ("/mine", user(""), 403),
        ("/mine", all(), 403),
        ("/change", user("Entries.Read"), 403),
        ("/change", user("Entries.ReadWrite"), 200),
        ("/all", all(), 200),
        ("/all", app(json!(["Entries.Read"])), 403),
        ("/all", app(json!(["entries.read.all"])), 403),
        ("/all", app(json!(null)), 403),
        // The user of `user_v2` holds the role Entries.Read.All.
        ("/all", user("Entries.Read"), 403),
        ("/any", app(json!(null)), 200),
        ("/any", user("Entries.Read"), 403),
        ("/open", user("User.Read"), 200),
    ] {
        assert_eq!(status(&router, path, &claims).await, expected, "{path} {claims}");
    }
}

#[tokio::test]
async fn a_403_names_what_is_missing() {
    let router = router().await;
    for (path, claims, scope) in [
        ("/mine", with(user_v2(), &json!({ "scp": "User.Read" })), r#"scope="Entries.Read""#),
        ("/mine", app_v2(), r#"scope="Entries.Read""#),
        ("/entries", with(user_v2(), &json!({ "scp": "x" })), r#"scope="Entries.Read""#),
        ("/entries", with(app_v2(), &json!({ "roles": [] })), r#"scope="Entries.Read.All""#),
    ] {
        let bearer = format!("Bearer {}", token(&claims, "k1", &first()));
        let (status, challenge, _) = send(&router, path, &[&bearer]).await;
        assert_eq!(status, 403);
        assert!(challenge.starts_with(r#"Bearer error="insufficient_scope""#), "{challenge}");
        assert!(challenge.ends_with(scope), "{path}: {challenge}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_not_the_callers_fault() {
    let world = world();
    let router = router_of(&world.server().await);
    world.service.set_down(true);
    world.clock.advance(3600);
    let bearer = format!("Bearer {}", token(&app_v2(), "k1", &first()));
    let request = Request::get("/entries").header(AUTHORIZATION, bearer).body(Body::empty());
    let response = router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "10");
    assert!(response.headers().get(WWW_AUTHENTICATE).is_none());
}

#[tokio::test]
async fn deny_by_default_refuses_strangers_early_and_withholds_unguarded_answers() {
    let world = world();
    let server = world.server().await;
    let router = Router::new()
        .route("/entries", get(entries))
        .route("/forgotten", get(async || "secret"))
        .layer(server.layer().deny_by_default());
    assert_eq!(send(&router, "/forgotten", &[]).await.0, 401);
    assert_eq!(send(&router, "/nowhere", &[]).await.0, 401);
    let bearer = format!("Bearer {}", token(&app_v2(), "k1", &first()));
    for _ in 0..2 {
        assert_eq!(send(&router, "/entries", &[&bearer]).await.0, 200);
        let (status, _, body) = send(&router, "/forgotten", &[&bearer]).await;
        assert_eq!(status, 403);
        assert!(!body.contains("secret"));
    }
}

#[tokio::test]
async fn a_guard_without_the_layer_lets_nobody_in() {
    let router = Router::new().route("/entries", get(entries));
    let bearer = format!("Bearer {}", token(&app_v2(), "k1", &first()));
    assert_eq!(send(&router, "/entries", &[&bearer]).await.0, 500);
}

#[test]
fn the_declaration_is_readable_as_a_whole() {
    use behalf_resource::Permissions as _;
    assert_eq!(Permissions::AUDIENCE, "api://ledger");
    assert_eq!(
        Permissions::SCOPES,
        [
            ("Entries.Read", "Read your ledger entries"),
            ("Entries.ReadWrite", "Change your ledger entries")
        ]
    );
    assert_eq!(Permissions::ROLES, [("Entries.Read.All", "Read all ledger entries")]);
}
