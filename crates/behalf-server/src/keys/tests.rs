//! The ring as a specification: first as a decision over time, then with a store below it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::{
    application::{TokenAlg, TokenVersion},
    time::{CLOCK_SKEW, Timestamp},
};
use behalf_jose::{
    JwkSet, Sha1Thumbprint,
    jws::{Profile, Unverified},
};
use behalf_store::{Store, sqlite::Sqlite};
use proptest::prelude::*;

use super::{
    entry::{Schedule, State},
    rotate::{self, ALGORITHMS, Plan, RotateError},
    *,
};
use crate::{
    clock::{Clock as _, FrozenClock, SharedClock},
    entropy::SeededEntropy,
};

const START: Timestamp = Timestamp(1_764_072_000_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const TIMES: Times =
    Times { rotation: Duration::from_hours(240), announce: DAY, heard: Duration::ZERO };
const RS: TokenAlg = TokenAlg::Rs256;

/// Carries a plan out, as the ring does, with kids that count.
fn carry_out(ring: &mut Vec<Schedule>, plan: Plan, now: Timestamp, made: &mut u32) {
    ring.retain(|key| !plan.remove.contains(&key.kid));
    for change in plan.change {
        let key = ring.iter_mut().find(|key| key.kid == change.kid).unwrap();
        *key = change;
    }
    for make in plan.make {
        *made += 1;
        ring.push(Schedule {
            kid: format!("k{made}"),
            alg: make.alg,
            created: now,
            active_from: make.active_from,
            retire_at: None,
        });
    }
}

fn settled(ring: &mut Vec<Schedule>, now: Timestamp, made: &mut u32) {
    for _ in 0..5 {
        let plan = rotate::plan(ring, now, TIMES);
        if plan.is_empty() {
            return;
        }
        carry_out(ring, plan, now, made);
    }
    panic!("the plan never comes to rest: {ring:?}");
}

fn in_state(ring: &[Schedule], alg: TokenAlg, now: Timestamp, state: State) -> Vec<&Schedule> {
    ring.iter().filter(|key| key.alg == alg && key.state(ring, now) == state).collect()
}

#[test]
fn a_first_start_makes_a_key_that_signs_and_the_next_of_each_algorithm() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    assert_eq!(made, 4);
    for alg in ALGORITHMS {
        let [active] = in_state(&ring, alg, START, State::Active)[..] else { panic!() };
        let [next] = in_state(&ring, alg, START, State::Announced)[..] else { panic!() };
        assert_eq!(next.active_from, START.plus(TIMES.rotation));
        assert_eq!(active.retire_at, Some(next.active_from.plus(OVERLAP)));
        assert_eq!(next.retire_at, None);
    }
}

#[test]
fn a_keys_life_by_the_clock_alone() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    let takeover = START.plus(TIMES.rotation);
    let first = ring.iter().find(|key| key.alg == RS && key.active_from == START).unwrap();
    let second = ring.iter().find(|key| key.alg == RS && key.active_from == takeover).unwrap();
    let one_ms = Duration::from_millis(1);
    for (now, expected) in [
        (START, (State::Active, State::Announced)),
        (takeover.minus(one_ms), (State::Active, State::Announced)),
        (takeover, (State::Retiring, State::Active)),
        (takeover.plus(OVERLAP), (State::Retiring, State::Active)),
        (takeover.plus(OVERLAP).plus(one_ms), (State::Retired, State::Active)),
    ] {
        assert_eq!((first.state(&ring, now), second.state(&ring, now)), expected, "{now:?}");
    }
}

#[test]
fn a_key_vouches_only_for_its_own_signing_interval() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    let takeover = START.plus(TIMES.rotation);
    let first = ring.iter().find(|key| key.alg == RS && key.active_from == START).unwrap();
    let one_ms = Duration::from_millis(1);
    let later = takeover.plus(HOUR);
    for (issued, now, expected) in [
        (START, START, true),
        (START.minus(CLOCK_SKEW), START, true),
        (START.minus(CLOCK_SKEW).minus(one_ms), START, false),
        (takeover.plus(CLOCK_SKEW), later, true),
        (takeover.plus(CLOCK_SKEW).plus(one_ms), later, false),
        (takeover.minus(HOUR), later, true),
        // Retired: whatever it says about its time.
        (takeover.minus(HOUR), takeover.plus(OVERLAP).plus(one_ms), false),
        // From the future.
        (START.plus(HOUR), START, false),
    ] {
        assert_eq!(first.vouches_for(&ring, issued, now), expected, "{issued:?} at {now:?}");
    }
}

#[test]
fn rotation_waits_for_caches_unless_told_otherwise() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    let now = START.plus(HOUR);
    let plan = rotate::rotate(&ring, RS, When::Announced, now, TIMES).unwrap();
    let froms: Vec<_> = plan.change.iter().map(|key| key.active_from).collect();
    assert_eq!(froms, [now.plus(DAY), START]);
    assert_eq!(plan.change[1].retire_at, Some(now.plus(DAY).plus(OVERLAP)));

    let plan = rotate::rotate(&ring, RS, When::Now, now, TIMES).unwrap();
    carry_out(&mut ring, plan, now, &mut made);
    assert_eq!(in_state(&ring, RS, now, State::Active)[0].active_from, now);
    assert_eq!(in_state(&ring, RS, now, State::Retiring)[0].active_from, START);
    let again = rotate::rotate(&ring, RS, When::Now, now, TIMES);
    assert_eq!(again, Err(RotateError::NoNext(RS)), "the next one has yet to be announced");
    settled(&mut ring, now, &mut made);
    assert_eq!(in_state(&ring, RS, now, State::Announced).len(), 1);
}

