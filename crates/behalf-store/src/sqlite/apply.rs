//! One write set inside the writer's transaction.

use behalf_core::id::TenantId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{log, sum};
use crate::{
    backend::{Change, CommitError, Seq},
    change_log,
    record::{Entry, Key, Version},
    stored::{counted, decode, encode, next_id, signed},
    write_set::WriteSet,
};

/// The newest numbers given. Kept by the writer, written once a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counter {
    /// Of the newest directory commit.
    pub(super) seq: u64,
    /// Of the newest state of any record.
    pub(super) version: u64,
}

impl Counter {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        conn.query_row("SELECT seq, version FROM counter", [], |row| {
            Ok(Self { seq: counted(row.get(0)?), version: counted(row.get(1)?) })
        })
    }

    pub(super) fn store(self, conn: &Connection) -> rusqlite::Result<()> {
        conn.prepare_cached("UPDATE counter SET seq = ?1, before = version, version = ?2")?
            .execute(params![signed(self.seq), signed(self.version)])?;
        Ok(())
    }
}

/// What one write set came to: the newest number it is part of or follows, and what it changed.
pub(super) struct Applied {
    pub(super) seq: Seq,
    pub(super) changes: Vec<Change>,
}

/// Why a write set was not applied.
pub(super) enum Failure {
    /// It alone: the transaction goes on.
    Conflict(CommitError),
    /// The database: the transaction is lost.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Applies `set` under a savepoint.
pub(super) fn apply(
    conn: &Connection,
    counter: &mut Counter,
    set: &WriteSet,
) -> Result<Applied, Failure> {
    conn.prepare_cached("SAVEPOINT set_")?.execute([])?;
    let before = *counter;
    let applied = Application { conn, tenants: Vec::new(), changes: Vec::new() }.run(counter, set);
    match &applied {
        Ok(_) => {}
        Err(Failure::Conflict(_)) => {
            *counter = before;
            conn.prepare_cached("ROLLBACK TO set_")?.execute([])?;
        }
        // The database may have rolled everything back already, the savepoint with it.
        Err(Failure::Database(_)) => return applied,
    }
    conn.prepare_cached("RELEASE set_")?.execute([])?;
    applied
}

/// A record as it is found before a write.
struct Found {
    row: i64,
    version: Version,
    entries: Vec<Entry>,
}

struct Application<'a> {
    conn: &'a Connection,
    /// Small integers looked up for this set; nearly always one or two.
    tenants: Vec<(TenantId, i64)>,
    changes: Vec<Change>,
}

