//! Consent, sessions and forged forms (security.md I), and the vectors V21 and V22.

use std::time::Duration;

use behalf_core::grant::GrantedFor;

use super::browser::{
    Browser, CHALLENGE, DESK, MANAGE, PASSWORD, Page, READ, Seen, TREND_API, TRENDS, edit_user,
    grants, request, user_id, world,
};
use crate::common::{ACME, TREND, TestServer, encode};

const BOB: &str = "bob@acme.test";
const ADA: &str = "ada@acme.test";

/// A browser on the consent page.
async fn asked<'a>(server: &'a TestServer, name: &str) -> (Browser<'a>, Page) {
    let mut browser = Browser::new(server);
    let page = browser.open(&request(&[])).await.page();
    let page = browser.sign_in(&page, name).await.page();
    assert_eq!(page.heading(), "Allow desk-app?");
    (browser, page)
}

#[tokio::test]
async fn cn_01_consent_needs_the_page_that_was_shown_in_the_browser_that_saw_it() {
    let server = world().await;
    let (mut bob, page) = asked(&server, BOB).await;
    let (mut ada, adas) = asked(&server, ADA).await;
    let (list, flow) = (adas.field("list"), adas.field("flow"));
    let tries: [&[(&str, &str)]; 5] = [
        &[("flow", ""), ("do", "accept")],
        &[("list", ""), ("do", "accept")],
        &[("list", &list), ("do", "accept")],
        &[("flow", &flow), ("do", "accept")],
        &[("flow", &flow), ("list", &list), ("do", "accept")],
    ];
    for fields in tries {
        let answer = bob.post(&page, fields).await;
        assert!([400, 403].contains(&answer.status.as_u16()), "{fields:?}: {}", answer.text);
    }
    for origin in ["https://evil.test", "null"] {
        bob.origin = Some(origin);
        assert_eq!(bob.post(&page, &[("do", "accept")]).await.status, 403, "{origin}");
    }
    bob.origin = None;
    let cookie = bob.cookies.remove("__Host-behalf-browser").unwrap();
    assert_eq!(bob.post(&page, &[("do", "accept")]).await.status, 403);
    bob.cookies.insert("__Host-behalf-browser".into(), cookie);
    assert_eq!(bob.send("GET", "/acme.test/consent", String::new()).await.status, 405);
    assert_eq!(grants(&server, ACME, DESK).await, [], "nothing was granted by any of them");

    bob.submit(&page, &[("do", "accept")]).await.left().code(&server);
    assert_eq!(grants(&server, ACME, DESK).await, [(GrantedFor::User(user_id(BOB)), vec![READ])]);
    ada.submit(&adas, &[("do", "accept"), ("everyone", "yes")]).await.left().code(&server);
    let all = grants(&server, ACME, DESK).await;
    assert!(all.contains(&(GrantedFor::Everyone, vec![READ])), "{all:?}");
}

#[tokio::test]
async fn cn_02_a_page_counts_once_and_for_what_it_showed() {
    let server = world().await;
    let (mut bob, page) = asked(&server, BOB).await;
    // Words in the form change nothing.
    let forged = [("do", "accept"), ("scope", "api://orders/Orders.Manage"), ("everyone", "yes")];
    let seen = bob.submit(&page, &forged).await.page();
    assert_eq!(seen.heading(), "Allow desk-app?", "bob may not allow it for everyone");
    assert_eq!(grants(&server, ACME, DESK).await, []);
    bob.submit(&page, &[("do", "accept")]).await.left().code(&server);
    assert_eq!(grants(&server, ACME, DESK).await, [(GrantedFor::User(user_id(BOB)), vec![READ])]);

    // Taken back, the old page does not bring it back.
    let directory = behalf_server::directory::Directory::of(&server.server);
    let own = behalf_server::directory::Selection::default();
    let operator = behalf_core::access::Actor::Operator;
    directory.revoke_consent((ACME, DESK), &own, operator).await.unwrap();
    let seen = bob.submit(&page, &[("do", "accept")]).await.page();
    assert_eq!(seen.heading(), "Allow desk-app?", "asked anew");
    assert_eq!(grants(&server, ACME, DESK).await, []);
    // CN-15: and it is asked for again.
    assert_eq!(bob.open(&request(&[])).await.page().heading(), "Allow desk-app?");
}

