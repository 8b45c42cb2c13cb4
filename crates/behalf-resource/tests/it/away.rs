//! A token service that is away when the API starts, and one that moves while it runs.

use behalf_resource::{BuildError, Refusal, ResourceServer, Tenants};
use serde_json::json;

use crate::world::{
    ACME, API, GLOBEX, HOST, NOW, V2_KEYS, World, app_v1, app_v2, first, jwk, second, settle,
    token, with, world,
};

const V2_METADATA: &str = "https://login.behalf.test/common/v2.0/.well-known/openid-configuration";

/// A fresh token each time, so that no verdict is remembered.
async fn validate(server: &ResourceServer, id: &str) -> Result<(), Refusal> {
    let claims = with(app_v2(), &json!({ "uti": id, "exp": NOW + 90_000 }));
    server.validate(&token(&claims, "k1", &first())).await.map(drop)
}

async fn started_without(world: &World) -> ResourceServer {
    world.service.set_down(true);
    let names = Tenants::allow(["acme.test", "globex.test"]);
    world.builder("common").audience(API).tenants(names).build().await.unwrap()
}

#[tokio::test]
async fn an_api_starts_while_the_token_service_is_away_and_serves_once_it_is_back() {
    let world = world();
    let server = started_without(&world).await;
    assert_eq!(validate(&server, "a").await, Err(Refusal::KeysUnavailable));
    world.service.set_down(false);
    assert_eq!(validate(&server, "b").await, Err(Refusal::KeysUnavailable), "tried a moment ago");
    world.clock.advance(1);
    assert_eq!(validate(&server, "c").await, Ok(()), "the first request asks and waits");
    assert!(server.validate(&token(&app_v1(), "k1", &first())).await.is_ok(), "v1 as well");
    let stranger = with(app_v2(), &json!({ "tid": API, "iss": format!("{HOST}/{API}/v2.0") }));
    let refused = server.validate(&token(&stranger, "k1", &first())).await;
    assert_eq!(refused.unwrap_err(), Refusal::Tenant, "the list of tenants holds");
}

#[tokio::test]
async fn an_api_of_one_tenant_starts_without_the_token_service_too() {
    for segment in [ACME, "acme.test"] {
        let world = world();
        world.service.set_down(true);
        let server = world.builder(segment).audience(API).build().await.unwrap();
        assert_eq!(validate(&server, "a").await, Err(Refusal::KeysUnavailable));
        world.service.set_down(false);
        world.clock.advance(1);
        assert_eq!(validate(&server, "b").await, Ok(()), "{segment}");
        let claims = json!({ "tid": GLOBEX, "iss": format!("{HOST}/{GLOBEX}/v2.0") });
        let other = server.validate(&token(&with(app_v2(), &claims), "k1", &first())).await;
        assert_eq!(other.unwrap_err(), Refusal::Issuer, "{segment}");
    }
}

#[tokio::test]
async fn until_it_answers_it_is_asked_after_1_2_4_8_and_then_every_10_s_however_many_call() {
    let world = world();
    let server = started_without(&world).await;
    let before = world.service.count(V2_METADATA);
    let mut asked = Vec::new();
    for second in 0..60 {
        world.clock.set(NOW + second);
        let count = world.service.count(V2_METADATA);
        for caller in 0..5 {
            let verdict = validate(&server, &format!("{second} {caller}")).await;
            assert_eq!(verdict, Err(Refusal::KeysUnavailable));
        }
        if world.service.count(V2_METADATA) > count {
            asked.push(second);
        }
    }
    assert_eq!(asked, [1, 3, 7, 15, 25, 35, 45, 55]);
    assert_eq!(world.service.count(V2_METADATA) - before, asked.len(), "once each time");
}

