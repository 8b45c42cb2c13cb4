//! Which pages of other origins may talk to the token endpoint (decisions.md 25, TE-39).

use std::time::Duration;

use axum::body::Body;
use behalf_core::application::{Platform, Redirect};
use http::{Request, header};

use crate::common::{
    Answer, TestServer,
    users::{CLI, ORDERS, V1, V2},
};

const ORIGIN: &str = "https://page.acme.test";
const REVOKE: &str = "/acme.test/oauth2/v2.0/revoke";

async fn preflight(server: &TestServer, path: &str, origin: &str, method: &str) -> Answer {
    let request = Request::options(path)
        .header(header::ORIGIN, origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "content-type, client-request-id");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(answer.header("access-control-allow-credentials"), None, "never");
    answer
}

async fn allowed(server: &TestServer, path: &str, origin: &str) -> bool {
    let answer = preflight(server, path, origin, "POST").await;
    let told = answer.header("access-control-allow-origin");
    assert!(told.is_none_or(|told| told == origin), "{told:?}");
    told.is_some()
}

#[tokio::test]
async fn a_page_of_the_tenants_applications_may_post() {
    let server = TestServer::with_users().await;
    for path in [V2, V1, REVOKE, "/acme.test/oauth2/revoke"] {
        let answer = preflight(&server, path, ORIGIN, "POST").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("content-type") && headers.contains("client-request-id"));
    }
}

#[tokio::test]
async fn nobody_else_may() {
    let server = TestServer::with_users().await;
    for origin in [
        "https://evil.example",
        "https://page.acme.test.evil.example",
        "https://evil.page.acme.test",
        "https://page.acme.test:444",
        "https://page.acme.test/",
        "http://page.acme.test",
        "http://localhost",
        "null",
        "*",
        "",
    ] {
        assert!(!allowed(&server, V2, origin).await, "{origin}");
    }
    for path in [
        "/globex.test/oauth2/v2.0/token",
        "/nobody.test/oauth2/v2.0/token",
        "/common/oauth2/v2.0/token",
        "/%2e/oauth2/v2.0/token",
    ] {
        assert!(!allowed(&server, path, ORIGIN).await, "{path}");
    }
    for method in ["GET", "DELETE", "post", ""] {
        let answer = preflight(&server, V2, ORIGIN, method).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method}");
    }
    let bare = Request::options(V2).body(Body::empty()).unwrap();
    let answer = server.send(bare).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, Some("POST, OPTIONS")));
}

#[tokio::test]
async fn only_a_spas_redirect_uri_makes_an_origin() {
    let server = TestServer::with_users().await;
    for (platform, expected) in
        [(Platform::Web, false), (Platform::Spa, true), (Platform::Web, false)]
    {
        let uri = "https://other.acme.test/cb".to_owned();
        server.edit(ORDERS, |app| app.redirects = vec![Redirect { uri, platform }]).await;
        server.clock.advance(Duration::from_secs(1));
        assert_eq!(allowed(&server, V2, "https://other.acme.test").await, expected);
    }
    let uri = "http://localhost:3000/cb".to_owned();
    let platform = Platform::Spa;
    server.edit(ORDERS, |app| app.redirects = vec![Redirect { uri, platform }]).await;
    server.clock.advance(Duration::from_secs(1));
    assert!(allowed(&server, V2, "http://localhost:5173").await, "a program takes a free port");
    assert!(!allowed(&server, V2, ORIGIN).await, "it is not registered any more");
}

#[tokio::test]
async fn a_warm_preflight_reads_nothing() {
    let server = TestServer::with_users().await;
    allowed(&server, V2, ORIGIN).await;
    let reads = server.server.store.reads();
    for origin in [ORIGIN, "https://evil.example"] {
        allowed(&server, V2, origin).await;
    }
    assert_eq!(server.server.store.reads(), reads);
}

#[tokio::test]
async fn the_answer_is_for_the_clients_own_page() {
    let server = TestServer::with_users().await;
    let ask = async |client: String, origin: &'static str| {
        let form = crate::common::encode(&[
            ("grant_type", "refresh_token"),
            ("client_id", &client),
            ("refresh_token", "x"),
        ]);
        let request = Request::post(V2)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        server.send(request.body(Body::from(form)).unwrap()).await
    };
    let own = ask(ORDERS.to_string(), ORIGIN).await;
    assert_eq!(own.refusal().2, 70_000);
    assert_eq!(own.header("access-control-allow-origin"), Some(ORIGIN), "errors too");
    let anothers = ask(CLI.to_string(), ORIGIN).await;
    assert_eq!(anothers.header("access-control-allow-origin"), None);
    let evil = ask(ORDERS.to_string(), "https://evil.example").await;
    assert_eq!(evil.header("access-control-allow-origin"), None);
}
