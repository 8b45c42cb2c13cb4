//! The lines: each a promise and the deed that tries it.

mod away;
mod cargo_test;
mod certificate;
mod clocks;
mod copy;
mod corrupt;
mod database;
mod doctor;
mod embedded;
mod embedded_kill;
mod entropy;
mod failing_calls;
mod fork;
mod key_revoked;
mod keys;
mod mutations;
mod nodes;
mod races;
mod restore;
mod revocation;
mod shed;
mod skew;
mod starved;
mod starved_cpu;
mod upgrade;
mod yardstick;

use std::pin::Pin;

use super::{Context, report::Finding};

/// A promise and how it is tried.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) run: fn(&Context) -> Running<'_>,
}

/// A line that runs.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Finding>> + 'a>>;

/// Why a line cannot be run on this machine, which breaks no promise.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotHere(pub(super) String);

/// All of them, in the order in which they run.
pub(super) const LINES: [Line; 32] = [
    embedded_kill::KILL,
    embedded::RESTART,
    embedded::DISK_FULL,
    failing_calls::FAILING_CALLS,
    corrupt::CORRUPT,
    mutations::MUTATIONS,
    restore::RESTORE,
    certificate::CERTIFICATE,
    starved::DESCRIPTORS_LINE,
    starved::BLOCKED_OUTPUT,
    starved_cpu::CPU,
    entropy::ENTROPY,
    clocks::CLOCK_JUMP,
    yardstick::YARDSTICK,
    nodes::KILL,
    nodes::ROLLING,
    upgrade::UPGRADE,
    database::OUTAGES,
    database::FAILOVER,
    fork::FORK,
    doctor::DOCTOR,
    away::AWAY,
    copy::COPY,
    races::CODES,
    races::REFRESH_TOKENS,
    races::CONSENT,
    keys::ROTATION,
    key_revoked::REVOKED,
    revocation::NOTIFIED,
    revocation::POLLED,
    skew::SKEW,
    shed::SLOW,
];