#[tokio::test]
async fn callers_at_the_same_time_wait_for_one_fetch() {
    let world = world();
    let server = started_without(&world).await;
    world.service.set_down(false);
    world.clock.advance(1);
    let before = world.service.count(V2_METADATA);
    let gate = world.service.set_gate();
    let asking: Vec<_> = (0..50)
        .map(|i| {
            let server = server.clone();
            tokio::spawn(async move { validate(&server, &i.to_string()).await })
        })
        .collect();
    settle().await;
    gate.add_permits(100);
    for one in asking {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!(world.service.count(V2_METADATA) - before, 1);
    assert_eq!(world.service.count(V2_KEYS), 1);
}

#[tokio::test]
async fn a_mistake_is_told_at_the_start_and_not_taken_for_an_absence() {
    let world = world();
    let unknown = world.builder("unknown.test").audience(API).build().await.unwrap_err();
    assert!(matches!(unknown, BuildError::Fetch(error) if !error.transient));
}

/// The metadata that the service serves from now on.
fn publish_metadata(world: &World, issuer: &str, jwks_uri: &str) {
    let document = json!({
        "issuer": issuer, "jwks_uri": jwks_uri, "cloud_instance_name": "behalf.test",
    });
    world.service.set(V2_METADATA, &document);
}

#[tokio::test]
async fn metadata_are_read_again_every_hour_and_a_moved_key_set_is_followed() {
    const MOVED: &str = "https://keys.behalf.test/v2";
    let world = world();
    let server = world.server().await;
    world.service.set(MOVED, &json!({ "keys": [jwk("k1", &second())] }));
    publish_metadata(&world, &format!("{HOST}/{{tenantid}}/v2.0"), MOVED);
    for seconds in (45..3600).step_by(45) {
        world.clock.set(NOW + seconds);
        assert_eq!(validate(&server, &seconds.to_string()).await, Ok(()));
        settle().await;
    }
    assert_eq!((world.service.count(V2_METADATA), world.service.count(MOVED)), (1, 0));
    world.clock.set(NOW + 3600);
    assert_eq!(validate(&server, "still the old keys").await, Ok(()));
    settle().await;
    assert_eq!((world.service.count(V2_METADATA), world.service.count(MOVED)), (2, 1));
    let claims = with(app_v2(), &json!({ "exp": NOW + 90_000 }));
    assert_eq!(validate(&server, "the old key").await, Err(Refusal::Signature));
    assert!(server.validate(&token(&claims, "k1", &second())).await.is_ok());
}

#[tokio::test]
async fn a_key_set_that_is_gone_makes_the_metadata_be_read_at_the_next_attempt() {
    const MOVED: &str = "https://keys.behalf.test/v2";
    let world = world();
    let server = world.server().await;
    world.service.set(V2_KEYS, &"gone");
    world.service.set(MOVED, &json!({ "keys": [jwk("k1", &first())] }));
    publish_metadata(&world, &format!("{HOST}/{{tenantid}}/v2.0"), MOVED);
    for seconds in [45, 55] {
        world.clock.set(NOW + seconds);
        assert_eq!(validate(&server, &seconds.to_string()).await, Ok(()));
        settle().await;
    }
    assert_eq!(world.service.count(MOVED), 1);
}

#[tokio::test]
async fn a_new_issuer_takes_the_place_of_the_old_one_even_if_only_its_tokens_arrive() {
    let world = world();
    let server = world.server().await;
    let old = with(app_v2(), &json!({ "exp": NOW + 90_000 }));
    let old = token(&old, "k1", &first());
    assert!(server.validate(&old).await.is_ok(), "and remembered");
    let host = "https://new.behalf.test";
    world.service.set(V2_KEYS, &json!({ "keys": [jwk("k1", &first())] }));
    publish_metadata(&world, &format!("{host}/{{tenantid}}/v2.0"), V2_KEYS);
    let claims = json!({ "iss": format!("{host}/{ACME}/v2.0"), "exp": NOW + 90_000 });
    let new = token(&with(app_v2(), &claims), "k1", &first());
    assert_eq!(server.validate(&new).await.unwrap_err(), Refusal::Issuer);
    world.clock.advance(3600);
    assert!(server.validate(&new).await.is_ok());
    assert_eq!(server.validate(&old).await.unwrap_err(), Refusal::Issuer, "no longer remembered");
}

#[tokio::test]
async fn metadata_that_cannot_be_read_leave_what_was_known() {
    let world = world();
    let server = world.server().await;
    for (hour, bad) in [(1, "<html>busy</html>".to_owned()), (2, json!({}).to_string())] {
        world.service.set(V2_METADATA, &bad);
        world.clock.set(NOW + hour * 3600);
        assert_eq!(validate(&server, &bad).await, Ok(()), "{bad}");
    }
}

#[tokio::test]
async fn a_domain_that_moves_to_another_tenant_does_not_let_that_tenant_in() {
    let world = world();
    let server = world.builder("acme.test").audience(API).build().await.unwrap();
    assert_eq!(validate(&server, "a").await, Ok(()));
    let document = json!({ "issuer": format!("{HOST}/{GLOBEX}/v2.0"), "jwks_uri": V2_KEYS });
    let url = format!("{HOST}/acme.test/v2.0/.well-known/openid-configuration");
    world.service.set(&url, &document);
    world.clock.advance(3600);
    let claims =
        json!({ "tid": GLOBEX, "iss": format!("{HOST}/{GLOBEX}/v2.0"), "exp": NOW + 9000 });
    let other = server.validate(&token(&with(app_v2(), &claims), "k1", &first())).await;
    assert_eq!(other.unwrap_err(), Refusal::Tenant);
}
