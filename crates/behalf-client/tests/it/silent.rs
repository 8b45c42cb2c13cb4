//! Tokens without asking the user: cache and refresh token.

use behalf_client::{Account, Error, PublicClient, RefusalKind, Source};

use crate::server::Reply;
use crate::world::{NATIVE, Service, TestClock, envelope};

const READ: &str = "api://ledger/Entries.Read";
const ORDERS: &str = "api://orders/Orders.Read";

/// Alice, signed in with the refresh token `rt-1`.
async fn signed_in(service: &Service, clock: &TestClock) -> (PublicClient, Account) {
    let app = service.native_app(clock);
    service.answer(service.signed_in("eyJ.first", "rt-1", None));
    let token = app.acquire_token_by_refresh_token("rt-0", [READ]).await.unwrap();
    let account = token.account().unwrap().clone();
    (app, account)
}

#[tokio::test]
async fn a_refresh_token_of_another_program_signs_its_user_in() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    let form = service.token_requests()[0].form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("client_id", NATIVE),
            ("grant_type", "refresh_token"),
            ("client_info", "1"),
            ("scope", "api://ledger/Entries.Read offline_access openid profile"),
            ("refresh_token", "rt-0"),
        ]
    );
    assert_eq!(app.accounts(), [account]);
}

#[tokio::test]
async fn the_latest_refresh_token_serves_every_resource() {
    let service = Service::start().await;
    let clock = TestClock::new();
    let (app, account) = signed_in(&service, &clock).await;
    let cached = app.acquire_token_silent(&account, [READ]).await.unwrap();
    assert_eq!((cached.expose(), cached.source()), ("eyJ.first", Source::Cache));

    service.answer(service.signed_in("eyJ.orders", "rt-2", None));
    let orders = app.acquire_token_silent(&account, [ORDERS]).await.unwrap();
    assert_eq!((orders.expose(), orders.source()), ("eyJ.orders", Source::Network));
    clock.advance(3600);
    service.answer(service.signed_in("eyJ.second", "rt-3", None));
    let renewed = app.acquire_token_silent(&account, [READ]).await.unwrap();
    assert_eq!((renewed.expose(), renewed.account()), ("eyJ.second", Some(&account)));
    let redeemed: Vec<_> = service
        .token_requests()
        .iter()
        .map(|request| request.field("refresh_token").unwrap())
        .collect();
    assert_eq!(redeemed, ["rt-0", "rt-1", "rt-2"]);
}

#[tokio::test]
async fn two_redemptions_never_race() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    let gate = service.set_gate();
    service.answer(service.signed_in("eyJ.a", "rt-2", None));
    service.answer(service.signed_in("eyJ.b", "rt-3", None));
    let tasks: Vec<_> = ["api://a/A", "api://b/B"]
        .map(|scope| {
            let (app, account) = (app.clone(), account.clone());
            tokio::spawn(async move { app.acquire_token_silent(&account, [scope]).await })
        })
        .into();
    service.token_requests_reach(2).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.token_requests().len(), 2, "the second waits for the rotated token");
    gate.add_permits(2);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let redeemed: Vec<_> = service
        .token_requests()
        .iter()
        .map(|request| request.field("refresh_token").unwrap())
        .collect();
    assert_eq!(redeemed, ["rt-0", "rt-1", "rt-2"]);
}

#[tokio::test]
async fn a_revoked_grant_means_signing_in_again() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    let mut revoked = envelope("invalid_grant", 50_173, "Revoked.");
    revoked["suberror"] = "bad_token".into();
    service.answer(Reply::new(400, revoked));
    let error = app.acquire_token_silent(&account, [ORDERS]).await.unwrap_err();
    assert_eq!(error.kind(), Some(RefusalKind::InteractionRequired));
    assert!(error.is_interaction_required());
    assert!(!format!("{error:?}").contains("rt-1"));
}

#[tokio::test]
async fn a_removed_account_leaves_nothing_behind() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    app.remove_account(&account);
    assert!(app.accounts().is_empty());
    let error = app.acquire_token_silent(&account, [READ]).await.unwrap_err();
    assert!(matches!(error, Error::NotSignedIn(_)), "{error}");
    assert!(error.is_interaction_required());
    assert!(error.to_string().contains("alice@acme.test"), "{error}");
    service.answer(service.signed_in("eyJ.again", "rt-9", None));
    app.acquire_token_by_refresh_token("rt-8", [ORDERS]).await.unwrap();
    service.answer(service.signed_in("eyJ.new", "rt-10", None));
    let token = app.acquire_token_silent(&account, [READ]).await.unwrap();
    assert_eq!(token.expose(), "eyJ.new", "the old one is forgotten");
}

#[tokio::test]
async fn a_foreign_id_token_signs_nobody_in() {
    let (service, other) = (Service::start().await, Service::start().await);
    let app = service.native_app(&TestClock::new());
    service.answer(other.signed_in("eyJ.x", "rt-x", None));
    let error = app.acquire_token_by_refresh_token("rt-0", [READ]).await.unwrap_err();
    assert!(matches!(error, Error::IdToken(_)), "{error}");
    assert!(app.accounts().is_empty());
}

#[tokio::test]
async fn claims_and_force_pass_the_cache_by() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    service.answer(service.signed_in("eyJ.stepped-up", "rt-2", None));
    let token = app.acquire_token_silent(&account, [READ]).claims(claims).await.unwrap();
    assert_eq!((token.expose(), token.source()), ("eyJ.stepped-up", Source::Network));
    let sent = service.token_requests().pop().unwrap();
    assert_eq!(sent.field("claims").as_deref(), Some(claims));
    let token = app.acquire_token_silent(&account, [READ]).await.unwrap();
    assert_eq!((token.expose(), token.source()), ("eyJ.stepped-up", Source::Cache));
    service.answer(service.signed_in("eyJ.forced", "rt-3", None));
    let token = app.acquire_token_silent(&account, [READ]).force_refresh().await.unwrap();
    assert_eq!(token.expose(), "eyJ.forced");
}

#[tokio::test]
async fn an_api_is_called_for_the_account() {
    let service = Service::start().await;
    let (app, account) = signed_in(&service, &TestClock::new()).await;
    let orders = app.for_account(&account, [READ]).reqwest().unwrap();
    service.answer(Reply::new(200, "[]"));
    orders.get(format!("{}/orders", service.server.base)).send().await.unwrap();
    let call = service.requests("/orders").pop().unwrap();
    assert_eq!(call.header("authorization"), Some("Bearer eyJ.first"));
    assert!(app.for_account(&account, ["no scope"]).reqwest().is_err());
    app.remove_account(&account);
    let error = orders.get(format!("{}/orders", service.server.base)).send().await.unwrap_err();
    assert!(error.to_string().contains("is not signed in"), "{error}");
}
