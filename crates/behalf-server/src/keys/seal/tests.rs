//! The epochs as a specification: first as a decision over time, then with a store below.

use std::time::Duration;

use behalf_core::{ticket::LONGEST, time::CLOCK_SKEW};
use behalf_store::sqlite::Sqlite;
use proptest::prelude::*;

use super::{schedule::Plan, *};
use crate::{
    clock::{Clock as _, FrozenClock},
    entropy::{Entropy, SeededEntropy},
    keys::{HEARD, MasterKeyText},
};

const START: Timestamp = Timestamp(1_800_000_000_000);
const DAY: Duration = Duration::from_hours(24);

fn carry_out(ring: &mut Vec<EpochSchedule>, plan: Plan) {
    ring.retain(|epoch| !plan.remove.contains(&epoch.number));
    for change in plan.change {
        let epoch = ring.iter_mut().find(|epoch| epoch.number == change.number).unwrap();
        *epoch = change;
    }
    ring.extend(plan.make);
}

fn settle(ring: &mut Vec<EpochSchedule>, now: Timestamp) {
    let plan = schedule::plan(ring, now);
    carry_out(ring, plan);
    assert!(schedule::plan(ring, now).is_empty(), "comes to rest: {ring:?}");
}

fn states(ring: &[EpochSchedule], now: Timestamp) -> Vec<(u32, EpochState)> {
    ring.iter().map(|epoch| (epoch.number, epoch.state(now))).collect()
}

fn count(ring: &[EpochSchedule], now: Timestamp, state: EpochState) -> usize {
    ring.iter().filter(|epoch| epoch.state(now) == state).count()
}

#[test]
fn the_first_epoch_begins_at_once() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    assert_eq!(states(&ring, START), [(1, EpochState::Sealing)]);
    assert_eq!(ring[0].to, None);
}

#[test]
fn a_node_whose_clock_is_behind_seals_with_the_first_epoch_too() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let behind = START.minus(CLOCK_SKEW);
    assert_eq!(states(&ring, behind), [(1, EpochState::Sealing)]);
    assert!(schedule::plan(&ring, behind).is_empty(), "and makes none of its own");
    let plan = schedule::begin_anew(&ring, START.plus(DAY));
    carry_out(&mut ring, plan);
    let behind = START.plus(DAY).minus(CLOCK_SKEW);
    assert_eq!(states(&ring, behind), [(1, EpochState::Revoked), (2, EpochState::Sealing)]);
}

#[test]
fn the_next_is_announced_a_minute_before_the_fortnight_is_over() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let over = ring[0].from.plus(EPOCH);
    settle(&mut ring, over.minus(EPOCH_ANNOUNCED + Duration::from_secs(1)));
    assert_eq!(ring.len(), 1);
    let before = over.minus(EPOCH_ANNOUNCED);
    settle(&mut ring, before);
    assert_eq!(states(&ring, before), [(1, EpochState::Sealing), (2, EpochState::Announced)]);
    assert_eq!((ring[0].to, ring[1].from), (Some(over), over));
    assert_eq!(states(&ring, over), [(1, EpochState::Opening), (2, EpochState::Sealing)]);
}

#[test]
fn a_server_that_was_off_for_long_announces_all_the_same() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let late = START.plus(30 * DAY);
    settle(&mut ring, late);
    assert_eq!(ring[1].from, late.plus(EPOCH_ANNOUNCED));
    assert_eq!(ring[0].state(late), EpochState::Sealing, "the old one seals until then");
}

#[test]
fn an_epoch_is_kept_until_its_last_ticket_has_expired() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let plan = schedule::rotate(&ring, START);
    carry_out(&mut ring, plan);
    let to = ring[0].to.unwrap();
    let last = to.plus(LONGEST + CLOCK_SKEW);
    for (now, kept) in [(last, true), (last.plus(Duration::from_millis(1)), false)] {
        let plan = schedule::plan(&ring, now);
        assert_eq!(plan.remove.is_empty(), kept);
    }
}

#[test]
fn rotating_announces_once() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let plan = schedule::rotate(&ring, START);
    carry_out(&mut ring, plan);
    assert_eq!(ring[1].from, START.plus(EPOCH_ANNOUNCED));
    assert!(schedule::rotate(&ring, START).is_empty(), "the next is on its way");
}

