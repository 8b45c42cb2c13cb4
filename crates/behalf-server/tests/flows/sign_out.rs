//! Signing out (protocol 8.7): asked first, ended everywhere in this browser, applications told.

use super::browser::{BACK, Browser, DESK, Landing, WEB, request, world};
use crate::common::{ACME, BASE, TestServer, encode, users::VERIFIER};

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

/// Redeems the code of a landing at desk-app; the ID token.
async fn id_token(server: &TestServer, landing: &Landing) -> String {
    let client = DESK.to_string();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", landing.get("code")),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    server.post("/acme.test/oauth2/v2.0/token", &form).await.text_of("id_token")
}

#[tokio::test]
async fn an_id_token_of_the_session_is_proof_enough() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let landing = browser.whole_way(&request(&[]), BOB).await;
    let hint = id_token(&server, &landing).await;
    let page = browser.open(&request(&[("prompt", "select_account")])).await.page();
    let page = browser.submit(&page, &[("account", "")]).await.page();
    browser.sign_in(&page, "ada@acme.test").await;
    // Over for long, and still a proof of whose session is meant.
    server.clock.advance(std::time::Duration::from_hours(2));
    let fields =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK), ("state", "s")];
    let landing = browser.open(&format!("{LOGOUT}?{}", encode(&fields))).await.left();
    assert_eq!(landing.location, format!("{BACK}?state=s"), "its client has that registered");
    let silent = request(&[("prompt", "none"), ("login_hint", BOB)]);
    assert_eq!(browser.open(&silent).await.left().refusal().1, 50_058, "bob is signed out");
    let ada = request(&[("prompt", "login"), ("login_hint", "ada@acme.test")]);
    assert!(browser.cookies.contains_key("__Host-behalf-session"), "and ada is not");
    assert!(browser.open(&ada).await.page().answer.text.contains("ada@acme.test"));
    // Nobody of that session is there any more: whoever is, is asked.
    let page = browser.open(&format!("{LOGOUT}?{}", encode(&fields))).await.page();
    assert_eq!(page.heading(), "Sign out?");
}

#[tokio::test]
async fn az_19_a_hint_that_is_none_of_this_session_signs_nobody_out() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let landing = browser.whole_way(&request(&[]), BOB).await;
    let hint = id_token(&server, &landing).await;
    let mut adas = Browser::new(&server);
    let anothers = id_token(&server, &adas.whole_way(&request(&[]), "ada@acme.test").await).await;
    let [header, claims, signature] = hint.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let none = behalf_jose::base64url::encode(r#"{"alg":"none","typ":"JWT"}"#);
    let web = WEB.to_string();
    for (path, hint, client) in [
        (LOGOUT, anothers.as_str(), ""),
        (LOGOUT, &format!("{none}.{claims}."), ""),
        (LOGOUT, &format!("{header}.{claims}.{}AAAA", &signature[..signature.len() - 4]), ""),
        (LOGOUT, "eyJ", ""),
        (LOGOUT, &hint, web.as_str()),
        ("/globex.test/oauth2/v2.0/logout", &hint, ""),
        ("/nobody.test/oauth2/v2.0/logout", &hint, ""),
    ] {
        let fields =
            [("id_token_hint", hint), ("client_id", client), ("post_logout_redirect_uri", BACK)];
        let page = browser.open(&format!("{path}?{}", encode(&fields))).await.page();
        assert_eq!(page.heading(), "Sign out?", "{path} {hint:.20} {client}");
    }
    browser.open(&request(SILENT)).await.left().code(&server);
    let fields = [("id_token_hint", hint.as_str())];
    let common = format!("/common/oauth2/v2.0/logout?{}", encode(&fields));
    assert_eq!(browser.open(&common).await.page().heading(), "You are signed out");
}

#[tokio::test]
async fn a_logout_hint_names_the_account_that_is_asked_about() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    let page = browser.open(&request(&[("prompt", "select_account")])).await.page();
    let page = browser.submit(&page, &[("account", "")]).await.page();
    browser.sign_in(&page, "ada@acme.test").await;
    let asked = async |browser: &mut Browser<'_>, hint: &str| {
        let fields = [("logout_hint", hint)];
        browser.open(&format!("{LOGOUT}?{}", encode(&fields))).await.page()
    };
    let page = asked(&mut browser, "nobody@acme.test").await;
    let text = &page.answer.text;
    assert!(text.contains(BOB) && text.contains("ada@acme.test"), "{text}");
    let page = asked(&mut browser, "Bob@acme.test").await;
    let text = &page.answer.text;
    assert!(text.contains(BOB) && !text.contains("ada@acme.test"), "{text}");
    browser.submit(&page, &[("do", "sign-out")]).await.page();
    let landing = browser.open(&request(SILENT)).await;
    let landing = match landing {
        super::browser::Seen::Left(_) => landing.left(),
        super::browser::Seen::Page(page) => panic!("{}", page.answer.text),
    };
    assert_ne!(landing.refusal().1, 50_058, "ada is still signed in: {landing:?}");
    let bob = request(&[("prompt", "none"), ("login_hint", BOB)]);
    assert_eq!(browser.open(&bob).await.left().refusal().1, 50_058);
}
