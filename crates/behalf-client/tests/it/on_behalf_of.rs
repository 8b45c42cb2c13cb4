//! On-behalf-of (`requested_token_use=on_behalf_of`).

use behalf_client::{RefusalKind, Source};

use crate::server::Reply;
use crate::world::{DAEMON, SECRET, Service, TestClock, envelope, granted};

const READ: &str = "api://ledger/Entries.Read";

#[tokio::test]
async fn the_request_to_the_letter() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let token = app.acquire_token_on_behalf_of("eyJ.of.alice", [READ]).await.unwrap();
    assert_eq!(token.scopes(), READ);
    let form = service.token_requests()[0].form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("client_id", DAEMON),
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("scope", READ),
            ("assertion", "eyJ.of.alice"),
            ("client_secret", SECRET),
        ]
    );
}

#[tokio::test]
async fn tokens_are_kept_by_user_token_and_scopes() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let write = "api://ledger/Entries.Write";
    let first = app.acquire_token_on_behalf_of("alice", [READ, write]).await.unwrap();
    let again = app.acquire_token_on_behalf_of("alice", [write, READ, READ]).await.unwrap();
    assert_eq!(again.source(), Source::Cache, "the order of scopes means nothing");
    assert_eq!(first.expose(), again.expose());
    for (assertion, scopes) in [("bob", vec![READ, write]), ("alice", vec![READ])] {
        let other = app.acquire_token_on_behalf_of(assertion, scopes).await.unwrap();
        assert_eq!(other.source(), Source::Network);
        assert_ne!(other.expose(), first.expose());
    }
}

#[tokio::test]
async fn missing_consent_is_told_apart_from_a_second_factor() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());

    let mut consent = envelope("invalid_grant", 65_001, "No consent.");
    consent["suberror"] = "consent_required".into();
    service.answer(Reply::new(400, consent));
    let error = app.acquire_token_on_behalf_of("alice", [READ]).await.unwrap_err();
    assert_eq!(error.kind(), Some(RefusalKind::ConsentRequired));
    assert!(error.is_interaction_required());

    let claims = r#"{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}"#;
    let mut factor = envelope("invalid_grant", 50_076, "MFA.");
    factor["suberror"] = "basic_action".into();
    factor["claims"] = claims.into();
    service.answer(Reply::new(400, factor));
    let error = app.acquire_token_on_behalf_of("alice", [READ]).await.unwrap_err();
    assert_eq!(error.kind(), Some(RefusalKind::InteractionRequired));
    assert_eq!(error.refusal().unwrap().claims.as_deref(), Some(claims));
    assert!(app.acquire_token_on_behalf_of("alice", [READ]).await.is_ok(), "refusals are not kept");
}

#[tokio::test]
async fn no_error_repeats_the_users_token() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let text = "The token eyJ.of.alice is not for you.";
    service.answer(Reply::new(400, envelope("invalid_grant", 500_131, text)));
    let error = app.acquire_token_on_behalf_of("eyJ.of.alice", [READ]).await.unwrap_err();
    assert_eq!(error.kind(), Some(RefusalKind::Request), "no sign-in helps");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("eyJ.of.alice"), "{shown}");
    assert!(shown.contains("The token (secret) is not for you."), "{shown}");
}

#[tokio::test]
async fn a_token_that_was_renewed_is_the_users_own() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    service.answer(granted("alices-first", 600));
    app.acquire_token_on_behalf_of("alice", [READ]).await.unwrap();
    clock.advance(600);
    service.answer(granted("alices-second", 600));
    let token = app.acquire_token_on_behalf_of("alice", [READ]).await.unwrap();
    assert_eq!(token.expose(), "alices-second");
    assert_eq!(service.token_requests()[1].field("assertion").as_deref(), Some("alice"));
}
