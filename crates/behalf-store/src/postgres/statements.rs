//! The statements of a commit, each for many rows at once.

use behalf_core::id::TenantId;
use tokio_postgres::{Error, Statement, types::ToSql};
use uuid::Uuid;

use super::{
    connection::Link,
    judge::{Listed, Row},
    read::kind,
};
use crate::{
    backend::{Boxed, Change},
    change_log::columns,
    record::{Key, Kind},
    stored::{encode, signed},
};

/// Rows of one statement, and bytes of their documents.
const ROWS: usize = 1_000;
const BYTES: usize = 4 << 20;

const INSERT: &str = "INSERT INTO record (tenant, kind, id, version, entries, doc)
     SELECT * FROM unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[],
                          $4::BIGINT[], $5::BYTEA[], $6::BYTEA[])";
const UPDATE: &str = "UPDATE record r SET version = k.version, entries = k.entries, doc = k.doc
     FROM unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[], $4::BIGINT[], $5::BYTEA[], $6::BYTEA[])
          AS k(tenant, kind, id, version, entries, doc)
     WHERE r.tenant = k.tenant AND r.kind = k.kind AND r.id = k.id";
const DELETE: &str = "DELETE FROM record r
     USING unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[]) AS k(tenant, kind, id)
     WHERE r.tenant = k.tenant AND r.kind = k.kind AND r.id = k.id";
const LEAVE: &str = "DELETE FROM entry e
     USING unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[], $4::BYTEA[]) AS k(tenant, idx, value, id)
     WHERE e.tenant = k.tenant AND e.idx = k.idx AND e.value = k.value AND e.id = k.id";
const JOIN: &str = "INSERT INTO entry (tenant, idx, value, id)
     SELECT * FROM unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[], $4::BYTEA[])
     ON CONFLICT DO NOTHING";
// Locks in the order of the keys: two batches cannot wait for each other in a circle. A row that
// another batch changed meanwhile is locked and read as that batch left it.
const LOCK: &str = "SELECT r.tenant, r.kind, r.id, r.version, r.entries
     FROM unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[]) AS k(tenant, kind, id)
     JOIN record r ON r.tenant = k.tenant AND r.kind = k.kind AND r.id = k.id
     ORDER BY r.tenant, r.kind, r.id FOR UPDATE OF r";
const TAILS: &str = "SELECT k.tenant, k.kind,
            (SELECT r.id FROM record r WHERE r.tenant = k.tenant AND r.kind = k.kind
             ORDER BY r.id DESC LIMIT 1)
     FROM unnest($1::UUID[], $2::SMALLINT[]) AS k(tenant, kind)";
const VERSIONS: &str = "SELECT nextval('version_block')";
// The counter's row is taken by the last statement and held until the commit, so that numbers
// appear in commit order; the batch's own row (see `fence`) carries what the counter became. Without
// a counter that is NULL, which the row does not take: nothing is committed without its row.
const NUMBER: &str = "WITH c AS (
         UPDATE counter SET seq = seq + $3::BIGINT WHERE one = 1 RETURNING seq),
     l AS (
         INSERT INTO change_log (seq, n, tenant, kind, id)
         SELECT c.seq - $3::BIGINT + k.nth, k.n, k.tenant, k.kind, k.id
         FROM c, unnest($4::BIGINT[], $5::BIGINT[], $6::UUID[], $7::SMALLINT[], $8::BYTEA[])
                 AS k(nth, n, tenant, kind, id)
         RETURNING seq)
     INSERT INTO batch (writer, n, seq, fenced)
     VALUES ($1::UUID, $2::BIGINT, (SELECT seq FROM c), FALSE) RETURNING seq";
const FOLLOW: &str = "INSERT INTO batch (writer, n, seq, fenced)
     VALUES ($1::UUID, $2::BIGINT, (SELECT seq FROM counter), FALSE) RETURNING seq";
