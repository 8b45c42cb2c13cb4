//! Metadata is believed only where it is the authority's own.

use behalf_client::{Error, MetadataError};

use crate::server::Reply;
use crate::world::{ACME, LEDGER, Service, TestClock, document, refused};

#[tokio::test]
async fn cl_02_nothing_is_sent_to_an_address_that_is_not_the_authoritys() {
    let service = Service::start().await;
    let evil = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let base = &service.server.base;
    let with = |member: &str, value: String| {
        let mut document = document(base, "acme.test");
        document[member] = value.into();
        service.set_metadata(Some(Reply::new(200, document)));
    };

    with("token_endpoint", format!("{}/{ACME}/oauth2/v2.0/token", evil.server.base));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert!(matches!(error, Error::Metadata(MetadataError::Endpoint { .. })), "{error}");

    with("issuer", format!("{}/{ACME}/v2.0", evil.server.base));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert!(matches!(error, Error::Metadata(MetadataError::Issuer { .. })), "{error}");

    service.set_metadata(Some(Reply::new(200, "{}")));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert!(matches!(error, Error::Metadata(MetadataError::Malformed { .. })), "{error}");

    service.set_metadata(Some(Reply::new(307, "").with("location", &evil.server.base)));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert!(error.to_string().contains("redirect"), "{error}");

    assert!(evil.server.requests.lock().unwrap().is_empty());
    assert!(service.token_requests().is_empty());
    service.set_metadata(None);
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok(), "no failure is kept");
}

#[tokio::test]
async fn an_unknown_tenant_is_told_with_its_code() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.set_metadata(Some(refused(400, "invalid_tenant", 90_002, "No such tenant.")));
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, [90_002]);
    assert_eq!(service.metadata_requests().len(), 1, "not repeated");
}

#[tokio::test]
async fn metadata_is_fetched_anew_after_a_day_and_kept_if_it_cannot_be() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    let fetch = || async { app.acquire_token_for_client([LEDGER]).force_refresh().await };
    fetch().await.unwrap();
    clock.advance(24 * 3600 - 1);
    fetch().await.unwrap();
    assert_eq!(service.metadata_requests().len(), 1);
    clock.advance(1);
    fetch().await.unwrap();
    assert_eq!(service.metadata_requests().len(), 2);

    clock.advance(24 * 3600);
    service.set_metadata(Some(Reply::new(404, "gone")));
    fetch().await.unwrap();
    fetch().await.unwrap();
    assert_eq!(service.metadata_requests().len(), 3, "the next is tried after a pause");
    clock.advance(300);
    fetch().await.unwrap();
    assert_eq!(service.metadata_requests().len(), 4);
}