#[test]
fn revoking_kills_one_epoch_and_another_seals_at_once() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let later = START.plus(DAY);
    let plan = schedule::revoke(&ring, 1, later, Duration::ZERO).unwrap();
    carry_out(&mut ring, plan);
    assert_eq!(states(&ring, later), [(1, EpochState::Revoked), (2, EpochState::Sealing)]);
    assert!(
        schedule::revoke(&ring, 1, later, Duration::ZERO).unwrap().is_empty(),
        "once is enough"
    );
    assert_eq!(schedule::revoke(&ring, 9, later, Duration::ZERO), Err(NoSuchEpoch));
    // The announced one takes over at once; an old one's end changes nothing else.
    let plan = schedule::rotate(&ring, later);
    carry_out(&mut ring, plan);
    let plan = schedule::revoke(&ring, 2, later, Duration::ZERO).unwrap();
    carry_out(&mut ring, plan);
    assert_eq!(states(&ring, later)[1..], [(2, EpochState::Revoked), (3, EpochState::Sealing)]);
}

#[test]
fn of_several_nodes_none_seals_after_a_revocation_until_all_know_what_with() {
    let mut ring = Vec::new();
    settle(&mut ring, START);
    let later = START.plus(DAY);
    let plan = schedule::revoke(&ring, 1, later, HEARD).unwrap();
    carry_out(&mut ring, plan);
    settle(&mut ring, later);
    assert_eq!(states(&ring, later), [(1, EpochState::Revoked), (2, EpochState::Announced)]);
    let known = later.plus(HEARD);
    settle(&mut ring, known);
    assert_eq!(states(&ring, known), [(1, EpochState::Revoked), (2, EpochState::Sealing)]);
    // One that is to come sooner than that comes when it was to.
    let plan = schedule::rotate(&ring, known);
    carry_out(&mut ring, plan);
    let soon = known.plus(EPOCH_ANNOUNCED).minus(Duration::from_secs(1));
    let plan = schedule::revoke(&ring, 2, soon, HEARD).unwrap();
    carry_out(&mut ring, plan);
    assert_eq!(ring[2].from, known.plus(EPOCH_ANNOUNCED));
}

proptest! {
    #[test]
    fn one_epoch_always_seals_and_numbers_never_return(
        steps in prop::collection::vec((0_u64..20 * 86_400, 0_u8..4), 1..60),
    ) {
        let (mut ring, mut now, mut newest) = (Vec::new(), START, 0);
        for (seconds, action) in steps {
            now = now.plus(Duration::from_secs(seconds));
            settle(&mut ring, now);
            match action {
                0 => {
                    let plan = schedule::rotate(&ring, now);
                    carry_out(&mut ring, plan);
                }
                1 => {
                    let number = ring[usize::try_from(seconds).unwrap() % ring.len()].number;
                    let plan = schedule::revoke(&ring, number, now, Duration::ZERO).unwrap();
                    carry_out(&mut ring, plan);
                }
                _ => {}
            }
            prop_assert_eq!(count(&ring, now, EpochState::Sealing), 1, "{:?}", ring);
            prop_assert!(count(&ring, now, EpochState::Announced) <= 1);
            let numbers: Vec<_> = ring.iter().map(|epoch| epoch.number).collect();
            prop_assert!(numbers.is_sorted());
            let last = *numbers.last().unwrap();
            prop_assert!(last >= newest);
            newest = last;
        }
    }
}

struct Bed {
    parts: SealParts,
    clock: Arc<FrozenClock>,
}

fn line(seed: u64) -> String {
    MasterKeyText::generate(&SeededEntropy::new(seed)).expose().to_owned()
}

async fn bed() -> Bed {
    let clock = Arc::new(FrozenClock::at(START));
    let parts = SealParts {
        store: Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap(),
        master: Arc::new(MasterKey::parse(&line(1)).unwrap()),
        clock: Arc::clone(&clock) as SharedClock,
        entropy: Arc::new(SeededEntropy::new(9)),
    };
    Bed { parts, clock }
}

