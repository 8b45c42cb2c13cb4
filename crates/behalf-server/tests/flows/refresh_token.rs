//! Refresh tokens at the endpoint (protocol 8.4, tickets.md 4; V25; RT-12 … RT-15).

use std::time::Duration;

use behalf_core::{application::SignInAudience, grant::GrantedFor};

use crate::common::{
    ACME, LEDGER, TestServer,
    users::{ADA, API_SECRET, CLI, ORDERS, grant},
};

#[tokio::test]
async fn a_public_clients_token_is_replaced_at_each_use() {
    let server = TestServer::with_users().await;
    let first = server.signed_in().await.text_of("refresh_token");
    let answer = server.refresh(CLI, None, (&first, "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.token().1["scp"], "Orders.Read");
    let second = answer.text_of("refresh_token");
    assert_ne!(first, second);
    assert_eq!(server.refresh(CLI, None, (&first, "")).await.status, 200, "within the grace");
    assert_eq!(server.refresh(CLI, None, (&second, "")).await.status, 200);
}

#[tokio::test]
async fn rt_01_reuse_ends_everything_of_the_sign_in() {
    let server = TestServer::with_users().await;
    let signed_in = server.signed_in().await;
    let first = signed_in.text_of("refresh_token");
    let second = server.refresh(CLI, None, (&first, "")).await.text_of("refresh_token");
    server.clock.advance(Duration::from_mins(2));
    let reused = server.refresh(CLI, None, (&first, "")).await;
    assert_eq!(reused.refusal(), (400, "invalid_grant".into(), 70_000));
    assert_eq!(reused.json()["suberror"], "bad_token");
    let newest = server.refresh(CLI, None, (&second, "")).await;
    assert_eq!(newest.refusal(), (400, "invalid_grant".into(), 50_173));
    let assertion = signed_in.text_of("access_token");
    let obo = server.obo(ORDERS, &assertion, "api://ledger/.default").await;
    assert_eq!(obo.refusal(), (400, "invalid_grant".into(), 50_173), "descendants too");
}

#[tokio::test]
async fn v25_other_resource_disabled_revoked_unused() {
    let server = TestServer::with_users().await;
    server.put_grant(&grant(CLI, LEDGER, GrantedFor::User(ADA), &[2])).await;
    let token = server.signed_in().await.text_of("refresh_token");
    let other = server.refresh(CLI, None, (&token, "api://ledger/.default")).await;
    assert_eq!(other.token().1["aud"], LEDGER.to_string());
    let token = other.text_of("refresh_token");
    let refusal = async || server.refresh(CLI, None, (&token, "")).await.refusal().2;
    server.edit_ada(|ada| ada.disabled = true).await;
    assert_eq!(refusal().await, 50_057);
    server.edit_ada(|ada| ada.disabled = false).await;
    server.edit_ada(|ada| ada.revisions.all += 1).await;
    assert_eq!(refusal().await, 50_173);
    server.edit_ada(|ada| ada.revisions.all -= 1).await;
    server.clock.advance(Duration::from_hours(90 * 24));
    assert_eq!(refusal().await, 700_082);
}

#[tokio::test]
async fn rt_12_and_rt_15_another_clients_or_none_of_ours() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let malformed = (400, "invalid_grant".to_owned(), 70_000);
    let other = server.refresh(ORDERS, Some(API_SECRET), (&token, "")).await;
    assert_eq!(other.refusal(), malformed);
    let flipped = format!("{}AAAA", &token[..token.len() - 4]);
    for bad in ["x", &token[..token.len() - 1], &flipped] {
        assert_eq!(server.refresh(CLI, None, (bad, "")).await.refusal(), malformed);
    }
    let code = server.sealed(&server.code_ticket(CLI, "api://orders/Orders.Read"));
    assert_eq!(server.refresh(CLI, None, (&code, "")).await.refusal(), malformed);
}

#[tokio::test]
async fn under_common_it_leads_to_its_own_tenant() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let cli = CLI.to_string();
    let ask = async |segment: &str, token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", cli.as_str()),
            ("refresh_token", token),
        ];
        server.post(&format!("/{segment}/oauth2/v2.0/token"), &form).await
    };
    let one_directory = ask("organizations", &token).await;
    assert_eq!(one_directory.refusal(), (400, "invalid_request".into(), 50_194));
    server.edit(CLI, |cli| cli.audience = SignInAudience::Multi).await;
    let answer = ask("organizations", &token).await;
    assert_eq!(answer.token().1["tid"], ACME.to_string());
    assert_eq!(ask("common", &answer.text_of("refresh_token")).await.status, 200);
    let nobodys = ask("common", "nonsense").await;
    assert_eq!(nobodys.refusal(), (400, "invalid_request".into(), 50_059));
}

#[tokio::test]
async fn at_another_tenant_it_is_nobodys() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let cli = CLI.to_string();
    let form =
        [("grant_type", "refresh_token"), ("client_id", cli.as_str()), ("refresh_token", &token)];
    let answer = server.post("/globex.test/oauth2/v2.0/token", &form).await;
    assert_eq!(answer.refusal().2, 700_016, "the client is not there either");
}
