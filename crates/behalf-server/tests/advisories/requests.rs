//! Requests as HTTP: hosts, paths, bodies, markup.

use axum::body::Body;
use http::Request;

use crate::common::assertion::PATH;
use crate::common::{TestServer, encode, good, good_but};

/// ZITADEL (also GHSA-93m4-mfpg-c3xf, Oathkeeper CVE-2026-33495): links and issuers were built from the
/// host a request named.
#[tokio::test]
async fn cve_2025_64101_the_host_of_a_request_decides_nothing() {
    let server = TestServer::start().await;
    for path in [
        "/acme.test/v2.0/.well-known/openid-configuration",
        "/acme.test/.well-known/openid-configuration",
        "/acme.test/discovery/v2.0/keys",
    ] {
        let plain = server.get(path).await;
        let request = Request::get(path)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "http")
            .header("x-original-url", "/globex.test/discovery/v2.0/keys")
            .header("forwarded", "host=evil.example;proto=http")
            .body(Body::empty())
            .unwrap();
        assert_eq!(server.send(request).await.text, plain.text, "{path}");
    }
    let refused = Request::post(PATH)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "evil.example")
        .body(Body::from(encode(&good_but("client_secret", "wrong"))))
        .unwrap();
    let answer = server.send(refused).await;
    assert_eq!(answer.json()["error_uri"], "https://localhost:8443/error?code=7000215");
}

/// Oathkeeper (also oauth2-proxy CVE-2025-54576): rules matched a path before it was normalised. Here
/// no path is normalised, so none means another one.
#[tokio::test]
async fn cve_2026_33494_a_path_means_what_it_says() {
    let server = TestServer::start().await;
    let form = encode(&good());
    for path in [
        "/globex.test/../acme.test/oauth2/v2.0/token",
        "/globex.test/%2e%2e/acme.test/oauth2/v2.0/token",
        "//acme.test/oauth2/v2.0/token",
        "/acme.test//oauth2/v2.0/token",
        "/acme.test/oauth2/v2.0/token/",
        "/acme.test/oauth2/v2.0/token;x=y",
        "/acme.test%2foauth2/v2.0/token",
        "/acme.test/OAUTH2/v2.0/token%00",
    ] {
        let answer = server.post_body(path, &form).await;
        assert!(answer.status.is_client_error(), "{path}: {} {}", answer.status, answer.text);
        assert!(!answer.text.contains("access_token"), "{path}");
    }
}

/// axum-core: bodies had no default limit.
#[tokio::test]
async fn rustsec_2022_0055_a_body_is_bounded() {
    let server = TestServer::start().await;
    let body = format!("{}&filler={}", encode(&good()), "x".repeat(64 * 1024));
    assert_eq!(server.post_body(PATH, &body).await.refusal().0, 413);
}

/// Keycloak: the processing of scopes took time out of proportion to their number.
#[tokio::test]
async fn cve_2026_4634_scopes_without_number_are_one_refusal() {
    let server = TestServer::start().await;
    let many = "api://ledger/.default ".repeat(1_000);
    let answer = server.post(PATH, &good_but("scope", &many)).await;
    assert_eq!(answer.refusal().0, 400, "{}", answer.text);
    assert!(answer.text.len() < 2_000, "nor is it repeated: {}", answer.text.len());
}

/// Hydra (also ZITADEL CVE-2026-29191, Casdoor CVE-2026-5468): what a request brought along ran as
/// markup on an error page.
#[tokio::test]
async fn cve_2019_8400_nothing_of_a_request_becomes_markup() {
    let server = TestServer::start().await;
    let script = "<script>alert(1)</script>";
    let page = server.get("/error?code=%3Cscript%3Ealert(1)%3C/script%3E&hint=%3Cscript%3E").await;
    assert!(!page.text.contains("<script") && !page.text.contains("alert"), "{}", page.text);
    for name in ["client_id", "scope", "grant_type"] {
        let answer = server.post(PATH, &good_but(name, script)).await;
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.refusal().0 / 100, 4, "{name}");
    }
}
