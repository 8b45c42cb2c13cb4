//! Licences and banned crates. `deny.toml` says the same for releases, with advisories besides.
use std::collections::BTreeMap;

use anyhow::Result;

use crate::metadata::{self, Package};
use crate::report;

/// SPDX terms under which a dependency may be used in a work under MIT OR Apache-2.0.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that must not ship, and why.
const BANNED: &[(&str, &str)] = &[
    ("native-tls", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls and the one crypto engine is aws-lc-rs"),
    ("ring", "the one crypto engine is aws-lc-rs"),
    ("rsa", "not constant-time (RUSTSEC-2023-0071); the one crypto engine is aws-lc-rs"),
];

/// Checks the workspace this runs in; one line per violation on standard error.
pub(crate) fn run() -> Result<()> {
    let tree = metadata::normal_tree()?;
    let packages = metadata::resolved()?.packages;
    let mut findings: Vec<_> = packages.iter().filter_map(licence_finding).collect();
    findings.extend(banned(&tree));
    for (name, versions) in duplicates(&tree) {
        println!("check-licences: {name} occurs {} times: {}", versions.len(), versions.join(", "));
    }
    report("check-licences", &findings)
}

fn licence_finding(package: &Package) -> Option<String> {
    let Package { name, version, license, .. } = package;
    match license.as_deref() {
        None => Some(format!("{name} {version} states no licence")),
        Some(expression) => match allows(expression) {
            Ok(true) => None,
            Ok(false) => Some(format!("{name} {version}: licence {expression} is not allowed")),
            Err(Unreadable) => {
                Some(format!("{name} {version}: {expression:?} is no SPDX expression"))
            }
        },
    }
}

fn banned(tree: &str) -> Vec<String> {
    let is_in_tree = |banned: &str| crates(tree).any(|(name, _)| name == banned);
    let found = BANNED.iter().filter(|(name, _)| is_in_tree(name));
    found
        .map(|(name, why)| format!("{name} ships: {why} (see `cargo tree -e normal -i {name}`)"))
        .collect()
}

/// Crates that occur in more than one version, with the versions.
fn duplicates(tree: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, version) in crates(tree) {
        let known = versions.entry(name).or_default();
        if !known.contains(&version) {
            known.push(version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn crates(tree: &str) -> impl Iterator<Item = (&str, &str)> {
    tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    })
}

/// The text is no SPDX expression.
#[derive(Debug, PartialEq)]
struct Unreadable;

/// Whether the terms can be met with allowed licences only: one side of OR, both sides of AND.
fn allows(expression: &str) -> Result<bool, Unreadable> {
    // `MIT/Apache-2.0` is what crates wrote before SPDX expressions.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    match either(&words)? {
        (allowed, []) => Ok(allowed),
        _ => Err(Unreadable),
    }
}

type Parsed<'a> = Result<(bool, &'a [&'a str]), Unreadable>;

fn either<'a>(words: &'a [&'a str]) -> Parsed<'a> {
    let (mut allowed, mut rest) = both(words)?;
    while let ["OR", tail @ ..] = rest {
        let (other, tail) = both(tail)?;
        allowed |= other;
        rest = tail;
    }
    Ok((allowed, rest))
}

fn both<'a>(words: &'a [&'a str]) -> Parsed<'a> {
    let (mut allowed, mut rest) = one(words)?;
    while let ["AND", tail @ ..] = rest {
        let (other, tail) = one(tail)?;
        allowed &= other;
        rest = tail;
    }
    Ok((allowed, rest))
}

fn one<'a>(words: &'a [&'a str]) -> Parsed<'a> {
    match words {
        ["(", inner @ ..] => match either(inner)? {
            (allowed, [")", rest @ ..]) => Ok((allowed, rest)),
            _ => Err(Unreadable),
        },
        [] | ["OR" | "AND" | "WITH" | ")", ..] => Err(Unreadable),
        [licence, "WITH", exception, rest @ ..] => {
            Ok((ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()), rest))
        }
        [licence, rest @ ..] => Ok((ALLOWED.contains(licence), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, allows, banned, duplicates, licence_finding};
    use crate::metadata::Package;

    #[test]
    fn one_side_of_or_and_both_sides_of_and_must_be_allowed() {
        let expected = [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT/GPL-3.0-only", true),
            ("GPL-3.0-only OR ISC", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
            ("MIT OR GPL-3.0-only AND LGPL-2.1", true),
            ("ISC AND (GPL-3.0-only OR LGPL-2.1)", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-2.0 WITH Classpath-exception-2.0", false),
        ];
        for (expression, allowed) in expected {
            assert_eq!(allows(expression), Ok(allowed), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in ["", "MIT OR", "MIT Apache-2.0", "(MIT", "OR MIT", "MIT)"] {
            assert_eq!(allows(expression), Err(Unreadable), "{expression}");
        }
    }

    #[test]
    fn a_crate_without_a_licence_is_named() {
        let package = Package {
            name: "x".to_owned(),
            version: "1.0.0".to_owned(),
            license: None,
            dependencies: Vec::new(),
        };
        assert_eq!(licence_finding(&package).as_deref(), Some("x 1.0.0 states no licence"));
    }

    #[test]
    fn banned_crates_are_found_by_whole_name() {
        assert!(banned("ring-io v0.1.0\nrsaurus v1.0.0\naws-lc-rs v1.0.0").is_empty());
        let findings = banned("serde v1.0.0\nring v0.17.0\nring v0.17.0 (*)");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("ring ships: "), "{findings:?}");
    }

    #[test]
    fn duplicates_are_told_with_their_versions() {
        let found = duplicates("syn v2.0.1\nserde v1.0.0\nsyn v3.0.1\nserde v1.0.0 (*)");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("syn", vec!["v2.0.1", "v3.0.1"])]);
    }
}
