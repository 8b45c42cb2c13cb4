//! Times as the wire writes them.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, shown as `YYYY-MM-DD HH:MM:SSZ`: the form of `timestamp` in
/// error answers. Years above 9999 show more digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireTime(pub u64);

/// A [`WireTime`] shown as `YYYY-MM-DDTHH:MM:SS.0000000Z`, the form in the texts about the validity
/// of assertions (seven fraction digits, always zero here).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreciseTime(pub u64);

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Days to date by the Gregorian calendar's 400-year era, counted from 1 March of year 0 so that
/// the leap day is the last of its year.
fn civil(seconds: u64) -> Civil {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let days = seconds / 86_400 + DAYS_FROM_YEAR_0;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    Civil {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        hour: seconds / 3_600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    }
}

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second } = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Display for PreciseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second } = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.0000000Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_known_instants() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_709_251_199, "2024-02-29 23:59:59Z"),
            (1_709_251_200, "2024-03-01 00:00:00Z"),
            (1_767_225_599, "2025-12-31 23:59:59Z"),
            (1_795_351_340, "2026-11-22 12:42:20Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(WireTime(seconds).to_string(), expected);
        }
        assert_eq!(PreciseTime(1_795_351_340).to_string(), "2026-11-22T12:42:20.0000000Z");
    }

    #[test]
    fn the_largest_time_is_shown_without_overflow() {
        assert!(WireTime(u64::MAX).to_string().ends_with('Z'));
    }
}
