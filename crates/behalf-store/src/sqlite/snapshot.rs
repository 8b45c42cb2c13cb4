//! Everything at one moment: a connection of its own with one read transaction.
//!
//! While it is open the write-ahead log can be moved but not cut, so the log is not asked to be cut
//! (the writer would wait for it); a snapshot under which it grows too long is ended.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use behalf_core::id::TenantId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{open, sum::Raw, unreadable};
use crate::{
    backend::{Boxed, Page, ReadError, Seq, Snapshot, Whole},
    record::Key,
    stored::{self, PAGE_BYTES, counted},
};

const ENDED: &str = "the snapshot was ended because more than 2 GiB were written meanwhile: \
                     try again when less is written";

type Held = Arc<Mutex<Option<Connection>>>;

/// The snapshots of one database.
pub(super) struct Snapshots {
    /// `None`: in memory.
    path: Option<PathBuf>,
    held: Mutex<Vec<Weak<Mutex<Option<Connection>>>>>,
}

impl Snapshots {
    pub(super) fn of_file(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), held: Mutex::default() }
    }

    pub(super) fn in_memory() -> Self {
        Self { path: None, held: Mutex::default() }
    }

    /// Begins one. `shared` is a connection that others use: of a database in memory, which has no
    /// other, everything is read at once.
    pub(super) fn take(&self, shared: &Connection) -> Result<Box<dyn Snapshot>, ReadError> {
        let Some(path) = &self.path else {
            let (mut walk, mut pages) = (Walk::begin(shared)?, VecDeque::new());
            loop {
                let page = walk.page(shared)?;
                if page.is_empty() {
                    return Ok(Box::new(InMemory { seq: walk.seq, pages }));
                }
                pages.push_back(page);
            }
        };
        let conn = open::connect(path, open::READER_CACHE)
            .map_err(|error| ReadError::Unavailable(error.to_string()))?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Read-only until it is closed: nothing is committed, so closing is all that ends it.
        conn.execute_batch("BEGIN").map_err(|error| unreadable(&error))?;
        let walk = Walk::begin(&conn)?;
        let conn = Arc::new(Mutex::new(Some(conn)));
        held.retain(|snapshot| snapshot.strong_count() > 0);
        held.push(Arc::downgrade(&conn));
        Ok(Box::new(OfFile { seq: walk.seq, walk: Some(walk), conn }))
    }

    /// Runs `cut` unless a snapshot is open; none is opened meanwhile.
    pub(super) fn unless_held(&self, cut: impl FnOnce()) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.iter().all(|snapshot| snapshot.strong_count() == 0) {
            cut();
        }
    }

    /// Ends every snapshot: whoever reads on is told.
    pub(super) fn end_all(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for snapshot in held.drain(..).filter_map(|snapshot| snapshot.upgrade()) {
            *snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

struct InMemory {
    seq: Seq,
    pages: VecDeque<Vec<Whole>>,
}

impl Snapshot for InMemory {
    fn seq(&self) -> Seq {
        self.seq
    }

    fn next(&mut self) -> Boxed<'_, Result<Vec<Whole>, ReadError>> {
        let page = self.pages.pop_front().unwrap_or_default();
        Box::pin(std::future::ready(Ok(page)))
    }
}

struct OfFile {
    seq: Seq,
    /// Taken while a page is read; what was dropped meanwhile is not gone on with.
    walk: Option<Walk>,
    conn: Held,
}

impl Snapshot for OfFile {
    fn seq(&self) -> Seq {
        self.seq
    }

    fn next(&mut self) -> Boxed<'_, Result<Vec<Whole>, ReadError>> {
        Box::pin(async move {
            let ended = || ReadError::Unavailable(ENDED.to_owned());
            let mut walk = self.walk.take().ok_or_else(ended)?;
            let conn = Arc::clone(&self.conn);
            let read = tokio::task::spawn_blocking(move || {
                let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                let page = walk.page(conn.as_ref().ok_or_else(ended)?)?;
                Ok((walk, page))
            });
            let (walk, page) =
                read.await.map_err(|error| ReadError::Unavailable(error.to_string()))??;
            self.walk = Some(walk);
            Ok(page)
        })
    }
}

/// Where a walk over all records is.
struct Walk {
    seq: Seq,
    /// Those still to come, the current one first.
    tenants: VecDeque<(i64, TenantId)>,
    /// The last record read of the current tenant.
    after: (u8, Vec<u8>),
}

