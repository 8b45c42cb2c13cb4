//! The change log: what each directory commit changed, kept for as long as anybody follows it.

use behalf_core::id::TenantId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::unreadable;
use crate::{
    backend::{Change, Changes, ReadError, Seq},
    change_log::{self, columns, gather},
    stored::{counted, signed},
};

/// Writes what commit `seq` changed; `tenants` are those it names, with their small integers.
pub(super) fn write(
    conn: &Connection,
    seq: u64,
    changes: &[Change],
    tenants: &[(TenantId, i64)],
) -> rusqlite::Result<()> {
    let mut insert = conn.prepare_cached("INSERT INTO change_log VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (n, change) in (0_u32..).zip(changes) {
        let (tenant, kind, id) = columns(change);
        let number = tenants.iter().find(|(known, _)| Some(*known) == tenant).map(|(_, n)| *n);
        insert.execute(params![signed(seq), n, number, kind, id])?;
    }
    if let Some(until) = change_log::removable(seq, 1) {
        let mut delete = conn.prepare_cached("DELETE FROM change_log WHERE seq <= ?1")?;
        delete.execute([signed(until)])?;
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
    let mut rows = statement.query(params![signed(after.0), signed(until)])?;
    while let Some(row) = rows.next()? {
        let tenant = row.get::<_, Option<[u8; 16]>>(1)?.map(|id| Uuid::from_bytes(id).into());
        let change = change_log::change(tenant, row.get(2)?, row.get(3)?);
        gather(&mut commits, Seq(counted(row.get(0)?)), change);
    }
    drop(rows);
    drop(statement);
    snapshot.finish()?;
    Ok(Changes { newest, commits, forgotten })
}
