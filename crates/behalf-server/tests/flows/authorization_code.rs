//! Codes at the endpoint (protocol 8.3; V23, V24; RT-01 … RT-08).

use serde_json::json;

use crate::common::{
    ACME, TestServer,
    users::{ADA, API_SECRET, CLI, LOOPBACK, ORDERS, PAGE, V1, V2, VERIFIER},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";

#[tokio::test]
async fn the_answer_of_a_code() {
    let server = TestServer::with_users().await;
    let answer = server.signed_in().await;
    let (_, claims) = answer.token();
    assert_eq!((&claims["azp"], &claims["azpacr"]), (&json!(CLI.to_string()), &json!("0")));
    assert_eq!((&claims["oid"], &claims["scp"]), (&json!(ADA.to_string()), &json!("Orders.Read")));
    assert_eq!(answer.json()["scope"], "api://orders/Orders.Read");
    let info = behalf_jose::base64url::decode(&answer.text_of("client_info")).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info, json!({"uid": ADA.to_string(), "utid": ACME.to_string()}));
}

#[tokio::test]
async fn rt_01_used_twice_it_ends_what_it_gave() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let first = server.redeem(&code).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(server.redeem(&code).await.refusal(), (400, "invalid_grant".into(), 54_005));
    let refreshed = server.refresh(CLI, None, (&first.text_of("refresh_token"), "")).await;
    assert_eq!(refreshed.refusal(), (400, "invalid_grant".into(), 50_173));
    let obo = server.obo(ORDERS, &first.text_of("access_token"), "api://ledger/.default").await;
    assert_eq!(obo.refusal(), (400, "invalid_grant".into(), 50_173));
}

#[tokio::test]
async fn rt_02_of_twenty_at_once_exactly_one_gets_tokens() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let answers = futures_util::future::join_all((0..20).map(|_| server.redeem(&code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn v23_a_failed_attempt_consumes_nothing() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let cli = CLI.to_string();
    let good = [
        ("grant_type", "authorization_code"),
        ("client_id", cli.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", VERIFIER),
    ];
    let wrong_verifier = VERIFIER.replace('d', "e");
    for (path, name, value, expected) in [
        (V2, "code_verifier", wrong_verifier.as_str(), 501_481),
        (V2, "code_verifier", "", 501_481),
        (V2, "code_verifier", "short", 501_481),
        (V2, "redirect_uri", "http://localhost/other", 500_112),
        (V1, "redirect_uri", LOOPBACK, 700_005),
        (V2, "code", "nonsense", 70_000),
        (V2, "code", "", 900_144),
    ] {
        let form = good.map(|(n, v)| (n, if n == name { value } else { v }));
        assert_eq!(server.post(path, &form).await.refusal().2, expected, "{name}={value}");
    }
    assert_eq!(server.post(V2, &good).await.status, 200);
}

#[tokio::test]
async fn v24_a_page_redeems_from_the_page() {
    let server = TestServer::with_users().await;
    let ask = async |origin: Option<&str>, secret: &str| {
        let mut code = server.code_ticket(ORDERS, "api://ledger/Entries.Read offline_access");
        (code.client.spa, code.redirect_uri) = (true, PAGE.into());
        let (orders, code) = (ORDERS.to_string(), server.sealed(&code));
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", orders.as_str()),
            ("client_secret", secret),
            ("code", &code),
            ("redirect_uri", PAGE),
            ("code_verifier", VERIFIER),
        ];
        let mut request =
            http::Request::post(V2).header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let body = axum::body::Body::from(crate::common::encode(&form));
        server.send(request.body(body).unwrap()).await
    };
    let page = Some("https://page.acme.test");
    let answer = ask(page, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["refresh_token_expires_in"], 86_400);
    assert_eq!(answer.header("access-control-allow-origin"), page);
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert_eq!(ask(None, "").await.refusal(), (400, "invalid_request".into(), 9_002_327));
    let refused = ask(page, API_SECRET).await;
    assert_eq!(refused.refusal(), (401, "invalid_client".into(), 700_025));
    assert_eq!(refused.header("access-control-allow-origin"), page, "errors too");
    let other = ask(Some("https://evil.test"), "").await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}
