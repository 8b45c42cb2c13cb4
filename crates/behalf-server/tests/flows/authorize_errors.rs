//! Requests that are wrong or hostile (security.md H): a page where nobody can be trusted, else an
//! error at the application; and what no page may allow.

use behalf_server::state::ErrorPages;

use super::browser::{Browser, DESK, peopled, request, world};
use crate::common::{ACME, BASE, TestServer};

const BOB: &str = "bob@acme.test";

#[tokio::test]
async fn az_01_06_07_08_11_nothing_is_redirected_to_an_address_that_is_not_registered() {
    let server = world().await;
    for uri in [
        "https://evil.test/",
        "http://localhost:49152/other",
        "http://localhost.evil.test/",
        "http://localhost@evil.test/",
        "http://LOCALHOST/",
        "http://127.0.0.1/",
        "http://localhost/?added=1",
        "http://localhost/#fragment",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.test",
    ] {
        let page = Browser::new(&server).open(&request(&[("redirect_uri", uri)])).await.page();
        assert_eq!(page.answer.status, 400, "{uri}");
        assert!(page.answer.text.contains("AADSTS50011"), "{uri}");
        assert!(!page.answer.text.contains("registered:"), "nothing is told to anybody: {uri}");
    }
    for (changes, code) in [
        (vec![("redirect_uri", "")], 900_144),
        (vec![("client_id", "")], 900_144),
        (vec![("client_id", "<script>")], 700_016),
        (vec![("client_id", "11111111-0000-4000-8000-000000000000")], 700_016),
    ] {
        let page = Browser::new(&server).open(&request(&changes)).await.page();
        let text = format!("AADSTS{code}");
        assert!(page.answer.text.contains(&text), "{changes:?}: {}", page.answer.text);
        assert!(!page.answer.text.contains("<script>"), "AZ-21");
    }
    let twice = format!("{}&redirect_uri=https://evil.test/", request(&[]));
    let page = Browser::new(&server).open(&twice).await.page();
    assert!(page.answer.text.contains("AADSTS9000411"));
    let elsewhere = request(&[]).replace("/acme.test/", "/globex.test/");
    let page = Browser::new(&server).open(&elsewhere).await.page();
    assert!(page.answer.text.contains("AADSTS700016"), "another directory's own application");
    let nowhere = request(&[]).replace("/acme.test/", "/nowhere.test/");
    let page = Browser::new(&server).open(&nowhere).await.page();
    assert!(page.answer.text.contains("AADSTS90002"));
}

#[tokio::test]
async fn an_administrator_sees_what_is_registered() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), "ada@acme.test").await;
    let page = browser.open(&request(&[("redirect_uri", "http://localhost/x")])).await.page();
    assert!(page.answer.text.contains("desk-app has registered: http://localhost"));
    assert!(page.answer.text.contains("# desk-app, in its manifest\nredirects: [URI]"));
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    let page = browser.open(&request(&[("redirect_uri", "http://localhost/x")])).await.page();
    assert!(!page.answer.text.contains("has registered"));
}

#[tokio::test]
async fn in_development_the_page_tells_everybody_the_whole_reason() {
    let server = TestServer::with(|settings| settings.error_pages = ErrorPages::ForEverybody).await;
    let server = peopled(server).await;
    let uri = "http://localhost/x";
    let page = Browser::new(&server).open(&request(&[("redirect_uri", uri)])).await.page();
    let text = &page.answer.text;
    assert!(text.contains("desk-app has registered: http://localhost"), "{text}");
    assert!(text.contains("redirects: [URI]") && text.contains(uri), "{text}");
    // Elsewhere the same page says what anybody may know.
    let server = world().await;
    let page = Browser::new(&server).open(&request(&[("redirect_uri", uri)])).await.page();
    let text = &page.answer.text;
    assert!(!text.contains("desk-app") && !text.contains(uri), "{text}");
    assert!(text.contains("AADSTS50011"), "{text}");
    let id = page.answer.header("x-ms-request-id").unwrap();
    assert!(text.contains(id) && text.contains("2026-11-22"), "{text}");
}

