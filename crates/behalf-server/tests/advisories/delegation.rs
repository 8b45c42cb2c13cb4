//! Codes, refresh tokens, tokens that are passed on: what was not bound, not looked at again, or
//! believed without a signature.

use behalf_core::{grant::GrantedFor, id::AppId};
use serde_json::json;

use crate::common::{
    Answer, LEDGER, TestServer,
    users::{ADA, API_SECRET, CLI, LOOPBACK, ORDERS, V2, VERIFIER, grant},
};

const SCOPES: &str = "api://orders/Orders.Read openid offline_access";
const READ: &str = "api://ledger/Entries.Read";

/// Redeems `code` as `client`, with or without a verifier.
async fn redeem(server: &TestServer, client: AppId, code: &str, verifier: &str) -> Answer {
    let client = client.to_string();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", verifier),
    ];
    server.post(V2, &form).await
}

/// Pocket ID (also Keycloak CVE-2026-16089, ZITADEL CVE-2026-55672): a code was refused only if both
/// its client and the code itself were wrong, so either sufficed.
#[tokio::test]
async fn cve_2026_28513_a_code_is_its_clients_and_its_own() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let other = server.sealed(&server.code_ticket(ORDERS, SCOPES));
    assert_eq!(redeem(&server, ORDERS, &code, VERIFIER).await.refusal().2, 70_000);
    assert_eq!(redeem(&server, CLI, &other, VERIFIER).await.refusal().2, 70_000);
    assert_eq!(redeem(&server, CLI, "nonsense", VERIFIER).await.refusal().2, 70_000);
    assert_eq!(redeem(&server, CLI, &code, VERIFIER).await.status, 200);
}

/// authentik (also CVE-2023-48228, Spring CVE-2024-22258): a verifier was compared only when one was
/// sent.
#[tokio::test]
async fn cve_2024_23647_a_verifier_is_needed_where_there_was_a_challenge_and_only_there() {
    let server = TestServer::with_users().await;
    let with = server.code_ticket(CLI, SCOPES);
    let mut without = server.code_ticket(CLI, SCOPES);
    without.challenge = None;
    let (with, without) = (server.sealed(&with), server.sealed(&without));
    assert_eq!(redeem(&server, CLI, &with, "").await.refusal().2, 501_481);
    assert_eq!(redeem(&server, CLI, &without, VERIFIER).await.refusal().2, 501_481, "injected");
    assert_eq!(redeem(&server, CLI, &without, "").await.status, 200);
    assert_eq!(redeem(&server, CLI, &with, VERIFIER).await.status, 200);
}

/// Pocket ID (also Keycloak CVE-2026-93999): a refresh looked neither at the user nor at consent nor
/// at the resource again.
#[tokio::test]
async fn cve_2026_43983_a_refresh_decides_everything_anew() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let refused = async || server.refresh(CLI, None, (&token, "")).await.refusal().2;
    server.put_grant(&grant(CLI, ORDERS, GrantedFor::User(ADA), &[])).await;
    assert_eq!(refused().await, 65_001, "consent");
    server.put_grant(&grant(CLI, ORDERS, GrantedFor::User(ADA), &[1])).await;
    server.edit_principal(ORDERS, |orders| orders.disabled = true).await;
    assert_eq!(refused().await, 500_014, "the resource");
    server.edit_principal(ORDERS, |orders| orders.disabled = false).await;
    server.edit_ada(|ada| ada.disabled = true).await;
    assert_eq!(refused().await, 50_057, "the user");
    server.edit_ada(|ada| ada.disabled = false).await;
    assert_eq!(server.refresh(CLI, None, (&token, "")).await.status, 200, "and burns nothing");
}

/// Entra: an unsigned token that wrapped a signed one of somebody was believed, with the user and
/// tenant that the wrapper said.
#[tokio::test]
async fn cve_2025_55241_an_unsigned_wrapper_of_a_real_token_is_nothing() {
    let server = TestServer::with_users().await;
    let real = server.token_for_orders().await;
    let part = |json: serde_json::Value| behalf_jose::base64url::encode(json.to_string());
    let (_, claims) = server.signed_in().await.token();
    for (name, value) in
        [("oid", json!("00000000-0000-4000-8000-00000000000b")), ("scp", json!("Everything"))]
    {
        let mut wrapper = claims.clone();
        wrapper[name] = value;
        wrapper["actortoken"] = json!(real);
        wrapper["actor"] = json!(real);
        let header = real.split('.').next().unwrap();
        for forged in [
            format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(wrapper.clone())),
            format!(
                "{}.{}.",
                part(json!({"alg": "none", "actortoken": real})),
                part(wrapper.clone())
            ),
            format!("{header}.{}.", part(wrapper.clone())),
            format!("{header}.{}.{}", part(wrapper), real.rsplit('.').next().unwrap()),
        ] {
            let (status, _, code) = server.obo(ORDERS, &forged, READ).await.refusal();
            assert!(status == 400 && [50_013, 50_027].contains(&code), "{name}: {code}");
        }
    }
    assert_eq!(server.obo(ORDERS, &real, READ).await.status, 200);
}

/// ZITADEL (also GHSA-wxg7-w2v3-w38g): a token for somebody else, or out of time, was exchanged.
#[tokio::test]
async fn cve_2026_55669_a_token_is_exchanged_by_whom_it_is_for_and_in_its_time() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let exchange = async |caller: AppId| {
        let caller = caller.to_string();
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", caller.as_str()),
            ("client_secret", API_SECRET),
            ("subject_token", token.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("resource", "api://ledger"),
        ];
        server.post(V2, &form).await
    };
    assert_eq!(exchange(LEDGER).await.refusal().2, 500_131);
    assert_eq!(exchange(ORDERS).await.status, 200);
    server.clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(exchange(ORDERS).await.refusal().2, 500_133);
}
