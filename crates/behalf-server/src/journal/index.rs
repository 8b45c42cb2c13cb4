//! What makes queries over days quick: for each day a file beside its journal that leads from
//! (tenant, client) and from a correlation id to rows. Made for hours that are over, in a file of
//! its own so that the writer never waits for it, and derived: lose it and it is made again.

use std::path::{Path, PathBuf};

use behalf_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Statement, params};

use super::{
    day::Day,
    read::{self, Query, ReadError},
    record::{self, Fixed},
};

/// Rows indexed at a stretch.
const STRETCH: usize = 4_000;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS built (through INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS by_app (tenant BLOB, client BLOB, seq INTEGER, PRIMARY KEY (tenant, client, seq)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS by_correlation (correlation BLOB, seq INTEGER, PRIMARY KEY (correlation, seq)) WITHOUT ROWID;";

/// The index of a day's file.
pub(super) fn file(journal: &Path) -> PathBuf {
    journal.with_extension("index")
}

/// An index that may be asked.
pub(super) struct Index {
    connection: Connection,
    through: i64,
}

impl Index {
    /// Opens the index of a day's file; `None` if there is none that can be read: then a scan will
    /// do.
    pub(super) fn open(journal: &Path) -> Option<Self> {
        let connection = read::open(&file(journal)).ok()??;
        let through = through(&connection).ok()??;
        Some(Self { connection, through })
    }

    /// The last row it knows.
    pub(super) fn through(&self) -> i64 {
        self.through
    }

    /// Hands the rows that may match to `take`, newest first, until that says false.
    pub(super) fn each(
        &self,
        query: &Query,
        (from, to): (i64, i64),
        mut take: impl FnMut(i64) -> rusqlite::Result<bool>,
    ) -> Result<bool, ReadError> {
        let mut statement: Statement<'_>;
        let mut rows = match (query.correlation, query.tenant, query.app) {
            (Some(correlation), ..) => {
                statement = self.connection.prepare(
                    "SELECT seq FROM by_correlation WHERE correlation = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC",
                )?;
                statement.query(params![correlation.as_bytes().as_slice(), from, to])?
            }
            (None, Some(tenant), Some(app)) => {
                statement = self.connection.prepare(
                    "SELECT seq FROM by_app WHERE tenant = ?1 AND client = ?2 AND seq >= ?3 AND seq < ?4 ORDER BY seq DESC",
                )?;
                statement.query(params![tenant.bytes(), app.bytes(), from, to])?
            }
            _ => return Ok(true),
        };
        while let Some(row) = rows.next()? {
            if !take(row.get(0)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether an index answers `query` better than a scan.
pub(super) fn serves(query: &Query) -> bool {
    query.correlation.is_some() || (query.tenant.is_some() && query.app.is_some())
}

/// Indexes every row written before `end`. `closed` rests, and says whether to stop.
pub(super) fn build(
    folder: &Path,
    end: Timestamp,
    closed: &dyn Fn() -> bool,
) -> Result<(), ReadError> {
    for day in Day::all(folder)? {
        let journal = day.file(folder);
        let Some(connection) = read::open(&journal)? else { continue };
        let until = read::first_at(&connection, end)?;
        if until == 0 || Index::open(&journal).is_some_and(|index| index.through + 1 >= until) {
            continue;
        }
        if let Err(error) = build_day(&connection, &file(&journal), until, closed) {
            // Derived data that cannot be written or read is made anew the next time.
            remove(&file(&journal))?;
            return Err(error);
        }
    }
    Ok(())
}

fn build_day(
    journal: &Connection,
    path: &Path,
    until: i64,
    closed: &dyn Fn() -> bool,
) -> Result<(), ReadError> {
    let mut index = create(path)?;
    while !closed() && stretch(journal, &mut index, until)? {}
    Ok(())
}

/// Unlinks an SQLite file with what belongs to it.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    for tail in ["", "-wal", "-shm"] {
        let mut file = path.to_owned().into_os_string();
        file.push(tail);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn create(path: &Path) -> Result<Connection, ReadError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn through(index: &Connection) -> rusqlite::Result<Option<i64>> {
    index.query_row("SELECT through FROM built", [], |row| row.get(0)).optional()
}

/// Indexes the next rows below `until`; false when there are none.
fn stretch(journal: &Connection, index: &mut Connection, until: i64) -> rusqlite::Result<bool> {
    let done = through(index)?.unwrap_or(0);
    let mut found: Vec<(i64, Option<Fixed>)> = Vec::with_capacity(STRETCH);
    let mut next = journal.prepare_cached(
        "SELECT seq, record FROM event WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = next.query(params![done, until, i64::try_from(STRETCH).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, record::fixed(row.get_ref(1)?.as_blob().unwrap_or_default())));
    }
    let Some((last, _)) = found.last().copied() else { return Ok(false) };
    let transaction = index.transaction()?;
    {
        let mut by_app =
            transaction.prepare_cached("INSERT OR IGNORE INTO by_app VALUES (?1, ?2, ?3)")?;
        let mut by_correlation =
            transaction.prepare_cached("INSERT OR IGNORE INTO by_correlation VALUES (?1, ?2)")?;
        for (seq, fixed) in &found {
            let Some(fixed) = fixed else { continue };
            if let Some(client) = fixed.client {
                by_app.execute(params![fixed.tenant.bytes(), client.bytes(), seq])?;
            }
            by_correlation.execute(params![fixed.correlation.as_bytes().as_slice(), seq])?;
        }
        transaction.execute("DELETE FROM built", [])?;
        transaction.execute("INSERT INTO built (through) VALUES (?1)", [last])?;
    }
    transaction.commit()?;
    Ok(true)
}
