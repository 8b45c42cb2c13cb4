//! The ring with a store below it.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::{application::TokenVersion, time::Timestamp};
use behalf_jose::{
    JwkSet, Sha1Thumbprint,
    jws::{Profile, Unverified},
};
use behalf_store::{Store, sqlite::Sqlite};

use super::{DAY, HOUR, RS, START, TIMES};
use crate::{
    clock::{Clock as _, FrozenClock, SharedClock},
    entropy::SeededEntropy,
    keys::{
        EarlyKey, KeyRing, MasterKey, MasterKeyText, Parts, When, entry, rotate::ALGORITHMS,
        secrets,
    },
};

struct World {
    store: Store,
    clock: Arc<FrozenClock>,
    master: String,
}

impl World {
    async fn new() -> Self {
        let backend = Arc::new(Sqlite::in_memory().unwrap());
        Self {
            store: Store::open(backend).await.unwrap(),
            clock: Arc::new(FrozenClock::at(START)),
            master: MasterKeyText::generate(&SeededEntropy::new(1)).expose().to_owned(),
        }
    }

    fn parts(&self) -> Parts {
        let clock: SharedClock = Arc::<FrozenClock>::clone(&self.clock);
        Parts {
            store: self.store.clone(),
            master: Arc::new(MasterKey::parse(&self.master).unwrap()),
            clock,
            entropy: Arc::new(SeededEntropy::new(2)),
            times: TIMES,
            public_url: "https://login.example.test".to_owned(),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[tokio::test]
async fn tokens_verify_with_what_is_published_across_a_rotation_and_a_restart() {
    let world = World::new().await;
    let ring = KeyRing::open(world.parts(), Some(EarlyKey::begin())).await.unwrap();
    ring.maintain().await.unwrap();
    ring.maintain().await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let now = world.now();
        for alg in ALGORITHMS {
            let set = ring.current();
            let key = Arc::clone(set.active(alg, now));
            assert_eq!(key.alg(), alg);
            let token = key.sign(TokenVersion::V1, br#"{"a":1}"#).unwrap();
            let unverified = Unverified::parse(&token, Profile::Strict, 4096).unwrap();
            let header = unverified.unverified_header();
            assert_eq!(
                (header.kid.as_deref(), header.x5t.as_deref()),
                (Some(key.kid()), Some(key.kid()))
            );
            let public = set.verifying(key.kid(), now, now).unwrap();
            assert!(unverified.verify(public).is_ok());
            assert!(set.verifying(key.kid(), now.minus(DAY * 30), now).is_none());
            assert!(set.verifying("nobody", now, now).is_none());
            let v2 = key.sign(TokenVersion::V2, b"{}").unwrap();
            assert_eq!(
                Unverified::parse(&v2, Profile::Strict, 4096).unwrap().unverified_header().x5t,
                None
            );
            seen.push(key.kid().to_owned());
        }
        world.clock.advance(TIMES.rotation);
    }
    assert_eq!(seen.iter().collect::<std::collections::HashSet<_>>().len(), 4, "keys took over");
    ring.maintain().await.unwrap();
    let again = KeyRing::open(world.parts(), None).await.unwrap();
    let now = world.now();
    assert_eq!(again.current().keys(now), ring.current().keys(now));
}

/// Several nodes that start on nothing: one makes the keys, and all have the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_nodes_that_start_at_once_one_makes_the_keys() {
    for _ in 0..5 {
        let world = World::new().await;
        let mut starting = tokio::task::JoinSet::new();
        for seed in 0..4 {
            let parts = Parts { entropy: Arc::new(SeededEntropy::new(seed)), ..world.parts() };
            starting.spawn(async move {
                let ring = KeyRing::open(parts, Some(EarlyKey::begin())).await.unwrap();
                ring.maintain().await.unwrap();
                ring
            });
        }
        let nodes = starting.join_all().await;
        let now = world.now();
        for ring in &nodes {
            ring.maintain().await.unwrap();
            let keys = ring.current().keys(now);
            assert_eq!(keys, nodes[0].current().keys(now));
            assert_eq!(keys.len(), 4, "two that sign, two that are next: {keys:?}");
        }
    }
}

#[tokio::test]
async fn the_jwks_hold_public_members_of_live_keys_only() {
    let world = World::new().await;
    let ring = KeyRing::open(world.parts(), None).await.unwrap();
    ring.maintain().await.unwrap();
    ring.maintain().await.unwrap();
    for version in [TokenVersion::V1, TokenVersion::V2] {
        let set = ring.current();
        let document = set.jwks(version);
        let keys: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
        let keys = keys["keys"].as_array().unwrap().clone();
        assert_eq!(keys.len(), 4, "two that sign, two that are next");
        for key in &keys {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key.get(private).is_none());
            }
            assert_eq!((&key["use"], &key["kid"]), (&"sig".into(), &key["x5t"]));
            let issuer = key.get("issuer").and_then(|issuer| issuer.as_str());
            let expected = "https://login.example.test/{tenantid}/v2.0";
            assert_eq!(issuer, (version == TokenVersion::V2).then_some(expected));
            let der = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
            assert_eq!(Sha1Thumbprint::of(&der).to_base64url(), key["kid"].as_str().unwrap());
        }
        JwkSet::parse(&document.body).unwrap();
        assert!(document.etag.starts_with('"') && document.etag.len() == 24, "{}", document.etag);
    }
    let set = ring.current();
    assert_ne!(set.jwks(TokenVersion::V1).etag, set.jwks(TokenVersion::V2).etag);
}