#[tokio::test]
async fn az_12_13_17_what_is_wrong_with_the_request_goes_to_the_application() {
    let server = world().await;
    let long = "x".repeat(2049);
    for (name, value, error, code) in [
        ("response_mode", "jwt", "invalid_request", 70_007),
        ("response_mode", "query.jwt", "invalid_request", 70_007),
        ("response_type", "token", "unsupported_response_type", 700_054),
        ("response_type", "code id_token", "unsupported_response_type", 700_054),
        ("response_type", "nonsense", "unsupported_response_type", 70_005),
        ("response_type", "", "invalid_request", 900_144),
        ("request", "eyJ", "request_not_supported", 90_100),
        ("request_uri", "http://127.0.0.1:1/x", "request_uri_not_supported", 90_100),
        ("state", &long, "invalid_request", 90_015),
        ("code_challenge", "short", "invalid_request", 501_491),
        ("scope", "", "invalid_request", 900_144),
        ("claims", "{", "invalid_request", 90_100),
        ("resource", "api://orders", "invalid_request", 901_002),
    ] {
        let landing = Browser::new(&server).open(&request(&[(name, value)])).await.left();
        assert!(landing.location.starts_with("http://localhost:49152/"), "{landing:?}");
        assert_eq!(landing.refusal(), (error, code), "{name}={value:.20}");
        assert_eq!(landing.get("iss"), format!("{BASE}/{ACME}/v2.0"), "AZ-14: {name}");
        assert!(landing.get("code").is_empty());
    }
    let state = "<b>\r\nX-Evil: 1 \"'&%+ü";
    let landing = Browser::new(&server).whole_way(&request(&[("state", state)]), BOB).await;
    assert_eq!(landing.get("state"), state, "AZ-13: byte for byte");
}

#[tokio::test]
async fn what_is_kept_while_the_user_signs_in_is_never_cut() {
    let server = world().await;
    let (state, hint, domain) = ("%".repeat(2048), "h".repeat(512), "d".repeat(253));
    let landing = Browser::new(&server).whole_way(&request(&[("state", &state)]), BOB).await;
    assert_eq!(landing.get("state"), state);
    let plain = "s".repeat(2048);
    let scopes = |length: usize| {
        let one = |n| format!("api://orders/{}{n:02}", "S".repeat(length));
        (0..90).map(one).collect::<Vec<_>>().join(" ")
    };
    let (long, longest) = (scopes(70), scopes(75));
    let mut at_their_bounds = vec![
        ("state", plain.as_str()),
        ("nonce", &hint),
        ("login_hint", &hint),
        ("domain_hint", &domain),
        ("scope", &long),
    ];
    let page = Browser::new(&server).open(&request(&at_their_bounds)).await.page();
    assert!(page.heading().starts_with("Sign in to"), "{}", page.heading());
    // What fits into nothing that could be kept is refused.
    let claims = format!(r#"{{"id_token":{{"x":{{"value":"{}"}}}}}}"#, "c".repeat(7000));
    at_their_bounds.extend([("scope", longest.as_str()), ("claims", &claims)]);
    let landing = Browser::new(&server).open(&request(&at_their_bounds)).await.left();
    assert_eq!(landing.refusal(), ("invalid_request", 90_015));
}

#[tokio::test]
async fn az_19_20_hints_are_text_and_switch_nothing() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let hint = "\"><script>alert(1)</script>";
    let path = request(&[("login_hint", hint), ("domain_hint", hint), ("ui_locales", hint)]);
    let page = browser.open(&path).await.page();
    assert!(!page.answer.text.contains("<script>alert"), "{}", page.answer.text);
    let landing = browser.open(&request(&[("login_hint", &"x".repeat(513))])).await.left();
    assert_eq!(landing.refusal().1, 90_015);
    browser.whole_way(&request(&[]), BOB).await;
    let forged = "eyJhbGciOiJub25lIn0.eyJvaWQiOiJhZGEifQ.";
    let landing = browser.open(&request(&[("id_token_hint", forged)])).await.left();
    assert_eq!(landing.code(&server).1.user, super::browser::user_id(BOB));
}

#[tokio::test]
async fn az_21_24_no_page_is_framed_kept_scripted_or_told_to_others() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let sign_in = browser.open(&request(&[])).await.page();
    let consent = browser.sign_in(&sign_in, BOB).await.page();
    let problem = browser.open(&request(&[("redirect_uri", "https://evil.test")])).await.page();
    for page in [sign_in, consent, problem] {
        let answer = &page.answer;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"));
        assert!(!policy.contains("evil.test"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_disabled_application_is_told_so() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    server.edit_principal(DESK, |principal| principal.disabled = true).await;
    let landing = browser.open(&request(&[])).await.left();
    assert_eq!(landing.refusal(), ("unauthorized_client", 7_000_112));
    server.edit_principal(DESK, |principal| principal.disabled = false).await;
    server.edit(DESK, |app| app.disabled = true).await;
    let landing = browser.open(&request(&[])).await.left();
    assert_eq!(landing.refusal(), ("unauthorized_client", 7_000_112));
}

#[tokio::test]
async fn users_who_are_not_assigned_get_no_code() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    super::browser::assigned_only(&server, DESK).await;
    let landing = browser.open(&request(&[])).await.left();
    assert_eq!(landing.refusal().1, 50_105);
}
