//! Signing in on another device (RFC 8628).

use std::time::Duration;

use behalf_client::{DevicePrompt, Error};
use serde_json::{Value, json};

use crate::server::Reply;
use crate::world::{NATIVE, Service, TestClock, envelope};

const READ: &str = "api://ledger/Entries.Read";

fn code() -> Value {
    json!({
        "user_code": "ABCD1234E",
        "device_code": "the-device-code",
        "verification_uri": "https://login.acme.test/devicelogin",
        "expires_in": 900,
        "interval": 5,
        "message": "To sign in, use a web browser.\u{1b}[2J",
    })
}

fn refused(error: &str, code: u32) -> Reply {
    Reply::new(400, envelope(error, code, "Text."))
}

#[tokio::test]
async fn the_user_is_shown_the_code_and_waited_for() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.native_app(&clock);
    service.answer(Reply::new(200, code()));
    service.answer(refused("authorization_pending", 70_016));
    service.answer(refused("slow_down", 0));
    service.answer(Reply::new(502, "<html>"));
    service.answer(service.signed_in("eyJ.alice", "rt-1", None));
    let mut shown: Option<DevicePrompt> = None;
    let token = app
        .acquire_token_by_device_code([READ], |prompt| shown = Some(prompt.clone()))
        .await
        .unwrap();
    assert_eq!(token.expose(), "eyJ.alice");
    assert_eq!(app.accounts().len(), 1);

    let shown = shown.unwrap();
    assert_eq!(shown.verification_uri.as_str(), "https://login.acme.test/devicelogin");
    assert_eq!((shown.user_code.as_str(), shown.expires_in.as_secs()), ("ABCD1234E", 900));
    assert_eq!(shown.message, "To sign in, use a web browser. [2J", "no control characters");

    let asked = service.requests("/oauth2/v2.0/devicecode").pop().unwrap();
    let scope = "api://ledger/Entries.Read offline_access openid profile";
    let form = asked.form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(form, [("client_id", NATIVE), ("scope", scope)]);
    let polls = service.token_requests();
    assert_eq!(polls.len(), 4);
    for poll in &polls {
        let grant = poll.field("grant_type").unwrap();
        assert_eq!(grant, "urn:ietf:params:oauth:grant-type:device_code");
        assert_eq!(poll.field("device_code").as_deref(), Some("the-device-code"));
    }
    let waits: Vec<_> = clock.sleeps().iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [5, 5, 10, 20], "slower when told so, and after a poll that was lost");
}

#[tokio::test]
async fn it_ends_with_the_code_and_with_a_refusal() {
    for (error, code_number) in [
        ("authorization_declined", 70_019),
        ("bad_verification_code", 70_018),
        ("expired_token", 70_020),
    ] {
        let service = Service::start().await;
        let app = service.native_app(&TestClock::new());
        service.answer(Reply::new(200, code()));
        service.answer(refused(error, code_number));
        let refusal = app.acquire_token_by_device_code([READ], |_| ()).await.unwrap_err();
        assert_eq!(refusal.refusal().unwrap().error, error);
    }
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let mut short = code();
    short["expires_in"] = 12.into();
    service.answer(Reply::new(200, short));
    for _ in 0..10 {
        service.answer(refused("authorization_pending", 70_016));
    }
    let error = app.acquire_token_by_device_code([READ], |_| ()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut), "{error}");
    assert_eq!(service.token_requests().len(), 2, "at 5 and 10 s of 12");
}

#[tokio::test]
async fn an_answer_without_a_usable_code_shows_nothing() {
    let service = Service::start().await;
    let app = service.native_app(&TestClock::new());
    let mut plain = code();
    plain["verification_uri"] = "http://login.acme.test/devicelogin".into();
    let mut script = code();
    script["verification_uri"] = "javascript:alert(1)".into();
    for answer in [
        Reply::new(200, plain),
        Reply::new(200, script),
        Reply::new(200, "{}"),
        Reply::new(200, envelope("invalid_client", 7_000_218, "Not a public client.")),
        refused("invalid_scope", 70_011),
    ] {
        service.answer(answer);
        let shown = app.acquire_token_by_device_code([READ], |_| panic!("shown")).await;
        assert!(shown.is_err());
    }
    assert!(service.token_requests().is_empty());
}
