//! UTC days of the shared sign-in log: each has a table of its own, so that to forget it is to drop
//! it.

use std::fmt;

use behalf_core::time::Timestamp;

const MILLIS: i64 = 86_400_000;
/// 9999-12-31: what is later counts as of this day.
const LAST: i64 = 2_932_896;

/// Days since 1970-01-01, not before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogDay(i64);

impl LogDay {
    /// The day of `time`.
    pub(super) fn of(time: Timestamp) -> Self {
        Self::numbered(time.0.div_euclid(MILLIS))
    }

    /// The day with this number, or the nearest that there is.
    pub(super) fn numbered(number: i64) -> Self {
        Self(number.clamp(0, LAST))
    }

    pub(super) fn number(self) -> i64 {
        self.0
    }

    /// Makes its table and says that it is there. For several nodes at once, and again.
    pub(super) fn make(self) -> String {
        let index = |name: &str, columns: &str| {
            format!("CREATE INDEX IF NOT EXISTS {self}_{name} ON {self} ({columns});\n")
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {self} (
                 node UUID NOT NULL, seq BIGINT NOT NULL, time BIGINT NOT NULL,
                 tenant UUID NOT NULL, app UUID, request UUID NOT NULL,
                 correlation UUID NOT NULL, record BYTEA NOT NULL, PRIMARY KEY (node, seq));
             {}{}{}{}INSERT INTO log_day (day) VALUES ({}) ON CONFLICT DO NOTHING",
            index("time", "time, request"),
            index("tenant", "tenant, time"),
            index("app", "app, time"),
            index("correlation", "correlation"),
            self.0,
        )
    }

    /// Forgets it with its table.
    pub(super) fn forget(self) -> String {
        format!("DELETE FROM log_day WHERE day = {}; DROP TABLE IF EXISTS {self}", self.0)
    }
}

/// The name of its table: `sign_in_log_20260131`.
impl fmt::Display for LogDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0);
        write!(f, "sign_in_log_{year:04}{month:02}{day:02}")
    }
}

/// Year, month and day of the Gregorian calendar, for days since 1970-01-01 that are not negative:
/// in eras of 400 years that begin in March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_by_its_day() {
        for (millis, name) in [
            (0, "19700101"),
            (86_399_999, "19700101"),
            (86_400_000, "19700102"),
            (951_782_400_000, "20000229"),
            (1_709_164_800_000, "20240229"),
            (1_709_251_200_000, "20240301"),
            (1_764_028_800_000, "20251125"),
            (4_107_542_400_000, "21000301"),
            (i64::MAX, "99991231"),
            (-1, "19700101"),
            (i64::MIN, "19700101"),
        ] {
            assert_eq!(LogDay::of(Timestamp(millis)).to_string(), format!("sign_in_log_{name}"));
        }
    }
}
