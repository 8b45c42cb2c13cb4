//! The pages on which a user lets a device in (RFC 8628 3.3, 5.4; protocol 8.5).

use behalf_core::application::SignInAudience;

use super::{
    browser::{Browser, DESK, TREND_API, grants, world},
    device_code::{ASK, BOB, SCOPES, URN, approve, ask, ask_at, enter, poll, refused},
};
use crate::common::{ACME, BASE, GLOBEX, TREND, encode};

#[tokio::test]
async fn a_picture_brings_the_code_along_and_nothing_more() {
    let server = world().await;
    let codes = ask(&server).await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&format!("/devicelogin?user_code={}", codes.user)).await.page();
    assert_eq!(page.heading(), "Enter the code that your device shows");
    assert!(page.answer.text.contains(&format!("value=\"{}\"", codes.user)));
    for hostile in ["%22%3E%3Cscript%3E", "BCDFGHJK0", "x"] {
        let page = browser.open(&format!("/devicelogin?user_code={hostile}")).await.page();
        assert!(page.answer.text.contains("value=\"\""), "{}", page.answer.text);
    }
}

#[tokio::test]
async fn who_is_signed_in_already_is_asked_all_the_same() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    approve(&mut browser, &ask(&server).await.user, BOB).await;
    let codes = ask(&server).await;
    let page = enter(&mut browser, &codes.user).await;
    assert_eq!(page.heading(), "Sign in to desk-app on your other device?");
    assert_eq!(poll(&server, &codes.device).await.refusal().2, 70_016);
    let page = browser.submit(&page, &[("do", "continue")]).await.page();
    assert_eq!(page.heading(), "You are signed in to desk-app on your device", "consented before");
}

#[tokio::test]
async fn v26_declined_on_whichever_page() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    for pages in 0..3 {
        let codes = ask(&server).await;
        let mut browser_of_its_own = Browser::new(&server);
        let browser = if pages == 2 { &mut browser } else { &mut browser_of_its_own };
        let mut page = enter(browser, &codes.user).await;
        if pages > 0 {
            page = browser.sign_in(&page, BOB).await.page();
        }
        if pages > 1 {
            page = browser.submit(&page, &[("do", "continue")]).await.page();
        }
        let page = browser.submit(&page, &[("do", "cancel")]).await.page();
        assert_eq!(page.heading(), "The device was not signed in");
        let told = poll(&server, &codes.device).await.refusal();
        assert_eq!(told, refused(65_004, "authorization_declined"), "{pages}");
        let page = enter(&mut Browser::new(&server), &codes.user).await;
        assert!(page.answer.text.contains("There is no such code"), "answered once");
    }
}

#[tokio::test]
async fn cn_10_forms_of_others_do_nothing() {
    let server = world().await;
    let codes = ask(&server).await;
    let mut browser = Browser::new(&server);
    let entrance = browser.open("/devicelogin").await.page();
    let signing_in = browser.submit(&entrance, &[("user_code", &codes.user)]).await.page();
    let confirm = browser.sign_in(&signing_in, BOB).await.page();
    for page in [&entrance, &confirm] {
        let fields = [("user_code", codes.user.as_str()), ("do", "continue")];
        browser.origin = Some("https://evil.test");
        assert_eq!(browser.post(page, &fields).await.status, 403, "another site");
        browser.origin = Some(BASE);
        let mut other = Browser::new(&server);
        other.open("/devicelogin").await.page();
        assert_eq!(other.post(page, &fields).await.status, 403, "another browser");
    }
    let body = encode(&[("user_code", codes.user.as_str())]);
    assert_eq!(browser.send("POST", "/devicelogin", body).await.status, 400, "no seal");
    assert_eq!(poll(&server, &codes.device).await.refusal().2, 70_016);
}

