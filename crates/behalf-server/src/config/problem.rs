//! What is wrong with a configuration: what, why, and how to put it right.

use std::fmt;

use super::table::SETTINGS;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, or what was taken for one.
    pub key: String,
    /// What was found and what was expected.
    pub what: String,
    /// Why it matters; may be empty.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// Nothing was given at all.
    pub missing: bool,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        let (things, settings) = if n == 1 { ("thing", "setting") } else { ("things", "settings") };
        if self.0.iter().all(|problem| problem.missing) {
            write!(f, "{n} {things} must be set before serving")?;
            write!(f, " (behalf init writes a file with all of them):")?;
        } else {
            let need = if n == 1 { "needs" } else { "need" };
            write!(f, "{n} {settings} {need} attention:")?;
        }
        let width = self.0.iter().map(|problem| problem.key.len()).max().unwrap_or(0);
        for Problem { key, what, why, fix, .. } in &self.0 {
            write!(f, "\n  {key:width$}  {what}.")?;
            if !why.is_empty() {
                write!(f, " {why}.")?;
            }
            write!(f, "  {fix}")?;
        }
        Ok(())
    }
}

/// The name among the settings that `unknown` was probably meant to be.
pub(super) fn did_you_mean(unknown: &str) -> Option<&'static str> {
    let unknown: String = unknown.chars().take(64).collect();
    let last = |key: &str| key.rsplit('.').next().unwrap_or("").to_owned();
    let distance = |key: &str| {
        let whole = edits(&unknown, key);
        // The right name in the wrong table is one mistake.
        if last(&unknown) == last(key) { whole.min(1) } else { whole }
    };
    let best = SETTINGS.iter().map(|s| s.key).min_by_key(|key| distance(key))?;
    (distance(best) <= 2.max(best.len() / 3)).then_some(best)
}

/// Insertions, removals and replacements between two texts (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = *cell;
            *cell = replaced.min(left + 1).min(diagonal + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
