//! The change log: what each directory commit changed, kept for as long as anybody follows it.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{counted, stored, unreadable};
use crate::{
    backend::{Change, Changes, ReadError, Seq},
    record::{Index, Key, Kind},
    write_set::limits,
};

/// Commits that are kept at least; who is further behind starts anew (`Changes::forgotten`).
const KEPT: u64 = 20_000;
/// What is too old is removed every so many commits.
const TIDIED: u64 = 1_000;
/// An index's number as a logged kind, apart from the kinds of records.
const INDEX: i64 = 256;
const EVERYTHING: i64 = -1;

/// One logged change: the tenant's small integer, the kind as above, the id.
pub(super) struct Logged {
    pub(super) tenant: i64,
    pub(super) change: Change,
}

/// Writes what commit `seq` changed and answers with what was written.
pub(super) fn write(
    conn: &Connection,
    seq: u64,
    changes: Vec<Logged>,
) -> rusqlite::Result<Vec<Change>> {
    let mut insert = conn.prepare_cached("INSERT INTO change_log VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let number = stored(seq);
    if changes.len() > limits::LOGGED_CHANGES {
        insert.execute(params![number, 0, None::<i64>, EVERYTHING, None::<&[u8]>])?;
        tidy(conn, seq)?;
        return Ok(vec![Change::Everything]);
    }
    for (n, logged) in (0_u32..).zip(&changes) {
        let (kind, id) = match &logged.change {
            Change::Record(key) => (i64::from(key.kind.number()), &key.id),
            Change::Index { index, value, .. } => (INDEX + i64::from(index.number()), value),
            Change::Everything => continue,
        };
        insert.execute(params![number, n, logged.tenant, kind, id])?;
    }
    tidy(conn, seq)?;
    Ok(changes.into_iter().map(|logged| logged.change).collect())
}

fn tidy(conn: &Connection, seq: u64) -> rusqlite::Result<()> {
    if seq.is_multiple_of(TIDIED) && seq > KEPT {
        let mut delete = conn.prepare_cached("DELETE FROM change_log WHERE seq <= ?1")?;
        delete.execute([stored(seq - KEPT)])?;
    }
    Ok(())
}

pub(super) fn changes_since(
    conn: &Connection,
    after: Seq,
    limit: u32,
) -> Result<Changes, ReadError> {
    read(conn, after, limit).map_err(|error| unreadable(&error))
}

fn read(conn: &Connection, after: Seq, limit: u32) -> rusqlite::Result<Changes> {
    let snapshot = conn.unchecked_transaction()?;
    let number = |sql: &str| -> rusqlite::Result<Option<i64>> {
        snapshot.prepare_cached(sql)?.query_row([], |row| row.get(0))
    };
    let newest = Seq(counted(number("SELECT seq FROM counter")?.unwrap_or(0)));
    let oldest = counted(number("SELECT min(seq) FROM change_log")?.unwrap_or(0));
    let forgotten = oldest > after.0 + 1;
    let mut commits: Vec<(Seq, Vec<Change>)> = Vec::new();
    let mut statement = snapshot.prepare_cached(
        "SELECT c.seq, t.id, c.kind, c.id FROM change_log c LEFT JOIN tenant t ON t.n = c.tenant
         WHERE c.seq > ?1 AND c.seq <= ?2 ORDER BY c.seq, c.n",
    )?;
    // Numbers have no gaps, so a stretch of numbers is that many commits.
    let until = after.0.saturating_add(u64::from(limit));
    let mut rows = statement.query(params![stored(after.0), stored(until)])?;
    while let Some(row) = rows.next()? {
        let seq = Seq(counted(row.get(0)?));
        // What a later version logs is unknown here: count it as everything.
        let change = change(row.get(1)?, row.get(2)?, row.get(3)?).unwrap_or(Change::Everything);
        match commits.last_mut() {
            Some((last, changes)) if *last == seq => changes.push(change),
            _ => commits.push((seq, vec![change])),
        }
    }
    drop(rows);
    drop(statement);
    snapshot.finish()?;
    Ok(Changes { newest, commits, forgotten })
}

fn change(tenant: Option<[u8; 16]>, kind: i64, id: Option<Vec<u8>>) -> Option<Change> {
    let tenant = Uuid::from_bytes(tenant?).into();
    if let Ok(index) = u8::try_from(kind - INDEX) {
        return Some(Change::Index { tenant, index: Index::from_number(index)?, value: id? });
    }
    let kind = Kind::from_number(u8::try_from(kind).ok()?)?;
    Some(Change::Record(Key { tenant, kind, id: id? }))
}
