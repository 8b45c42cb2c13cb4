//! `Retry-After`: a service that asks for a wait is not asked again before it is over.

use std::time::Duration;

use behalf_client::{RefusalKind, Source};

use crate::server::Reply;
use crate::world::{LEDGER, Service, TestClock, envelope};

fn busy(status: u16, wait: &str) -> Reply {
    Reply::new(status, envelope("temporarily_unavailable", 0, "Busy.")).with("retry-after", wait)
}

#[tokio::test]
async fn the_same_request_is_answered_from_memory_until_the_wait_is_over() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    service.answer(busy(429, "60"));
    for left in [60, 50, 40] {
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert_eq!(error.kind(), Some(RefusalKind::Temporary));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(left)));
        let forced = app.acquire_token_for_client([LEDGER]).force_refresh().await;
        assert!(forced.is_err(), "not even when it is forced");
        clock.advance(10);
    }
    assert_eq!(service.token_requests().len(), 1);
    assert!(clock.sleeps().is_empty(), "the caller was told at once");
    let other = app.acquire_token_for_client(["api://orders/.default"]).await;
    assert!(other.is_ok(), "another request is another matter");
    clock.advance(30);
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
}

#[tokio::test]
async fn a_short_wait_is_waited_out() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    service.answer(busy(503, "1"));
    service.answer(busy(503, "0"));
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
    assert_eq!(clock.sleeps(), [Duration::from_secs(1); 2]);
}

#[tokio::test]
async fn cl_06_no_wait_is_longer_than_an_hour() {
    for wait in ["1000000000", "Wed, 21 Oct 2215 07:28:00 GMT"] {
        let service = Service::start().await;
        let clock = TestClock::new();
        let app = service.daemon(&clock);
        service.answer(busy(503, wait));
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_hours(1)), "{wait}");
        clock.advance(3600);
        assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
    }
}

#[tokio::test]
async fn a_proxys_page_counts_as_well() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    service.answer(Reply::new(503, "<html>busy</html>").with("retry-after", "30"));
    for _ in 0..2 {
        let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
        assert!(!error.to_string().contains("html"), "{error}");
    }
    assert_eq!(service.token_requests().len(), 1);
}

#[tokio::test]
async fn a_valid_token_serves_through_the_wait() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    service.answer(busy(429, "300"));
    assert!(app.acquire_token_for_client([LEDGER]).force_refresh().await.is_err());
    clock.advance(100);
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(token.source(), Source::Cache);
    assert_eq!(service.token_requests().len(), 2);
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_wait_longer() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    service.answer(busy(429, "60"));
    assert!(app.acquire_token_for_client([LEDGER]).await.is_err());
    clock.set_back(24 * 3600);
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
}
