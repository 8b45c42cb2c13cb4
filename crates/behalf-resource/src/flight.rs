use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::BuildError;

/// At most one fetch in this many seconds, whatever callers send.
const MIN_INTERVAL: u64 = 10;

/// Something that is known from the token service.
pub(crate) trait Upstream: Send + Sync + 'static {
    /// The fetches so far.
    fn flight(&self) -> &Flight;

    /// Asks the token service, at `now`, and keeps what it says.
    fn fetch(&self, now: u64) -> impl Future<Output = Result<(), BuildError>> + Send;
}

/// Sees to it that one fetch is under way at a time, and that they keep their distance.
#[derive(Debug)]
pub(crate) struct Flight {
    attempt: Mutex<Attempt>,
    finished: watch::Sender<()>,
}

/// The latest fetch.
#[derive(Debug, Default)]
struct Attempt {
    started_at: Option<u64>,
    in_flight: bool,
    succeeded_before: bool,
    /// In a row, the latest included.
    failures: u32,
}

enum Claim {
    Start,
    Join,
    TooSoon,
}

impl Flight {
    pub(crate) fn new() -> Self {
        Self { attempt: Mutex::default(), finished: watch::Sender::new(()) }
    }

    /// Whether the latest fetch failed.
    pub(crate) fn failed(&self) -> bool {
        self.attempt().failures > 0
    }

    /// Whether a fetch could start.
    pub(crate) fn may_start(&self, now: u64) -> bool {
        self.attempt().may_start(now)
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, now: u64) -> Claim {
        let mut attempt = self.attempt();
        if attempt.in_flight {
            return Claim::Join;
        }
        if !attempt.may_start(now) {
            return Claim::TooSoon;
        }
        attempt.in_flight = true;
        attempt.started_at = Some(now);
        Claim::Start
    }
}

/// The first fetch, whose failure the caller judges.
pub(crate) async fn first<U: Upstream>(upstream: &U, now: u64) -> Result<(), BuildError> {
    match upstream.flight().claim(now) {
        Claim::Start => fly(upstream, now).await,
        Claim::Join | Claim::TooSoon => Ok(()),
    }
}

/// Starts a fetch in the background, unless one is under way or the latest was too short ago.
pub(crate) fn refresh_behind<U: Upstream>(upstream: &Arc<U>, now: u64) {
    if matches!(upstream.flight().claim(now), Claim::Start) {
        spawn(upstream, now);
    }
}

/// Fetches, or waits for the fetch that is under way. False if neither happened (the latest was too
/// short ago), or if it failed.
pub(crate) async fn refresh<U: Upstream>(upstream: &Arc<U>, now: u64) -> bool {
    let flight = upstream.flight();
    let mut finished = flight.finished.subscribe();
    match flight.claim(now) {
        Claim::Start => spawn(upstream, now),
        Claim::Join => {}
        Claim::TooSoon => return false,
    }
    finished.changed().await.is_ok() && !flight.failed()
}

/// A task of its own: a caller that goes away must not end the fetch others wait for.
fn spawn<U: Upstream>(upstream: &Arc<U>, now: u64) {
    let upstream = Arc::clone(upstream);
    tokio::spawn(async move {
        if let Err(error) = fly(&*upstream, now).await {
            tracing::warn!(%error, "the token service did not answer as it should; trying again");
        }
    });
}

async fn fly<U: Upstream>(upstream: &U, now: u64) -> Result<(), BuildError> {
    let mut landing = Landing { flight: upstream.flight(), succeeded: false };
    let result = upstream.fetch(now).await;
    landing.succeeded = result.is_ok();
    result
}

impl Attempt {
    fn may_start(&self, now: u64) -> bool {
        let far_enough = |started: u64| now.abs_diff(started) >= self.interval();
        !self.in_flight && self.started_at.is_none_or(far_enough)
    }

    /// Seconds between fetches. Until the first success nothing works, so the first tries follow
    /// each other sooner: 1, 2, 4, 8 s.
    fn interval(&self) -> u64 {
        match self.failures {
            0 => MIN_INTERVAL,
            _ if self.succeeded_before => MIN_INTERVAL,
            failures => MIN_INTERVAL.min(1 << (failures - 1).min(4)),
        }
    }
}

/// Ends an attempt however its task ends.
struct Landing<'a> {
    flight: &'a Flight,
    succeeded: bool,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut attempt = self.flight.attempt();
        attempt.in_flight = false;
        if self.succeeded {
            attempt.succeeded_before = true;
            attempt.failures = 0;
        } else {
            attempt.failures = attempt.failures.saturating_add(1);
        }
        drop(attempt);
        self.flight.finished.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: u32, succeeded_before: bool) -> u64 {
        Attempt { succeeded_before, failures, ..Attempt::default() }.interval()
    }

    #[test]
    fn tries_before_the_first_success_back_off_to_10_s_and_later_ones_keep_10_s() {
        let intervals: Vec<_> = (1..8).map(|failures| after(failures, false)).collect();
        assert_eq!(intervals, [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!(after(u32::MAX, false), 10);
        for failures in [0, 1, 2, u32::MAX] {
            assert_eq!(after(failures, true), 10);
        }
    }
}
