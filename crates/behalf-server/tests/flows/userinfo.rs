//! Userinfo (OIDC Core 5.3): who the user of an access token is, and to whom that is not told.

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use serde_json::json;

use crate::common::{
    Answer, BASE, TestServer, encode, good,
    users::{CLI, PAGE, V2, claims},
};

const USERINFO: &str = "/oidc/userinfo";

/// What the command line gets for scopes of OpenID Connect alone.
async fn signed_in(server: &TestServer, scopes: &str) -> Answer {
    let answer = server.redeem(&server.sealed(&server.code_ticket(CLI, scopes))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

async fn ask(server: &TestServer, path: &str, authorization: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, authorization);
    server.send(request.body(Body::empty()).unwrap()).await
}

async fn bearer(server: &TestServer, token: &str) -> Answer {
    ask(server, USERINFO, &format!("Bearer {token}")).await
}

/// Status and `error` of the challenge.
fn refused(answer: &Answer) -> (u16, Option<&str>) {
    let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{}", answer.text));
    assert!(challenge.starts_with("Bearer"), "{challenge}");
    let error = challenge.split_once("error=\"").map(|(_, rest)| rest.split('"').next().unwrap());
    (answer.status.as_u16(), error)
}

#[tokio::test]
async fn the_scopes_of_the_token_open_claims() {
    let server = TestServer::with_users().await;
    server
        .edit_ada(|ada| {
            ada.given_name = Some("Ada".into());
            ada.surname = Some("Lovelace".into());
            ada.mail = Some("ada@mail.test".into());
        })
        .await;
    let answer = signed_in(&server, "openid profile email").await;
    assert_eq!(answer.token().1["aud"], "00000003-0000-0000-c000-000000000000");
    let told = bearer(&server, &answer.text_of("access_token")).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(told.header("cache-control"), Some("no-store, no-cache"));
    let sub = claims(&answer.text_of("id_token"))["sub"].clone();
    assert_ne!(answer.token().1["sub"], sub, "the access token's is Graph's own");
    assert_eq!(
        told.json(),
        json!({
            "sub": sub, "name": "Ada Lovelace", "family_name": "Lovelace", "given_name": "Ada",
            "preferred_username": "ada@acme.test", "email": "ada@mail.test",
        })
    );
    let answer = signed_in(&server, "openid").await;
    let told = bearer(&server, &answer.text_of("access_token")).await;
    assert_eq!(told.json(), json!({ "sub": sub }));
}

#[tokio::test]
async fn with_get_or_post_in_header_or_form_at_either_address() {
    let server = TestServer::with_users().await;
    let token = signed_in(&server, "openid").await.text_of("access_token");
    for path in [USERINFO, "/acme.test/openid/userinfo", "/common/openid/userinfo"] {
        assert_eq!(ask(&server, path, &format!("bearer {token}")).await.status, 200, "{path}");
        let posted = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        assert_eq!(server.send(posted.body(Body::empty()).unwrap()).await.status, 200, "{path}");
        assert_eq!(server.post(path, &[("access_token", &token)]).await.status, 200, "{path}");
        let in_query = format!("{path}?access_token={token}");
        assert_eq!(refused(&server.get(&in_query).await), (401, None), "never in an address");
    }
    let elsewhere = ask(&server, "/globex.test/openid/userinfo", &format!("Bearer {token}")).await;
    assert_eq!(refused(&elsewhere), (401, Some("invalid_token")));
    let nowhere = ask(&server, "/nobody.test/openid/userinfo", &format!("Bearer {token}")).await;
    assert_eq!(refused(&nowhere), (401, Some("invalid_token")));
}

#[tokio::test]
async fn what_is_no_token_for_it_opens_nothing() {
    let server = TestServer::with_users().await;
    let answer = signed_in(&server, "openid offline_access").await;
    let token = answer.text_of("access_token");
    let app_only = server.post(V2, &good()).await.text_of("access_token");
    let for_orders = server.token_for_orders().await;
    let flipped = format!("{}AAAA", &token[..token.len() - 4]);
    let (id_token, refresh) = (answer.text_of("id_token"), answer.text_of("refresh_token"));
    for other in ["", "x", "a.b.c", &app_only, &for_orders, &flipped, &id_token, &refresh] {
        let answer = bearer(&server, other).await;
        assert_eq!(refused(&answer), (401, Some("invalid_token")), "{other:.20}");
        assert_eq!(answer.json()["error"], "invalid_token");
    }
    assert_eq!(refused(&server.get(USERINFO).await), (401, None));
    assert_eq!(refused(&ask(&server, USERINFO, "Basic YTpi").await), (401, None));
    let both = Request::post(USERINFO)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(&[("access_token", &token)])));
    assert_eq!(refused(&server.send(both.unwrap()).await), (400, Some("invalid_request")));
    let without = signed_in(&server, "profile").await.text_of("access_token");
    assert_eq!(refused(&bearer(&server, &without).await), (403, Some("insufficient_scope")));
    let deleted = Request::delete(USERINFO).body(Body::empty()).unwrap();
    let answer = server.send(deleted).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, POST, OPTIONS")));
}

