use std::{
    collections::HashSet,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::entropy::SeededEntropy;

const START: Timestamp = Timestamp(1_764_000_000_000);
const HOUR: Duration = Duration::from_hours(1);

fn limits(settings: LimitSettings) -> Limits {
    Limits::new(&settings, &SeededEntropy::new(1))
}

#[expect(clippy::unnecessary_wraps, reason = "what the limits take")]
fn address(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::from(n)))
}

fn client(n: u128) -> ClientRef {
    ClientRef::Id(app(n))
}

fn app(n: u128) -> AppId {
    AppId(Uuid::from_u128(n))
}

fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

fn after(millis: u64) -> Timestamp {
    START.plus(Duration::from_millis(millis))
}

/// Requests of one client that pass when it asks `each` times in each of `millis` milliseconds.
fn granted(limits: &Limits, who: (TenantId, AppId), each: u32, millis: u64) -> u64 {
    (0..millis)
        .flat_map(|ms| (0..each).map(move |_| after(ms)))
        .filter(|now| limits.charge_client(who.0, who.1, *now).is_none())
        .count() as u64
}

#[test]
fn ds_12_ten_thousand_tokens_a_second_are_throttled_to_the_rate_and_its_burst() {
    let limits = limits(LimitSettings::default());
    let passed = granted(&limits, (tenant(1), app(1)), 10, 10_000);
    assert!((1_990..=2_010).contains(&passed), "1000 at once and 100 a second: {passed}");
    assert_eq!(limits.refusals().client, 100_000 - passed);
    assert_eq!(limits.charge_client(tenant(1), app(2), after(10_000)), None, "others go on");
}

#[test]
fn ds_12_bad_credentials_from_elsewhere_never_lock_the_client_out() {
    let limits = limits(LimitSettings::default());
    for ms in 0..2_000 {
        for _ in 0..10 {
            if limits.failing(address(9), client(1), after(ms)).is_none() {
                limits.charge_failure(address(9), client(1), after(ms));
            }
        }
        assert_eq!(limits.failing(address(1), client(1), after(ms)), None);
        assert_eq!(limits.address_exhausted(address(1), after(ms)), None);
    }
    assert!(limits.refusals().address_and_client > 19_000);
    assert_eq!(limits.charge_client(tenant(1), app(1), after(2_000)), None);
}

#[test]
fn a_broken_client_does_not_lock_out_its_neighbour_behind_the_same_address() {
    let limits = limits(LimitSettings::default());
    for ms in 0..60_000 {
        if limits.failing(address(1), client(1), after(ms)).is_none() {
            limits.charge_failure(address(1), client(1), after(ms));
        }
    }
    assert!(limits.refusals().address_and_client > 59_000);
    assert_eq!(limits.address_exhausted(address(1), after(60_000)), None);
    assert_eq!(limits.failing(address(1), client(2), after(60_000)), None);
}

#[test]
fn ds_13_a_million_unknown_clients_exhaust_their_address_and_nobody_else() {
    let limits = limits(LimitSettings::default());
    for n in 0..1_000_000 {
        // As many addresses as clients: the worst that a botnet can do to the tables.
        limits.charge_failure(address(0x0b00_0000 + n), client(u128::from(n)), START);
        limits.charge_failure(address(7), client(u128::from(n)), START);
    }
    assert!(limits.address_exhausted(address(7), START).is_some());
    for n in 0..10_000 {
        let good = address(0x0a00_0000 + n);
        assert_eq!(limits.address_exhausted(good, START), None);
        assert_eq!(limits.failing(good, client(u128::from(n)), START), None);
    }
}

#[test]
fn an_address_recovers_by_itself() {
    let limits = limits(LimitSettings::default());
    for n in 0..200 {
        assert_eq!(limits.address_exhausted(address(1), START), None, "{n}");
        limits.charge_failure(address(1), client(n), START);
    }
    assert!(limits.address_exhausted(address(1), START).is_some());
    assert!(limits.address_exhausted(address(1), after(49)).is_some());
    assert_eq!(limits.address_exhausted(address(1), after(50)), None, "20 a second");
}

#[test]
fn insisting_does_not_make_it_worse() {
    let limits = limits(LimitSettings::default());
    for _ in 0..100_000 {
        limits.charge_failure(address(1), client(1), START);
    }
    assert_eq!(limits.failing(address(1), client(1), after(500)), None);
}

#[test]
fn an_ipv6_host_is_its_64_and_a_mapped_address_is_its_ipv4() {
    let limits = limits(LimitSettings::default());
    let host = |low: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low)));
    for n in 0..200 {
        limits.charge_failure(host(n), client(u128::from(n)), START);
        limits.charge_failure(address(0x0a00_0001), client(u128::from(n)), START);
    }
    assert!(limits.address_exhausted(host(9_999), START).is_some());
    let next = Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1)));
    assert_eq!(limits.address_exhausted(next, START), None);
    let mapped = Some(IpAddr::V6(Ipv4Addr::from(0x0a00_0001).to_ipv6_mapped()));
    assert!(limits.address_exhausted(mapped, START).is_some());
}

#[test]
fn a_client_that_cannot_be_told_is_limited_too() {
    let limits = limits(LimitSettings::default());
    for n in 0..20 {
        limits.charge_failure(address(1), ClientRef::Malformed(n), START);
    }
    assert!(limits.failing(address(1), ClientRef::Malformed(99), START).is_some());
    assert_eq!(limits.failing(address(1), ClientRef::Absent, START), None);
}

