//! From a click on "sign in" to a code (protocol 8.2): the pages a user sees and what the
//! application gets.

use std::time::Duration;

use behalf_core::ticket::{AuthenticationMethod, Requested};

use super::browser::{
    BACK, Browser, CHALLENGE, DESK, SPA, Seen, WEB, edit_user, request, user_id, world,
};
use crate::common::{ACME, BASE, GLOBEX, encode};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const BOB: &str = "bob@acme.test";

#[tokio::test]
async fn sign_in_consent_code() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    assert_eq!(page.heading(), "Sign in to desk-app");
    let page = browser.sign_in(&page, "Bob@Acme.Test").await.page();
    assert_eq!(page.heading(), "Allow desk-app?");
    assert!(page.answer.text.contains("Read your orders"), "{}", page.answer.text);
    let landing = browser.submit(&page, &[("do", "accept")]).await.left();

    assert!(landing.location.starts_with("http://localhost:49152/?code="), "{landing:?}");
    assert!(landing.location.ends_with('#'));
    assert_eq!(landing.get("state"), "s-1");
    assert_eq!(landing.get("iss"), format!("{BASE}/{ACME}/v2.0"), "AZ-14");
    assert!(!landing.get("client_info").is_empty() && !landing.get("session_state").is_empty());
    let (tenant, code) = landing.code(&server);
    assert_eq!((tenant, code.user), (ACME, user_id(BOB)));
    assert_eq!(code.client.app_id, DESK);
    assert_eq!((code.client.confidential, code.client.spa), (false, false));
    assert_eq!(code.redirect_uri, BACK);
    assert_eq!(code.challenge.unwrap().expose(), CHALLENGE);
    assert_eq!(code.nonce.as_deref(), Some("n-1"));
    let requested = Requested {
        resource: Some("api://orders".into()),
        scopes: vec!["Orders.Read".into()],
        openid: ["openid", "profile", "offline_access"].map(str::to_owned).into(),
    };
    assert_eq!(code.requested, requested);
    assert_eq!(code.sign_in.methods, [AuthenticationMethod::Password]);

    // The next time nobody is asked anything.
    let again = browser.open(&request(&[])).await.left();
    assert_eq!(again.code(&server).1.user, user_id(BOB));
    assert_ne!(again.get("code"), landing.get("code"));
}

#[tokio::test]
async fn a_code_of_the_browser_is_redeemed_for_tokens() {
    let server = world().await;
    let landing = Browser::new(&server).whole_way(&request(&[]), BOB).await;
    let client = DESK.to_string();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", landing.get("code")),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = server.post("/acme.test/oauth2/v2.0/token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, claims) = answer.token();
    assert_eq!((&claims["scp"], &claims["tid"]), (&"Orders.Read".into(), &ACME.to_string().into()));
    assert_eq!(claims["oid"], user_id(BOB).to_string());
    assert!(answer.json()["refresh_token"].is_string() && answer.json()["id_token"].is_string());
}

#[tokio::test]
async fn v1_names_a_resource_and_may_leave_out_the_only_redirect_uri() {
    let server = world().await;
    let client = WEB.to_string();
    let fields = [
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("resource", "api://orders"),
        ("state", "s"),
    ];
    let path = format!("/acme.test/oauth2/authorize?{}", encode(&fields));
    let landing = Browser::new(&server).whole_way(&path, BOB).await;
    assert!(landing.location.starts_with("https://web.test/cb?x=1&code="), "{landing:?}");
    assert_eq!(landing.get("iss"), format!("{BASE}/{ACME}/"));
    let (_, code) = landing.code(&server);
    assert!(code.client.confidential && code.challenge.is_none());
    assert_eq!(code.requested.resource.as_deref(), Some("api://orders"));
}

#[tokio::test]
async fn the_answer_goes_by_fragment_or_form_where_that_is_asked_for() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    let landing = browser.open(&request(&[("response_mode", "fragment")])).await.left();
    assert!(landing.location.starts_with("http://localhost:49152/#code="), "{landing:?}");
    let page = browser.open(&request(&[("response_mode", "form_post")])).await.page();
    assert_eq!(page.action(), BACK);
    assert_eq!(page.field("state"), "s-1");
    assert!(!page.field("code").is_empty());
    assert_eq!(page.answer.header("referrer-policy"), Some("origin"), "the form says from where");
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action 'self' http://localhost:* http://127.0.0.1:* https:"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_request_by_form_is_the_same_as_by_query() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let path = request(&[]);
    let (path, query) = path.split_once('?').unwrap();
    let answer = browser.send("POST", path, query.to_owned()).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location").unwrap(), format!("{path}?{query}"));
}

