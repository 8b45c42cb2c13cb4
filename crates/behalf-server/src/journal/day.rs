//! UTC days, by which journal files are named and kept.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use behalf_core::time::Timestamp;
use time::{Date, Duration, Month};

const MILLIS: i64 = 86_400_000;
const EXTENSION: &str = "journal";

/// Days since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(i64);

impl Day {
    /// The day that `time` lies in.
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.0.div_euclid(MILLIS))
    }

    /// The moment after its end.
    pub(super) fn end(self) -> Timestamp {
        Timestamp((self.0 + 1).saturating_mul(MILLIS))
    }

    /// The file of this day in `folder`.
    pub(super) fn file(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self}.{EXTENSION}"))
    }

    /// The day whose file `path` is.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        if path.extension()? != EXTENSION {
            return None;
        }
        let name = path.file_stem()?.to_str()?;
        let mut parts = name.splitn(3, '-').map(|part| part.parse::<u16>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()?;
        let found = Self((date - epoch()).whole_days());
        (found.to_string() == name).then_some(found)
    }

    /// The days that have a file in `folder`, oldest first.
    pub(super) fn all(folder: &Path) -> std::io::Result<Vec<Self>> {
        let mut days: Vec<_> = std::fs::read_dir(folder)?
            .filter_map(|entry| Self::of_file(&entry.ok()?.path()))
            .collect();
        days.sort_unstable();
        Ok(days)
    }
}

fn epoch() -> Date {
    Date::from_calendar_date(1970, Month::January, 1).unwrap_or(Date::MIN)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = epoch().checked_add(Duration::days(self.0)).unwrap_or(Date::MAX);
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_its_file_name_are_one() {
        let day = Day::of(Timestamp(1_764_000_000_000));
        assert_eq!(day.to_string(), "2025-11-24");
        let file = day.file(Path::new("/d"));
        assert_eq!(file, Path::new("/d/2025-11-24.journal"));
        assert_eq!(Day::of_file(&file), Some(day));
        assert_eq!(Day::of(Timestamp(day.end().0 - 1)), day);
        for other in
            ["2025-11-24.journal-wal", "2025-13-01.journal", "2025-1-2.journal", "x.journal"]
        {
            assert_eq!(Day::of_file(Path::new(other)), None, "{other}");
        }
    }
}
