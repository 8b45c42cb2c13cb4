//! Whether the loss of the primary loses anything. Pure.
//!
//! The words "highly available" are for a database where every acknowledged commit is on another
//! machine's disk as well. A standby that follows on its own time is not that: a failover to it
//! loses what was acknowledged last, and with it a used code or a rotated refresh token is unused
//! again.

use std::time::Duration;

use behalf_server::database::{Standby, Survey};

use super::check::Check;

const NAME: &str = "availability";
const SETTING: &str =
    "synchronous_standby_names = 'ANY 1 (a, b)' with two standbys, and synchronous_commit = on";

pub(super) fn judge(survey: &Survey) -> Check {
    if survey.distributed {
        let found = "the database keeps copies by itself; its own tools say whether enough of them";
        return Check::ok(NAME, found);
    }
    let Some(standbys) = &survey.standbys else { return unseen() };
    if standbys.iter().any(|standby| standby.state.is_none()) {
        return unseen();
    }
    let names = survey.synchronous_standby_names.as_deref().unwrap_or_default().trim();
    let streaming: Vec<_> =
        standbys.iter().filter(|standby| standby.state.as_deref() == Some("streaming")).collect();
    let synchronous: Vec<_> = streaming.iter().copied().filter(|one| is_synchronous(one)).collect();
    match (names.is_empty(), synchronous.as_slice()) {
        (false, []) => Check::fail(
            NAME,
            format!("commits wait for a standby of {names:?}, and none is streaming"),
            "bring a standby back, or empty synchronous_standby_names and live without",
        ),
        (false, synchronous) => waited_for(survey, &streaming, synchronous),
        (true, _) if streaming.is_empty() => Check::warn(
            NAME,
            "no standby: the directory is lost with the primary's disk, but for its backups",
            format!("take backups (behalf backup); for availability set {SETTING}"),
        ),
        (true, _) => Check::warn(
            NAME,
            format!(
                "not highly available: no commit waits for {}, so a failover loses what was \
                 acknowledged last: used codes and rotated tokens are unused again",
                named(&streaming)
            ),
            format!("set {SETTING}"),
        ),
    }
}

/// Commits wait for a standby. For what of it?
fn waited_for(survey: &Survey, streaming: &[&Standby], synchronous: &[&Standby]) -> Check {
    let waits = survey.synchronous_commit.as_deref().unwrap_or("on");
    if matches!(waits, "local" | "remote_write") {
        let found = format!(
            "not highly available: synchronous_commit is {waits}, which does not wait for a \
             standby's disk"
        );
        return Check::warn(NAME, found, "synchronous_commit = on for this database");
    }
    if streaming.len() == 1 {
        let found = format!(
            "a failover loses nothing: every commit waits for {}; but while that is away nothing \
             is committed",
            named(synchronous)
        );
        return Check::warn(NAME, found, format!("add another: {SETTING}"));
    }
    let names = survey.synchronous_standby_names.as_deref().unwrap_or_default();
    let found = format!(
        "highly available: every commit waits as {names:?} says, for the disks of {}",
        named(synchronous)
    );
    Check::ok(NAME, found)
}

fn is_synchronous(standby: &Standby) -> bool {
    matches!(standby.sync_state.as_deref(), Some("sync" | "quorum"))
}

fn named(standbys: &[&Standby]) -> String {
    let name = |standby: &&Standby| {
        let lag = standby.lag.unwrap_or_default();
        if lag < Duration::from_secs(1) {
            standby.name.clone()
        } else {
            format!("{} ({} s behind)", standby.name, lag.as_secs())
        }
    };
    let names: Vec<_> = standbys.iter().map(name).collect();
    match names.len() {
        1 => format!("the standby {}", names.join("")),
        count => format!("{count} standbys ({})", names.join(", ")),
    }
}

fn unseen() -> Check {
    Check::warn(
        NAME,
        "the database's user may not see the replication, so nothing can be said of it",
        "GRANT pg_monitor TO the user of storage.url",
    )
}