#[tokio::test]
async fn no_page_can_be_framed_or_load_anything() {
    let server = world().await;
    let page = Browser::new(&server).open("/devicelogin").await.page();
    assert_eq!(page.answer.header("x-frame-options"), Some("DENY"));
    let policy = page.answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with("form-action 'self'"));
}

#[tokio::test]
async fn who_may_not_consent_leaves_the_device_waiting() {
    let server = world().await;
    let client = DESK.to_string();
    let form = [("client_id", client.as_str()), ("scope", "api://orders/Orders.Manage")];
    let codes = ask_at(&server, ASK, &form).await;
    let mut browser = Browser::new(&server);
    let page = enter(&mut browser, &codes.user).await;
    let page = browser.sign_in(&page, BOB).await.page();
    let page = browser.submit(&page, &[("do", "continue")]).await.page();
    assert!(page.answer.text.contains("administrator"), "{}", page.answer.text);
    assert_eq!(poll(&server, &codes.device).await.refusal().2, 70_016);
    let page = approve(&mut Browser::new(&server), &codes.user, "ada@acme.test").await;
    assert_eq!(page.heading(), "You are signed in to desk-app on your device");
    assert_eq!(poll(&server, &codes.device).await.token().1["scp"], "Orders.Manage");
}

#[tokio::test]
async fn under_common_the_user_says_which_directory() {
    let server = world().await;
    server.edit(TREND, |trend| trend.fallback_public_client = true).await;
    let client = TREND.to_string();
    let (ask, token) = ("/common/oauth2/v2.0/devicecode", "/common/oauth2/v2.0/token");
    let scope = format!("openid offline_access api://{TREND_API}/Trends.Read");
    let codes = ask_at(&server, ask, &[("client_id", &client), ("scope", &scope)]).await;
    let form = [("grant_type", URN), ("client_id", &*client), ("device_code", &*codes.device)];
    assert_eq!(server.post(token, &form).await.refusal(), refused(70_016, "authorization_pending"));
    let page = approve(&mut Browser::new(&server), &codes.user, "ada@acme.test").await;
    assert_eq!(page.heading(), "You are signed in to trend-report on your device");
    let at_home = server.post("/globex.test/oauth2/v2.0/token", &form).await;
    assert_eq!(at_home.refusal().2, 70_018, "she is not of the application's directory");
    let answer = server.post(token, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.token().1["tid"], ACME.to_string());
    assert_eq!(grants(&server, ACME, TREND).await.len(), 1);
    assert!(grants(&server, GLOBEX, TREND).await.is_empty());
    let again = server.post(token, &form).await;
    assert_eq!(again.refusal(), refused(70_018, "bad_verification_code"));
}

#[tokio::test]
async fn an_application_of_one_directory_has_no_place_under_common() {
    let server = world().await;
    let path = "/organizations/oauth2/v2.0/devicecode";
    let told = async |client: &str| {
        let form = [("client_id", client), ("scope", SCOPES)];
        server.post(path, &form).await.refusal()
    };
    assert_eq!(told(&DESK.to_string()).await, refused(50_194, "invalid_request"));
    let nobody = told("00000000-0000-4000-8000-00000000000a").await;
    assert_eq!(nobody, refused(700_016, "unauthorized_client"));
    assert_eq!(told("x").await.2, 700_016);
    // Made one of many while the device waited, and back.
    server.edit(DESK, |desk| desk.audience = SignInAudience::Multi).await;
    let client = DESK.to_string();
    let codes = ask_at(&server, path, &[("client_id", &client), ("scope", SCOPES)]).await;
    server.edit(DESK, |desk| desk.audience = SignInAudience::Single).await;
    let form = [("grant_type", URN), ("client_id", &*client), ("device_code", &*codes.device)];
    let told = server.post("/common/oauth2/v2.0/token", &form).await.refusal();
    assert_eq!(told, refused(50_194, "invalid_request"));
    let page = enter(&mut Browser::new(&server), &codes.user).await;
    assert_eq!(page.heading(), "We do not know the application that sent you here");
}
