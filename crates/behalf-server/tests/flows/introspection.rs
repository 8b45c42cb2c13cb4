//! Introspection (RFC 7662): told to whom a token is for or whose it is, and to nobody else (RT-17).

use std::time::Duration;

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::{
    event::{Grant, Outcome},
    id::{AppId, ObjectId},
};
use http::{Request, header};
use serde_json::json;

use crate::common::{
    ACME, Answer, BASE, DAEMON, LEDGER, NOW, OLD_LEDGER, SECRET, TestServer, encode, good,
    good_but, secret,
    users::{API_SECRET, CLI, ORDERS, V2, claims},
};

const INTROSPECT: &str = "/acme.test/oauth2/v2.0/introspect";
const INACTIVE: &str = r#"{"active":false}"#;

async fn ask(server: &TestServer, caller: AppId, token: &str) -> Answer {
    let caller = caller.to_string();
    let form = [("client_id", caller.as_str()), ("client_secret", API_SECRET), ("token", token)];
    server.post(INTROSPECT, &form).await
}

async fn is_active(server: &TestServer, caller: AppId, token: &str) -> bool {
    let answer = ask(server, caller, token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    if answer.text != INACTIVE {
        assert_eq!(answer.json()["active"], true);
    }
    answer.text != INACTIVE
}

#[tokio::test]
async fn a_resource_is_told_about_a_users_token_for_it() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let answer = ask(&server, ORDERS, &token).await;
    assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"));
    let (said, told) = (claims(&token), answer.json());
    assert_eq!(
        told,
        json!({
            "active": true, "scope": "Orders.Read", "client_id": CLI, "token_type": "Bearer",
            "username": "ada@acme.test",
            "exp": said["exp"], "iat": said["iat"], "nbf": said["nbf"], "sub": said["sub"],
            "aud": ORDERS, "iss": format!("{BASE}/{ACME}/v2.0"), "jti": said["uti"],
        })
    );
    for stranger in [LEDGER, crate::common::users::ARCHIVE] {
        assert_eq!(ask(&server, stranger, &token).await.text, INACTIVE, "RT-17");
    }
    let made_anew = ObjectId(uuid::Uuid::from_u128(77));
    server.edit_principal(ORDERS, |principal| principal.id = made_anew).await;
    assert_eq!(ask(&server, ORDERS, &token).await.text, INACTIVE, "another service principal");
}

#[tokio::test]
async fn and_about_an_applications_token_of_either_version() {
    let server = TestServer::with_users().await;
    let later = NOW.plus(Duration::from_hours(9_999));
    let credential = secret(&server.server, "old", API_SECRET, later);
    server.edit(OLD_LEDGER, |app| app.secrets = vec![credential]).await;
    for (resource, scope, aud) in [
        (LEDGER, "api://ledger/.default", LEDGER.to_string()),
        (OLD_LEDGER, "api://old-ledger/.default", "api://Old-Ledger".to_owned()),
    ] {
        let token = server.post(V2, &good_but("scope", scope)).await.text_of("access_token");
        let told = ask(&server, resource, &token).await.json();
        assert_eq!((&told["active"], &told["aud"]), (&json!(true), &json!(aud)), "{told}");
        assert_eq!(told["client_id"], DAEMON.to_string());
        assert!(told.get("scope").is_none() && told.get("username").is_none(), "{told}");
        server.edit_principal(DAEMON, |principal| principal.disabled = true).await;
        assert!(!is_active(&server, resource, &token).await, "the client is disabled");
        server.edit_principal(DAEMON, |principal| principal.disabled = false).await;
    }
    let token = server.post(V2, &good()).await.text_of("access_token");
    assert!(!is_active(&server, OLD_LEDGER, &token).await);
    server.clock.advance(Duration::from_hours(1));
    assert!(!is_active(&server, LEDGER, &token).await, "expired");
}

