//! `client_credentials` to the letter (RFC 6749 section 4.4).

use behalf_client::{Error, ScopeError, Source};

use crate::server::Reply;
use crate::world::{DAEMON, LEDGER, NOW, SECRET, Service, TestClock, granted};

fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn the_request_and_the_token() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    assert!(service.server.requests.lock().unwrap().is_empty(), "building asks nobody");

    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(
        format!("{token:?}"),
        "AccessToken { api://ledger, 59m, from: Network, \"eyJ…redacted\" }"
    );
    assert_eq!(token.expose(), "eyJ.ac3e0000-0000-4000-8000-000000000001.1");
    assert_eq!((token.expires_on(), token.scopes()), (NOW + 3599, LEDGER));

    let metadata = service.metadata_requests();
    assert_eq!(metadata.len(), 1);
    assert_eq!(
        (metadata[0].method.as_str(), metadata[0].path.as_str()),
        ("GET", "/acme.test/v2.0/.well-known/openid-configuration")
    );
    let requests = service.token_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "POST");
    assert_eq!(requests[0].path, "/ac3e0000-0000-4000-8000-000000000001/oauth2/v2.0/token");
    assert_eq!(
        pairs(&requests[0].form()),
        [
            ("client_id", DAEMON),
            ("grant_type", "client_credentials"),
            ("scope", LEDGER),
            ("client_secret", SECRET),
        ]
    );
    assert_eq!(requests[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(requests[0].header("accept"), Some("application/json"));
    assert_eq!(requests[0].header("return-client-request-id"), Some("true"));
    let id = requests[0].header("client-request-id").unwrap();
    assert!(uuid::Uuid::try_parse(id).is_ok(), "{id}");
    assert_eq!(requests[0].header("authorization"), None, "the secret is sent once");
}

#[tokio::test]
async fn numbers_may_be_strings_as_in_v1() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.answer(Reply::new(
        200,
        r#"{"token_type":"bearer","expires_in":"3599","ext_expires_in":"3599",
            "expires_on":"1795354939","not_before":"1","resource":"api://ledger","access_token":"t"}"#,
    ));
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!((token.expose(), token.expires_on()), ("t", NOW + 3599));
}

#[tokio::test]
async fn an_application_asks_for_one_resource_and_all_its_roles() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    for scopes in [&["api://ledger/Entries.Read"][..], &["api://a/.default", "api://b/.default"]] {
        let error = app.acquire_token_for_client(scopes.iter().copied()).await.unwrap_err();
        assert!(matches!(error, Error::Scopes(ScopeError::NotDefault(_))), "{error}");
    }
    let error = app.acquire_token_for_client(Vec::<String>::new()).await.unwrap_err();
    assert!(matches!(error, Error::Scopes(ScopeError::None)), "{error}");
    assert!(service.server.requests.lock().unwrap().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn answers_that_are_no_tokens_are_refused() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let odd = [
        String::new(),
        "[]".to_owned(),
        "<html>".to_owned(),
        r#"{"access_token":"leak"}"#.to_owned(),
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":""}"#.to_owned(),
        r#"{"token_type":"Bearer","expires_in":-1,"access_token":"leak"}"#.to_owned(),
        r#"{"token_type":"Bearer","expires_in":"soon","access_token":"leak"}"#.to_owned(),
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":["leak"]}"#.to_owned(),
        r#"{"token_type":"pop","expires_in":3599,"access_token":"leak"}"#.to_owned(),
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"leak\r\nX: y"}"#.to_owned(),
        format!(
            r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{}"}}"#,
            "x".repeat(64 * 1024 + 1)
        ),
        " ".repeat((1 << 20) + 1),
    ];
    for body in odd {
        service.answer(Reply::new(200, &body));
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert!(matches!(error, Error::Answer { status: 200, .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("leak"), "{error:?}");
    }
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(token.source(), Source::Network, "no failure is kept");
}

#[tokio::test]
async fn a_token_without_a_life_is_handed_out_and_not_kept() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.answer(granted("short", 0));
    assert_eq!(app.acquire_token_for_client([LEDGER]).await.unwrap().expose(), "short");
    let next = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(next.source(), Source::Network);
}