#[test]
fn a_tenant_has_its_own_limit_and_does_not_touch_another() {
    let settings =
        LimitSettings { tenant: Rate { per_second: 10, burst: 20 }, ..LimitSettings::default() };
    let limits = limits(settings);
    for n in 0..20 {
        assert_eq!(limits.charge_client(tenant(1), app(n), START), None);
    }
    assert!(limits.charge_client(tenant(1), app(99), START).is_some());
    assert_eq!(limits.charge_client(tenant(2), app(99), START), None);
    assert_eq!(limits.refusals().tenant, 1);
}

#[test]
fn a_clock_that_jumps_locks_nobody_out() {
    for settings in [
        LimitSettings::default(),
        LimitSettings { client: Rate::per_second(1), ..LimitSettings::default() },
    ] {
        let limits = limits(settings);
        let burst = settings.client.burst;
        for _ in 0..=burst {
            let _ = limits.charge_client(tenant(1), app(1), START);
        }
        assert!(limits.charge_client(tenant(1), app(1), START).is_some());
        for jump in [START.minus(HOUR * 24 * 3_650), START.minus(HOUR), START.plus(HOUR)] {
            assert_eq!(limits.charge_client(tenant(1), app(1), jump), None, "{jump:?}");
        }
    }
}

#[test]
fn no_address_no_limit() {
    let limits = limits(LimitSettings::default());
    for _ in 0..1_000 {
        limits.charge_failure(None, client(1), START);
    }
    assert_eq!(limits.address_exhausted(None, START), None);
    assert_eq!(limits.failing(None, client(1), START), None);
}

#[test]
fn unlimited_is_unlimited() {
    let limits = limits(LimitSettings::UNLIMITED);
    assert_eq!(granted(&limits, (tenant(1), app(1)), 10_000, 10), 100_000);
    for _ in 0..10_000 {
        limits.charge_failure(address(1), client(1), START);
    }
    assert_eq!(limits.address_exhausted(address(1), START), None);
    assert_eq!(limits.failing(address(1), client(1), START), None);
}

#[test]
fn retry_after_is_spread_and_at_most_thirty_seconds() {
    let slow =
        LimitSettings { client: Rate { per_second: 1, burst: 1 }, ..LimitSettings::default() };
    let limits = limits(slow);
    assert_eq!(limits.charge_client(tenant(1), app(1), START), None);
    let waits: HashSet<u64> =
        (0..100).filter_map(|_| limits.charge_client(tenant(1), app(1), START)).collect();
    assert_eq!(waits, HashSet::from([1, 2, 3, 4]));
}

#[test]
fn threads_together_get_no_more_than_one_alone() {
    let limits = limits(LimitSettings::default());
    let passed: usize = std::thread::scope(|scope| {
        let ask =
            || (0..2_000).filter(|_| limits.charge_client(tenant(1), app(1), START).is_none());
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || ask().count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Only a charge that gave up under contention may add to it.
    assert!((1_000..=1_010).contains(&passed), "{passed}");
}

/// A request's failure as the token endpoint counts it.
fn fail(limits: &Limits, from: Option<IpAddr>, who: ClientRef, now: Timestamp) -> bool {
    let turned_away = limits.address_exhausted(from, now).or(limits.failing(from, who, now));
    turned_away.is_none() && limits.charge_failure(from, who, now).is_none()
}

/// One kind of garbage: requests that name nobody, that name nonsense, or one client's.
fn garbage() -> impl Strategy<Value = fn(u32) -> ClientRef> {
    let kinds: [fn(u32) -> ClientRef; 3] =
        [|_| ClientRef::Absent, ClientRef::Malformed, |_| client(0)];
    proptest::sample::select(kinds.to_vec())
}

proptest! {
    /// However much of it there is, and however its text varies, nine tenths of the address are
    /// left for others.
    #[test]
    fn one_kind_of_garbage_uses_up_no_more_than_its_share(
        of in garbage(),
        gaps in proptest::collection::vec(0_u64..60, 1..800),
    ) {
        let limits = limits(LimitSettings::default());
        let (mut at, mut passed) = (0, 0);
        for (n, gap) in gaps.iter().zip(1..) {
            at += n;
            passed += u64::from(fail(&limits, address(1), of(gap), after(at)));
            prop_assert_eq!(limits.address_exhausted(address(1), after(at)), None);
        }
        prop_assert!(passed <= 20 + at * 2 / 1_000 + 1, "{passed} in {at} ms");
        for n in 1..=9 {
            for _ in 0..20 {
                prop_assert!(fail(&limits, address(1), client(n), after(at)), "client {n}");
            }
        }
    }

    /// Over any pattern of requests, what passes is at most the burst and the rate's share.
    #[test]
    fn never_more_than_burst_and_rate(
        per_second in 1_u32..2_000,
        burst in 1_u32..500,
        gaps in proptest::collection::vec(0_u64..200, 1..400),
    ) {
        let rate = Rate { per_second, burst };
        let limits = limits(LimitSettings { client: rate, ..LimitSettings::UNLIMITED });
        let (mut at, mut passed) = (0, 0_u64);
        for gap in gaps {
            at += gap;
            match limits.charge_client(tenant(1), app(1), after(at)) {
                None => passed += 1,
                Some(wait) => prop_assert!((1..=RETRY_AFTER_MAX).contains(&wait)),
            }
        }
        // The interval is whole microseconds, so a rate may be met by up to 0.2 % more.
        let share = at * u64::from(per_second) / 998 + 1;
        prop_assert!(passed <= u64::from(burst) + share, "{passed} in {at} ms");
    }
}