#[tokio::test]
async fn a_client_is_told_about_its_own_refresh_token() {
    let server = TestServer::with_users().await;
    let assertion = server.token_for_orders().await;
    let scope = "api://ledger/Entries.Read offline_access";
    let answer = server.obo(ORDERS, &assertion, scope).await;
    let token = answer.text_of("refresh_token");
    let told = ask(&server, ORDERS, &token).await.json();
    assert_eq!(told["active"], true);
    assert_eq!(
        (&told["client_id"], &told["aud"], &told["username"]),
        (&json!(ORDERS), &json!(ORDERS), &json!("ada@acme.test"))
    );
    assert_eq!(told["scope"], scope);
    assert!(told.get("token_type").is_none());
    assert_eq!(ask(&server, LEDGER, &token).await.text, INACTIVE, "RT-17");
    let publics = server.signed_in().await.text_of("refresh_token");
    assert_eq!(ask(&server, ORDERS, &publics).await.text, INACTIVE);
    server.edit_principal(ORDERS, |principal| principal.revision += 1).await;
    assert_eq!(ask(&server, ORDERS, &token).await.text, INACTIVE, "revoked for the client");
    server.edit_principal(ORDERS, |principal| principal.revision -= 1).await;
    server.edit_ada(|ada| ada.disabled = true).await;
    assert_eq!(ask(&server, ORDERS, &token).await.text, INACTIVE, "the user is disabled");
    server.edit_ada(|ada| ada.disabled = false).await;
    assert!(is_active(&server, ORDERS, &token).await);
    server.clock.advance(Duration::from_hours(90 * 24));
    assert_eq!(ask(&server, ORDERS, &token).await.text, INACTIVE, "not used for too long");
}

#[tokio::test]
async fn what_is_no_token_is_inactive_and_not_why() {
    let server = TestServer::with_users().await;
    let signed_in = server.signed_in().await;
    let token = signed_in.text_of("access_token");
    let code = server.sealed(&server.code_ticket(ORDERS, "api://ledger/Entries.Read"));
    let flipped = format!("{}AAAA", &token[..token.len() - 4]);
    let none = "eyJhbGciOiJub25lIn0.e30.";
    let id_token = signed_in.text_of("id_token");
    for other in ["x", "a.b.c", "a.b.c.d.e", none, &flipped, &code, &id_token] {
        assert_eq!(ask(&server, ORDERS, other).await.text, INACTIVE, "{other:.20}");
    }
    server.edit_ada(|ada| ada.revisions.all += 1).await;
    assert_eq!(ask(&server, ORDERS, &token).await.text, INACTIVE, "revoked");
}

#[tokio::test]
async fn who_proves_nothing_is_told_nothing() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let (orders, cli, daemon) = (ORDERS.to_string(), CLI.to_string(), DAEMON.to_string());
    for (form, refusal) in [
        (vec![("client_id", orders.as_str())], (401, "invalid_client", 7_000_218)),
        (
            vec![("client_id", orders.as_str()), ("client_secret", "wrong")],
            (401, "invalid_client", 7_000_215),
        ),
        (vec![("client_id", cli.as_str())], (401, "invalid_client", 7_000_218)),
        (vec![], (400, "invalid_request", 900_144)),
    ] {
        let form = [form, vec![("token", token.as_str())]].concat();
        let answer = server.post(INTROSPECT, &form).await;
        let (status, error, code) = refusal;
        assert_eq!(answer.refusal(), (status, error.to_owned(), code), "{form:?}");
        let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
        let event = server.event(id.into());
        assert_eq!(event.grant, Grant::Introspection);
        assert!(
            matches!(event.outcome, Outcome::Refused { code: logged, .. } if u64::from(logged) == code)
        );
    }
    let form = [("client_id", daemon.as_str()), ("client_secret", SECRET)];
    assert_eq!(server.post(INTROSPECT, &form).await.refusal().2, 900_144, "no token");
    server.edit_principal(ORDERS, |principal| principal.disabled = true).await;
    assert_eq!(ask(&server, ORDERS, &token).await.refusal().2, 7_000_112);
    let elsewhere = INTROSPECT.replace("acme.test", "nobody.test");
    let form = [("client_id", orders.as_str()), ("client_secret", API_SECRET), ("token", "x")];
    assert_eq!(server.post(&elsewhere, &form).await.refusal().2, 90_002);
    let get = server.get(INTROSPECT).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn with_basic_authentication_at_both_versions() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let encoded = STANDARD.encode(format!("{ORDERS}:{API_SECRET}"));
    for path in [INTROSPECT, "/acme.test/oauth2/introspect"] {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Basic {encoded}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encode(&[("token", &token)])));
        let answer = server.send(request.unwrap()).await;
        assert_eq!(answer.json()["active"], true, "{path}");
    }
}