#[tokio::test]
async fn two_nodes_share_the_epochs() {
    let Bed { parts, clock } = bed().await;
    let here = SealKeys::open(parts.clone()).await.unwrap();
    let there = SealKeys::open(parts).await.unwrap();
    assert_eq!(here.schedules(), there.schedules());
    here.rotate().await.unwrap();
    there.maintain().await.unwrap();
    assert_eq!(there.schedules().len(), 2, "it heard of the next one before that seals");
    clock.advance(EPOCH_ANNOUNCED);
    for node in [&here, &there] {
        assert_eq!(node.current().sealing_epoch(clock.now()), Some(2));
    }
    there.revoke(2).await.unwrap();
    assert_eq!(there.current().sealing_epoch(clock.now()), Some(3));
    here.maintain().await.unwrap();
    assert_eq!(here.current().sealing_epoch(clock.now()), Some(3));
}

#[tokio::test]
async fn the_fortnight_passes_by_itself() {
    let Bed { parts, clock } = bed().await;
    let keys = SealKeys::open(parts).await.unwrap();
    let until_announced = EPOCH.checked_sub(EPOCH_ANNOUNCED).unwrap();
    for epoch in 1..=12 {
        assert_eq!(keys.current().sealing_epoch(clock.now()), Some(epoch));
        clock.advance(until_announced);
        keys.maintain().await.unwrap();
        clock.advance(EPOCH_ANNOUNCED);
        keys.maintain().await.unwrap();
    }
    // Ninety days of expiry behind fourteen of sealing.
    let kept: Vec<_> = keys.schedules().iter().map(|epoch| epoch.number).collect();
    assert_eq!(kept, [6, 7, 8, 9, 10, 11, 12, 13]);
}

#[tokio::test]
async fn a_revoked_root_is_gone_from_the_store() {
    let Bed { parts, .. } = bed().await;
    let keys = SealKeys::open(parts.clone()).await.unwrap();
    keys.revoke(1).await.unwrap();
    let stored = parts.store.reading().seal_epochs().await.unwrap();
    let text = |n: usize| String::from_utf8(stored[n].1.value.clone()).unwrap();
    assert!(!text(0).contains("sealed") && text(0).contains(r#""revoked":true"#), "{}", text(0));
    assert!(text(1).contains("sealed"));
}

#[tokio::test]
async fn a_new_line_of_the_master_key_wraps_again_and_another_deployments_opens_nothing() {
    let Bed { parts, .. } = bed().await;
    SealKeys::open(parts.clone()).await.unwrap();
    let with = |text: String| SealParts {
        master: Arc::new(MasterKey::parse(&text).unwrap()),
        ..parts.clone()
    };
    let foreign = SealKeys::open(with(line(3))).await.unwrap_err();
    assert!(matches!(foreign, EpochError::Unopened(_)), "{foreign}");
    SealKeys::open(with(format!("{}\n{}", line(2), line(1)))).await.unwrap();
    SealKeys::open(with(line(2))).await.unwrap();
    assert!(SealKeys::open(with(line(1))).await.is_err(), "it was wrapped again");
}

#[tokio::test]
async fn a_root_wrapped_for_another_epoch_does_not_open() {
    let Bed { parts, .. } = bed().await;
    SealKeys::open(parts.clone()).await.unwrap();
    let stored = parts.store.reading().seal_epochs().await.unwrap();
    let document = String::from_utf8(stored[0].1.value.clone()).unwrap();
    let moved = document.replace(r#""number":1"#, r#""number":2"#);
    let mut set = WriteSet::new();
    deployment::delete_key(&mut set, &deployment::epoch_id(1), Expect::Any);
    deployment::put_key(&mut set, &deployment::epoch_id(2), moved.into_bytes(), Expect::Absent);
    parts.store.commit(set).await.unwrap();
    assert!(matches!(SealKeys::open(parts).await, Err(EpochError::Unopened(_))));
}

#[tokio::test]
async fn roots_are_random_and_unprinted() {
    let Bed { parts, .. } = bed().await;
    let keys = SealKeys::open(parts.clone()).await.unwrap();
    let printed = format!("{keys:?}");
    let stored = parts.store.reading().seal_epochs().await.unwrap();
    assert!(!printed.contains("sealed"), "{printed}");
    let root: [u8; 32] = {
        let entropy = SeededEntropy::new(9);
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        bytes
    };
    assert!(!stored[0].1.value.windows(16).any(|window| root.starts_with(window)));
}
