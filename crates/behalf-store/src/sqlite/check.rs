//! Whether the whole file is what was written: the pages, each record by its sum, each index entry
//! by the record that declared it, the counters.
//!
//! Sums catch what is read; what an index no longer finds is not read. So everything is checked
//! once when the file is opened, or, where that would take long, from then on beside the service.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use behalf_core::id::TenantId;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::{
    migrate,
    open::{self, OpenError},
    sum::Raw,
    unreadable,
};
use crate::{
    backend::{Check, ReadError},
    record::{Key, Kind},
    stored::decode,
};

/// Files up to this are checked before anything is read from them: some tenths of a second.
const AT_ONCE: u64 = 64 << 20;
/// Most things that are told.
const TOLD: usize = 20;

/// What is wrong with the file, once it is known: nothing is read or written any more.
pub(super) type Verdict = Arc<OnceLock<String>>;

/// Checks a file that was just opened, at once or beside.
pub(super) fn begin(conn: &Connection, path: &Path, bytes: u64) -> Result<Verdict, OpenError> {
    let verdict = Verdict::default();
    if bytes <= AT_ONCE {
        let found = check(conn).map_err(|error| unsound(path, &error))?;
        return match found.findings.first() {
            None => Ok(verdict),
            Some(first) => Err(OpenError::Damaged { path: path.to_owned(), cause: first.clone() }),
        };
    }
    let conn = open::connect(path, open::READER_CACHE)?;
    let found = Arc::clone(&verdict);
    let beside = move || {
        // An error of another kind is another one's to tell: whoever reads meets it too.
        let first = check(&conn).ok().and_then(|check| check.findings.into_iter().next());
        if let Some(first) = first {
            let _first = found.set(first);
        }
    };
    let spawned = std::thread::Builder::new().name("store-check".into()).spawn(beside);
    spawned.map_err(|error| open::io_error(Path::new("thread"), error))?;
    Ok(verdict)
}

fn unsound(path: &Path, error: &ReadError) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), cause: error.to_string() }
}

/// Reads everything, all of one moment.
pub(super) fn check(conn: &Connection) -> Result<Check, ReadError> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let mut check = Check::default();
    match read(conn, &mut check) {
        Ok(()) => Ok(check),
        Err(error) => match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => {
                check.findings.push(error.to_string());
                Ok(check)
            }
            _ => Err(unreadable(&error)),
        },
    }
}

fn read(conn: &Connection, check: &mut Check) -> rusqlite::Result<()> {
    let snapshot = conn.unchecked_transaction()?;
    pages(&snapshot, check)?;
    // Where the pages make no sense, what they hold need not be looked at.
    if check.findings.is_empty() {
        records(&snapshot, check)?;
        counters(&snapshot, check)?;
    }
    snapshot.finish()
}

fn pages(conn: &Connection, check: &mut Check) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("PRAGMA integrity_check({TOLD})"))?;
    let verdicts = statement.query_map([], |row| row.get::<_, String>(0))?;
    for verdict in verdicts {
        let verdict = verdict?;
        if verdict != "ok" {
            check.findings.push(verdict);
        }
    }
    check.findings.extend(migrate::schema_differs(conn)?);
    Ok(())
}

fn records(conn: &Connection, check: &mut Check) -> rusqlite::Result<()> {
    let mut read = conn.prepare(
        "SELECT r.tenant, t.id, r.kind, r.id, r.version, r.doc, r.entries, r.sum
         FROM record r LEFT JOIN tenant t ON t.n = r.tenant",
    )?;
    let mut find = conn
        .prepare("SELECT 1 FROM entry WHERE tenant = ?1 AND idx = ?2 AND value = ?3 AND id = ?4")?;
    let (mut rows, mut declared) = (read.query([])?, 0_i64);
    while let Some(row) = rows.next()? {
        check.records += 1;
        if check.findings.len() >= TOLD {
            return Ok(());
        }
        let (n, number): (i64, i64) = (row.get(0)?, row.get(2)?);
        let kind = u8::try_from(number).ok().and_then(Kind::from_number);
        let (Some(tenant), Some(kind)) = (row.get::<_, Option<[u8; 16]>>(1)?, kind) else {
            check.findings.push(format!("a record is of kind {number} and of tenant {n}"));
            continue;
        };
        let tenant = TenantId(Uuid::from_bytes(tenant));
        let key = Key { tenant, kind, id: row.get(3)? };
        let (record, entries) = match Raw::read(row, 4, key)?.checked() {
            Ok(checked) => checked,
            Err(error) => {
                check.findings.push(error.to_string());
                continue;
            }
        };
        for entry in decode(entries.as_deref().unwrap_or_default()) {
            declared += 1;
            let place = params![n, entry.index.number(), entry.value, record.key.id];
            if find.query_row(place, |_| Ok(())).optional()?.is_none() {
                let (kind, index) = (record.key.kind, entry.index);
                check.findings.push(format!("a record of kind {kind:?} is not in index {index:?}"));
            }
        }
    }
    let entries: i64 = conn.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?;
    if entries != declared && check.findings.is_empty() {
        let text = format!("there are {entries} index entries, but records declare {declared}");
        check.findings.push(text);
    }
    Ok(())
}

/// A counter that fell behind what it counts would give a version twice.
fn counters(conn: &Connection, check: &mut Check) -> rusqlite::Result<()> {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    for (counter, newest, of) in [
        ("SELECT version FROM counter", "SELECT max(version) FROM record", "record"),
        ("SELECT seq FROM counter", "SELECT max(seq) FROM change_log", "commit in the change log"),
    ] {
        let (counted, newest) = (number(counter)?.unwrap_or(-1), number(newest)?.unwrap_or(0));
        if counted < newest {
            let text = format!("the counter is at {counted}, but the newest {of} has {newest}");
            check.findings.push(text);
        }
    }
    Ok(())
}

/// Refuses what is known to be damaged.
pub(super) fn refuse(verdict: &Verdict) -> Result<(), ReadError> {
    match verdict.get() {
        None => Ok(()),
        Some(cause) => Err(ReadError::Unavailable(format!(
            "the database is damaged ({cause}); restore it from a backup"
        ))),
    }
}
