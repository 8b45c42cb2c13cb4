//! Refusals, as the live service was recorded to make them, and answers of others.

use std::time::Duration;

use behalf_client::{ConfidentialClient, Credential, Error, RefusalKind};

use crate::server::{Reply, Server};
use crate::world::{
    CORRELATION, DAEMON, LEDGER, SECRET, Service, TRACE, TestClock, envelope, refused,
};

#[tokio::test]
async fn recorded_refusals_are_typed() {
    use RefusalKind::{Credential, Request};
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    for (status, error, code, kind) in [
        (401, "invalid_client", 7_000_215, Credential),
        (400, "invalid_resource", 500_011, Request),
        (400, "unsupported_grant_type", 70_003, Request),
        (400, "unauthorized_client", 700_038, Request),
    ] {
        service.answer(refused(status, error, code, "Text."));
        let refusal = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert!(!refusal.is_retryable());
        assert_eq!(refusal.kind(), Some(kind), "{error}");
        let refusal = refusal.refusal().unwrap();
        assert_eq!((refusal.error.as_str(), refusal.status), (error, status));
        assert_eq!(refusal.codes, [code]);
        assert_eq!(refusal.trace_id.as_deref(), Some(TRACE));
        assert_eq!(refusal.correlation_id.as_deref(), Some(CORRELATION));
        let text = refusal.to_string();
        assert!(text.starts_with(&format!("{error}: AADSTS{code}: Text.")), "{text}");
        assert!(text.contains(" What to do: "), "{text}");
    }
}

#[tokio::test]
async fn a_text_of_the_server_is_fit_for_a_log() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let text = format!("The secret {SECRET} is wrong.\r\nINFO all is well {}", "x".repeat(9000));
    service.answer(refused(401, "invalid_client", 7_000_215, &text));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(error.to_string().len() < 5000, "{}", error.to_string().len());
}

#[tokio::test]
async fn half_an_envelope_is_enough() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.answer(Reply::new(
        400,
        r#"{"error":"invalid_request","error_codes":["x",1e99,-1,90014],"suberror":"","claims":""}"#,
    ));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.codes, [90_014]);
    assert_eq!((refusal.suberror.as_deref(), refusal.claims.as_deref()), (None, None));
    let sent = service.token_requests()[0].header("client-request-id").map(str::to_owned);
    assert_eq!(refusal.correlation_id, sent, "what was sent, where nothing came back");
}

#[tokio::test]
async fn cl_07_no_redirect_is_followed_with_the_credential() {
    let service = Service::start().await;
    let other = Service::start().await;
    let app = service.daemon(&TestClock::new());
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/acme.test/oauth2/v2.0/token", other.server.base);
        service.answer(Reply::new(status, "").with("location", to));
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert!(error.to_string().contains("a redirect is not followed"), "{error}");
    }
    assert!(other.server.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_error_is_tried_again_a_few_times() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    service.answer(Reply::new(502, "<html>"));
    service.answer(Reply::new(500, envelope("server_error", 90_033, "Try again.")));
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
    assert_eq!(clock.sleeps(), [Duration::from_millis(500), Duration::from_secs(2)]);
    assert_eq!(service.token_requests().len(), 3);

    for _ in 0..3 {
        service.answer(Reply::new(504, ""));
    }
    let error = app.acquire_token_for_client(["api://orders/.default"]).await.unwrap_err();
    assert!(matches!(error, Error::Answer { status: 504, .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!(service.token_requests().len(), 6, "three times, not more");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let app = ConfidentialClient::builder(format!("https://localhost:{port}/acme.test"), DAEMON)
        .credential(Credential::secret(SECRET))
        .ca_file(service.server.ca_file.path())
        .clock(clock.clone())
        .build()
        .unwrap();
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { unsent: true, .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("https://localhost:{port}/")), "{error}");
    assert!(error.is_retryable());
    assert_eq!(clock.sleeps().len(), 2);
}

#[tokio::test]
async fn cl_08_a_server_that_cannot_prove_who_it_is_is_not_asked() {
    let (service, other) = (Service::start().await, Service::start().await);
    let expired = Server::start_as(
        |leaf| leaf.not_after = rcgen::date_time_ymd(2020, 1, 1),
        |_| Box::new(|_| Box::pin(async { Reply::new(200, "{}") })),
    )
    .await;
    let own_ca = |server: &Server| server.ca_file.path().to_owned();
    for (authority, ca_file, server) in [
        (service.server.base.clone(), own_ca(&other.server), &service.server),
        (expired.base.clone(), own_ca(&expired), &expired),
        // The certificate is for localhost.
        (
            service.server.base.replace("localhost", "127.0.0.1"),
            own_ca(&service.server),
            &service.server,
        ),
    ] {
        let app = ConfidentialClient::builder(format!("{authority}/acme.test"), DAEMON)
            .credential(Credential::secret(SECRET))
            .ca_file(ca_file)
            .clock(TestClock::new())
            .build()
            .unwrap();
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(server.requests.lock().unwrap().is_empty());
    }
}
