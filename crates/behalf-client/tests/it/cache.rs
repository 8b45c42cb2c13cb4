//! What is kept, for whom, and when it is fetched anew.

use behalf_client::{Credential, Source};

use crate::world::{GLOBEX, LEDGER, SECRET, Service, TestClock, refused};

#[tokio::test]
async fn a_token_is_fetched_once() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let first = app.acquire_token_for_client([LEDGER]).await.unwrap();
    let second = app.clone().acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!((first.source(), second.source()), (Source::Network, Source::Cache));
    assert_eq!(first.expose(), second.expose());
    assert_eq!(service.token_requests().len(), 1);
    assert_eq!(service.metadata_requests().len(), 1);
}

#[tokio::test]
async fn cl_01_no_token_is_handed_out_for_something_else() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let acme = service.daemon(&clock);
    let globex = acme.for_tenant("globex.test").unwrap();
    let by_id = acme.for_tenant(GLOBEX).unwrap();
    let mut seen = Vec::new();
    for app in [&acme, &globex, &by_id] {
        for scope in [LEDGER, "api://orders/.default"] {
            let token = app.acquire_token_for_client([scope]).await.unwrap();
            assert_eq!(token.source(), Source::Network);
            let again = app.acquire_token_for_client([scope]).await.unwrap();
            assert_eq!(again.expose(), token.expose(), "its own token, from the cache");
            let user = app.acquire_token_on_behalf_of("a-users-token", [scope]).await.unwrap();
            assert_eq!(user.source(), Source::Network, "a user's token is another");
            seen.extend([token.expose().to_owned(), user.expose().to_owned()]);
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "every one is different");
    let asked_globex =
        service.token_requests().iter().filter(|request| request.path.contains(GLOBEX)).count();
    assert_eq!(asked_globex, 8, "each at its own tenant's endpoint");
    assert!(acme.for_tenant("a/b").is_err());
}

#[tokio::test]
async fn cl_10_a_thousand_tasks_make_one_request() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let gate = service.set_gate();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.acquire_token_for_client([LEDGER]).await })
        })
        .collect();
    service.token_requests_reach(1).await;
    gate.add_permits(1000);
    for task in tasks {
        assert!(task.await.unwrap().unwrap().expose().ends_with(".1"));
    }
    assert_eq!(service.token_requests().len(), 1);
    assert_eq!(service.metadata_requests().len(), 1);
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_and_not_kept() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let gate = service.set_gate();
    service.answer(refused(401, "invalid_client", 7_000_215, "Wrong."));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.acquire_token_for_client([LEDGER]).await })
        })
        .collect();
    service.token_requests_reach(1).await;
    // All ten wait for the one request before it is answered.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(10);
    for task in tasks {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!(service.token_requests().len(), 1);
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok(), "asked again");
}

#[tokio::test]
async fn whoever_stops_waiting_takes_nothing_from_the_others() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let gate = service.set_gate();
    let spawn = || {
        let app = app.clone();
        tokio::spawn(async move { app.acquire_token_for_client([LEDGER]).await })
    };
    let first = spawn();
    service.token_requests_reach(1).await;
    let second = spawn();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    assert!(second.await.unwrap().unwrap().expose().ends_with(".1"));
    assert_eq!(service.token_requests().len(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_beside_the_calls_before_it_expires() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    clock.advance(2690);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(service.token_requests().len(), 1, "three quarters are not over");

    clock.advance(10);
    let gate = service.set_gate();
    for _ in 0..3 {
        let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
        assert!(token.expose().ends_with(".1"), "the old one serves on, nobody waits");
    }
    gate.add_permits(1);
    loop {
        let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
        if token.expose().ends_with(".2") {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(service.token_requests().len(), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_costs_nothing_while_the_token_is_valid() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    let renewals = |wanted: usize| {
        let (service, app) = (&service, &app);
        async move {
            let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
            assert!(token.expose().ends_with(".1"));
            service.answers_read_reach(1 + wanted).await; // and that of the metadata
            assert_eq!(service.token_requests().len(), wanted);
        }
    };
    for _ in 0..2 {
        service.answer(refused(401, "invalid_client", 7_000_222, "Expired."));
    }
    clock.advance(2700);
    renewals(2).await;
    clock.advance(29);
    renewals(2).await; // 30 s must pass
    clock.advance(1);
    renewals(3).await;
    clock.advance(59);
    renewals(3).await; // now 60
    clock.advance(3600);
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert!(token.expose().ends_with(".2"), "the old one is over");
}

#[tokio::test]
async fn an_expired_token_is_not_handed_out() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    service.answer(refused(401, "invalid_client", 7_000_222, "Expired."));
    clock.advance(3540);
    assert!(app.acquire_token_for_client([LEDGER]).await.is_err());
    assert!(app.acquire_token_for_client([LEDGER]).await.unwrap().expose().ends_with(".2"));
}

#[tokio::test]
async fn claims_pass_the_cache_by_and_replace_what_was_there() {
    let service = Service::start().await;
    let app = service
        .builder(&TestClock::new())
        .credential(Credential::secret(SECRET))
        .client_capabilities(["cp1"])
        .build()
        .unwrap();
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    let challenge = r#"{"access_token":{"nbf":{"essential":true,"value":"1795351340"}}}"#;
    let token = app.acquire_token_for_client([LEDGER]).claims(challenge).await.unwrap();
    assert!(token.expose().ends_with(".2"));
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert!(token.expose().ends_with(".2"));

    let claims: Vec<_> =
        service.token_requests().iter().map(|request| request.field("claims").unwrap()).collect();
    assert_eq!(
        claims,
        [
            r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#,
            r#"{"access_token":{"nbf":{"essential":true,"value":"1795351340"},"xms_cc":{"values":["cp1"]}}}"#,
        ]
    );
    let error = app.acquire_token_for_client([LEDGER]).claims("no json").await.unwrap_err();
    assert!(error.to_string().contains("claims"), "{error}");
    assert_eq!(service.token_requests().len(), 2);
}

#[tokio::test]
async fn a_refresh_can_be_forced() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    let token = app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap();
    assert!(token.expose().ends_with(".2"));
    assert!(app.acquire_token_for_client([LEDGER]).await.unwrap().expose().ends_with(".2"));
}

#[tokio::test]
async fn the_cache_of_users_is_bounded() {
    let service = Service::start().await;
    let app = service
        .builder(&TestClock::new())
        .credential(Credential::secret(SECRET))
        .cached_users(4)
        .build()
        .unwrap();
    let own = app.acquire_token_for_client([LEDGER]).await.unwrap();
    for user in 0..40 {
        app.acquire_token_on_behalf_of(&format!("user-{user}"), [LEDGER]).await.unwrap();
    }
    let again = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(again.source(), Source::Cache, "users do not push the application's token out");
    assert_eq!(again.expose(), own.expose());
    let mut kept = 0;
    for user in 0..40 {
        let token =
            app.acquire_token_on_behalf_of(&format!("user-{user}"), [LEDGER]).await.unwrap();
        kept += usize::from(token.source() == Source::Cache);
    }
    assert!(kept <= 8, "{kept} of 40 were kept");
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_token_beyond_its_life() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let app = service.daemon(&clock);
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    clock.set_back(24 * 3600);
    let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
    assert_eq!(token.source(), Source::Network, "nobody knows how old the first is");
}
