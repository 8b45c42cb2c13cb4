//! Keeps the files in order behind the writer's back: moves its log into the file, indexes the hours
//! that are over, unlinks what is older than the retention.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use behalf_core::time::Timestamp;
use rusqlite::Connection;

use super::{day::Day, index, read, ship::last_of, writer::Shared};

/// How often there may be something to do.
const PERIOD: Duration = Duration::from_secs(1);
/// In milliseconds.
const HOUR: i64 = 3_600_000;
/// Rest between two stretches of an index, so that it is made beside the work and not before it.
const PAUSE: Duration = Duration::from_millis(10);
/// From this size on the log is moved into the file, in bytes.
const LOG_WORTHWHILE: u64 = 4 << 20;
/// With this much in it the writer waits a moment so that the log can begin anew, in pages.
const PAGES_MAX: i64 = (64 << 20) / 4096;

/// Starts the keeper's thread, which ends when the journal closes.
pub(super) fn start(
    folder: &Path,
    retention: Option<Duration>,
    shared: Arc<Shared>,
) -> std::io::Result<JoinHandle<()>> {
    let folder = folder.to_owned();
    std::thread::Builder::new().name("journal-keeper".to_owned()).spawn(move || {
        let mut keeper = Keeper { folder, retention, open: None, tended: None };
        while !shared.sleep_unless_closed(PERIOD) {
            keeper.tend(&shared, shared.clock.now());
        }
    })
}

struct Keeper {
    folder: PathBuf,
    retention: Option<Duration>,
    open: Option<(Day, Connection)>,
    /// The hour in which the files were last looked through.
    tended: Option<i64>,
}

impl Keeper {
    fn tend(&mut self, shared: &Shared, now: Timestamp) {
        if let Err(error) = self.checkpoint() {
            self.open = None;
            tracing::warn!(%error, "the sign-in log's checkpoint failed; it is tried again");
        }
        let hour = now.0.div_euclid(HOUR);
        if self.tended == Some(hour) {
            return;
        }
        self.tended = Some(hour);
        let closed = || shared.sleep_unless_closed(PAUSE);
        if let Err(error) = index::build(&self.folder, Timestamp(hour * HOUR), &closed) {
            tracing::warn!(%error, "the sign-in log's index could not be made; queries scan");
        }
        let Some(retention) = self.retention else { return };
        let limits = Limits::at(now, retention, shared.progress.shipped());
        if let Err(error) = sweep(&self.folder, &limits) {
            tracing::warn!(%error, "an old file of the sign-in log cannot be removed");
        }
    }

    fn checkpoint(&mut self) -> Result<(), read::ReadError> {
        let Some(day) = Day::all(&self.folder)?.pop() else { return Ok(()) };
        let path = day.file(&self.folder);
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let size = fs::metadata(log).map_or(0, |log| log.len());
        if self.open.as_ref().is_some_and(|(open, _)| *open != day) {
            self.open = None;
        }
        if size < LOG_WORTHWHILE {
            return Ok(());
        }
        if self.open.is_none() {
            self.open = read::open(&path)?.map(|connection| (day, connection));
        }
        let Some((_, connection)) = &self.open else { return Ok(()) };
        connection.pragma_update(None, "query_only", false)?;
        let pages: i64 =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
        if pages > PAGES_MAX {
            connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// Which files are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Days that ended before go when all their rows were shipped.
    oldest: Timestamp,
    /// The newest row that was shipped.
    shipped: i64,
    /// Days that ended before go in any case.
    last_chance: Timestamp,
}

impl Limits {
    /// Those of `retention` at `now`, with rows shipped up to number `shipped`. What is not shipped
    /// is kept twice as long.
    pub(super) fn at(now: Timestamp, retention: Duration, shipped: i64) -> Self {
        let last_chance = now.minus(retention.saturating_mul(2));
        Self { oldest: now.minus(retention), shipped, last_chance }
    }
}

/// Unlinks the files that need not be kept any more.
pub(super) fn sweep(folder: &Path, limits: &Limits) -> std::io::Result<()> {
    for day in Day::all(folder)? {
        if day.end() > limits.oldest {
            break;
        }
        let path = day.file(folder);
        if !all_shipped(&path, limits.shipped) {
            if day.end() > limits.last_chance {
                tracing::warn!(
                    %day,
                    "a day of the sign-in log is past its retention and kept, because it is not shipped to the database yet"
                );
                break;
            }
            tracing::error!(
                %day,
                "a day of the sign-in log is removed at twice its retention, though it was never shipped to the database: its rows are lost"
            );
        }
        index::remove(&index::file(&path))?;
        index::remove(&path)?;
    }
    Ok(())
}

/// Whether a day's rows all have numbers up to `shipped`. Of a file that cannot be read nobody
/// knows.
fn all_shipped(path: &Path, shipped: i64) -> bool {
    let last = || read::open(path)?.map_or(Ok(None), |connection| last_of(&connection));
    shipped == i64::MAX || last().is_ok_and(|last| last.is_none_or(|last| last <= shipped))
}