const FORGET_LOG: &str = "DELETE FROM change_log WHERE seq <= $1";
const FORGET_BATCHES: &str = "DELETE FROM batch WHERE writer = $1 AND n < $2";
const NEWEST: &str = "SELECT seq FROM counter";

/// The statements, prepared on one connection.
pub(super) struct Statements {
    insert: Statement,
    update: Statement,
    delete: Statement,
    leave: Statement,
    join: Statement,
    pub(super) lock: Statement,
    pub(super) tails: Statement,
    pub(super) versions: Statement,
    pub(super) number: Statement,
    pub(super) follow: Statement,
    pub(super) forget_log: Statement,
    pub(super) forget_batches: Statement,
    pub(super) newest: Statement,
}

impl Statements {
    pub(super) async fn prepare(link: &Link) -> Result<Self, Error> {
        let p = |sql| link.prepare(sql);
        let rows = async { tokio::try_join!(p(INSERT), p(UPDATE), p(DELETE), p(LEAVE), p(JOIN)) };
        let asked = async { tokio::try_join!(p(LOCK), p(TAILS), p(VERSIONS), p(NEWEST)) };
        let last =
            async { tokio::try_join!(p(NUMBER), p(FOLLOW), p(FORGET_LOG), p(FORGET_BATCHES)) };
        let (rows, asked, last) = tokio::try_join!(rows, asked, last)?;
        let (insert, update, delete, leave, join) = rows;
        let (lock, tails, versions, newest) = asked;
        let (number, follow, forget_log, forget_batches) = last;
        Ok(Self {
            insert,
            update,
            delete,
            leave,
            join,
            lock,
            tails,
            versions,
            number,
            follow,
            forget_log,
            forget_batches,
            newest,
        })
    }
}

/// Statements under way, each behind the one before it.
pub(super) type Pipeline<'a> = Vec<Boxed<'a, Result<u64, Error>>>;

/// Key columns.
#[derive(Default)]
pub(super) struct Keys<'a> {
    pub(super) tenants: Vec<Uuid>,
    pub(super) kinds: Vec<i16>,
    pub(super) ids: Vec<&'a [u8]>,
}

impl<'a> FromIterator<&'a Key> for Keys<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Key>>(keys: I) -> Self {
        let mut columns = Self::default();
        for key in keys {
            columns.tenants.push(key.tenant.0);
            columns.kinds.push(kind(key.kind));
            columns.ids.push(&key.id);
        }
        columns
    }
}

/// Columns of tenants and kinds.
pub(super) fn tenants_and_kinds<'a>(
    of: impl IntoIterator<Item = &'a (TenantId, Kind)>,
) -> (Vec<Uuid>, Vec<i16>) {
    of.into_iter().map(|(tenant, of)| (tenant.0, kind(*of))).unzip()
}

impl Statements {
    pub(super) fn insert<'a>(&'a self, link: &'a Link, rows: &[Row<'a>]) -> Pipeline<'a> {
        chunks(rows).map(|rows| written(link, &self.insert, rows)).collect()
    }

    pub(super) fn update<'a>(&'a self, link: &'a Link, rows: &[Row<'a>]) -> Pipeline<'a> {
        chunks(rows).map(|rows| written(link, &self.update, rows)).collect()
    }

    pub(super) fn delete<'a>(&'a self, link: &'a Link, keys: &[&'a Key]) -> Pipeline<'a> {
        let delete = |keys: &[&'a Key]| -> Boxed<'a, _> {
            let Keys { tenants, kinds, ids } = keys.iter().copied().collect();
            Box::pin(async move { link.execute(&self.delete, &[&tenants, &kinds, &ids]).await })
        };
        keys.chunks(ROWS).map(delete).collect()
    }

    pub(super) fn leave<'a>(&'a self, link: &'a Link, of: &[Listed<'a>]) -> Pipeline<'a> {
        of.chunks(ROWS).map(|of| listed(link, &self.leave, of)).collect()
    }

    pub(super) fn join<'a>(&'a self, link: &'a Link, of: &[Listed<'a>]) -> Pipeline<'a> {
        of.chunks(ROWS).map(|of| listed(link, &self.join, of)).collect()
    }
}

