//! What people read: promise, what was done, what was counted, and whether the promise holds.

use std::{fmt, time::Duration};

/// What a line came to.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    done: String,
    counted: Vec<String>,
    broken: Vec<String>,
}

impl Finding {
    /// What was done.
    pub(crate) fn new(done: impl Into<String>) -> Self {
        Self { done: done.into(), ..Self::default() }
    }

    /// Says what was done, once it is known.
    pub(crate) fn done(&mut self, done: impl Into<String>) {
        self.done = done.into();
    }

    /// Something that was counted, for whoever reads it.
    pub(crate) fn counted(&mut self, what: impl Into<String>) {
        self.counted.push(what.into());
    }

    /// Something that was counted, and what the promise says of it.
    pub(crate) fn holds(&mut self, holds: bool, what: impl Into<String>) {
        let what = what.into();
        if !holds {
            self.broken.push(what.clone());
        }
        self.counted.push(what);
    }

    /// Whether nothing is broken.
    pub(crate) fn is_kept(&self) -> bool {
        self.broken.is_empty()
    }

    /// The report of line `name`.
    pub(crate) fn report(&self, (name, promise): (&str, &str), took: Duration) -> String {
        let mut text = format!("{name}\n{}{}", row("promise", promise), row("done", &self.done));
        for (index, counted) in self.counted.iter().enumerate() {
            text += &row(if index == 0 { "counted" } else { "" }, counted);
        }
        for broken in &self.broken {
            text += &row("BROKEN", broken);
        }
        let verdict = if self.is_kept() { "holds" } else { "does NOT hold" };
        text + &row("verdict", &format!("{verdict} ({:.1} s)", took.as_secs_f64()))
    }
}

/// The report of a line that came to no finding.
pub(crate) fn stopped((name, promise): (&str, &str), title: &str, error: &str) -> String {
    format!("{name}\n{}{}", row("promise", promise), row(title, error))
}

fn row(title: &str, what: &str) -> String {
    let lines = wrapped(what, 100).join("\n           ");
    format!("  {title:<9}{lines}\n")
}

/// Breaks text between words so that no line is longer than `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How long things took.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn worst(&self) -> Duration {
        self.0.iter().copied().max().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    /// Median, p99 and worst.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = sorted.len().saturating_sub(1) * percent / 100;
            sorted.get(index).copied().unwrap_or_default().as_millis()
        };
        write!(f, "median {} ms, p99 {} ms, worst {} ms", at(50), at(99), at(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_does_not_hold_says_what_was_counted() {
        let mut finding = Finding::new("killed it");
        finding.holds(true, "10 answers");
        finding.holds(false, "3 lost");
        let report = finding.report(("kill", "nothing is lost"), Duration::from_millis(1_500));
        assert!(!finding.is_kept());
        let expected = "kill\n  promise  nothing is lost\n  done     killed it\n  counted  10 answers\n           3 lost\n  BROKEN   3 lost\n  verdict  does NOT hold (1.5 s)\n";
        assert_eq!(report, expected);
    }

    #[test]
    fn times_are_told_by_median_p99_and_worst() {
        let mut times = Times::default();
        for millis in 1..=100 {
            times.push(Duration::from_millis(millis));
        }
        assert_eq!(times.to_string(), "median 50 ms, p99 99 ms, worst 100 ms");
        assert_eq!(times.worst(), Duration::from_millis(100));
    }
}
