//! What is said of which facts.

use std::time::Duration;

use behalf_core::time::Timestamp;
use behalf_server::database::{Node, Schema, Standby, Survey};

use super::{
    check::{Check, Verdict, json, text},
    server::judge,
};

const NOW: Timestamp = Timestamp(1_764_072_000_000);

fn standby(name: &str, sync_state: &str) -> Standby {
    Standby {
        name: name.into(),
        state: Some("streaming".into()),
        sync_state: Some(sync_state.into()),
        lag: None,
    }
}

/// Two synchronous standbys, two nodes, everything as it should be.
fn good() -> Survey {
    let node =
        |address: &str| Node { version: "behalf/0.1.0".into(), address: Some(address.into()) };
    Survey {
        place: "db-1:5432,db-2:5432/behalf".into(),
        server: "PostgreSQL 15.3 (Debian 15.3-1)".into(),
        new_enough: true,
        distributed: false,
        local: false,
        tls: Some(true),
        connect: Duration::from_micros(4_200),
        round_trip: Duration::from_micros(340),
        clock: NOW.0 + 12,
        schema: Schema { found: Some(2), known: 2, refused: None },
        synchronous_commit: Some("on".into()),
        synchronous_standby_names: Some("ANY 1 (a, b)".into()),
        fsync: Some("on".into()),
        full_page_writes: Some("on".into()),
        max_connections: Some(97),
        connections: Some(14),
        standbys: Some(vec![standby("a", "quorum"), standby("b", "quorum")]),
        nodes: Some(vec![node("10.0.0.1"), node("10.0.0.2")]),
    }
}

/// The check of this name after a change to what is good.
fn after(change: impl FnOnce(&mut Survey), name: &str) -> Check {
    let mut survey = good();
    change(&mut survey);
    let checks = judge(&survey, NOW);
    let found = checks.into_iter().find(|check| check.name == name);
    found.unwrap_or_else(|| Check::fail("nothing", name, "no such check"))
}

#[test]
fn all_is_well() {
    insta::assert_snapshot!(text(&judge(&good(), NOW)));
}

#[test]
fn an_asynchronous_standby_and_much_else_that_is_wrong() {
    let mut survey = good();
    survey.new_enough = false;
    survey.server = "PostgreSQL 13.2".into();
    survey.tls = Some(false);
    survey.round_trip = Duration::from_micros(41_250);
    survey.clock = NOW.0 - 7_000;
    survey.schema.refused = Some("the database has schema 9, this version works up to 2".into());
    survey.fsync = Some("off".into());
    survey.synchronous_commit = Some("off".into());
    survey.synchronous_standby_names = Some(String::new());
    survey.standbys =
        Some(vec![Standby { lag: Some(Duration::from_secs(4)), ..standby("a", "async") }]);
    survey.connections = Some(85);
    survey.nodes.as_mut().unwrap()[1].version = "behalf/0.2.0".into();
    insta::assert_snapshot!(text(&judge(&survey, NOW)));
}

#[test]
fn programs_read_json() {
    let checks = [Check::ok("schema", "2"), Check::fail("clock", "1 h apart", "NTP")];
    insta::assert_snapshot!(json(&checks));
}

/// The words are for databases where every acknowledged commit is on another machine's disk.
#[test]
fn highly_available_is_said_of_nothing_less() {
    let sets: [(&str, &str, Vec<Standby>); 7] = [
        ("", "on", vec![]),
        ("", "on", vec![standby("a", "async"), standby("b", "async")]),
        ("a", "on", vec![]),
        ("a", "on", vec![standby("b", "async")]),
        ("a", "local", vec![standby("a", "sync"), standby("b", "potential")]),
        ("a", "remote_write", vec![standby("a", "sync"), standby("b", "potential")]),
        ("a", "on", vec![standby("a", "sync")]),
    ];
    for (names, commit, standbys) in sets {
        let found = after(
            |survey| {
                survey.synchronous_standby_names = Some(names.into());
                survey.synchronous_commit = Some(commit.into());
                survey.standbys = Some(standbys.clone());
            },
            "availability",
        );
        assert_ne!(found.verdict, Verdict::Ok, "{names} {commit} {standbys:?}");
        let said = found.found.replace("not highly available", "");
        assert!(!said.contains("highly available"), "{said}");
    }
    let catching_up = |survey: &mut Survey| {
        survey.standbys =
            Some(vec![Standby { state: Some("catchup".into()), ..standby("a", "sync") }]);
    };
    assert_eq!(after(catching_up, "availability").verdict, Verdict::Fail);
}

#[test]
fn what_cannot_be_seen_is_not_judged() {
    for standbys in [None, Some(vec![Standby { state: None, ..standby("a", "sync") }])] {
        let found = after(|survey| survey.standbys.clone_from(&standbys), "availability");
        assert_eq!(found.verdict, Verdict::Warn);
        assert!(found.fix.unwrap().contains("pg_monitor"));
    }
    let distributed = after(|survey| survey.distributed = true, "availability");
    assert!(!distributed.found.contains("highly available"));
}

#[test]
fn verdicts_turn_where_they_should() {
    let clock = |apart: i64| after(|survey| survey.clock = NOW.0 + apart, "clock").verdict;
    assert_eq!([clock(2_000), clock(-2_000)], [Verdict::Ok; 2]);
    assert_eq!([clock(2_001), clock(300_000)], [Verdict::Warn; 2]);
    assert_eq!(clock(-300_001), Verdict::Fail);
    let used = |used| after(|survey| survey.connections = Some(used), "connections").verdict;
    assert_eq!(
        [used(77), used(78), used(87), used(88)],
        [Verdict::Ok, Verdict::Warn, Verdict::Warn, Verdict::Fail]
    );
    let schema = |found| after(|survey| survey.schema.found = found, "schema");
    assert_eq!(schema(None).found, "not there yet: the first start makes it");
    assert!(schema(Some(1)).found.starts_with("1; the next start of this version makes it 2"));
    assert!(schema(Some(3)).found.starts_with("3, with which this version (2) can work"));
    let local = after(|survey| (survey.tls, survey.local) = (Some(false), true), "tls");
    assert_eq!(local.verdict, Verdict::Ok);
}