#[test]
fn a_revoked_key_is_gone_at_once_and_the_next_one_signs() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    let now = START.plus(HOUR);
    let kid = in_state(&ring, RS, now, State::Active)[0].kid.clone();
    let plan = rotate::revoke(&ring, &kid, now).unwrap();
    carry_out(&mut ring, plan, now, &mut made);
    let revoked = ring.iter().find(|key| key.kid == kid).unwrap();
    assert_eq!(revoked.state(&ring, now), State::Retired);
    assert!(!revoked.vouches_for(&ring, START, now));
    assert_eq!(in_state(&ring, RS, now, State::Active).len(), 1);
    assert_eq!(rotate::revoke(&ring, "k99", now), Err(RotateError::Unknown));
}

const SHARED: Times = Times { heard: HEARD, ..TIMES };

#[test]
fn of_several_nodes_none_signs_with_a_hurried_key_before_all_know_it() {
    let (mut ring, mut made) = (Vec::new(), 0);
    settled(&mut ring, START, &mut made);
    let now = START.plus(HOUR);
    let before = in_state(&ring, RS, now, State::Active)[0].kid.clone();
    let plan = rotate::rotate(&ring, RS, When::Now, now, SHARED).unwrap();
    carry_out(&mut ring, plan, now, &mut made);
    assert_eq!(in_state(&ring, RS, now, State::Active)[0].kid, before);
    let known = now.plus(HEARD);
    assert_eq!(in_state(&ring, RS, known, State::Active)[0].active_from, known);
    // Asked for again it comes no later.
    let soon = now.plus(Duration::from_secs(5));
    let plan = rotate::rotate(&ring, RS, When::Now, soon, SHARED).unwrap();
    assert_eq!(plan.change[0].active_from, known);
}

#[derive(Debug, Clone)]
enum Act {
    Pass(u64),
    Rotate(TokenAlg, When),
    RevokeActive(TokenAlg),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let alg = prop_oneof![Just(TokenAlg::Rs256), Just(TokenAlg::Es256)];
    let when = prop_oneof![Just(When::Announced), Just(When::Now)];
    let act = prop_oneof![
        6 => (1_u64..400).prop_map(Act::Pass),
        1 => (alg.clone(), when).prop_map(|(alg, when)| Act::Rotate(alg, when)),
        1 => alg.prop_map(Act::RevokeActive),
    ];
    proptest::collection::vec(act, 1..40)
}

proptest! {
    /// Whatever operators do and however long nobody looks: one key signs, one is next, no key
    /// signs unannounced unless asked to, and no token outlives its key's publication.
    #[test]
    fn every_history_keeps_the_promises(
        acts in acts(),
        heard in prop_oneof![Just(Duration::ZERO), Just(HEARD)],
    ) {
        let times = Times { heard, ..TIMES };
        let (mut ring, mut made, mut now) = (Vec::new(), 0, START);
        settled(&mut ring, now, &mut made);
        let mut signed: HashMap<String, Timestamp> = HashMap::new();
        let mut hurried: Vec<String> = Vec::new();
        for act in acts {
            let plan = match act {
                Act::Pass(hours) => {
                    now = now.plus(HOUR * u32::try_from(hours).unwrap());
                    Plan::default()
                }
                Act::Rotate(alg, when) => {
                    let plan = rotate::rotate(&ring, alg, when, now, times).unwrap();
                    if when == When::Now {
                        hurried.extend(plan.change.iter().map(|key| key.kid.clone()));
                    }
                    plan
                }
                Act::RevokeActive(alg) => {
                    let kid = in_state(&ring, alg, now, State::Active)[0].kid.clone();
                    let plan = rotate::revoke(&ring, &kid, now).unwrap();
                    hurried.extend(plan.change.iter().map(|key| key.kid.clone()));
                    signed.remove(&kid);
                    plan
                }
            };
            carry_out(&mut ring, plan, now, &mut made);
            // Before anybody looks after the ring, the clock alone keeps one key signing.
            for passed in [Duration::from_secs(1), heard] {
                now = now.plus(passed);
                for alg in ALGORITHMS {
                    prop_assert_eq!(in_state(&ring, alg, now, State::Active).len(), 1);
                }
            }
            settled(&mut ring, now, &mut made);
            for alg in ALGORITHMS {
                let [active] = in_state(&ring, alg, now, State::Active)[..] else { panic!() };
                prop_assert_eq!(in_state(&ring, alg, now, State::Announced).len(), 1);
                let announced = active.active_from.since(active.created) >= TIMES.announce;
                let first = active.created == START;
                prop_assert!(announced || first || hurried.contains(&active.kid), "{:?}", active);
                signed.insert(active.kid.clone(), now);
            }
            for (kid, at) in &signed {
                if now.since(*at) <= DAY {
                    let key = ring.iter().find(|key| key.kid == *kid);
                    prop_assert!(key.is_some_and(|key| key.vouches_for(&ring, *at, now)), "{}", kid);
                }
            }
            prop_assert!(ring.len() <= 12, "retired keys go: {}", ring.len());
        }
    }
}

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
