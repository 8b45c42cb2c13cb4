//! When which epoch of the sealing key seals, and what to write so that one always does: pure
//! decisions over their schedules.

use std::time::Duration;

use behalf_core::{
    ticket::LONGEST,
    time::{CLOCK_SKEW, Timestamp},
};
use serde::{Deserialize, Serialize};

use crate::keys::HEARD;

/// How long an epoch seals.
pub const EPOCH: Duration = Duration::from_hours(14 * 24);
/// How long an epoch is there before it seals: longer than any node takes to hear of it, a failed
/// try included.
pub const EPOCH_ANNOUNCED: Duration = Duration::from_mins(1);
const _: () = assert!(EPOCH_ANNOUNCED.as_secs() > 2 * HEARD.as_secs());

/// When one epoch seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochSchedule {
    /// Its number, from 1; never given twice.
    pub number: u32,
    /// From when on it seals.
    pub from: Timestamp,
    /// When its successor takes over, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// None of its tickets opens any more, and its root is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// What an epoch is at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EpochState {
    /// Known to every node, so that it can begin.
    Announced,
    /// Seals and opens.
    Sealing,
    /// Opens what it sealed.
    Opening,
    /// Opens nothing.
    Revoked,
}

impl EpochState {
    /// As people see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Sealing => "sealing",
            Self::Opening => "opening",
            Self::Revoked => "revoked",
        }
    }
}

impl EpochSchedule {
    /// What the epoch is at `now`.
    pub fn state(&self, now: Timestamp) -> EpochState {
        if self.revoked {
            EpochState::Revoked
        } else if now < self.from {
            EpochState::Announced
        } else if self.to.is_none_or(|to| now < to) {
            EpochState::Sealing
        } else {
            EpochState::Opening
        }
    }

    /// Whether its last ticket has expired, so that it can be forgotten.
    fn is_over(&self, now: Timestamp) -> bool {
        self.to.is_some_and(|to| now > to.plus(LONGEST + CLOCK_SKEW))
    }
}

/// What is to be written, as one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// The epoch to make, with a root of its own.
    pub(super) make: Option<EpochSchedule>,
    /// Schedules that change.
    pub(super) change: Vec<EpochSchedule>,
    /// Epochs to forget.
    pub(super) remove: Vec<u32>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// No epoch has this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no epoch of the sealing key has this number; `behalf key list --seal` shows them")]
pub struct NoSuchEpoch;

/// What to write now so that an epoch seals, its successor is announced in time, and none is kept
/// for longer than its tickets last.
pub(super) fn plan(ring: &[EpochSchedule], now: Timestamp) -> Plan {
    let over: Vec<u32> = ring.iter().filter(|e| e.is_over(now)).map(|e| e.number).collect();
    let Some(sealing) = sealing(ring, now) else {
        // One that is announced was let wait until every node knows it.
        let announced = ring.iter().any(|epoch| epoch.state(now) == EpochState::Announced);
        let make = (!announced).then(|| next(ring, at_once(now)));
        return Plan { make, remove: over, ..Plan::default() };
    };
    let due = sealing.from.plus(EPOCH);
    let soon = now.plus(EPOCH_ANNOUNCED);
    if sealing.to.is_some() || soon < due {
        return Plan { remove: over, ..Plan::default() };
    }
    Plan { remove: over, ..succeed(ring, sealing, due.max(soon)) }
}

/// What to write so that a new epoch seals as soon as every node knows of it.
pub(super) fn rotate(ring: &[EpochSchedule], now: Timestamp) -> Plan {
    match sealing(ring, now) {
        None => plan(ring, now),
        // Announced already: as soon as it can be.
        Some(sealing) if sealing.to.is_some() => Plan::default(),
        Some(sealing) => succeed(ring, sealing, now.plus(EPOCH_ANNOUNCED)),
    }
}

/// What to write so that nothing that the epoch sealed opens any more. If it seals, another begins
/// as soon as every node knows of it, `heard` from now; until then nothing is sealed.
pub(super) fn revoke(
    ring: &[EpochSchedule],
    number: u32,
    now: Timestamp,
    heard: Duration,
) -> Result<Plan, NoSuchEpoch> {
    let found = ring.iter().find(|epoch| epoch.number == number).ok_or(NoSuchEpoch)?;
    if found.revoked {
        return Ok(Plan::default());
    }
    let to = Some(found.to.map_or(now, |to| to.min(now)));
    let mut plan = Plan {
        change: vec![EpochSchedule { to, revoked: true, ..found.clone() }],
        ..Plan::default()
    };
    let others: Vec<_> = ring.iter().filter(|epoch| epoch.number != number).cloned().collect();
    if sealing(&others, now).is_none() {
        let announced = others.iter().find(|epoch| epoch.state(now) == EpochState::Announced);
        match announced {
            Some(next) => {
                let from = now.plus(heard).min(next.from);
                plan.change.push(EpochSchedule { from, ..next.clone() });
            }
            None => plan.make = Some(next(ring, now.plus(heard))),
        }
    }
    Ok(plan)
}

/// What to write so that nothing that any epoch sealed opens any more, and a new one seals at once.
pub(super) fn begin_anew(ring: &[EpochSchedule], now: Timestamp) -> Plan {
    let end = |epoch: &EpochSchedule| {
        let to = Some(epoch.to.map_or(now, |to| to.min(now)));
        EpochSchedule { to, revoked: true, ..epoch.clone() }
    };
    let change = ring.iter().filter(|epoch| !epoch.revoked).map(end).collect();
    Plan { make: Some(next(ring, at_once(now))), change, remove: Vec::new() }
}

/// The beginning of an epoch that seals at `now`, also on nodes whose clocks are behind. Nobody had
/// its root before, so nothing that claims to be older is let in by that.
fn at_once(now: Timestamp) -> Timestamp {
    now.minus(CLOCK_SKEW)
}

/// The newest epoch that seals.
fn sealing(ring: &[EpochSchedule], now: Timestamp) -> Option<&EpochSchedule> {
    let sealing = ring.iter().filter(|epoch| epoch.state(now) == EpochState::Sealing);
    sealing.max_by_key(|epoch| epoch.number)
}

/// When the first epoch begins, where none seals and that is further off than any is announced: then
/// the clock that says `now` is behind the one that made it.
pub(super) fn not_begun(ring: &[EpochSchedule], now: Timestamp) -> Option<Timestamp> {
    let announced = ring.iter().filter(|epoch| epoch.state(now) == EpochState::Announced);
    let first = announced.map(|epoch| epoch.from).min()?;
    (sealing(ring, now).is_none() && first > now.plus(EPOCH_ANNOUNCED)).then_some(first)
}

fn succeed(ring: &[EpochSchedule], sealing: &EpochSchedule, from: Timestamp) -> Plan {
    Plan {
        make: Some(next(ring, from)),
        change: vec![EpochSchedule { to: Some(from), ..sealing.clone() }],
        remove: Vec::new(),
    }
}

fn next(ring: &[EpochSchedule], from: Timestamp) -> EpochSchedule {
    let newest = ring.iter().map(|epoch| epoch.number).max().unwrap_or(0);
    EpochSchedule { number: newest + 1, from, to: None, revoked: false }
}
