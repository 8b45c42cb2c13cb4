//! Reading: a few connections, each call a snapshot.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicUsize, Ordering},
};

use behalf_core::id::TenantId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{sum::Raw, unreadable};
use crate::{
    backend::{Find, Page, ReadError, Scan},
    record::{Key, Kind, Record},
    stored::{self, page_limit},
};

/// The pool. A reader that finds every connection busy waits for one of them.
pub(super) struct Readers {
    connections: Vec<Arc<Mutex<Connection>>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn new(connections: Vec<Arc<Mutex<Connection>>>) -> Self {
        Self { connections, next: AtomicUsize::new(0) }
    }

    /// Runs `read` on a connection.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        match self.connection() {
            Some(connection) => read(&connection),
            None => Err(ReadError::Unavailable("the store has no connection".into())),
        }
    }

    fn connection(&self) -> Option<MutexGuard<'_, Connection>> {
        for connection in &self.connections {
            match connection.try_lock() {
                Ok(free) => return Some(free),
                Err(TryLockError::Poisoned(free)) => return Some(free.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len().max(1);
        let waited_for = self.connections.get(turn)?;
        Some(waited_for.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) fn get(conn: &Connection, keys: &[Key]) -> Result<Vec<Option<Record>>, ReadError> {
    let records = || keys.iter().map(|key| get_one(conn, key)).collect::<Result<_, _>>();
    if keys.len() <= 1 {
        return records();
    }
    let snapshot = conn.unchecked_transaction().map_err(|error| unreadable(&error))?;
    let found = records()?;
    snapshot.finish().map_err(|error| unreadable(&error))?;
    Ok(found)
}

fn get_one(conn: &Connection, key: &Key) -> Result<Option<Record>, ReadError> {
    let read = || {
        let mut statement = conn.prepare_cached(
            "SELECT version, doc, entries, sum FROM record
             WHERE tenant = (SELECT n FROM tenant WHERE id = ?1) AND kind = ?2 AND id = ?3",
        )?;
        let place = params![key.tenant.bytes(), key.kind.number(), key.id];
        statement.query_row(place, |row| Raw::read(row, 0, key.clone())).optional()
    };
    let found = read().map_err(|error| unreadable(&error))?;
    found.map(|raw| raw.checked().map(|(record, _)| record)).transpose()
}

pub(super) fn find(conn: &Connection, query: &Find) -> Result<Page, ReadError> {
    let sql = "SELECT r.id, r.version, r.doc, r.entries, r.sum FROM entry e
         JOIN record r ON r.tenant = e.tenant AND r.kind = ?3 AND r.id = e.id
         WHERE e.tenant = (SELECT n FROM tenant WHERE id = ?1)
           AND e.idx = ?2 AND e.value = ?4 AND e.id > ?5
         ORDER BY e.id LIMIT ?6";
    let (kind, limit) = (query.index.kind(), page_limit(query.limit));
    let read = || {
        let mut statement = conn.prepare_cached(sql)?;
        let after = query.after.as_deref().unwrap_or_default();
        let (tenant, index) = (query.tenant.bytes(), query.index.number());
        let rows = statement
            .query_map(params![tenant, index, kind.number(), query.value, after, limit], |row| {
                raw(row, query.tenant, kind)
            })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    page(read().map_err(|error| unreadable(&error))?, limit)
}

pub(super) fn scan(conn: &Connection, query: &Scan) -> Result<Page, ReadError> {
    let sql = "SELECT id, version, doc, entries, sum FROM record
         WHERE tenant = (SELECT n FROM tenant WHERE id = ?1) AND kind = ?2 AND id > ?3
         ORDER BY id LIMIT ?4";
    let limit = page_limit(query.limit);
    let read = || {
        let mut statement = conn.prepare_cached(sql)?;
        let after = query.after.as_deref().unwrap_or_default();
        let rows = statement
            .query_map(params![query.tenant.bytes(), query.kind.number(), after, limit], |row| {
                raw(row, query.tenant, query.kind)
            })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    page(read().map_err(|error| unreadable(&error))?, limit)
}

fn raw(row: &rusqlite::Row<'_>, tenant: TenantId, kind: Kind) -> rusqlite::Result<Raw> {
    Raw::read(row, 1, Key { tenant, kind, id: row.get(0)? })
}

fn page(rows: Vec<Raw>, limit: u32) -> Result<Page, ReadError> {
    let checked = rows.into_iter().map(|raw| raw.checked().map(|(record, _)| record));
    Ok(stored::page(checked.collect::<Result<_, _>>()?, limit))
}
