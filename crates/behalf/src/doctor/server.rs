//! What a database server's facts mean. Pure.

use std::time::Duration;

use behalf_core::time::{CLOCK_SKEW, Timestamp};
use behalf_server::database::{OpenError, Schema, Survey};

use super::{availability, check::Check};

/// Connections of one node at most: readers, writer, listener, the sign-in log, a backup.
const NODE: i64 = 10;
/// A round trip from which on commits are felt: each takes two, and the writers of a node share
/// them one after another.
const FAR: Duration = Duration::from_millis(10);
/// A difference between two clocks that time synchronisation does not leave.
const APART: Duration = Duration::from_secs(2);

/// The database could not be asked.
pub(super) fn unreachable(error: &OpenError) -> Check {
    Check::fail(
        "database",
        error.to_string(),
        "until then no node starts; those that run go on for storage.degraded_window",
    )
}

/// Everything that is to be said of a database; `now` is this machine's clock just after it was
/// asked.
pub(super) fn judge(survey: &Survey, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![database(survey), distance(survey), tls(survey), schema(&survey.schema)];
    checks.extend(durability(survey));
    checks.push(availability::judge(survey));
    checks.push(clock(survey, now));
    checks.extend(connections(survey));
    checks.extend(nodes(survey));
    checks
}

fn database(survey: &Survey) -> Check {
    let found = format!("{} at {}", survey.server, survey.place);
    if survey.new_enough {
        return Check::ok("database", found);
    }
    Check::fail("database", format!("{found} is too old"), "upgrade it to PostgreSQL 14 or newer")
}

fn distance(survey: &Survey) -> Check {
    let found = format!(
        "connecting takes {}, a round trip {}",
        milliseconds(survey.connect),
        milliseconds(survey.round_trip)
    );
    if survey.round_trip < FAR {
        return Check::ok("distance", found);
    }
    Check::warn("distance", found, "a commit takes two round trips: run the nodes near the primary")
}

fn tls(survey: &Survey) -> Check {
    match survey.tls {
        Some(true) => Check::ok("tls", "the connection is encrypted and the server's name checked"),
        _ if survey.local => Check::ok("tls", "not used; the database is on this machine"),
        None => Check::ok("tls", "the database does not say; sslmode in storage.url decides"),
        Some(false) => Check::fail(
            "tls",
            "the connection to another machine is not encrypted: who reads it reads the password \
             or the records",
            "remove sslmode from storage.url, and name the authority with sslrootcert",
        ),
    }
}

fn schema(schema: &Schema) -> Check {
    let known = schema.known;
    match (schema.found, &schema.refused) {
        (_, Some(refused)) => {
            Check::fail("schema", refused.as_str(), "this version does not start on it")
        }
        (None, None) => Check::ok("schema", "not there yet: the first start makes it"),
        (Some(found), None) if found < known => Check::ok(
            "schema",
            format!("{found}; the next start of this version makes it {known}, others run on"),
        ),
        (Some(found), None) if found > known => {
            Check::ok("schema", format!("{found}, with which this version ({known}) can work"))
        }
        (Some(found), None) => Check::ok("schema", found.to_string()),
    }
}

fn durability(survey: &Survey) -> Vec<Check> {
    let off = |setting: &Option<String>| setting.as_deref() == Some("off");
    let mut checks = Vec::new();
    if off(&survey.fsync) {
        checks.push(Check::fail(
            "durability",
            "fsync is off: a power cut loses acknowledged commits or the whole database",
            "fsync = on in postgresql.conf",
        ));
    }
    if off(&survey.full_page_writes) {
        checks.push(Check::fail(
            "durability",
            "full_page_writes is off: a power cut can tear a page beyond repair",
            "full_page_writes = on in postgresql.conf, unless the file system cannot tear pages",
        ));
    }
    if off(&survey.synchronous_commit) {
        checks.push(Check::warn(
            "durability",
            "synchronous_commit is off; nodes turn it on for their own commits",
            "synchronous_commit = on for this database, so that other tools keep the promise too",
        ));
    }
    if checks.is_empty() {
        checks
            .push(Check::ok("durability", "a commit is on the primary's disk when it is answered"));
    }
    checks
}

fn clock(survey: &Survey, now: Timestamp) -> Check {
    let apart = Duration::from_millis(survey.clock.abs_diff(now.0));
    let found = format!("{} apart from the database's", milliseconds(apart));
    if apart <= APART {
        return Check::ok("clock", found);
    }
    let fix = "synchronise both machines with the same NTP servers";
    if apart <= CLOCK_SKEW {
        return Check::warn("clock", found, fix);
    }
    let cause = format!("{found}, more than clients' clocks may be: assertions are refused");
    Check::fail("clock", cause, fix)
}

fn connections(survey: &Survey) -> Option<Check> {
    let (most, used) = (survey.max_connections?, survey.connections?);
    let free = most.saturating_sub(used);
    let found = format!("{used} of {most} are used; a node takes up to {NODE}");
    let fix = "raise max_connections, or remove what holds the others";
    if free >= 2 * NODE {
        return Some(Check::ok("connections", found));
    }
    if free >= NODE {
        let cause = format!("{found}: no room for a node that replaces another");
        return Some(Check::warn("connections", cause, fix));
    }
    Some(Check::fail("connections", format!("{found}: no room for one more"), fix))
}

fn nodes(survey: &Survey) -> Option<Check> {
    let nodes = survey.nodes.as_ref()?;
    let mut versions: Vec<&str> = nodes.iter().map(|node| node.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut places: Vec<&str> =
        nodes.iter().map(|node| node.address.as_deref().unwrap_or("this machine")).collect();
    places.sort_unstable();
    let found = match nodes.len() {
        0 => return Some(Check::ok("nodes", "none listens now")),
        count => format!("{count} listening, {}: {}", versions.join(" and "), places.join(", ")),
    };
    if versions.len() < 2 {
        return Some(Check::ok("nodes", found));
    }
    Some(Check::warn("nodes", found, "finish the upgrade: neighbouring versions run side by side"))
}

fn milliseconds(time: Duration) -> String {
    if time >= Duration::from_secs(1) {
        return format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100);
    }
    format!("{}.{} ms", time.as_millis(), time.as_micros() % 1_000 / 100)
}
