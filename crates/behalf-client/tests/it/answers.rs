//! Whole answers, for programs that keep tokens themselves: nothing is cached, nothing is shown.

use behalf_client::Source;

use crate::server::Reply;
use crate::world::{DAEMON, LEDGER, NATIVE, SECRET, Service, TestClock, envelope};

const READ: &str = "api://ledger/Entries.Read";

fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn an_answer_is_whole_and_not_kept() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.answer(service.signed_in("eyJ.alice", "rt-1", None));
    let answer = app.acquire_token_on_behalf_of("eyJ.of.alice", [READ]).answer().await.unwrap();
    assert_eq!((answer.access_token(), answer.refresh_token()), ("eyJ.alice", Some("rt-1")));
    assert_eq!((answer.scope(), answer.expires_in()), (Some(READ), 3599));
    let json: serde_json::Value = serde_json::from_str(&answer.json()).unwrap();
    assert_eq!(json["ext_expires_in"], 3599, "as it came");
    let shown = format!("{answer:?}");
    assert!(
        shown.starts_with("TokenAnswer { scope: Some(\"api://ledger/Entries.Read\")"),
        "{shown}"
    );
    assert!(!shown.contains("eyJ") && !shown.contains("rt-1"), "{shown}");

    let token = app.acquire_token_on_behalf_of("eyJ.of.alice", [READ]).await.unwrap();
    assert_eq!(token.source(), Source::Network, "the answer was not kept");
    let again = app.acquire_token_on_behalf_of("eyJ.of.alice", [READ]).answer().await.unwrap();
    assert_ne!(again.access_token(), token.expose(), "and an answer is not taken from the cache");
}

#[tokio::test]
async fn the_v1_endpoint_takes_a_resource() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let v1 = r#"{"token_type":"Bearer","expires_in":"3599","resource":"api://ledger","access_token":"t"}"#;
    service.answer(Reply::new(200, v1));
    let answer = app.answer_for_resource("api://ledger").await.unwrap();
    assert_eq!((answer.access_token(), answer.expires_in(), answer.scope()), ("t", 3599, None));
    assert_eq!(answer.json(), v1);
    let request = service.requests("/oauth2/token").pop().unwrap();
    assert_eq!(request.path, "/acme.test/oauth2/token");
    assert_eq!(
        pairs(&request.form()),
        [
            ("client_id", DAEMON),
            ("grant_type", "client_credentials"),
            ("resource", "api://ledger"),
            ("client_secret", SECRET),
        ]
    );
}

#[tokio::test]
async fn refresh_tokens_of_elsewhere_are_redeemed() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    app.answer_by_refresh_token("rt-1", [READ]).await.unwrap();
    service.native_app(&TestClock::new()).answer_by_refresh_token("rt-2", [READ]).await.unwrap();
    let requests = service.token_requests();
    assert_eq!(requests[0].field("refresh_token").as_deref(), Some("rt-1"));
    assert_eq!(requests[0].field("client_secret").as_deref(), Some(SECRET));
    assert_eq!(requests[1].field("client_id").as_deref(), Some(NATIVE));
    assert_eq!(requests[1].field("client_secret"), None, "a public client has none");
}

#[tokio::test]
async fn refusals_are_typed_and_hold_no_secret() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let refused = || Reply::new(400, envelope("invalid_grant", 70_000, "rt-s3cret is not yours."));
    service.answer(refused());
    let error = app.answer_by_refresh_token("rt-s3cret", [READ]).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, [70_000]);
    assert!(!format!("{error} {error:?}").contains("rt-s3cret"), "{error:?}");
    assert_eq!(service.token_requests().len(), 1, "a rotated token is not sent twice");
    for odd in [vec![], vec!["two words"], vec!["\""]] {
        assert!(app.answer_by_refresh_token("rt-1", odd).await.is_err());
    }
    assert!(app.acquire_token_for_client([READ]).answer().await.is_err(), "no single scopes");
    assert_eq!(service.token_requests().len(), 1, "nothing was sent for those");
    let token = app.acquire_token_for_client([LEDGER]).answer().await;
    assert!(token.is_ok());
}