impl Application<'_> {
    fn run(mut self, counter: &mut Counter, set: &WriteSet) -> Result<Applied, Failure> {
        counter.version += 1;
        let version = signed(counter.version);
        for (key, expect) in &set.expectations {
            let tenant = self.tenant(key.tenant)?;
            self.found(tenant, key, *expect)?;
        }
        for delete in &set.deletes {
            let tenant = self.tenant(delete.key.tenant)?;
            let Some(found) = self.found(tenant, &delete.key, delete.expect)? else { continue };
            self.take_back(tenant, &delete.key, &found.entries)?;
            self.conn.prepare_cached("DELETE FROM record WHERE r = ?1")?.execute([found.row])?;
            change_log::note(&mut self.changes, &delete.key, found.entries.into_iter());
        }
        for put in &set.puts {
            let tenant = self.tenant(put.key.tenant)?;
            let found = self.found(tenant, &put.key, put.expect)?;
            self.write(tenant, put, found.as_ref(), version)?;
        }
        for append in &set.appends {
            let tenant = self.tenant(append.tenant)?;
            self.append(tenant, append, version)?;
        }
        // What changed nothing takes no number: a number without a change would be a gap in the
        // log, at which whoever follows it stops.
        if self.changes.is_empty() {
            return Ok(Applied { seq: Seq(counter.seq), changes: Vec::new() });
        }
        counter.seq += 1;
        let changes = change_log::bounded(self.changes);
        log::write(self.conn, counter.seq, &changes, &self.tenants)?;
        Ok(Applied { seq: Seq(counter.seq), changes })
    }

    /// The small integer of a tenant, given to it now if it has none.
    fn tenant(&mut self, id: TenantId) -> rusqlite::Result<i64> {
        if let Some((_, n)) = self.tenants.iter().find(|(known, _)| *known == id) {
            return Ok(*n);
        }
        let bytes = id.bytes();
        let known = self
            .conn
            .prepare_cached("SELECT n FROM tenant WHERE id = ?1")?
            .query_row([bytes], |row| row.get(0))
            .optional()?;
        let n = match known {
            Some(n) => n,
            None => self
                .conn
                .prepare_cached("INSERT INTO tenant (id) VALUES (?1) RETURNING n")?
                .query_row([bytes], |row| row.get(0))?,
        };
        self.tenants.push((id, n));
        Ok(n)
    }

    /// The record at `key`, if it is as expected.
    fn found(
        &self,
        tenant: i64,
        key: &Key,
        expect: crate::Expect,
    ) -> Result<Option<Found>, Failure> {
        let mut statement = self.conn.prepare_cached(
            "SELECT r, version, entries FROM record WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
        )?;
        let found = statement
            .query_row(params![tenant, key.kind.number(), key.id], |row| {
                let entries: Option<Vec<u8>> = row.get(2)?;
                let entries = entries.map(|bytes| decode(&bytes)).unwrap_or_default();
                Ok(Found { row: row.get(0)?, version: Version(counted(row.get(1)?)), entries })
            })
            .optional()?;
        let version = found.as_ref().map(|found| found.version);
        if expect.holds(version) {
            return Ok(found);
        }
        Err(Failure::Conflict(CommitError::Conflict { key: key.clone(), found: version }))
    }

    fn write(
        &mut self,
        tenant: i64,
        put: &crate::Put,
        found: Option<&Found>,
        version: i64,
    ) -> rusqlite::Result<()> {
        let old = found.map_or(&[][..], |found| &found.entries);
        let entries = (!put.entries.is_empty()).then(|| encode(&put.entries));
        let sum = sum::of(&put.key, Version(counted(version)), entries.as_deref(), &put.document);
        if let Some(found) = found {
            let sql =
                "UPDATE record SET version = ?1, entries = ?2, doc = ?3, sum = ?4 WHERE r = ?5";
            let mut update = self.conn.prepare_cached(sql)?;
            update.execute(params![version, entries, put.document, sum, found.row])?;
        } else {
            let (kind, id) = (put.key.kind.number(), &put.key.id);
            let values = params![tenant, kind, id, version, entries, put.document, sum];
            self.insert()?.execute(values)?;
        }
        if old != put.entries {
            self.take_back(tenant, &put.key, old)?;
            let mut insert = self.conn.prepare_cached(
                "INSERT OR IGNORE INTO entry (tenant, idx, value, id) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for entry in &put.entries {
                insert.execute(params![tenant, entry.index.number(), entry.value, put.key.id])?;
            }
        }
        change_log::note(&mut self.changes, &put.key, change_log::lists(&put.entries, old));
        Ok(())
    }

    fn insert(&self) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
        self.conn.prepare_cached(
            "INSERT INTO record (tenant, kind, id, version, entries, doc, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
    }

    fn append(
        &mut self,
        tenant: i64,
        append: &crate::Append,
        version: i64,
    ) -> rusqlite::Result<()> {
        let last: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT max(id) FROM record WHERE tenant = ?1 AND kind = ?2")?
            .query_row(params![tenant, append.kind.number()], |row| row.get(0))?;
        let id = next_id(last.as_deref());
        let kind = append.kind.number();
        let none = None::<&[u8]>;
        let key = Key::new(append.tenant, append.kind, id);
        let sum = sum::of(&key, Version(counted(version)), none, &append.document);
        self.insert()?.execute(params![tenant, kind, id, version, none, append.document, sum])?;
        change_log::note(&mut self.changes, &key, std::iter::empty());
        Ok(())
    }

    /// Removes the index entries of a record.
    fn take_back(&self, tenant: i64, key: &Key, entries: &[Entry]) -> rusqlite::Result<()> {
        let mut delete = self.conn.prepare_cached(
            "DELETE FROM entry WHERE tenant = ?1 AND idx = ?2 AND value = ?3 AND id = ?4",
        )?;
        for entry in entries {
            delete.execute(params![tenant, entry.index.number(), entry.value, key.id])?;
        }
        Ok(())
    }
}
