//! Points in time as data. Nothing in this crate asks a clock; a caller says what time it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds since 1970, saturating at the ends.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970, rounded down: what a `NumericDate` claim carries (RFC 7519 2).
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `self + duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// `self - duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// How far two well-kept clocks may differ, and so how long after `exp` a token still counts and
/// how far ahead `nbf` may lie (what Entra and its validators allow).
pub const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Unix seconds as people read them in refusals: `YYYY-MM-DD HH:MM:SSZ`.
pub fn written(seconds: i64) -> String {
    behalf_protocol::time::WireTime(u64::try_from(seconds).unwrap_or(0)).to_string()
}
