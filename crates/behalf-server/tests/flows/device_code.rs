//! A device without a browser, from its codes to its tokens (RFC 8628, protocol 8.5; V26, RT-19).

use std::time::Duration;

use behalf_core::device::UserCode;
use http::{Request, header};

use super::browser::{Browser, DESK, ORDERS, Page, WEB, edit_user, user_id, world};
use crate::common::{ACME, Answer, BASE, TREND, TestServer, encode};

pub(super) const SCOPES: &str = "openid profile offline_access api://orders/Orders.Read";
pub(super) const BOB: &str = "bob@acme.test";
pub(super) const URN: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const ASK: &str = "/acme.test/oauth2/v2.0/devicecode";
const TOKEN: &str = "/acme.test/oauth2/v2.0/token";

/// What a device was given.
pub(super) struct Codes {
    pub(super) device: String,
    pub(super) user: String,
}

pub(super) async fn ask(server: &TestServer) -> Codes {
    ask_at(server, ASK, &[("client_id", &DESK.to_string()), ("scope", SCOPES)]).await
}

pub(super) async fn ask_at(server: &TestServer, path: &str, form: &[(&str, &str)]) -> Codes {
    let answer = server.post(path, form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Codes { device: answer.text_of("device_code"), user: answer.text_of("user_code") }
}

pub(super) async fn poll(server: &TestServer, device_code: &str) -> Answer {
    poll_as(server, &DESK.to_string(), device_code).await
}

async fn poll_as(server: &TestServer, client: &str, device_code: &str) -> Answer {
    let form = [("grant_type", URN), ("client_id", client), ("device_code", device_code)];
    server.post(TOKEN, &form).await
}

/// Types the code on the page for it, and says where that leads.
pub(super) async fn enter(browser: &mut Browser<'_>, code: &str) -> Page {
    let page = browser.open("/devicelogin").await.page();
    assert_eq!(page.heading(), "Enter the code that your device shows");
    browser.submit(&page, &[("user_code", code)]).await.page()
}

/// The whole way of a user who wants it.
pub(super) async fn approve(browser: &mut Browser<'_>, code: &str, name: &str) -> Page {
    let page = enter(browser, code).await;
    let page = browser.sign_in(&page, name).await.page();
    let page = browser.submit(&page, &[("do", "continue")]).await.page();
    browser.submit(&page, &[("do", "accept")]).await.page()
}

pub(super) fn refused(code: u64, error: &str) -> (u16, String, u64) {
    (400, error.to_owned(), code)
}

#[tokio::test]
async fn what_a_device_is_told_v2() {
    let server = world().await;
    let answer = server.post(ASK, &[("client_id", &DESK.to_string()), ("scope", SCOPES)]).await;
    assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"));
    let json = answer.json();
    let (user, uri) = (answer.text_of("user_code"), format!("{BASE}/devicelogin"));
    assert_eq!(UserCode::parse(&user).unwrap().as_str(), user);
    assert_eq!((&json["expires_in"], &json["interval"]), (&900.into(), &5.into()));
    assert_eq!(json["verification_uri"], uri);
    assert_eq!(json["verification_uri_complete"], format!("{uri}?user_code={user}"));
    let message = answer.text_of("message");
    assert!(message.contains(&uri) && message.contains(&user), "{message}");
    assert!(answer.text_of("device_code").len() > 43, "256 random bits at least");
}

#[tokio::test]
async fn what_a_device_is_told_v1() {
    let server = world().await;
    let form = [("client_id", &*DESK.to_string()), ("resource", "api://orders")];
    let json = server.post("/acme.test/oauth2/devicecode", &form).await.json();
    assert_eq!((&json["expires_in"], &json["interval"]), (&"900".into(), &"5".into()));
    assert_eq!(json["verification_url"], format!("{BASE}/devicelogin"));
    assert!(json.get("verification_uri").is_none());
}

#[tokio::test]
async fn v26_code_sign_in_confirmation_consent_tokens() {
    let server = world().await;
    let codes = ask(&server).await;
    assert_eq!(
        poll(&server, &codes.device).await.refusal(),
        refused(70_016, "authorization_pending")
    );

    let mut browser = Browser::new(&server);
    let typed = codes.user.to_lowercase();
    let typed = format!(" {}-{} {}", &typed[..3], &typed[3..6], &typed[6..]);
    let page = enter(&mut browser, &typed).await;
    assert_eq!(page.heading(), "Sign in to desk-app");
    let page = browser.sign_in(&page, BOB).await.page();
    assert_eq!(page.heading(), "Sign in to desk-app on your other device?");
    assert!(page.answer.text.contains(&codes.user) && page.answer.text.contains(BOB));
    let page = browser.submit(&page, &[("do", "continue")]).await.page();
    assert_eq!(page.heading(), "Allow desk-app?");
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(poll(&server, &codes.device).await.refusal().2, 70_016, "not before he consents");
    let page = browser.submit(&page, &[("do", "accept")]).await.page();
    assert_eq!(page.heading(), "You are signed in to desk-app on your device");

    let answer = poll(&server, &codes.device).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, claims) = answer.token();
    assert_eq!((&claims["scp"], &claims["tid"]), (&"Orders.Read".into(), &ACME.to_string().into()));
    assert_eq!(claims["oid"], user_id(BOB).to_string());
    assert!(answer.json()["id_token"].is_string());
    let refresh = answer.text_of("refresh_token");
    let client = DESK.to_string();
    let form =
        [("grant_type", "refresh_token"), ("client_id", &*client), ("refresh_token", &refresh)];
    assert_eq!(server.post(TOKEN, &form).await.status, 200);
    assert_eq!(
        poll(&server, &codes.device).await.refusal(),
        refused(70_018, "bad_verification_code")
    );
}

