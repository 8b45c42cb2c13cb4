//! Revocation (RFC 7009): what a client gives up is gone, with everything of the same sign-in.

use behalf_core::{
    event::{Grant, Mark, Outcome, Step},
    id::AppId,
};

use crate::common::{
    Answer, TestServer,
    users::{ADA, API_SECRET, CLI, ORDERS},
};

const REVOKE: &str = "/acme.test/oauth2/v2.0/revoke";

async fn revoke(server: &TestServer, client: AppId, secret: &str, token: &str) -> Answer {
    let client = client.to_string();
    let form = [("client_id", client.as_str()), ("client_secret", secret), ("token", token)];
    server.post(REVOKE, &form).await
}

fn event(server: &TestServer, answer: &Answer) -> behalf_core::event::SignInEvent {
    let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    server.event(id.into())
}

#[tokio::test]
async fn a_public_client_gives_up_its_refresh_token_and_all_that_stems_from_it() {
    let server = TestServer::with_users().await;
    let signed_in = server.signed_in().await;
    let token = signed_in.text_of("refresh_token");
    let assertion = signed_in.text_of("access_token");
    let scope = "api://ledger/Entries.Read offline_access";
    let through = server.obo(ORDERS, &assertion, scope).await.text_of("refresh_token");
    let answer = revoke(&server, CLI, "", &token).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"));
    let logged = event(&server, &answer);
    assert_eq!((logged.grant, logged.user), (Grant::Revocation, Some(ADA)));
    assert_eq!(logged.outcome, Outcome::Revoked);
    assert_eq!(logged.trail.steps().last(), Some((Step::Presented, Mark::Ok)));
    let gone = (400, "invalid_grant".to_owned(), 50_173);
    assert_eq!(server.refresh(CLI, None, (&token, "")).await.refusal(), gone);
    assert_eq!(server.refresh(ORDERS, Some(API_SECRET), (&through, "")).await.refusal(), gone);
    assert_eq!(server.obo(ORDERS, &assertion, scope).await.refusal(), gone);
    assert_eq!(revoke(&server, CLI, "", &token).await.status, 200, "again is no error");
}

#[tokio::test]
async fn a_confidential_client_proves_itself() {
    let server = TestServer::with_users().await;
    let assertion = server.token_for_orders().await;
    let scope = "api://ledger/Entries.Read offline_access";
    let token = server.obo(ORDERS, &assertion, scope).await.text_of("refresh_token");
    let wrong = revoke(&server, ORDERS, "wrong", &token).await;
    assert_eq!(wrong.refusal(), (401, "invalid_client".into(), 7_000_215));
    // It has a page too, which may go without a secret; what the server's got is not the page's.
    let none = revoke(&server, ORDERS, "", &token).await;
    assert_eq!(none.refusal(), (400, "invalid_grant".into(), 70_000));
    let live = server.refresh(ORDERS, Some(API_SECRET), (&token, "")).await;
    assert_eq!(live.status, 200, "{}", live.text);
    assert_eq!(revoke(&server, ORDERS, API_SECRET, &token).await.status, 200);
    assert_eq!(server.refresh(ORDERS, Some(API_SECRET), (&token, "")).await.refusal().2, 50_173);
}

#[tokio::test]
async fn nobody_revokes_what_is_anothers() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let answer = revoke(&server, ORDERS, API_SECRET, &token).await;
    assert_eq!(answer.refusal(), (400, "invalid_grant".into(), 70_000));
    let logged = event(&server, &answer);
    assert_eq!(logged.trail.first_failed(), Some(Step::Presented));
    assert!(matches!(logged.outcome, Outcome::Refused { code: 70_000, .. }));
    let cli = CLI.to_string();
    let form = [("client_id", cli.as_str()), ("token", &token)];
    let elsewhere = server.post("/globex.test/oauth2/v2.0/revoke", &form).await;
    assert_eq!(elsewhere.refusal().2, 700_016);
    assert_eq!(server.refresh(CLI, None, (&token, "")).await.status, 200, "it lives");
}

#[tokio::test]
async fn what_nobody_issued_is_revoked_already() {
    let server = TestServer::with_users().await;
    let token = server.signed_in().await.text_of("refresh_token");
    let code = server.sealed(&server.code_ticket(CLI, "api://orders/Orders.Read"));
    let flipped = format!("{}AAAA", &token[..token.len() - 4]);
    for other in ["x", "a.b.c", &flipped, &code] {
        let answer = revoke(&server, CLI, "", other).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{other:.20}");
        assert_eq!(event(&server, &answer).user, None);
    }
    assert_eq!(server.redeem(&code).await.status, 200, "a code is no token");
    let cli = CLI.to_string();
    let hinted = [("client_id", cli.as_str()), ("token", "x"), ("token_type_hint", "saml")];
    assert_eq!(server.post(REVOKE, &hinted).await.status, 200);
    let missing = server.post(REVOKE, &[("client_id", &cli)]).await;
    assert_eq!(missing.refusal(), (400, "invalid_request".into(), 900_144));
    let get = server.get(REVOKE).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn an_access_token_stays_and_its_client_is_told_so() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let answer = revoke(&server, CLI, "", &token).await;
    assert_eq!(answer.refusal(), (400, "unsupported_token_type".into(), 90_100));
    let anothers = revoke(&server, ORDERS, API_SECRET, &token).await;
    assert_eq!(anothers.status, 200, "whose it is, others are not told");
    assert_eq!(server.obo(ORDERS, &token, "api://ledger/.default").await.status, 200);
}
