//! The journal read from a number on, over its files, as it grows. Blocks on the disk.

use std::path::PathBuf;

use behalf_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::journal::{
    day::Day,
    read::{self, ReadError},
};

/// One row as it lies in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) seq: i64,
    /// When it was written.
    pub(super) at: Timestamp,
    pub(super) record: Vec<u8>,
}

/// A reader that remembers its file.
pub(super) struct Tail {
    folder: PathBuf,
    open: Option<(Day, Connection)>,
}

impl Tail {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, open: None }
    }

    /// The rows after number `after`, oldest first: at most `rows`, and no further one once they
    /// have `bytes`. They are of one file; empty when there are none at all.
    pub(super) fn read(
        &mut self,
        after: i64,
        (rows, bytes): (usize, usize),
    ) -> Result<Vec<Row>, ReadError> {
        if self.open.is_none() {
            self.open = self.beginning(after)?;
        }
        loop {
            // Looked for first: once a later file has a row, this one gets no more.
            let later = self.later()?;
            let Some((_, connection)) = &self.open else { return Ok(Vec::new()) };
            let found = stretch(connection, after, (rows, bytes))?;
            if !found.is_empty() {
                return Ok(found);
            }
            match later {
                Some(later) => self.open = Some(later),
                None => return Ok(found),
            }
        }
    }

    /// The row of number `seq`, if it is kept.
    pub(super) fn at(&self, seq: i64) -> Result<Option<Row>, ReadError> {
        for day in Day::all(&self.folder)?.into_iter().rev() {
            let Some(connection) = read::open(&day.file(&self.folder))? else { continue };
            let row = stretch(&connection, seq - 1, (1, usize::MAX))?.pop();
            if let Some(row) = row.filter(|row| row.seq == seq) {
                return Ok(Some(row));
            }
            if first_of(&connection)?.is_some_and(|first| first < seq) {
                break;
            }
        }
        Ok(None)
    }

    /// The number of the oldest row; `None` when there is none.
    pub(super) fn first(&self) -> Result<Option<i64>, ReadError> {
        for day in Day::all(&self.folder)? {
            if let Some(connection) = read::open(&day.file(&self.folder))?
                && let Some(first) = first_of(&connection)?
            {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The file to begin with: the newest whose rows begin at or before what is looked for, or
    /// else the oldest with rows.
    fn beginning(&self, after: i64) -> Result<Option<(Day, Connection)>, ReadError> {
        let mut oldest = None;
        for day in Day::all(&self.folder)?.into_iter().rev() {
            let Some(connection) = read::open(&day.file(&self.folder))? else { continue };
            let Some(first) = first_of(&connection)? else { continue };
            oldest = Some((day, connection));
            if first <= after.saturating_add(1) {
                break;
            }
        }
        Ok(oldest)
    }

    /// The next file after the open one that has a row. One without may be of a clock that was
    /// ahead.
    fn later(&self) -> Result<Option<(Day, Connection)>, ReadError> {
        let Some((open, _)) = &self.open else { return Ok(None) };
        for day in Day::all(&self.folder)?.into_iter().filter(|day| day > open) {
            let Some(connection) = read::open(&day.file(&self.folder))? else { continue };
            if first_of(&connection)?.is_some() {
                return Ok(Some((day, connection)));
            }
        }
        Ok(None)
    }
}

fn first_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT min(seq) FROM event", [], |row| row.get(0))
}

fn stretch(
    connection: &Connection,
    after: i64,
    (rows, bytes): (usize, usize),
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection
        .prepare_cached("SELECT seq, at, record FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    let mut size = 0;
    let mut rows = statement.query(params![after, limit])?;
    while size < bytes
        && let Some(row) = rows.next()?
    {
        let record: Vec<u8> = row.get(2)?;
        size += record.len();
        found.push(Row { seq: row.get(0)?, at: Timestamp(row.get(1)?), record });
    }
    Ok(found)
}

/// The number of the last row in the file of `day`; `None` when it has none.
pub(in crate::journal) fn last_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row("SELECT seq FROM event ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        .optional()
}