#[tokio::test]
async fn with_common_the_domain_of_the_name_says_which_directory() {
    let server = world().await;
    let path = request(&[]).replace("/acme.test/", "/common/");
    let page = Browser::new(&server).open(&path).await.page();
    assert_eq!(page.answer.status, 400);
    assert!(page.answer.text.contains("AADSTS50194"), "desk-app is Acme's alone");

    server.edit(DESK, |app| app.audience = behalf_core::application::SignInAudience::Multi).await;
    let landing = Browser::new(&server).whole_way(&path, BOB).await;
    assert_eq!(landing.get("iss"), format!("{BASE}/{{tenantid}}/v2.0"));
    assert_eq!(landing.code(&server).0, ACME);
    // Globex does not know orders-api, and a sign-in alone needs no API.
    let path = path.replace("api%3A%2F%2Forders%2FOrders.Read", "");
    let landing = Browser::new(&server).whole_way(&path, "gus@globex.test").await;
    assert_eq!(landing.code(&server).0, GLOBEX);
}

#[tokio::test]
async fn az_18_prompts_and_the_age_of_a_sign_in() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let silent = request(&[("prompt", "none")]);
    assert_eq!(browser.open(&silent).await.left().refusal(), ("login_required", 50_058));
    let page = browser.open(&request(&[])).await.page();
    let page = browser.sign_in(&page, BOB).await.page();
    assert_eq!(browser.open(&silent).await.left().refusal(), ("consent_required", 65_001));
    browser.submit(&page, &[("do", "accept")]).await.left();
    browser.open(&silent).await.left().code(&server);

    let page = browser.open(&request(&[("prompt", "login")])).await.page();
    assert_eq!(page.heading(), "Sign in to desk-app");
    let first = browser.cookies["__Host-behalf-session"].clone();
    browser.sign_in(&page, BOB).await.left().code(&server);
    assert_ne!(browser.cookies["__Host-behalf-session"], first, "CN-08: a new session");

    server.clock.advance(Duration::from_secs(61));
    browser.open(&request(&[("max_age", "61")])).await.left().code(&server);
    for age in ["0", "1", "60"] {
        let page = browser.open(&request(&[("max_age", age)])).await.page();
        assert_eq!(page.heading(), "Sign in to desk-app", "{age}");
        if age == "60" {
            browser.sign_in(&page, BOB).await.left().code(&server);
        }
    }
    for (name, value, expected) in [
        ("max_age", "-1", ("invalid_request", 90_100)),
        ("prompt", "none login", ("invalid_request", 90_100)),
    ] {
        assert_eq!(browser.open(&request(&[(name, value)])).await.left().refusal(), expected);
    }
    let page = browser.open(&request(&[("prompt", "consent")])).await.page();
    assert_eq!(page.heading(), "Allow desk-app?", "consent is asked for again");
    browser.submit(&page, &[("do", "accept")]).await.left().code(&server);
}

#[tokio::test]
async fn who_asks_for_the_age_of_a_sign_in_is_told_when_it_was() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let signed_in = server.server.clock.now().unix_seconds();
    browser.whole_way(&request(&[]), BOB).await;
    server.clock.advance(Duration::from_secs(30));
    let wanted = r#"{"id_token":{"auth_time":{"essential":true}}}"#;
    for (field, value, expected) in [
        ("max_age", "60", Some(signed_in)),
        ("claims", wanted, Some(signed_in)),
        ("claims", r#"{"access_token":{"auth_time":null}}"#, None),
        ("state", "s-2", None),
    ] {
        let landing = browser.open(&request(&[(field, value)])).await.left();
        let client = DESK.to_string();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", landing.get("code")),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        let answer = server.post("/acme.test/oauth2/v2.0/token", &form).await;
        let id_token = answer.text_of("id_token");
        let payload = behalf_jose::base64url::decode(id_token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["auth_time"].as_i64(), expected, "{field}={value}");
    }
}

#[tokio::test]
async fn several_accounts() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.whole_way(&request(&[]), BOB).await;
    let page = browser.open(&request(&[("prompt", "select_account")])).await.page();
    assert!(page.answer.text.contains(BOB));
    let page = browser.submit(&page, &[("account", "other")]).await.page();
    let Seen::Page(page) = browser.sign_in(&page, "ada@acme.test").await else { panic!() };
    let ada = browser.submit(&page, &[("do", "accept")]).await.left().code(&server).1;
    assert_eq!(ada.user, user_id("ada@acme.test"));

    let page = browser.open(&request(&[])).await.page();
    assert_eq!(page.answer.text.matches("class=\"account\"").count(), 3, "bob, ada, another");
    assert_eq!(
        browser.open(&request(&[("prompt", "none")])).await.left().refusal(),
        ("interaction_required", 16_000)
    );
    let hinted = request(&[("login_hint", BOB), ("prompt", "none")]);
    assert_eq!(browser.open(&hinted).await.left().code(&server).1.user, user_id(BOB));
    let session = ada.sign_in.session.to_string();
    let landing = browser.submit(&page, &[("account", &session)]).await.left();
    assert_eq!(landing.code(&server).1.user, user_id("ada@acme.test"));
    // Somebody else's session id chooses nothing.
    let other = uuid::Uuid::from_u128(1).to_string();
    let seen = browser.submit(&page, &[("account", &other)]).await.page();
    assert!(seen.heading().starts_with("Sign in to"));
}

