//! The day's file: appended and sealed.
//!
//! `event(seq, at, record, seal)`: `seq` counts without a gap over all files, `at` is the writer's
//! clock and never goes back, `seal` is set on the last row of each commit: an HMAC-SHA-256 over
//! the seal before it and all rows since. A file begins with the seal its predecessor ended with.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;
use behalf_core::time::Timestamp;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension as _, params};

use super::{
    OpenError, SealKey,
    day::Day,
    writer::{Row, Sink, SinkError},
};

/// "bhlj": says in the file's head that it is a journal of behalf.
const APPLICATION_ID: i64 = 0x6268_6c6a;
const FORMAT: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE start (first_seq INTEGER NOT NULL, previous_seal BLOB NOT NULL);
    CREATE TABLE event (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, record BLOB NOT NULL, seal BLOB);
    CREATE TABLE probe (filler BLOB NOT NULL);";
const INSERT: &str = "INSERT INTO event (seq, at, record, seal) VALUES (?1, ?2, ?3, ?4)";
/// Space that must be free again before a full journal counts as writable, in bytes.
const PROBE: i64 = 256 * 1024;

/// An HMAC over everything up to a row.
pub(super) type Seal = [u8; 32];

/// Computes seals: [`Self::row`] for each row, then [`Self::finish`].
pub(super) struct Sealer(hmac::Context);

impl Sealer {
    pub(super) fn new(key: &hmac::Key, previous: &Seal) -> Self {
        let mut context = hmac::Context::with_key(key);
        context.update(previous);
        Self(context)
    }

    pub(super) fn row(&mut self, seq: i64, at: i64, record: &[u8]) {
        let mut head = [0; 24];
        head[..8].copy_from_slice(&seq.to_be_bytes());
        head[8..16].copy_from_slice(&at.to_be_bytes());
        head[16..].copy_from_slice(&(record.len() as u64).to_be_bytes());
        self.0.update(&head);
        self.0.update(record);
    }

    pub(super) fn finish(self) -> Seal {
        let mut seal = [0; 32];
        let tag = self.0.sign();
        seal.copy_from_slice(&tag.as_ref()[..32]);
        seal
    }
}

/// The writer's end of the files.
pub(super) struct FileSink {
    folder: PathBuf,
    key: hmac::Key,
    current: Option<(Day, Connection)>,
    /// Of the last committed row.
    seq: i64,
    at: i64,
    seal: Seal,
}

impl std::fmt::Debug for FileSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSink")
            .field("folder", &self.folder)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl FileSink {
    /// Goes on where the newest file ends, and makes today's file, so that the first request need
    /// not wait for it.
    pub(super) fn open(folder: &Path, key: &SealKey, now: Timestamp) -> Result<Self, OpenError> {
        let failed = |cause| OpenError::Folder { path: folder.to_owned(), cause };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut sink = Self {
            folder: folder.to_owned(),
            key: key.hmac(),
            current: None,
            seq: 0,
            at: 0,
            seal: [0; 32],
        };
        let mut days = Day::all(folder).map_err(failed)?;
        while let Some(day) = days.pop() {
            let path = day.file(folder);
            let connection = open(&path)?;
            if day > Day::of(now) && holds_nothing(&path, &connection)? {
                remove_empty(&path, connection)?;
                continue;
            }
            let end = last(&connection).map_err(|cause| OpenError::File { path, cause })?;
            (sink.seq, sink.at, sink.seal) = end;
            sink.current = Some((day, connection));
            break;
        }
        // The newest file may be one that was made and not used.
        while sink.seq > 0
            && sink.at == 0
            && let Some(day) = days.pop()
        {
            let end = open(&day.file(folder)).ok().and_then(|older| last(&older).ok());
            sink.at = end.map_or(0, |(_, at, _)| at);
        }
        let today = Day::of(Timestamp(sink.at.max(now.0)));
        sink.turn_to(today).map_err(|SinkError(error)| error)?;
        Ok(sink)
    }

    /// When the last row was written.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        (self.seq > 0).then_some(Timestamp(self.at))
    }

    /// The number of the last row.
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// The connection of `day`, whose file is made if need be.
    fn turn_to(&mut self, day: Day) -> Result<&mut Connection, SinkError> {
        if self.current.as_ref().is_some_and(|(open, _)| *open != day) {
            // The last one to close an SQLite file moves its log into it.
            self.current = None;
        }
        match &mut self.current {
            Some((_, connection)) => Ok(connection),
            vacant @ None => {
                let path = day.file(&self.folder);
                let connection = if path.exists() {
                    let connection = open(&path)?;
                    follow(&path, &connection, (self.seq + 1, &self.seal))?;
                    connection
                } else {
                    create(&path, self.seq + 1, &self.seal)?
                };
                Ok(&mut vacant.insert((day, connection)).1)
            }
        }
    }

    fn failed(&mut self, cause: rusqlite::Error) -> SinkError {
        let day = self.current.take().map_or(Day::of(Timestamp(self.at)), |(day, _)| day);
        SinkError(OpenError::File { path: day.file(&self.folder), cause })
    }
}

