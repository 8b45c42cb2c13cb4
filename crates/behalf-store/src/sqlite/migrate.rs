//! The schema: numbered migrations, embedded, each applied once in a transaction of its own.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{
    open::{OpenError, damaged},
    sum,
};
use crate::stored::checksum;

/// Marks a file as ours (`bhlf`).
const APPLICATION_ID: i32 = 0x6268_6c66;

const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_records.sql"), include_str!("migrations/0002_checks.sql")];
/// The one after which every record has a sum.
const SUMS: u32 = 2;

/// The newest schema this version knows.
fn known() -> u32 {
    migrations().map(|(number, _)| number).max().unwrap_or(0)
}

/// The migrations with their numbers, from 1.
fn migrations() -> impl Iterator<Item = (u32, &'static str)> {
    (1..).zip(MIGRATIONS.iter().copied())
}

/// Checks what can be checked without reading all: that the file is ours and not newer than we
/// are, that its migrations are the ones we know, and that the few pages every commit needs are
/// sound.
pub(super) fn check(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let sql = |error| damaged(path, &error);
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get(0)).map_err(sql);
    let application: i32 = pragma("application_id")?;
    if application != APPLICATION_ID {
        let cause = format!("it is no directory of behalf (application id {application:#x})");
        return Err(OpenError::Damaged { path: path.to_owned(), cause });
    }
    let found: i32 = pragma("user_version")?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found > known() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: known() });
    }
    for table in ["counter", "migration"] {
        let verdict: String = conn
            .query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))
            .map_err(sql)?;
        if verdict != "ok" {
            return Err(OpenError::Damaged { path: path.to_owned(), cause: verdict });
        }
    }
    let mut applied = conn.prepare("SELECT number, checksum FROM migration").map_err(sql)?;
    let rows = applied.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sql)?;
    for row in rows {
        let (number, sum): (u32, i64) = row.map_err(sql)?;
        if migrations().find(|(known, _)| *known == number).map(|(_, text)| checksum(text))
            != Some(sum)
        {
            let cause = format!("migration {number} is not the one this version knows");
            return Err(OpenError::Damaged { path: path.to_owned(), cause });
        }
    }
    Ok(())
}

/// Applies what has not been applied.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sql = |error| damaged(path, &error);
    let done: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
    for (number, text) in migrations().filter(|(number, _)| *number > done) {
        apply(conn, number, text).map_err(sql)?;
    }
    Ok(())
}

fn apply(conn: &mut Connection, number: u32, text: &str) -> rusqlite::Result<()> {
    let transaction = conn.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL)",
    )?;
    transaction.execute_batch(text)?;
    if number == SUMS {
        sum::fill(&transaction)?;
    }
    transaction
        .execute("INSERT INTO migration VALUES (?1, ?2)", params![number, checksum(text)])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

/// Where the tables and indexes are others than the migrations make. A flipped bit in a definition
/// may give a table that still can be read, otherwise.
pub(super) fn schema_differs(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let mut expected = Connection::open_in_memory()?;
    for (number, text) in migrations() {
        apply(&mut expected, number, text)?;
    }
    let schema = |conn: &Connection| {
        let mut all = conn.prepare(
            "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
        )?;
        let rows = all.query_map([], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?])
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let (found, expected) = (schema(conn)?, schema(&expected)?);
    let other = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    Ok(match other {
        Some((found, _)) => Some(format!("the {} {} is not as it was made", found[0], found[1])),
        None if found.len() != expected.len() => {
            Some(format!("{} tables and indexes, expected {}", found.len(), expected.len()))
        }
        None => None,
    })
}
