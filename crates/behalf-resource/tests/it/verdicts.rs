//! Accepted tokens are remembered, and never longer than they deserve (MW-25).

use std::sync::Arc;

use behalf_jose::base64url;
use behalf_resource::Refusal;
use serde_json::json;

use crate::world::{API, NOW, V2_KEYS, app_v2, first, second, settle, token, with, world};

#[tokio::test]
async fn the_second_look_gives_the_same_verdict_object() {
    let server = world().server().await;
    let token = token(&app_v2(), "k1", &first());
    let first = server.validate(&token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &server.validate(&token).await.unwrap()));
}

#[tokio::test]
async fn the_same_signature_under_another_payload_is_not_remembered() {
    let server = world().server().await;
    let good = token(&app_v2(), "k1", &first());
    server.validate(&good).await.unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let payload = with(app_v2(), &json!({ "roles": ["Admin"] })).to_string();
    let edited = format!("{}.{}.{}", parts[0], base64url::encode(payload), parts[2]);
    assert_eq!(server.validate(&edited).await.unwrap_err(), Refusal::Signature);
}

#[tokio::test]
async fn a_remembered_token_expires() {
    let world = world();
    let server = world.server().await;
    let token = token(&with(app_v2(), &json!({ "exp": NOW + 30 })), "k1", &first());
    assert!(server.validate(&token).await.is_ok());
    world.clock.set(NOW + 329);
    assert!(server.validate(&token).await.is_ok());
    world.clock.set(NOW + 330);
    let verdict = server.validate(&token).await.unwrap_err();
    assert_eq!(verdict, Refusal::Expired { ago: 300 });
    world.clock.set(NOW - 700);
    assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::NotYetValid);
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    let world = world();
    let server = world.server().await;
    let token = token(&app_v2(), "k1", &first());
    assert!(server.validate(&token).await.is_ok());
    world.publish(&[("k2", &second())]);
    world.clock.advance(45);
    assert!(server.validate(&token).await.is_ok(), "the poll has only been started");
    settle().await;
    assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::UnknownKey);
}

#[tokio::test]
async fn a_remembered_token_survives_a_rollover_that_keeps_its_key() {
    let world = world();
    let server = world.server().await;
    let token = token(&app_v2(), "k1", &first());
    assert!(server.validate(&token).await.is_ok());
    world.publish(&[("k1", &first()), ("k2", &second())]);
    world.clock.advance(120);
    assert!(server.validate(&token).await.is_ok());
}

#[tokio::test]
async fn remembered_tokens_end_after_an_hour_without_keys() {
    let world = world();
    let server = world.server().await;
    let token = token(&with(app_v2(), &json!({ "exp": NOW + 90_000 })), "k1", &first());
    assert!(server.validate(&token).await.is_ok());
    world.service.set_down(true);
    world.clock.advance(3600);
    assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::KeysUnavailable);
}

#[tokio::test]
async fn refusals_are_not_remembered() {
    let world = world();
    let server = world.server().await;
    let token = token(&app_v2(), "k2", &second());
    assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::UnknownKey);
    world.publish(&[("k1", &first()), ("k2", &second())]);
    world.clock.advance(10);
    assert!(server.validate(&token).await.is_ok());
    assert_eq!(world.service.count(V2_KEYS), 2);
}

#[tokio::test]
async fn more_tokens_than_are_remembered_are_still_accepted() {
    let world = world();
    let builder = world.builder(crate::world::ACME).audience(API).remembered_tokens(2);
    let server = builder.build().await.unwrap();
    for round in 0..2 {
        for i in 0..20 {
            let token = token(&with(app_v2(), &json!({ "uti": i.to_string() })), "k1", &first());
            assert!(server.validate(&token).await.is_ok(), "{round} {i}");
        }
    }
}
