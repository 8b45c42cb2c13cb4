//! Checks, and how they are told.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works; something can be lost, or will not last.
    Warn,
    /// It does not work, or loses what was acknowledged.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    /// What was found and what it means.
    pub(super) found: String,
    /// What to do about it.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    pub(super) fn warn(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn fail(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// The checks for people.
pub(super) fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { name, verdict, found, fix } in checks {
        let _ = writeln!(text, "{:<5} {name:<12} {found}", verdict.word());
        if let Some(fix) = fix {
            let _ = writeln!(text, "{:<18} {fix}", "");
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warned) = (count(Verdict::Fail), count(Verdict::Warn));
    let _ = match (failed, warned) {
        (0, 0) => writeln!(text, "\nAll is well."),
        (0, warned) => writeln!(text, "\nIt works. Warnings: {warned}."),
        (failed, warned) => writeln!(text, "\nFailed: {failed}. Warnings: {warned}."),
    };
    text
}

/// The checks for programs.
pub(super) fn json(checks: &[Check]) -> Value {
    let check = |check: &Check| {
        json!({
            "name": check.name,
            "verdict": check.verdict.word().to_ascii_lowercase(),
            "found": check.found,
            "fix": check.fix,
        })
    };
    json!({ "checks": checks.iter().map(check).collect::<Vec<_>>() })
}