#[tokio::test]
async fn cancelling_anywhere_goes_back_with_access_denied() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let landing = browser.submit(&page, &[("do", "cancel")]).await.left();
    assert_eq!(landing.refusal(), ("access_denied", 65_004));
    assert_eq!((landing.get("error_subcode"), landing.get("state")), ("cancel", "s-1"));
    let page = browser.sign_in(&page, BOB).await.page();
    let landing = browser.submit(&page, &[("do", "cancel")]).await.left();
    assert_eq!(landing.refusal(), ("access_denied", 65_004));
}

#[tokio::test]
async fn a_single_page_application_needs_pkce_and_is_told_from_a_server() {
    let server = world().await;
    let client = SPA.to_string();
    let changes = [
        ("client_id", client.as_str()),
        ("redirect_uri", "https://spa.test/"),
        ("scope", "openid"),
        ("response_mode", "fragment"),
    ];
    let mut browser = Browser::new(&server);
    let without = [&changes[..], &[("code_challenge", ""), ("code_challenge_method", "")]].concat();
    let landing = browser.open(&request(&without)).await.left();
    assert_eq!(landing.refusal(), ("invalid_request", 9_002_325));
    let landing = browser.whole_way(&request(&changes), BOB).await;
    let (_, code) = landing.code(&server);
    assert!(code.client.spa && !code.client.confidential);
    assert_eq!((code.requested.resource, code.requested.openid), (None, vec!["openid".into()]));
}

#[tokio::test]
async fn a_second_factor_is_asked_for_where_there_is_one_and_demanded_where_an_api_says_so() {
    use behalf_server::session::totp::TotpSecret;
    let server = world().await;
    server.edit(super::browser::ORDERS, |app| app.require.mfa = true).await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let landing = browser.sign_in(&page, BOB).await.left();
    assert_eq!(landing.refusal().1, 50_079, "bob has none");

    let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let master = &server.server.authentication.master;
    let sealed = secret.seal((ACME, user_id(BOB)), master, &*server.server.entropy).unwrap();
    edit_user(&server, BOB, |bob| {
        bob.totp = Some(behalf_core::user::Totp { sealed_secret: sealed, last_step: 0 });
    })
    .await;
    let silent = request(&[("prompt", "none")]);
    let landing = browser.open(&silent).await.left();
    assert_eq!(landing.refusal(), ("interaction_required", 50_076));
    // The session is stepped up, without the password.
    let page = browser.open(&request(&[])).await.page();
    assert_eq!(page.heading(), "Enter the code of your authenticator app");
    let wrong = browser.submit(&page, &[("code", "000000"), ("do", "verify")]).await.page();
    assert!(wrong.answer.text.contains("role=\"alert\""));
    let code = totp(&server);
    let page = browser.submit(&wrong, &[("code", &code), ("do", "verify")]).await.page();
    assert_eq!(page.heading(), "Allow desk-app?");
    let landing = browser.submit(&page, &[("do", "accept")]).await.left();
    let methods = landing.code(&server).1.sign_in.methods;
    assert!(methods.contains(&AuthenticationMethod::MultiFactor));

    // A new browser: password and code; a code counts once.
    let mut other = Browser::new(&server);
    let page = other.open(&request(&[])).await.page();
    let page = other.sign_in(&page, BOB).await.page();
    assert!(!other.cookies.contains_key("__Host-behalf-session"), "half a sign-in is none");
    let page = other.submit(&page, &[("code", &code), ("do", "verify")]).await.page();
    assert!(page.answer.text.contains("role=\"alert\""), "used before");
    server.clock.advance(Duration::from_secs(30));
    let code = totp(&server);
    other.submit(&page, &[("code", &code), ("do", "verify")]).await.left().code(&server);
}

/// The code of the secret of RFC 6238 appendix B.
pub(crate) fn totp(server: &crate::common::TestServer) -> String {
    use aws_lc_rs::hmac;
    let step = u64::try_from(server.server.clock.now().unix_seconds()).unwrap() / 30;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345678901234567890");
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let bytes: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000)
}
