//! What to do about the ring now: a pure decision over its schedules and the configured times.

use std::time::Duration;

use behalf_core::{
    application::TokenAlg,
    time::{CLOCK_SKEW, Timestamp},
};

use behalf_store::Store;

use super::entry::{Schedule, State};

/// The longest life of a token: of one whose client and resource handle claims challenges
/// (protocol 5.3). Whatever is configured, no token outlives the publication of its key.
pub const LONGEST_TOKEN: Duration = Duration::from_hours(28);

/// How long a key stays published after its successor took over: the longest token life and twice
/// the skew.
pub const OVERLAP: Duration = Duration::from_mins(28 * 60 + 10);

/// The configured times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a key signs (`keys.rotation`).
    pub rotation: Duration,
    /// How long a key is published before it signs (`keys.announce`).
    pub announce: Duration,
    /// How long it may take until every node knows of a change ([`heard`]).
    pub heard: Duration,
}

/// How long it takes at most until every node of several knows of a change, or knows that it is
/// away.
pub const HEARD: Duration = behalf_store::BOUND;

/// How long it may take until every node that shares `store` knows of a change: no time where there
/// is one.
pub fn heard(store: &Store) -> Duration {
    if store.is_shared() { HEARD } else { Duration::ZERO }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            rotation: Duration::from_hours(90 * 24),
            announce: Duration::from_hours(24),
            heard: Duration::ZERO,
        }
    }
}

/// A key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Make {
    /// Its algorithm.
    pub alg: TokenAlg,
    /// From when on it signs.
    pub active_from: Timestamp,
}

/// What is to be written, as one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// Keys to make and add.
    pub make: Vec<Make>,
    /// Schedules that change.
    pub change: Vec<Schedule>,
    /// Keys to remove: retired, and past the skew.
    pub remove: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The algorithms a ring always has keys of.
pub(super) const ALGORITHMS: [TokenAlg; 2] = [TokenAlg::Rs256, TokenAlg::Es256];

/// The keys without which nothing can be signed: at first start, one for each algorithm.
pub(super) fn missing(ring: &[Schedule], now: Timestamp) -> Vec<Make> {
    ALGORITHMS
        .into_iter()
        .filter(|alg| active(ring, *alg, now).is_none())
        .map(|alg| Make { alg, active_from: now })
        .collect()
}

/// What to write now so that every algorithm has a key that signs and one that comes after it.
pub(super) fn plan(ring: &[Schedule], now: Timestamp, times: Times) -> Plan {
    let mut plan = Plan { make: missing(ring, now), ..Plan::default() };
    for alg in ALGORITHMS {
        let signs_from = match active(ring, alg, now) {
            Some(active) => active.active_from,
            None => now,
        };
        if next(ring, alg, now).is_none() {
            let due = signs_from.plus(times.rotation).max(now.plus(times.announce));
            plan.make.push(Make { alg, active_from: due });
        }
    }
    let future: Vec<(TokenAlg, Timestamp)> =
        plan.make.iter().map(|make| (make.alg, make.active_from)).collect();
    for key in ring {
        if key.retire_at.is_some_and(|retire_at| now > retire_at.plus(CLOCK_SKEW)) {
            plan.remove.push(key.kid.clone());
        } else if key.retire_at.is_none() {
            // A key is to retire after whoever comes next, be it there already or about to be made.
            let made = future.iter().filter(|(alg, _)| *alg == key.alg).map(|(_, from)| *from);
            let there = ring.iter().filter(|k| k.alg == key.alg).map(|k| k.active_from);
            let successor = made.chain(there).filter(|from| *from > key.active_from).min();
            if let Some(successor) = successor {
                let retire_at = Some(successor.plus(OVERLAP));
                plan.change.push(Schedule { retire_at, ..key.clone() });
            }
        }
    }
    plan
}

/// When a rotation that somebody asked for takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After the announcement: nobody's cache is surprised.
    Announced,
    /// As soon as every node knows, with the key that is announced already.
    Now,
}

/// Why there is nothing to rotate to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// The next key is not there yet.
    #[error(
        "no next {0:?} key is announced yet; it is made within a minute of the start, then try again"
    )]
    NoNext(TokenAlg),
    /// No such key.
    #[error("no key has this kid; `behalf key list` shows them")]
    Unknown,
}

/// Lets the next key of `alg` sign sooner than it would.
pub(super) fn rotate(
    ring: &[Schedule],
    alg: TokenAlg,
    when: When,
    now: Timestamp,
    times: Times,
) -> Result<Plan, RotateError> {
    let next = next(ring, alg, now).ok_or(RotateError::NoNext(alg))?;
    let active_from = match when {
        // As soon as every node knows, so that none is shown a token of a key that it takes for
        // another time's.
        When::Now => soonest(ring, next, now, times.heard),
        // It may have been published for long, but not every cache's owner has been told.
        When::Announced => now.plus(times.announce).min(next.active_from),
    };
    let mut change = vec![Schedule { active_from, ..next.clone() }];
    if let Some(active) = active(ring, alg, now) {
        let retire_at = Some(active_from.plus(OVERLAP));
        change.push(Schedule { retire_at, ..active.clone() });
    }
    Ok(Plan { change, ..Plan::default() })
}

/// Withdraws a key, whatever depends on it: for a key that got out. At once, also where nodes have
/// not heard yet and refuse what the next key signs until they have: better than what a thief signs.
pub(super) fn revoke(ring: &[Schedule], kid: &str, now: Timestamp) -> Result<Plan, RotateError> {
    let key = ring.iter().find(|key| key.kid == kid).ok_or(RotateError::Unknown)?;
    let mut plan = Plan::default();
    if key.state(ring, now) == State::Active {
        let next = next(ring, key.alg, now).ok_or(RotateError::NoNext(key.alg))?;
        let active_from = soonest(ring, next, now, Duration::ZERO);
        plan.change.push(Schedule { active_from, ..next.clone() });
    }
    let retire_at = Some(Timestamp(now.0 - 1));
    plan.change.push(Schedule { retire_at, ..key.clone() });
    Ok(plan)
}

/// When `next` takes over, `wait` from now at the latest: after the key that signs now, because of
/// two that begin at once chance would decide.
fn soonest(ring: &[Schedule], next: &Schedule, now: Timestamp, wait: Duration) -> Timestamp {
    let at = now.plus(wait).min(next.active_from);
    active(ring, next.alg, now).map_or(at, |active| at.max(Timestamp(active.active_from.0 + 1)))
}

fn active(ring: &[Schedule], alg: TokenAlg, now: Timestamp) -> Option<&Schedule> {
    ring.iter().find(|key| key.alg == alg && key.state(ring, now) == State::Active)
}

fn next(ring: &[Schedule], alg: TokenAlg, now: Timestamp) -> Option<&Schedule> {
    ring.iter()
        .filter(|key| key.alg == alg && key.state(ring, now) == State::Announced)
        .min_by_key(|key| key.active_from)
}
