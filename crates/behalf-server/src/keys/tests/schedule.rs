//! When which key does what: decisions over time alone.

use std::{collections::HashMap, time::Duration};

use behalf_core::{
    application::TokenAlg,
    time::{CLOCK_SKEW, Timestamp},
};
use proptest::prelude::*;

use super::{DAY, HOUR, RS, START, TIMES};
use crate::keys::{
    HEARD, OVERLAP, Times, When,
    entry::{Schedule, State},
    rotate::{self, ALGORITHMS, Plan, RotateError},
};

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