#[tokio::test]
async fn a_second_click_on_accept_leads_where_the_first_one_leads() {
    let server = world().await;
    let accept = &[("do", "accept")];
    let (mut bob, _) = asked(&server, BOB).await;
    let page = bob.open(&request(&[("prompt", "consent")])).await.page();
    for _ in 0..2 {
        bob.submit(&page, accept).await.left().code(&server);
    }
    // What was taken back in between is asked for anew.
    let directory = behalf_server::directory::Directory::of(&server.server);
    let own = behalf_server::directory::Selection::default();
    let operator = behalf_core::access::Actor::Operator;
    directory.revoke_consent((ACME, DESK), &own, operator).await.unwrap();
    let seen = bob.submit(&page, accept).await.page();
    assert_eq!(seen.heading(), "Allow desk-app?");
    assert_eq!(grants(&server, ACME, DESK).await, []);
}

#[tokio::test]
async fn a_definition_that_changed_is_shown_again() {
    let server = world().await;
    let (mut bob, page) = asked(&server, BOB).await;
    server.edit(super::browser::ORDERS, |app| app.scopes[0].text = "Sell your orders".into()).await;
    let page = bob.submit(&page, &[("do", "accept")]).await.page();
    assert!(page.answer.text.contains("Sell your orders"));
    assert_eq!(grants(&server, ACME, DESK).await, []);
    bob.submit(&page, &[("do", "accept")]).await.left().code(&server);
}

#[tokio::test]
async fn v22_what_only_administrators_allow() {
    let server = world().await;
    let path = request(&[("scope", "openid api://orders/Orders.Manage")]);
    let mut bob = Browser::new(&server);
    let page = bob.open(&path).await.page();
    let page = bob.sign_in(&page, BOB).await.page();
    assert_eq!(page.heading(), "An administrator must allow this");
    assert!(page.answer.text.contains("AADSTS90094"));
    let silent = format!("{path}&prompt=none");
    assert_eq!(bob.open(&silent).await.left().refusal(), ("access_denied", 90_094));
    // An administrator beside him goes on with the same request.
    let text = &page.answer.text;
    let start = text.find("/acme.test/continue?flow=").unwrap();
    let elsewhere = text[start..].split('"').next().unwrap();
    assert!(bob.open(elsewhere).await.page().heading().starts_with("Sign in to"));
    // He cannot accept what he cannot be shown.
    let answer = bob.post(&page, &[("do", "accept")]).await;
    assert_eq!(answer.status, 400);
    let sent = bob.submit(&page, &[("do", "ask"), ("reason", "For the <b>sale</b>")]).await.page();
    assert!(sent.answer.text.contains("Your administrators have your request."));
    let reading = server.server.store.reading();
    let waiting = reading.consent_requests(ACME, None).await.unwrap().items;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].user, waiting[0].client), (user_id(BOB), DESK));

    let client = DESK.to_string();
    let fields = [
        ("client_id", client.as_str()),
        ("redirect_uri", "http://localhost"),
        ("scope", "api://orders/Orders.Manage"),
        ("state", "s"),
    ];
    let admin = format!("/acme.test/v2.0/adminconsent?{}", encode(&fields));
    let mut ada = Browser::new(&server);
    let page = ada.open(&admin).await.page();
    let page = ada.sign_in(&page, ADA).await.page();
    assert_eq!(page.heading(), "Allow desk-app for everyone in Acme?");
    let landing = ada.submit(&page, &[("do", "accept")]).await.left();
    assert_eq!((landing.get("admin_consent"), landing.get("state")), ("True", "s"));
    assert_eq!(landing.get("tenant"), ACME.to_string());
    assert_eq!(grants(&server, ACME, DESK).await, [(GrantedFor::Everyone, vec![MANAGE])]);
    assert!(reading.consent_requests(ACME, None).await.unwrap().items.is_empty(), "settled");
    bob.open(&path).await.left().code(&server);
}

#[tokio::test]
async fn cn_04_admin_consent_of_somebody_who_is_no_administrator_here() {
    let server = world().await;
    let client = TREND.to_string();
    let fields = [("client_id", client.as_str()), ("redirect_uri", "https://trend.test/cb")];
    let path = format!("/acme.test/adminconsent?{}", encode(&fields));
    let mut bob = Browser::new(&server);
    let page = bob.open(&path).await.page();
    let page = bob.sign_in(&page, BOB).await.page();
    assert!(page.answer.text.contains("AADSTS90094"));
    // Globex's administrator is nobody in Acme.
    let mut gus = Browser::new(&server);
    let page = gus.open(&path).await.page();
    let page = gus.sign_in(&page, "gus@globex.test").await.page();
    assert!(page.answer.text.contains("The user name or the password is wrong."));
    let reading = server.server.store.reading();
    assert!(reading.service_principal_by_app_id(ACME, TREND).await.unwrap().is_none());
    let cancelled = bob.open(&path).await.page();
    let landing = bob.submit(&cancelled, &[("do", "cancel")]).await.left();
    assert_eq!(landing.refusal(), ("permission_denied", 65_004));
    // An administrator whose sign-in is old is asked for his password again.
    let mut ada = Browser::new(&server);
    ada.whole_way(&request(&[]), ADA).await;
    server.clock.advance(Duration::from_mins(11));
    assert!(ada.open(&path).await.page().heading().starts_with("Sign in to"));
}

