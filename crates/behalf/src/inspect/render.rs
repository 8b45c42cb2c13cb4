//! The report as text for a terminal.

use std::fmt;

use super::{report::Report, verdict::Verdict};

/// The widest column; longer values push only their own line.
const WIDEST: usize = 60;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.summary)?;
        let width = |length: fn(&super::claims::ClaimLine) -> usize| {
            self.claims.iter().map(length).filter(|n| *n <= WIDEST).max().unwrap_or(0)
        };
        let (names, values) =
            (width(|line| line.name.chars().count()), width(|line| line.value.chars().count()));
        for line in &self.claims {
            let (name, value, meaning) = (&line.name, &line.value, &line.meaning);
            let text = format!("  {name:names$}  {value:values$}  {meaning}");
            writeln!(f, "{}", text.trim_end())?;
        }
        match &self.verdict {
            Some(verdict) => write!(f, "\n{verdict}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.accepted() { "YES" } else { "NO" };
        writeln!(f, "Would {} accept it?   {answer}", self.api)?;
        for check in &self.checks {
            let mark = if check.passed { "ok" } else { "FAIL" };
            writeln!(f, "  {mark:<4}  {:<10}  {}", check.name, check.text)?;
        }
        if !self.fixes.is_empty() {
            writeln!(f, "Fix")?;
        }
        for (number, fix) in (1..).zip(&self.fixes) {
            writeln!(f, "  {number}. {fix}")?;
        }
        Ok(())
    }
}