impl Walk {
    fn begin(conn: &Connection) -> Result<Self, ReadError> {
        let read = || {
            let seq = conn.query_row("SELECT seq FROM counter", [], |row| row.get(0))?;
            let mut tenants = conn.prepare("SELECT n, id FROM tenant ORDER BY id")?;
            let rows = tenants
                .query_map([], |row| Ok((row.get(0)?, TenantId(Uuid::from_bytes(row.get(1)?)))))?;
            let tenants = rows.collect::<rusqlite::Result<_>>()?;
            Ok(Self { seq: Seq(counted(seq)), tenants, after: (0, Vec::new()) })
        };
        read().map_err(|error| unreadable(&error))
    }

    /// The next page; empty at the end.
    fn page(&mut self, conn: &Connection) -> Result<Vec<Whole>, ReadError> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some((n, tenant)) = self.tenants.front().copied() {
            if self.fill(conn, (n, tenant), &mut page, &mut bytes)? {
                break;
            }
            self.tenants.pop_front();
            self.after = (0, Vec::new());
        }
        Ok(page)
    }

    /// Adds records of one tenant; whether the page is full before there are no more.
    fn fill(
        &mut self,
        conn: &Connection,
        (n, tenant): (i64, TenantId),
        page: &mut Vec<Whole>,
        bytes: &mut usize,
    ) -> Result<bool, ReadError> {
        let sql = |error| unreadable(&error);
        let mut statement = conn
            .prepare_cached(
                "SELECT kind, id, version, doc, entries, sum FROM record
                 WHERE tenant = ?1 AND (kind, id) > (?2, ?3) ORDER BY kind, id",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![n, self.after.0, self.after.1]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let whole = whole(row, tenant)?;
            *bytes += whole.record.document.len();
            self.after = (whole.record.key.kind.number(), whole.record.key.id.clone());
            page.push(whole);
            if page.len() >= Page::MAX as usize || *bytes >= PAGE_BYTES {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn whole(row: &rusqlite::Row<'_>, tenant: TenantId) -> Result<Whole, ReadError> {
    let sql = |error| unreadable(&error);
    let kind = stored::kind(row.get(0).map_err(sql)?)?;
    let key = Key { tenant, kind, id: row.get(1).map_err(sql)? };
    let (record, entries) = Raw::read(row, 2, key).map_err(sql)?.checked()?;
    stored::whole(record, entries.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend as _, Expect, Kind, WriteSet, sqlite::Sqlite};

    async fn put(database: &Sqlite, id: u8, length: usize) {
        let mut set = WriteSet::new();
        let key = Key::new(TenantId::NIL, Kind::Tenant, [id]);
        set.put(key, vec![0; length], Expect::Any);
        database.commit(set).await.unwrap();
    }

    #[tokio::test]
    async fn a_snapshot_that_is_in_the_way_for_too_long_is_ended_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let database = Sqlite::open(&folder.path().join("d.db")).unwrap();
        put(&database, 1, 10).await;
        let mut snapshot = database.snapshot().await.unwrap();
        let mut cut = false;
        database.snapshots.unless_held(|| cut = true);
        assert!(!cut, "the log is not cut under a snapshot");
        database.snapshots.end_all();
        let told = snapshot.next().await.unwrap_err();
        assert!(told.to_string().contains("more than 2 GiB were written meanwhile"), "{told}");
        assert_eq!(snapshot.next().await.unwrap_err(), told, "and not gone on with");
        drop(snapshot);
        database.snapshots.unless_held(|| cut = true);
        assert!(cut);
        let mut again = database.snapshot().await.unwrap();
        assert_eq!(again.next().await.unwrap().len(), 1);
    }

    /// Pages end by their bytes too: a few large documents are no thousand at once.
    #[tokio::test]
    async fn pages_of_large_documents_are_short() {
        for database in [
            Sqlite::in_memory().unwrap(),
            Sqlite::open(&tempfile::tempdir().unwrap().path().join("d.db")).unwrap(),
        ] {
            for id in 0..5 {
                put(&database, id, PAGE_BYTES / 2).await;
            }
            let mut snapshot = database.snapshot().await.unwrap();
            let mut lengths = Vec::new();
            for _ in 0..4 {
                lengths.push(snapshot.next().await.unwrap().len());
            }
            assert_eq!(lengths, [2, 2, 1, 0]);
        }
    }
}
