//! Signing out (protocol 8.7): asked first, ended everywhere in this browser, applications told.

use super::browser::{Browser, DESK, WEB, request, world};
use crate::common::{ACME, BASE, encode};

const BOB: &str = "bob@acme.test";
const LOGOUT: &str = "/acme.test/oauth2/v2.0/logout";
const SILENT: &[(&str, &str)] = &[("prompt", "none")];

#[tokio::test]
async fn a_session_ends_when_the_user_says_so() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    let stolen = browser.cookies.clone();
    let client = DESK.to_string();
    let fields = [
        ("client_id", client.as_str()),
        ("post_logout_redirect_uri", "http://localhost:49152/"),
        ("state", "s"),
    ];
    let path = format!("{LOGOUT}?{}", encode(&fields));
    let page = browser.open(&path).await.page();
    assert_eq!(page.heading(), "Sign out?");
    browser.open(&request(SILENT)).await.left().code(&server);
    // Other sites and browsers sign nobody out.
    browser.origin = Some("https://evil.test");
    assert_eq!(browser.post(&page, &[]).await.status, 403);
    browser.origin = Some(BASE);
    let mut other = Browser::new(&server);
    assert_eq!(other.post(&page, &[]).await.status, 403);

    let landing = browser.submit(&page, &[("do", "sign-out")]).await.left();
    assert_eq!(landing.location, "http://localhost:49152/?state=s");
    assert!(!browser.cookies.contains_key("__Host-behalf-session"));
    let mut thief = Browser::new(&server);
    thief.cookies = stolen;
    let landing = thief.open(&request(SILENT)).await.left();
    assert_eq!(landing.refusal(), ("login_required", 50_058), "the session itself is over");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let server = world().await;
    for (client, uri) in [
        (DESK.to_string(), "https://evil.test/"),
        (String::new(), "http://localhost:49152/"),
        (WEB.to_string(), "http://localhost:49152/"),
    ] {
        let mut browser = Browser::new(&server);
        let fields = [("client_id", client.as_str()), ("post_logout_redirect_uri", uri)];
        let page = browser.open(&format!("{LOGOUT}?{}", encode(&fields))).await.page();
        assert_eq!(page.heading(), "You are signed out");
        assert!(!page.answer.text.contains(uri), "{client} {uri}");
    }
}

#[tokio::test]
async fn applications_that_got_a_code_are_told() {
    let server = world().await;
    let out = "https://desk.test/out";
    server.edit(DESK, |app| app.logout_url = Some(out.to_owned())).await;
    server.edit(WEB, |app| app.logout_url = Some("https://web.test/out".to_owned())).await;
    let mut browser = Browser::new(&server);
    let landing = browser.whole_way(&request(&[]), BOB).await;
    let sid = landing.code(&server).1.sign_in.session;
    let page = browser.open(LOGOUT).await.page();
    let page = browser.submit(&page, &[("do", "sign-out")]).await.page();
    let query = encode(&[("iss", &format!("{BASE}/{ACME}/v2.0")), ("sid", &sid.to_string())]);
    let text = page.answer.text.replace("&#38;", "&").replace("&amp;", "&");
    assert!(text.contains(&format!("src=\"{out}?{query}\"")), "{text}");
    assert!(!text.contains("web.test"), "it got none");
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(policy.ends_with("; frame-src https://desk.test"), "{policy}");
}
