//! Everything at one moment: a connection of its own with one read-only transaction, read by key
//! in pages.

use std::{sync::Arc, time::Duration};

use behalf_core::id::TenantId;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    connection::{Connector, Link},
    trouble::Trouble,
};
use crate::{
    backend::{Boxed, Page, ReadError, Seq, Snapshot, Whole},
    record::{Key, Record, Version},
    stored::{self, PAGE_BYTES, counted},
};

/// Snapshots open at once: each keeps the database from cleaning up behind its writers.
const SNAPSHOTS: usize = 2;
/// What a page may take.
const PAGE: Duration = Duration::from_secs(10);

// The transaction begins with its first statement. Whoever reads it may be slow (a backup's disk).
const BEGIN: &str =
    "SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '10min';
     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const SEQ: &str = "SELECT seq FROM counter";
// A page ends by the bytes of its documents too; their length is known without reading them.
const NEXT: &str = "SELECT kind, tenant, id, version, entries, doc FROM (
         SELECT p.*, sum(length(doc)) OVER (ORDER BY tenant, kind, id) - length(doc) AS before
         FROM (SELECT * FROM record WHERE (tenant, kind, id) > ($1, $2, $3)
               ORDER BY tenant, kind, id LIMIT $4) p) q
     WHERE before < $5 ORDER BY tenant, kind, id";

/// The snapshots of one database.
#[derive(Clone)]
pub(super) struct Snapshots {
    connector: Connector,
    runtime: Handle,
    places: Arc<Semaphore>,
}

impl Snapshots {
    pub(super) fn new(connector: Connector, runtime: Handle) -> Self {
        Self { connector, runtime, places: Arc::new(Semaphore::new(SNAPSHOTS)) }
    }

    pub(super) async fn take(&self) -> Result<Box<dyn Snapshot>, ReadError> {
        let Self { connector, runtime, places } = self.clone();
        let place = places.try_acquire_owned().map_err(|_| {
            let told = format!("{SNAPSHOTS} backups or copies are under way: wait for one to end");
            ReadError::Unavailable(told)
        })?;
        let begun = self.runtime.spawn(async move {
            let deadline = Instant::now() + PAGE;
            let link = connector.link(deadline, &Arc::default()).await?;
            let begin = async {
                link.batch_execute(BEGIN).await?;
                link.query_one(SEQ, &[]).await?.try_get(0)
            };
            let seq = timeout_at(deadline, begin).await.map_err(|_| Trouble::overdue())??;
            Ok((link, seq))
        });
        let (link, seq): (Link, i64) = answered(begun.await)?;
        let after = (Uuid::nil(), 0, Vec::new());
        let walk = Some(Walk { link, after, _place: place });
        Ok(Box::new(Taken { seq: Seq(counted(seq)), walk, runtime }))
    }
}

fn answered<T>(of: Result<Result<T, Trouble>, tokio::task::JoinError>) -> Result<T, ReadError> {
    match of {
        Ok(answer) => answer.map_err(|trouble| ReadError::Unavailable(trouble.text().to_owned())),
        Err(_) => Err(ReadError::Unavailable("the store is closed".into())),
    }
}

/// Where a walk over all records is, and the connection whose transaction it is in.
struct Walk {
    link: Link,
    /// The last record read.
    after: (Uuid, i16, Vec<u8>),
    _place: OwnedSemaphorePermit,
}

struct Taken {
    seq: Seq,
    /// Taken while a page is read; what failed or was dropped meanwhile is not gone on with.
    walk: Option<Walk>,
    runtime: Handle,
}

impl Snapshot for Taken {
    fn seq(&self) -> Seq {
        self.seq
    }

    fn next(&mut self) -> Boxed<'_, Result<Vec<Whole>, ReadError>> {
        Box::pin(async move {
            let ended = || ReadError::Unavailable("the snapshot has ended: take another".into());
            let mut walk = self.walk.take().ok_or_else(ended)?;
            let read = self.runtime.spawn(async move {
                let page = timeout_at(Instant::now() + PAGE, walk.page()).await;
                let rows = page.map_err(|_| Trouble::overdue())??;
                Ok((walk, rows))
            });
            let (walk, rows) = answered(read.await)?;
            let page = rows.iter().map(whole).collect::<Result<_, _>>()?;
            self.walk = Some(walk);
            Ok(page)
        })
    }
}

impl Walk {
    async fn page(&mut self) -> Result<Vec<Row>, Error> {
        let statement = self.link.prepare_cached(NEXT).await?;
        let (tenant, kind, id) = &self.after;
        let bytes = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
        let limit = i64::from(Page::MAX);
        let rows = self.link.query(&statement, &[tenant, kind, id, &limit, &bytes]).await?;
        if let Some(last) = rows.last() {
            self.after = (last.try_get(1)?, last.try_get(0)?, last.try_get(2)?);
        }
        Ok(rows)
    }
}

fn whole(row: &Row) -> Result<Whole, ReadError> {
    let unreadable = |error: Error| ReadError::Unavailable(super::trouble::text(&error));
    let kind = stored::kind(row.try_get::<_, i16>(0).map_err(unreadable)?.into())?;
    let tenant = TenantId(row.try_get(1).map_err(unreadable)?);
    let record = Record {
        key: Key { tenant, kind, id: row.try_get(2).map_err(unreadable)? },
        version: Version(counted(row.try_get(3).map_err(unreadable)?)),
        document: row.try_get(5).map_err(unreadable)?,
    };
    stored::whole(record, row.try_get(4).map_err(unreadable)?)
}