impl Sink for FileSink {
    fn append(&mut self, rows: &[Row], now: Timestamp) -> Result<i64, SinkError> {
        let at = self.at.max(now.0);
        let first = self.seq + 1;
        let mut sealer = Sealer::new(&self.key, &self.seal);
        for (seq, row) in (first..).zip(rows) {
            sealer.row(seq, at, &row.record);
        }
        let seal = sealer.finish();
        let connection = self.turn_to(Day::of(Timestamp(at)))?;
        match commit(connection, rows, first, at, &seal) {
            Ok(last) => {
                (self.seq, self.at, self.seal) = (last, at, seal);
                Ok(last)
            }
            // The connection is dropped with what it began; the next one starts afresh.
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn probe(&mut self, now: Timestamp) -> Result<(), SinkError> {
        let at = Timestamp(self.at.max(now.0));
        let connection = self.turn_to(Day::of(at))?;
        let end = match probe(connection) {
            Ok(end) => end,
            Err(cause) => return Err(self.failed(cause)),
        };
        // A commit that reported failure may be on disk nevertheless: go on where the file ends.
        if end.0 > self.seq {
            (self.seq, self.at, self.seal) = end;
        }
        Ok(())
    }
}

fn commit(
    connection: &Connection,
    rows: &[Row],
    first: i64,
    at: i64,
    seal: &Seal,
) -> rusqlite::Result<i64> {
    let prepared =
        |sql| -> rusqlite::Result<CachedStatement<'_>> { connection.prepare_cached(sql) };
    prepared("BEGIN IMMEDIATE")?.execute([])?;
    let mut insert = prepared(INSERT)?;
    insert.raw_bind_parameter(2, at)?;
    let mut seq = first - 1;
    let mut rows = rows.iter().peekable();
    while let Some(row) = rows.next() {
        seq += 1;
        insert.raw_bind_parameter(1, seq)?;
        insert.raw_bind_parameter(3, &*row.record)?;
        insert.raw_bind_parameter(4, rows.peek().is_none().then_some(seal.as_slice()))?;
        insert.raw_execute()?;
    }
    prepared("COMMIT")?.execute([])?;
    Ok(seq)
}

fn probe(connection: &mut Connection) -> rusqlite::Result<(i64, i64, Seal)> {
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO probe (filler) VALUES (zeroblob(?1))", params![PROBE])?;
    transaction.commit()?;
    connection.execute("DELETE FROM probe", [])?;
    last(connection)
}

/// Opens a day's file for writing.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let failed = |cause| OpenError::File { path: path.to_owned(), cause };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = pragma("user_version").map_err(failed)?;
    if found > FORMAT {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The keeper moves pages from the log into the file; a commit never does.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -2048)
}

/// Makes a day's file under another name and moves it into place when it is whole.
fn create(path: &Path, first_seq: i64, previous: &Seal) -> Result<Connection, OpenError> {
    let failed = |cause| OpenError::File { path: path.to_owned(), cause };
    let unmade = |cause| OpenError::Folder { path: path.to_owned(), cause };
    let making = path.with_extension("making");
    match fs::remove_file(&making) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(unmade(cause)),
        _ => {}
    }
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&making)
        .map_err(unmade)?;
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open(&making)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        connection.execute_batch(&format!("BEGIN;{SCHEMA}"))?;
        let start = params![first_seq, previous.as_slice()];
        connection
            .execute("INSERT INTO start (first_seq, previous_seal) VALUES (?1, ?2)", start)?;
        connection.execute_batch("COMMIT")?;
        connection.close().map_err(|(_, cause)| cause)
    };
    make().map_err(failed)?;
    fs::rename(&making, path).map_err(unmade)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unmade)?;
    }
    open(path)
}

/// Whether a file holds no row, be it that it is empty altogether.
fn holds_nothing(path: &Path, connection: &Connection) -> Result<bool, OpenError> {
    let ask = |sql| connection.query_row(sql, [], |row| row.get::<_, bool>(0));
    let nothing = match ask("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)") {
        Ok(false) => ask("SELECT NOT EXISTS (SELECT 1 FROM event)"),
        blank => blank,
    };
    nothing.map_err(|cause| OpenError::File { path: path.to_owned(), cause })
}

/// Removes the file of a day to come, which a clock that was ahead left behind without a row. What
/// it says of its predecessor's end will not be so when that day comes.
fn remove_empty(path: &Path, connection: Connection) -> Result<(), OpenError> {
    drop(connection);
    fs::remove_file(path).map_err(|cause| OpenError::Folder { path: path.to_owned(), cause })?;
    tracing::warn!(
        file = %path.display(),
        "removed a file of the sign-in log for a day to come, without a row: was the clock ahead?"
    );
    Ok(())
}

/// Lets a file without a row begin where the one before it ended: it may have been made while the
/// clock was ahead.
fn follow(
    path: &Path,
    connection: &Connection,
    (first_seq, previous): (i64, &Seal),
) -> Result<(), OpenError> {
    let begin = "UPDATE start SET first_seq = ?1, previous_seal = ?2
                 WHERE NOT EXISTS (SELECT 1 FROM event)";
    connection
        .execute(begin, params![first_seq, previous.as_slice()])
        .map(drop)
        .map_err(|cause| OpenError::File { path: path.to_owned(), cause })
}

/// Number, time and seal of the last row; of the file's start when it has none.
fn last(connection: &Connection) -> rusqlite::Result<(i64, i64, Seal)> {
    let row = connection
        .query_row("SELECT seq, at, seal FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<Seal>>(2)?.unwrap_or_default()))
        })
        .optional()?;
    match row {
        Some(row) => Ok(row),
        None => connection.query_row("SELECT first_seq, previous_seal FROM start", [], |row| {
            Ok((row.get::<_, i64>(0)? - 1, 0, row.get(1)?))
        }),
    }
}
