//! Keys come and go: rollover, the limit on fetches, and a token service that is away.

use behalf_resource::{Refusal, ResourceServer};
use serde_json::json;

use crate::world::{
    NOW, V1_KEYS, V2_KEYS, World, app_v1, app_v2, first, second, settle, token, with, world,
};

/// A fresh token each time, so that no verdict is remembered.
async fn validate(server: &ResourceServer, kid: &str, id: &str) -> Result<(), Refusal> {
    let key = if kid == "k2" { second() } else { first() };
    let claims = with(app_v2(), &json!({ "uti": id, "exp": NOW + 90_000 }));
    server.validate(&token(&claims, kid, &key)).await.map(drop)
}

fn roll_over(world: &World) {
    world.publish(&[("k1", &first()), ("k2", &second())]);
}

#[tokio::test]
async fn v28_an_unknown_kid_causes_one_fetch_however_many_ask_and_old_tokens_still_verify() {
    let world = world();
    let server = world.server().await;
    roll_over(&world);
    world.clock.advance(10);
    let gate = world.service.set_gate();
    let asking: Vec<_> = (0..50)
        .map(|i| {
            let server = server.clone();
            tokio::spawn(async move { validate(&server, "k2", &format!("new {i}")).await })
        })
        .collect();
    settle().await;
    assert_eq!(world.service.count(V2_KEYS), 2, "the first at the start, the second for all 50");
    assert_eq!(validate(&server, "k1", "old").await, Ok(()), "nobody waits who need not");
    gate.add_permits(1);
    for one in asking {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!(validate(&server, "k1", "old 2").await, Ok(()));
    assert_eq!(world.service.count(V2_KEYS), 2);
    assert_eq!(world.service.count(V1_KEYS), 1, "the other issuer is not asked");
}

#[tokio::test]
async fn unknown_kids_cause_at_most_one_fetch_in_10_s_per_issuer() {
    let world = world();
    let server = world.server().await;
    for (seconds, expected) in [(0, 1), (9, 1), (10, 2), (11, 2), (19, 2), (20, 3)] {
        world.clock.set(NOW + seconds);
        for i in 0..3 {
            let kid = format!("nonsense {seconds} {i}");
            assert_eq!(validate(&server, &kid, "x").await, Err(Refusal::UnknownKey));
        }
        assert_eq!(world.service.count(V2_KEYS), expected, "after {seconds} s");
    }
    assert_eq!(world.service.count(V1_KEYS), 1);
    let v1 = server.validate(&token(&app_v1(), "nonsense", &first())).await;
    assert_eq!(v1.unwrap_err(), Refusal::UnknownKey);
    assert_eq!(world.service.count(V1_KEYS), 2, "its own limit");
}

#[tokio::test]
async fn a_stranger_cannot_cause_a_fetch() {
    let world = world();
    let server = world.server().await;
    world.clock.advance(30);
    let before = world.service.total();
    for change in [
        json!({ "iss": "https://evil.test/11111111-1111-4111-8111-111111111111/v2.0" }),
        json!({ "tid": "other" }),
        json!({ "iss": "" }),
    ] {
        let claims = with(app_v2(), &change);
        let verdict = server.validate(&token(&claims, "unknown", &first())).await;
        assert_eq!(verdict.unwrap_err(), Refusal::Issuer);
    }
    assert_eq!(world.service.total(), before);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_fetch() {
    let world = world();
    let server = world.server().await;
    roll_over(&world);
    world.clock.advance(10);
    let gate = world.service.set_gate();
    let asking = {
        let server = server.clone();
        tokio::spawn(async move { validate(&server, "k2", "gone").await })
    };
    settle().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    settle().await;
    assert_eq!(validate(&server, "k2", "next").await, Ok(()));
    assert_eq!(world.service.count(V2_KEYS), 2);
}

#[tokio::test]
async fn keys_in_use_are_asked_for_every_45_s_in_the_background_with_the_etag() {
    let world = world();
    let server = world.server().await;
    for (seconds, expected) in [(44, 1), (45, 2), (46, 2), (89, 2), (90, 3)] {
        world.clock.set(NOW + seconds);
        assert_eq!(validate(&server, "k1", &seconds.to_string()).await, Ok(()));
        settle().await;
        assert_eq!(world.service.count(V2_KEYS), expected, "after {seconds} s");
    }
    assert!(world.service.last_etag(V2_KEYS).is_some());
}

#[tokio::test]
async fn after_a_pause_keys_are_asked_for_before_they_are_used() {
    let world = world();
    let server = world.server().await;
    world.publish(&[("k2", &second())]);
    world.clock.advance(54);
    assert_eq!(validate(&server, "k1", "a").await, Ok(()), "asked for in the background");
    let world = crate::world::world();
    let server = world.server().await;
    world.publish(&[("k2", &second())]);
    world.clock.advance(55);
    assert_eq!(validate(&server, "k1", "a").await, Err(Refusal::UnknownKey), "revoked meanwhile");
}

#[tokio::test]
async fn mw_27_the_document_replaces_what_was_known() {
    let world = world();
    let server = world.server().await;
    // The same name with another key.
    world.publish(&[("k1", &second())]);
    world.clock.advance(120);
    assert_eq!(validate(&server, "k1", "a").await, Err(Refusal::Signature));
    // No key at all.
    world.service.set(V2_KEYS, &json!({ "keys": [] }));
    world.clock.advance(120);
    assert_eq!(validate(&server, "k1", "b").await, Err(Refusal::UnknownKey));
    // What is no key set changes nothing.
    world.publish(&[("k1", &first())]);
    world.clock.advance(120);
    assert_eq!(validate(&server, "k1", "c").await, Ok(()));
    world.service.set(V2_KEYS, &"<html>busy</html>");
    world.clock.advance(120);
    assert_eq!(validate(&server, "k1", "d").await, Ok(()));
}

#[tokio::test]
async fn a_token_service_that_is_away_is_borne_for_an_hour() {
    let world = world();
    let server = world.server().await;
    world.service.set_down(true);
    for seconds in [60, 120, 1800, 3599] {
        world.clock.set(NOW + seconds);
        assert_eq!(validate(&server, "k1", &seconds.to_string()).await, Ok(()), "{seconds} s");
        settle().await;
    }
    for seconds in [3600, 3601, 3700] {
        world.clock.set(NOW + seconds);
        let verdict = validate(&server, "k1", &seconds.to_string()).await;
        assert_eq!(verdict, Err(Refusal::KeysUnavailable), "{seconds} s");
    }
    world.service.set_down(false);
    world.clock.advance(10);
    assert_eq!(validate(&server, "k1", "back").await, Ok(()));
}

#[tokio::test]
async fn while_it_is_away_it_is_asked_every_10_s_and_callers_do_not_wait() {
    let world = world();
    let server = world.server().await;
    world.service.set_down(true);
    let before = world.service.total();
    world.clock.set(NOW + 45);
    assert_eq!(validate(&server, "k1", "first").await, Ok(()));
    settle().await;
    let _shut = world.service.set_gate();
    for (seconds, expected) in [(54, 1), (55, 2), (64, 2)] {
        world.clock.set(NOW + seconds);
        assert_eq!(validate(&server, "k1", &seconds.to_string()).await, Ok(()));
        settle().await;
        assert_eq!(world.service.total() - before, expected, "after {seconds} s");
    }
    world.clock.set(NOW + 1000);
    assert_eq!(validate(&server, "k1", "later").await, Ok(()), "one fetch still hangs");
}