#[tokio::test]
async fn rotate_now_and_revoke_reach_the_next_request() {
    let world = World::new().await;
    let ring = KeyRing::open(world.parts(), None).await.unwrap();
    let refused = ring.rotate(RS, When::Now).await.unwrap_err();
    assert!(refused.to_string().contains("announced"), "{refused}");
    ring.maintain().await.unwrap();
    world.clock.advance(HOUR);
    let first = ring.current().active(RS, world.now()).kid().to_owned();
    ring.rotate(RS, When::Now).await.unwrap();
    let second = ring.current().active(RS, world.now()).kid().to_owned();
    assert_ne!(first, second);
    ring.maintain().await.unwrap();
    ring.revoke(&second).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let set = ring.current();
    let third = set.active(RS, world.now()).kid();
    assert!(third != first && third != second);
    let body = String::from_utf8(set.jwks(TokenVersion::V2).body.to_vec()).unwrap();
    assert!(!body.contains(&second) && body.contains(&first) && body.contains(third));
    assert!(ring.revoke("nobody").await.is_err());
}

#[tokio::test]
async fn another_node_follows_and_two_that_rotate_at_once_agree() {
    let world = World::new().await;
    let one = KeyRing::open(world.parts(), None).await.unwrap();
    let two = KeyRing::open(world.parts(), None).await.unwrap();
    let (a, b) = tokio::join!(one.maintain(), two.maintain());
    a.unwrap();
    b.unwrap();
    for _ in 0..3 {
        one.maintain().await.unwrap();
        two.maintain().await.unwrap();
    }
    let now = world.now();
    assert_eq!(one.current().keys(now), two.current().keys(now));
    for alg in ALGORITHMS {
        assert_eq!(one.current().active(alg, now).kid(), two.current().active(alg, now).kid());
    }
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_a_new_line_wraps_again() {
    let mut world = World::new().await;
    let entropy = SeededEntropy::new(3);
    let ring = KeyRing::open(world.parts(), None).await.unwrap();
    ring.maintain().await.unwrap();
    let pepper = secrets::pepper(&world.store, &world.parts().master, &entropy).await.unwrap();
    let hash = pepper.hash("secret");

    let old = world.master.clone();
    let new = MasterKeyText::generate(&SeededEntropy::new(4)).expose().to_owned();
    world.master.clone_from(&new);
    let refused = KeyRing::open(world.parts(), None).await.unwrap_err().to_string();
    assert!(refused.contains("another deployment's master key"), "{refused}");
    let refused = secrets::pepper(&world.store, &world.parts().master, &entropy).await;
    assert!(refused.is_err());

    world.master = format!("{new}\n{old}");
    let ring = KeyRing::open(world.parts(), None).await.unwrap();
    ring.maintain().await.unwrap();
    secrets::pepper(&world.store, &world.parts().master, &entropy).await.unwrap();
    world.master = new;
    let again = KeyRing::open(world.parts(), None).await.unwrap();
    let now = world.now();
    assert_eq!(again.current().active(RS, now).kid(), ring.current().active(RS, now).kid());
    let pepper = secrets::pepper(&world.store, &world.parts().master, &entropy).await.unwrap();
    assert!(pepper.hash("secret").matches(&hash), "the pepper is data and stays");
}

#[tokio::test]
async fn nothing_secret_is_stored_in_the_clear() {
    let world = World::new().await;
    KeyRing::open(world.parts(), None).await.unwrap();
    let ring = world.store.reading().key_ring().await.unwrap();
    assert_eq!(ring.len(), 2);
    for (kid, stored) in ring {
        let document = String::from_utf8(stored.value.clone()).unwrap();
        // "MIIEv…"/"MIGH…": how base64 of a PKCS#8 structure would begin.
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        let sealed = parsed["sealed"].as_str().unwrap();
        assert!(!sealed.starts_with("MI"), "{kid}");
        let damaged = document.replace(&kid, "AAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(entry::Entry::from_document(&kid, damaged.as_bytes()).is_err());
        assert!(entry::Entry::from_document("other", document.as_bytes()).is_err());
        assert!(entry::Entry::from_document(&kid, b"{}").is_err());
    }
}
