//! Secrets, and what is disabled, removed or another tenant's.

use crate::common::assertion::PATH;
use crate::common::{ACME, DAEMON, LEDGER, SECRET, TestServer, good, good_but};

/// ZITADEL: a truncated token was valid, because prefixes were compared.
#[tokio::test]
async fn cve_2026_27840_a_secret_is_compared_whole() {
    let server = TestServer::start().await;
    let longer = format!("{SECRET}x");
    let cut = (1..SECRET.len()).map(|length| &SECRET[..length]);
    for wrong in cut.chain([longer.as_str(), &SECRET.to_uppercase()]) {
        let answer = server.post(PATH, &good_but("client_secret", wrong)).await;
        assert_eq!(answer.refusal().2, 7_000_215, "{} characters", wrong.len());
    }
    assert_eq!(server.post(PATH, &good()).await.status, 200);
}

/// ZITADEL (also CVE-2024-46999, CVE-2024-47000, authentik CVE-2025-64521): what had been disabled or
/// removed went on working.
#[tokio::test]
async fn cve_2024_47060_what_is_disabled_stops_with_the_next_request() {
    let server = TestServer::start().await;
    let code = async || server.post(PATH, &good()).await.refusal().2;
    assert_eq!(server.post(PATH, &good()).await.status, 200);
    server.edit(DAEMON, |app| app.disabled = true).await;
    assert_eq!(code().await, 7_000_112, "the application");
    server.edit(DAEMON, |app| app.disabled = false).await;
    server.edit_principal(DAEMON, |principal| principal.disabled = true).await;
    assert_eq!(code().await, 7_000_112, "its service principal");
    server.edit_principal(DAEMON, |principal| principal.disabled = false).await;
    server.edit_principal(LEDGER, |principal| principal.disabled = true).await;
    assert_eq!(code().await, 500_014, "the resource");
    server.edit_principal(LEDGER, |principal| principal.disabled = false).await;
    server.edit(DAEMON, |app| app.secrets.clear()).await;
    assert_eq!(code().await, 7_000_215, "the secret");
    server.edit_tenant(ACME, |tenant| tenant.disabled = true).await;
    assert_eq!(code().await, 90_002, "the tenant");
}

/// ZITADEL (also CVE-2025-27507, Keycloak CVE-2026-94215): an id of another tenant was used without
/// its tenant.
#[tokio::test]
async fn cve_2025_64431_an_application_of_another_tenant_is_unknown() {
    let server = TestServer::start().await;
    let answer = server.post("/globex.test/oauth2/v2.0/token", &good()).await;
    assert_eq!(answer.refusal(), (400, "unauthorized_client".to_owned(), 700_016));
}

/// ZITADEL: custom claims overrode reserved ones. Nothing that a client sends becomes a claim.
#[tokio::test]
async fn cve_2024_29892_a_client_sets_no_claims() {
    let server = TestServer::start().await;
    let mut form = good();
    form.extend([
        ("roles", "Admin"),
        ("oid", "00000000-0000-4000-8000-000000000001"),
        ("aud", "api://other"),
        ("claims", r#"{"access_token":{"roles":{"essential":true,"value":"Admin"}}}"#),
    ]);
    let claims = server.post(PATH, &form).await.token().1;
    let plain = server.post(PATH, &good()).await.token().1;
    assert_eq!(claims["roles"], serde_json::json!(["Entries.Read.All"]));
    for name in ["oid", "aud", "sub", "iss", "tid"] {
        assert_eq!(claims[name], plain[name], "{name}");
    }
    assert_eq!(claims.as_object().unwrap().len(), plain.as_object().unwrap().len());
}
