//! How far what is remembered may be trusted: a function of the time since this process last knew
//! everything that others had committed.

use std::time::Duration;

/// Within this of the last time that everything was known, what is remembered counts as true
/// (implementation.md 2.3): a change bites on every other process within it, whatever is lost.
pub const BOUND: Duration = Duration::from_secs(10);

/// What a process that remembers what a shared database holds is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything that others committed [`BOUND`] ago is known, or nobody else commits.
    Current,
    /// The database is away, or so far ahead that it counts as away; what was known when it went
    /// may still be used for what may be decided on it (decisions.md 26).
    Away {
        /// Since everything was last known.
        lasting: Duration,
    },
    /// For too long: nothing is decided any more.
    Lost,
}

impl Standing {
    /// The standing of who last knew everything `behind` ago, where the database may be away for
    /// `window`; with no window at all [`Standing::Away`] is nobody's.
    pub fn of(behind: Duration, window: Duration) -> Self {
        if behind <= BOUND {
            Self::Current
        } else if behind.saturating_sub(BOUND) <= window && !window.is_zero() {
            Self::Away { lasting: behind }
        } else {
            Self::Lost
        }
    }

    /// As metrics and `/readyz` say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Away { .. } => "away",
            Self::Lost => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standing_follows_the_time_since_everything_was_known() {
        let window = Duration::from_mins(15);
        let at = |millis| Standing::of(Duration::from_millis(millis), window);
        assert_eq!(at(0), Standing::Current);
        assert_eq!(at(10_000), Standing::Current);
        let away = |millis| Standing::Away { lasting: Duration::from_millis(millis) };
        assert_eq!(at(10_001), away(10_001));
        assert_eq!(at(910_000), away(910_000));
        assert_eq!(at(910_001), Standing::Lost);
        assert_eq!(Standing::of(Duration::MAX, window), Standing::Lost);
    }

    #[test]
    fn without_a_window_nobody_is_away() {
        assert_eq!(Standing::of(BOUND, Duration::ZERO), Standing::Current);
        let later = BOUND + Duration::from_nanos(1);
        assert_eq!(Standing::of(later, Duration::ZERO), Standing::Lost);
    }
}