#[tokio::test]
async fn v26_both_names_of_the_grant_and_adals_field() {
    let server = world().await;
    let client = DESK.to_string();
    let mut browser = Browser::new(&server);
    let codes = ask(&server).await;
    approve(&mut browser, &codes.user, BOB).await;
    let form =
        [("grant_type", "device_code"), ("client_id", &*client), ("device_code", &codes.device)];
    assert_eq!(server.post(TOKEN, &form).await.status, 200);

    // MSAL Python sends the code twice, ADAL under the other name and at v1.
    let codes = ask(&server).await;
    let page = enter(&mut browser, &codes.user).await;
    browser.submit(&page, &[("do", "continue")]).await.page();
    let form = [
        ("grant_type", URN),
        ("client_id", &*client),
        ("device_code", &codes.device),
        ("code", &codes.device),
    ];
    assert_eq!(server.post(TOKEN, &form).await.status, 200);

    let v1 = [("client_id", &*client), ("resource", "api://orders")];
    let codes = ask_at(&server, "/acme.test/oauth2/devicecode", &v1).await;
    let page = enter(&mut browser, &codes.user).await;
    browser.submit(&page, &[("do", "continue")]).await.page();
    let form = [
        ("grant_type", "device_code"),
        ("client_id", &*client),
        ("code", &codes.device),
        ("resource", "api://orders"),
    ];
    let answer = server.post("/acme.test/oauth2/token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.token().1["scp"], "Orders.Read");
}

#[tokio::test]
async fn of_many_polls_at_once_exactly_one_gets_tokens() {
    let server = world().await;
    let codes = ask(&server).await;
    approve(&mut Browser::new(&server), &codes.user, BOB).await;
    let polls = futures_util::future::join_all((0..20).map(|_| poll(&server, &codes.device))).await;
    assert_eq!(polls.iter().filter(|answer| answer.status == 200).count(), 1);
    let others = polls.iter().filter(|answer| answer.status != 200);
    for other in others {
        assert_eq!(other.refusal(), refused(70_018, "bad_verification_code"));
    }
}

#[tokio::test]
async fn both_codes_end_after_fifteen_minutes() {
    let server = world().await;
    let (waits, signed_in) = (ask(&server).await, ask(&server).await);
    approve(&mut Browser::new(&server), &signed_in.user, BOB).await;
    let mut browser = Browser::new(&server);
    server.clock.advance(Duration::from_secs(890));
    let page = enter(&mut browser, &waits.user).await;
    assert_eq!(page.heading(), "Sign in to desk-app");
    server.clock.advance(Duration::from_secs(10));
    for device in [&waits.device, &signed_in.device] {
        assert_eq!(poll(&server, device).await.refusal(), refused(70_020, "expired_token"));
    }
    let late = browser.submit(&page, &[("username", BOB), ("password", "x")]).await.page();
    assert_eq!(late.heading(), "The device was not signed in");
    let page = enter(&mut browser, &waits.user).await;
    assert!(page.answer.text.contains("There is no such code"), "{}", page.answer.text);
}

#[tokio::test]
async fn nobody_elses_code_is_told_from_none() {
    let server = world().await;
    server.edit(WEB, |web| web.fallback_public_client = true).await;
    let codes = ask(&server).await;
    let unknown = refused(70_018, "bad_verification_code");
    assert_eq!(poll_as(&server, &WEB.to_string(), &codes.device).await.refusal(), unknown);
    let other = ask(&server).await;
    let mixed = format!("{}{}", &codes.device[..9], &other.device[9..]);
    for code in [mixed.as_str(), &codes.user, "x", &"B".repeat(52), &"x".repeat(50_000)] {
        assert_eq!(poll(&server, code).await.refusal(), unknown, "{}", code.len());
    }
    let missing = poll(&server, "").await;
    assert_eq!(missing.refusal(), refused(900_144, "invalid_request"));
    assert_eq!(poll(&server, &codes.device).await.refusal().2, 70_016, "and it still waits");
}

#[tokio::test]
async fn rt_19_msal_is_never_told_to_slow_down() {
    let server = world().await;
    let (client, codes) = (DESK.to_string(), ask(&server).await);
    let form = [("grant_type", URN), ("client_id", &*client), ("device_code", &*codes.device)];
    let telemetry = [&form[..], &[("x-client-SKU", "MSAL.Python")]].concat();
    let request = || {
        Request::post(TOKEN)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-client-sku", "MSAL.NetCore")
            .body(axum::body::Body::from(encode(&form)))
            .unwrap()
    };
    for _ in 0..5 {
        let by_field = server.post(TOKEN, &telemetry).await;
        assert_eq!(by_field.refusal(), refused(70_016, "authorization_pending"));
        let by_header = server.send(request()).await;
        assert_eq!(by_header.refusal(), refused(70_016, "authorization_pending"));
    }
    assert_eq!(poll(&server, &codes.device).await.refusal(), refused(70_016, "slow_down"));
    for _ in 0..10 {
        server.clock.advance(Duration::from_secs(10));
        let told = poll(&server, &codes.device).await.refusal();
        assert_eq!(told, refused(70_016, "authorization_pending"), "who keeps the interval");
    }
}

#[tokio::test]
async fn rt_19_user_codes_cannot_be_tried_out() {
    let server = world().await;
    let wrong = "BBBBBBBBB";
    let mut browser = Browser::new(&server);
    let page = browser.open("/devicelogin").await.page();
    for _ in 0..10 {
        let answer = browser.post(&page, &[("user_code", wrong)]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("There is no such code"));
    }
    let locked = browser.post(&page, &[("user_code", wrong)]).await;
    assert_eq!(locked.status, 429);
    assert!(locked.header("retry-after").is_some());
    let codes = ask(&server).await;
    let right = browser.post(&page, &[("user_code", &codes.user)]).await;
    assert_eq!(right.status, 429, "not looked at, so it cannot be found either");
    // Another browser there has what is left of the address's share.
    let mut looked_at = 0;
    for _ in 0..20 {
        let mut other = Browser::new(&server);
        let page = other.open("/devicelogin").await.page();
        let answer = other.post(&page, &[("user_code", wrong)]).await;
        looked_at += u32::from(answer.status == 200);
    }
    assert_eq!(looked_at, 10);
    server.clock.advance(Duration::from_mins(1));
    let page = browser.open("/devicelogin").await.page();
    let answer = browser.post(&page, &[("user_code", &codes.user)]).await;
    assert_eq!(answer.status, 303, "nobody is kept out for long");
}

#[tokio::test]
async fn who_may_ask_for_codes() {
    let server = world().await;
    let form = |client: &str| [("client_id", client.to_owned()), ("scope", SCOPES.to_owned())];
    let told = async |path: &str, client: &str| {
        let form = form(client);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.post(path, &form).await.refusal()
    };
    let web = told(ASK, &WEB.to_string()).await;
    assert_eq!(web, (401, "invalid_client".to_owned(), 7_000_218), "it has a redirect URI, but");
    assert_eq!(told(ASK, &TREND.to_string()).await.2, 7_000_218);
    assert_eq!(told(ASK, "x").await.2, 700_016);
    assert_eq!(told("/globex.test/oauth2/v2.0/devicecode", &DESK.to_string()).await.2, 700_016);
    assert_eq!(told("/nowhere.test/oauth2/v2.0/devicecode", &DESK.to_string()).await.2, 90_002);
    server.edit(DESK, |desk| desk.disabled = true).await;
    assert_eq!(told(ASK, &DESK.to_string()).await.2, 7_000_112);
}

#[tokio::test]
async fn what_cannot_be_asked_for() {
    let server = world().await;
    let client = DESK.to_string();
    let long = "x".repeat(3_000);
    for (name, value, code) in [
        ("x", "", 900_144),
        ("resource", "api://orders", 901_002),
        ("scope", "api://orders/.default api://orders/Orders.Read", 70_011),
        ("scope", &long, 70_011),
    ] {
        let answer = server.post(ASK, &[("client_id", &client), (name, value)]).await;
        assert_eq!(answer.refusal().2, code, "{name}");
    }
    let read = server.get(ASK).await;
    assert_eq!((read.status.as_u16(), read.header("allow")), (405, Some("POST")));
    let json = Request::post(ASK)
        .header(header::CONTENT_TYPE, "application/json")
        .body(axum::body::Body::from("{}"))
        .unwrap();
    assert_eq!(server.send(json).await.refusal().2, 9_002_313);
}

#[tokio::test]
async fn one_address_does_not_fill_the_store() {
    let server = world().await;
    let client = DESK.to_string();
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    for _ in 0..20 {
        assert_eq!(server.post(ASK, &form).await.status, 200);
    }
    let held_back = server.post(ASK, &form).await;
    assert_eq!(held_back.refusal(), (429, "temporarily_unavailable".to_owned(), 90_055));
    assert!(held_back.header("retry-after").is_some());
    let elsewhere = "198.51.100.9:1".parse().unwrap();
    assert_eq!(server.post_from(elsewhere, ASK, &form).await.status, 200);
}

#[tokio::test]
async fn what_changes_between_approval_and_poll_counts() {
    let server = world().await;
    let codes = ask(&server).await;
    approve(&mut Browser::new(&server), &codes.user, BOB).await;
    let refusal = async || poll(&server, &codes.device).await.refusal().2;
    edit_user(&server, BOB, |bob| bob.disabled = true).await;
    assert_eq!(refusal().await, 50_057);
    edit_user(&server, BOB, |bob| (bob.disabled, bob.revisions.all) = (false, 1)).await;
    assert_eq!(refusal().await, 50_173);
    edit_user(&server, BOB, |bob| bob.revisions.all = 0).await;
    server.edit_principal(DESK, |desk| desk.disabled = true).await;
    assert_eq!(refusal().await, 7_000_112);
    server.edit_principal(DESK, |desk| desk.disabled = false).await;
    assert_eq!(poll(&server, &codes.device).await.status, 200, "a refusal burns no code");
}

#[tokio::test]
async fn the_log_tells_of_the_device() {
    let server = world().await;
    let codes = ask(&server).await;
    let told = poll(&server, &codes.device).await;
    let id = told.header("x-ms-request-id").unwrap().parse().unwrap();
    let event = server.event(id);
    assert_eq!(event.grant, behalf_core::event::Grant::DeviceCode);
    assert_eq!(event.user, None);
    approve(&mut Browser::new(&server), &codes.user, BOB).await;
    let answer = poll(&server, &codes.device).await;
    let event = server.event(answer.header("x-ms-request-id").unwrap().parse().unwrap());
    assert_eq!(event.user, Some(user_id(BOB)));
    assert_eq!(event.resource_app, Some(ORDERS));
}