#[tokio::test]
async fn v21_combined_consent_in_a_foreign_tenant_makes_two_service_principals() {
    let server = world().await;
    let client = TREND.to_string();
    let scope = format!("api://{TREND_API}/.default");
    let fields = [
        ("client_id", client.as_str()),
        ("redirect_uri", "https://trend.test/cb"),
        ("response_type", "code"),
        ("scope", scope.as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let path = format!("/acme.test/oauth2/v2.0/authorize?{}", encode(&fields));
    let mut bob = Browser::new(&server);
    let page = bob.open(&path).await.page();
    let page = bob.sign_in(&page, BOB).await.page();
    assert!(page.answer.text.contains("Accepting adds trend-report and trend-api to Acme."));
    assert!(page.answer.text.contains("belongs to Globex"), "CN-07: whose it is");
    let landing = bob.submit(&page, &[("do", "accept")]).await.left();
    assert_eq!(landing.code(&server).0, ACME);
    let expected = [(GrantedFor::User(user_id(BOB)), vec![TRENDS])];
    assert_eq!(grants(&server, ACME, TREND).await, expected);

    // Without knownClientApplications the API does not come along.
    let server = world().await;
    server.edit(TREND_API, |api| api.known_clients.clear()).await;
    let mut bob = Browser::new(&server);
    let page = bob.open(&path).await.page();
    let landing = bob.sign_in(&page, BOB).await.left();
    assert_eq!(landing.refusal(), ("invalid_client", 650_052));
}

#[tokio::test]
async fn cn_07_names_are_text() {
    let server = world().await;
    let name = "Micro\u{202e}soft <script>alert(1)</script>";
    server.edit(DESK, |app| app.display_name = Some(name.to_owned())).await;
    let mut bob = Browser::new(&server);
    let page = bob.open(&request(&[])).await.page();
    let consent = bob.sign_in(&page, BOB).await.page();
    for page in [page, consent] {
        assert!(!page.answer.text.contains("<script>") && !page.answer.text.contains('\u{202e}'));
    }
}

#[tokio::test]
async fn cn_08_10_a_session_is_new_with_the_sign_in_and_cannot_be_planted() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let planted = "eyJ.planted".to_owned();
    browser.cookies.insert("__Host-behalf-session".into(), planted.clone());
    let page = browser.open(&request(&[])).await.page();
    // The attacker's own credentials, sent by his page.
    browser.origin = Some("https://evil.test");
    let fields = [("username", ADA), ("password", PASSWORD), ("do", "sign-in")];
    assert_eq!(browser.post(&page, &fields).await.status, 403);
    assert_eq!(browser.cookies["__Host-behalf-session"], planted);
    browser.origin = Some(crate::common::BASE);
    // His sealed flow in another browser.
    let mut other = Browser::new(&server);
    let others = other.open(&request(&[])).await.page();
    let flow = page.field("flow");
    let fields = [("flow", flow.as_str()), ("username", ADA), ("password", PASSWORD)];
    assert_eq!(other.post(&others, &fields).await.status, 403);
    assert!(!other.cookies.contains_key("__Host-behalf-session"));

    let page = browser.sign_in(&page, BOB).await.page();
    assert!(!browser.cookies["__Host-behalf-session"].contains(&planted));
    browser.submit(&page, &[("do", "accept")]).await.left();
}

#[tokio::test]
async fn cn_12_nobody_is_told_who_exists() {
    let server = world().await;
    let mut texts = Vec::new();
    for (name, password) in [
        (BOB, "wrong password"),
        ("nobody@acme.test", PASSWORD),
        ("gus@globex.test", PASSWORD),
        ("dan@acme.test", "wrong password"),
        ("not a name", PASSWORD),
    ] {
        let mut browser = Browser::new(&server);
        let page = browser.open(&request(&[])).await.page();
        let fields = [("username", name), ("password", password), ("do", "sign-in")];
        let answer = browser.post(&page, &fields).await;
        let names: Vec<_> = answer.headers.keys().cloned().collect();
        let start = answer.text.find("<form").unwrap();
        let form = answer.text[..start].to_owned();
        texts.push((answer.status, names, form));
        assert!(!browser.cookies.contains_key("__Host-behalf-session"), "{name}");
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    // Only who knows the password learns that the account is disabled.
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let page = browser.sign_in(&page, "dan@acme.test").await.page();
    assert!(page.answer.text.contains("AADSTS50057"));
}

#[tokio::test]
async fn a_refused_sign_in_is_in_the_log() {
    use behalf_core::event::{ClientRef, Outcome, Step};
    let server = world().await;
    for (name, password, code, failed, user) in [
        (BOB, "wrong password", 50_126, Step::Presented, Some(user_id(BOB))),
        ("nobody@acme.test", PASSWORD, 50_126, Step::Presented, None),
        ("dan@acme.test", PASSWORD, 50_057, Step::User, Some(user_id("dan@acme.test"))),
    ] {
        let mut browser = Browser::new(&server);
        let page = browser.open(&request(&[])).await.page();
        let fields = [("username", name), ("password", password), ("do", "sign-in")];
        let answer = browser.post(&page, &fields).await;
        let id = answer.header("x-ms-request-id").unwrap().parse().unwrap();
        let event = server.event(behalf_core::id::RequestId(id));
        assert_eq!((event.tenant, event.user), (ACME, user), "{name}");
        assert_eq!(event.client, ClientRef::Id(DESK));
        assert_eq!(event.trail.first_failed(), Some(failed));
        let Outcome::Refused { code: found, .. } = event.outcome else { panic!("issued") };
        assert_eq!(found, code);
    }
}

#[tokio::test]
async fn cn_11_guessing_ends_and_the_user_goes_on_elsewhere() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let fields = [("username", BOB), ("password", "wrong password"), ("do", "sign-in")];
    for _ in 0..10 {
        assert_eq!(browser.post(&page, &fields).await.status, 200);
    }
    let answer = browser.post(&page, &fields).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text.contains("AADSTS50053") && answer.header("retry-after").is_some());
    let right = [("username", BOB), ("password", PASSWORD), ("do", "sign-in")];
    assert_eq!(browser.post(&page, &right).await.status, 429, "not even the right one");
    let page = browser.sign_in(&page, ADA).await.page();
    assert_eq!(page.heading(), "Allow desk-app?", "others go on");
}