#[tokio::test]
async fn what_was_taken_away_bites_at_once() {
    let server = TestServer::with_users().await;
    let answer = signed_in(&server, "openid offline_access").await;
    let token = answer.text_of("access_token");
    let now = async || bearer(&server, &token).await.status.as_u16();
    assert_eq!(now().await, 200);
    server.edit_ada(|ada| ada.disabled = true).await;
    assert_eq!(now().await, 401, "user disabled");
    server.edit_ada(|ada| ada.disabled = false).await;
    server.edit_ada(|ada| ada.revisions.all += 1).await;
    assert_eq!(now().await, 401, "sessions revoked");
    server.edit_ada(|ada| ada.revisions.all -= 1).await;
    server.edit_principal(CLI, |principal| principal.disabled = true).await;
    assert_eq!(now().await, 401, "client disabled here");
    server.edit_principal(CLI, |principal| principal.disabled = false).await;
    server.edit(CLI, |app| app.disabled = true).await;
    assert_eq!(now().await, 401, "client disabled everywhere");
    server.edit(CLI, |app| app.disabled = false).await;
    server.edit_tenant(crate::common::ACME, |tenant| tenant.disabled = true).await;
    assert_eq!(now().await, 401, "tenant disabled");
    server.edit_tenant(crate::common::ACME, |tenant| tenant.disabled = false).await;
    assert_eq!(now().await, 200);
    let cli = CLI.to_string();
    let refresh = answer.text_of("refresh_token");
    let form = [("token", refresh.as_str()), ("client_id", cli.as_str())];
    assert_eq!(server.post("/acme.test/oauth2/v2.0/revoke", &form).await.status, 200);
    assert_eq!(now().await, 401, "the sign-in is revoked");
}

#[tokio::test]
async fn a_token_ends_by_the_clock() {
    let server = TestServer::with_users().await;
    let token = signed_in(&server, "openid").await.text_of("access_token");
    server.clock.advance(Duration::from_secs(3_599));
    assert_eq!(bearer(&server, &token).await.status, 200);
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(refused(&bearer(&server, &token).await), (401, Some("invalid_token")));
}

#[tokio::test]
async fn script_of_any_page_may_ask_and_no_cookie_answers() {
    let server = TestServer::with_users().await;
    let origin = PAGE.trim_end_matches("/signed-in");
    let request = Request::options(USERINFO)
        .header(header::ORIGIN, origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, *"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let refusal = server.get(USERINFO).await;
    assert_eq!(refusal.header("access-control-allow-origin"), Some("*"));
    let cookie = Request::get(USERINFO).header(header::COOKIE, "__Host-behalf-session=x");
    assert_eq!(server.send(cookie.body(Body::empty()).unwrap()).await.status, 401);
    for (version, expected) in [
        ("/v2.0", format!("{BASE}/oidc/userinfo")),
        ("", format!("{BASE}/{}/openid/userinfo", crate::common::ACME)),
    ] {
        let document =
            server.get(&format!("/acme.test{version}/.well-known/openid-configuration")).await;
        assert_eq!(document.json()["userinfo_endpoint"], expected);
    }
}
