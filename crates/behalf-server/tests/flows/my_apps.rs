//! A user sees what applications may do in his name, and takes it back (experience 2.2).

use super::browser::{Browser, DESK, grants, request, world};
use crate::common::{ACME, BASE, users::VERIFIER};

const BOB: &str = "bob@acme.test";
const ADA: &str = "ada@acme.test";
const HERE: &str = "/myapps";

#[tokio::test]
async fn what_a_user_allowed_is_listed_and_taken_back_by_him() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let landing = browser.whole_way(&request(&[]), BOB).await;
    let client = DESK.to_string();
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("redirect_uri", "http://localhost:49152/"),
        ("code", landing.get("code")),
        ("code_verifier", VERIFIER),
    ];
    let answer = server.post("/acme.test/oauth2/v2.0/token", &redeem).await;
    let refresh_token = answer.text_of("refresh_token");
    let page = browser.open(HERE).await.page();
    assert_eq!(page.heading(), "What applications may do in your name");
    for expected in [BOB, "desk-app", "Read your orders", "Orders.Read on orders-api"] {
        assert!(page.answer.text.contains(expected), "{expected}: {}", page.answer.text);
    }
    let after = browser.submit(&page, &[("do", "take-back")]).await.page();
    assert!(
        after.answer.text.contains("You have allowed nothing yourself"),
        "{}",
        after.answer.text
    );
    assert_eq!(grants(&server, ACME, DESK).await, []);
    // A second click on the page that is still open changes nothing.
    let again = browser.submit(&page, &[("do", "take-back")]).await.page();
    assert_eq!(again.heading(), "What applications may do in your name");
    // What was allowed ends with the next token; the next sign-in asks again.
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("refresh_token", refresh_token.as_str()),
    ];
    let refused = server.post("/acme.test/oauth2/v2.0/token", &refresh).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("AADSTS65001"), "{}", refused.text);
    assert_eq!(browser.open(&request(&[])).await.page().heading(), "Allow desk-app?");
}

#[tokio::test]
async fn nobody_takes_back_what_another_allowed() {
    let server = world().await;
    let mut bob = Browser::new(&server);
    bob.whole_way(&request(&[]), BOB).await;
    let page = bob.open(HERE).await.page();
    // Another site, another browser, and another user with the form of this one.
    bob.origin = Some("https://evil.test");
    assert_eq!(bob.post(&page, &[]).await.status, 403);
    bob.origin = Some(BASE);
    let mut ada = Browser::new(&server);
    assert_eq!(ada.post(&page, &[]).await.status, 403);
    ada.whole_way(&request(&[]), ADA).await;
    let own = ada.open(HERE).await.page();
    assert!(!own.answer.text.contains(BOB), "{}", own.answer.text);
    ada.cookies
        .insert("__Host-behalf-browser".into(), bob.cookies["__Host-behalf-browser"].clone());
    assert_eq!(ada.post(&page, &[]).await.status, 400, "the session is not hers");
    for form in ["", "x", "eyJhbGciOiJkaXIifQ..a.b.c"] {
        assert_eq!(bob.post(&page, &[("form", form)]).await.status, 400, "{form}");
    }
    let allowed = grants(&server, ACME, DESK).await;
    assert_eq!(allowed.len(), 2, "bob's and ada's: {allowed:?}");
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_how() {
    let server = world().await;
    let page = Browser::new(&server).open(HERE).await.page();
    assert_eq!(page.heading(), "Nobody is signed in");
    assert!(page.answer.text.contains("Sign in to any application"), "{}", page.answer.text);
}