#[tokio::test]
async fn cn_14_a_session_ends_with_whatever_ends_it() {
    type Change = fn(&mut behalf_core::user::User);
    let changes: [(&str, Change); 3] = [
        ("disabled", |bob| bob.disabled = true),
        ("sessions revoked", |bob| bob.revisions.all += 1),
        ("password changed", |bob| bob.revisions.password += 1),
    ];
    for (what, change) in changes {
        let server = world().await;
        let mut browser = Browser::new(&server);
        browser.whole_way(&request(&[]), BOB).await;
        browser.open(&request(&[("prompt", "none")])).await.left().code(&server);
        edit_user(&server, BOB, change).await;
        let landing = browser.open(&request(&[("prompt", "none")])).await.left();
        assert_eq!(landing.refusal(), ("login_required", 50_058), "{what}");
    }
    let server = world().await;
    let mut browser = Browser::new(&server);
    let landing = browser.whole_way(&request(&[]), BOB).await;
    let sid = landing.code(&server).1.sign_in.session;
    let until = crate::common::NOW.plus(Duration::from_hours(24));
    server.server.tickets.end_session(ACME, sid, until).await.unwrap();
    let landing = browser.open(&request(&[("prompt", "none")])).await.left();
    assert_eq!(landing.refusal(), ("login_required", 50_058), "signed out");
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    server.clock.advance(Duration::from_hours(24));
    let landing = browser.open(&request(&[("prompt", "none")])).await.left();
    assert_eq!(landing.refusal(), ("login_required", 50_058), "after a day");
}

#[tokio::test]
async fn cn_19_a_tenant_whose_users_may_not_consent() {
    let server = world().await;
    server.edit_tenant(ACME, |acme| acme.users.no_user_consent = true).await;
    let mut bob = Browser::new(&server);
    let page = bob.open(&request(&[])).await.page();
    let page = bob.sign_in(&page, BOB).await.page();
    assert_eq!(page.heading(), "An administrator must allow this");
    assert_eq!(grants(&server, ACME, DESK).await, []);
}

#[tokio::test]
async fn a_page_that_waited_too_long_begins_again() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    server.clock.advance(Duration::from_mins(10));
    let fields = [("username", BOB), ("password", PASSWORD), ("do", "sign-in")];
    let Seen::Page(page) = browser.submit(&page, &fields).await else { panic!() };
    assert_eq!(page.heading(), "This page waited too long");
}
