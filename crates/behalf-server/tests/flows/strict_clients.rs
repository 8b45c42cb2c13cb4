//! What a client demands of itself by its manifest: strict assertions (RFC 7523bis) and only some
//! methods (rows CS-12, CA-28, CA-40).

use behalf_server::directory::{Directory, apply::Manifest};
use serde_json::{Value, json};

use crate::common::{
    ACME, BASE, TestServer,
    assertion::{NOT_SIGNED, PATH, claims, header, present, refused, server, signed, with},
    good,
};

/// The server with the daemon as a manifest wants it.
async fn with_daemon(settings: &Value) -> TestServer {
    let server = server().await;
    daemon(&server, settings).await;
    server
}

async fn daemon(server: &TestServer, settings: &Value) {
    let mut app = settings.clone();
    app["name"] = json!("invoice-daemon");
    let manifest = json!({ "apiVersion": "behalf/v1", "tenant": "acme.test", "apps": [app] });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    let applied = Directory::of(&server.server).apply(&manifest).await.unwrap();
    assert_eq!(applied.failure, None);
}

fn strict() -> Value {
    json!({ "strict-assertions": true })
}

/// Addressed to the issuer, as strict applications must.
fn to_issuer(jti: &str) -> Value {
    let claims = with(claims(), "aud", json!(format!("{BASE}/{ACME}/v2.0")));
    with(claims, "jti", json!(jti))
}

#[tokio::test]
async fn a_strict_client_speaks_to_the_issuer_alone() {
    let server = with_daemon(&strict()).await;
    let id = ACME.to_string();
    for (n, (audience, good)) in [
        (format!("{BASE}/{id}/v2.0"), true),
        (format!("{BASE}/{id}/"), true),
        (format!("{BASE}/{id}"), false),
        (format!("{BASE}/acme.test/v2.0"), false),
        (format!("{BASE}/{id}/oauth2/token"), false),
        (format!("{BASE}/{id}/oauth2/v2.0/token"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = with(to_issuer(&n.to_string()), "aud", json!(audience));
        let assertion = signed(&header(), &claims);
        if good {
            assert_eq!(present(&server, &assertion).await.status, 200, "{audience}");
        } else {
            refused(&server, &assertion, (401, "invalid_client", 700_023)).await;
        }
    }
}

#[tokio::test]
async fn a_strict_clients_assertion_needs_a_jti_of_a_sane_length() {
    let server = with_daemon(&strict()).await;
    let mut none = to_issuer("");
    none.as_object_mut().unwrap().remove("jti");
    for claims in [none, to_issuer(""), to_issuer(&"j".repeat(10_000))] {
        refused(&server, &signed(&header(), &claims), NOT_SIGNED).await;
    }
    assert_eq!(present(&server, &signed(&header(), &to_issuer("one"))).await.status, 200);
}

/// Two copies of a stolen assertion that arrive together are no better than one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_at_the_same_moment_with_one_jti_exactly_one_succeeds() {
    let server = with_daemon(&strict()).await;
    for round in 0..10 {
        let assertion = signed(&header(), &to_issuer(&format!("round {round}")));
        let (a, b, c, d) = tokio::join!(
            present(&server, &assertion),
            present(&server, &assertion),
            present(&server, &assertion),
            present(&server, &assertion),
        );
        let answers = [a, b, c, d];
        let (granted, others): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(granted.len(), 1, "round {round}");
        for answer in others {
            assert_eq!(answer.refusal(), (401, "invalid_client".to_owned(), 700_027));
        }
    }
}

/// MSAL Python sends one assertion for nine minutes, to the token endpoint.
#[tokio::test]
async fn a_client_that_is_not_strict_reuses_its_assertion_and_names_the_token_endpoint() {
    let server = with_daemon(&json!({ "strict-assertions": false })).await;
    let assertion = signed(&header(), &claims());
    let (a, b) = tokio::join!(present(&server, &assertion), present(&server, &assertion));
    assert_eq!((a.status.as_u16(), b.status.as_u16()), (200, 200));
    assert_eq!(present(&server, &assertion).await.status, 200);
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_refused_once_the_credential_proved_right() {
    let server = with_daemon(&json!({ "allowed-methods": ["certificate"] })).await;
    let assertion = signed(&header(), &claims());
    let answer = server.post(PATH, &good()).await;
    assert_eq!(answer.refusal(), (401, "invalid_client".to_owned(), 7_000_215));
    assert!(answer.text.contains("may not authenticate with a client secret"), "{}", answer.text);
    assert_eq!(present(&server, &assertion).await.status, 200);

    daemon(&server, &json!({ "allowed-methods": ["secret"] })).await;
    assert_eq!(server.post(PATH, &good()).await.status, 200);
    refused(&server, &assertion, NOT_SIGNED).await;
    // Who holds no credential learns nothing of the settings.
    let forged = assertion.replace(&assertion[assertion.len() - 8..], "AAAAAAAA");
    let answer = present(&server, &forged).await;
    assert!(!answer.text.contains("may not authenticate"), "{}", answer.text);

    daemon(&server, &json!({ "allowed-methods": [] })).await;
    assert_eq!(server.post(PATH, &good()).await.status, 200);
    assert_eq!(present(&server, &assertion).await.status, 200);
}