/// Rows by as many as go into one message.
fn chunks<'r, 'a>(mut rows: &'r [Row<'a>]) -> impl Iterator<Item = &'r [Row<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |row: &&Row<'_>| {
            bytes += row.document.len();
            bytes <= BYTES
        };
        let count = rows.iter().take(ROWS).take_while(fits).count().max(1);
        let (now, later) = rows.split_at_checked(count)?;
        rows = later;
        Some(now)
    })
}

fn written<'a>(
    link: &'a Link,
    statement: &'a Statement,
    rows: &[Row<'a>],
) -> Boxed<'a, Result<u64, Error>> {
    let Keys { tenants, kinds, ids } = rows.iter().map(|row| row.key).collect();
    let versions: Vec<i64> = rows.iter().map(|row| signed(row.version.0)).collect();
    let encoded = |row: &Row<'_>| (!row.entries.is_empty()).then(|| encode(row.entries));
    let entries: Vec<Option<Vec<u8>>> = rows.iter().map(encoded).collect();
    let documents: Vec<&[u8]> = rows.iter().map(|row| row.document).collect();
    Box::pin(async move {
        let columns: [&(dyn ToSql + Sync); 6] =
            [&tenants, &kinds, &ids, &versions, &entries, &documents];
        link.execute(statement, &columns).await
    })
}

fn listed<'a>(
    link: &'a Link,
    statement: &'a Statement,
    of: &[Listed<'a>],
) -> Boxed<'a, Result<u64, Error>> {
    let tenants: Vec<Uuid> = of.iter().map(|one| one.key.tenant.0).collect();
    let indexes: Vec<i16> = of.iter().map(|one| i16::from(one.entry.index.number())).collect();
    let values: Vec<&[u8]> = of.iter().map(|one| &one.entry.value[..]).collect();
    let ids: Vec<&[u8]> = of.iter().map(|one| &one.key.id[..]).collect();
    Box::pin(async move { link.execute(statement, &[&tenants, &indexes, &values, &ids]).await })
}

/// The change log of a batch as columns.
#[derive(Default)]
pub(super) struct Logged<'a> {
    /// Which of the batch's numbers, from 1.
    pub(super) nths: Vec<i64>,
    /// Which of the commit's changes.
    pub(super) ns: Vec<i64>,
    pub(super) tenants: Vec<Option<Uuid>>,
    pub(super) kinds: Vec<i16>,
    pub(super) ids: Vec<Option<&'a [u8]>>,
}

impl<'a> Logged<'a> {
    pub(super) fn add(&mut self, nth: u64, changes: &'a [Change]) {
        for (n, change) in (0..).zip(changes) {
            let (tenant, kind, id) = columns(change);
            self.nths.push(signed(nth));
            self.ns.push(n);
            self.tenants.push(tenant.map(|tenant| tenant.0));
            self.kinds.push(kind);
            self.ids.push(id);
        }
    }
}

/// Sends every statement at once, in order, and waits for all: the first error in their order.
pub(super) async fn run(pipeline: Pipeline<'_>) -> Result<(), Error> {
    let count = pipeline.len();
    let mut under_way: Vec<_> = pipeline.into_iter().enumerate().collect();
    let mut first: Option<(usize, Error)> = None;
    std::future::poll_fn(move |context| {
        under_way.retain_mut(|(n, statement)| match statement.as_mut().poll(context) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(Ok(_)) => false,
            std::task::Poll::Ready(Err(error)) => {
                if first.as_ref().map_or(count, |(first, _)| *first) > *n {
                    first = Some((*n, error));
                }
                false
            }
        });
        if !under_way.is_empty() {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(first.take().map_or(Ok(()), |(_, error)| Err(error)))
    })
    .await
}
