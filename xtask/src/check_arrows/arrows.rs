//! Which crate may depend on which: the picture in ARCHITECTURE.md 2 as a table.
use crate::metadata::Package;

/// A crate, the workspace crates it may name, and the outside crates it must not.
struct Room {
    name: &'static str,
    may_use: Workspace,
    must_not_use: &'static [&'static [&'static str]],
}

/// The workspace crates that a room may use.
enum Workspace {
    Only(&'static [&'static str]),
    Anything,
}

const ASYNC: &[&str] = &["async-std", "futures", "futures-executor", "mio", "smol", "tokio"];
const HTTP: &[&str] =
    &["axum", "axum-server", "hyper", "hyper-util", "reqwest", "tower", "tower-http", "ureq"];
const DATABASE: &[&str] = &[
    "deadpool-postgres",
    "diesel",
    "libsqlite3-sys",
    "postgres",
    "rusqlite",
    "sqlx",
    "tokio-postgres",
];
const SOCKETS: &[&str] = &["quinn", "socket2", "tokio-rustls"];
const TLS: &[&str] = &["rustls", "rustls-native-certs"];
const AMBIENT: &[&str] = &["chrono", "fastrand", "getrandom", "rand", "rand_core", "time"];

const FLOOR_0: &[&[&str]] = &[ASYNC, HTTP, DATABASE, SOCKETS, TLS, AMBIENT];

const ROOMS: &[Room] = &[
    Room { name: "behalf-jose", may_use: Workspace::Only(&[]), must_not_use: FLOOR_0 },
    Room { name: "behalf-protocol", may_use: Workspace::Only(&[]), must_not_use: FLOOR_0 },
    Room {
        name: "behalf-core",
        may_use: Workspace::Only(&["behalf-jose", "behalf-protocol"]),
        must_not_use: FLOOR_0,
    },
    Room {
        name: "behalf-store",
        may_use: Workspace::Only(&["behalf-core", "behalf-jose"]),
        // TLS is for the way to its database; nobody connects to the store.
        must_not_use: &[HTTP, SOCKETS],
    },
    Room {
        name: "behalf-server",
        may_use: Workspace::Only(&[
            "behalf-core",
            "behalf-jose",
            "behalf-protocol",
            "behalf-store",
        ]),
        must_not_use: &[],
    },
    Room {
        name: "behalf-client",
        may_use: Workspace::Only(&["behalf-jose", "behalf-protocol"]),
        must_not_use: &[DATABASE],
    },
    Room {
        name: "behalf-resource",
        may_use: Workspace::Only(&["behalf-jose", "behalf-protocol"]),
        must_not_use: &[DATABASE],
    },
    Room {
        name: "behalf",
        may_use: Workspace::Only(&[
            "behalf-client",
            "behalf-core",
            "behalf-jose",
            "behalf-protocol",
            "behalf-resource",
            "behalf-server",
            "behalf-store",
        ]),
        must_not_use: &[DATABASE],
    },
    Room { name: "behalf-testing", may_use: Workspace::Anything, must_not_use: &[] },
    Room { name: "xtask", may_use: Workspace::Anything, must_not_use: &[] },
];

/// What a program of a stranger may use: the published side doors and nothing of the server.
const SAMPLE: Room = Room {
    name: "sample-*",
    may_use: Workspace::Only(&[
        "behalf-client",
        "behalf-jose",
        "behalf-protocol",
        "behalf-resource",
    ]),
    must_not_use: &[DATABASE],
};

/// One line per dependency that climbs a floor or brings something its room must not hold.
pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        match room(&package.name) {
            Some(room) => findings.extend(check_package(package, room, packages)),
            None => findings.push(format!(
                "{} is in no room: a new crate needs one of the four reasons of ARCHITECTURE.md 1, \
                 then a row in xtask/src/check_arrows/arrows.rs",
                package.name
            )),
        }
    }
    findings
}

fn room(package: &str) -> Option<&'static Room> {
    if package.starts_with("sample-") {
        return Some(&SAMPLE);
    }
    ROOMS.iter().find(|room| room.name == package)
}

fn check_package(package: &Package, room: &Room, packages: &[Package]) -> Vec<String> {
    let is_member = |name: &str| packages.iter().any(|package| package.name == name);
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let banned = !dependency.is_dev() && room.must_not_use.concat().contains(&name);
        // Tests may use the test kit, whatever room they are in: it never ships.
        let test_kit = dependency.is_dev() && name == "behalf-testing";
        let climbs = match room.may_use {
            Workspace::Anything => false,
            Workspace::Only(allowed) => is_member(name) && !allowed.contains(&name) && !test_kit,
        };
        if banned || climbs {
            findings.push(format!("{} → {name} is no arrow of ARCHITECTURE.md 2", package.name));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::metadata::{Dependency, Package};

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
            })
            .collect();
        Package { name: name.to_owned(), version: "0.1.0".to_owned(), license: None, dependencies }
    }

    /// A workspace in which every crate exists and `name` has the one dependency.
    fn findings(name: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let all =
            ["behalf-core", "behalf-server", "behalf-store", "behalf-protocol", "behalf-testing"];
        let mut packages: Vec<_> =
            all.iter().filter(|other| **other != name).map(|other| package(other, &[])).collect();
        packages.push(package(name, &[(dependency, kind)]));
        check(&packages)
    }

    #[test]
    fn floors_may_be_skipped_downwards() {
        assert!(findings("behalf-server", "behalf-protocol", None).is_empty());
        assert!(findings("behalf-core", "serde", None).is_empty());
        assert!(findings("sample-web-api", "tokio", None).is_empty());
    }

    #[test]
    fn floors_are_never_climbed_and_side_doors_never_enter_the_house() {
        let forbidden = [
            ("behalf-core", "behalf-store"),
            ("behalf-protocol", "behalf-core"),
            ("behalf-store", "behalf-protocol"),
            ("behalf-store", "behalf-server"),
            ("behalf-resource", "behalf-core"),
            ("sample-web-api", "behalf-server"),
        ];
        for (name, dependency) in forbidden {
            for kind in [None, Some("build"), Some("dev")] {
                let expected = [format!("{name} → {dependency} is no arrow of ARCHITECTURE.md 2")];
                assert_eq!(findings(name, dependency, kind), expected);
            }
        }
    }

    #[test]
    fn the_core_holds_no_runtime_no_http_no_database_no_clock_and_no_randomness() {
        for dependency in ["tokio", "axum", "reqwest", "rusqlite", "rand", "time"] {
            assert_eq!(findings("behalf-core", dependency, None).len(), 1, "{dependency}");
        }
        assert!(findings("behalf-core", "tokio", Some("dev")).is_empty());
    }

    #[test]
    fn tests_may_use_the_test_kit_and_nothing_that_ships_may() {
        assert!(findings("behalf-core", "behalf-testing", Some("dev")).is_empty());
        assert_eq!(findings("behalf-core", "behalf-testing", None).len(), 1);
    }

    #[test]
    fn a_crate_without_a_room_is_named() {
        let findings = check(&[package("behalf-utils", &[])]);
        assert!(findings[0].starts_with("behalf-utils is in no room"), "{findings:?}");
    }
}
