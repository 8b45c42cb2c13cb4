//! The time, as an argument. One clock is made where the process starts and handed to everything.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use behalf_core::time::Timestamp;

/// Says what time it is. Cheap: it is asked several times per request.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The time of day, UTC. It may jump in either direction.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back. For measuring and for deadlines.
    fn monotonic(&self) -> Duration;
}

/// A clock that many share.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the edge where time enters the process")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge where time enters the process")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved: for tests, and for replaying what happened.
#[derive(Debug)]
pub struct FrozenClock {
    now: AtomicI64,
    monotonic: AtomicU64,
}

impl FrozenClock {
    /// A clock that says `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.0), monotonic: AtomicU64::new(0) }
    }

    /// Lets `duration` pass on both clocks.
    pub fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.now.fetch_add(millis, Ordering::SeqCst);
        self.monotonic.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Sets the time of day, back or forth, as an administrator or a broken NTP server does.
    pub fn jump_to(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = FrozenClock::at(Timestamp(1_000));
        assert_eq!((clock.now(), clock.monotonic()), (Timestamp(1_000), Duration::ZERO));
        clock.advance(Duration::from_secs(2));
        assert_eq!((clock.now(), clock.monotonic()), (Timestamp(3_000), Duration::from_secs(2)));
        clock.jump_to(Timestamp(500));
        assert_eq!((clock.now(), clock.monotonic()), (Timestamp(500), Duration::from_secs(2)));
    }

    #[test]
    fn the_system_clock_is_in_this_century() {
        let clock = SystemClock::new();
        assert!(clock.now() > Timestamp::from_unix_seconds(1_700_000_000));
        assert!(clock.monotonic() <= clock.monotonic());
    }
}
