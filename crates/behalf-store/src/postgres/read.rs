//! Reading: each query is one statement, so that it is of one snapshot.

use std::collections::HashMap;

use behalf_core::id::TenantId;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{connection::Link, pool::Query};
use crate::{
    backend::{Changes, Find, Page, Scan, Seq},
    change_log::{change, gather},
    record::{Key, Kind, Record, Version},
    stored::{counted, page, page_limit, signed},
};

const GET_ONE: &str = "SELECT version, doc FROM record WHERE tenant = $1 AND kind = $2 AND id = $3";
const GET: &str = "SELECT r.version, r.doc, k.nth
     FROM unnest($1::UUID[], $2::SMALLINT[], $3::BYTEA[], $4::BIGINT[]) AS k(tenant, kind, id, nth)
     JOIN record r ON r.tenant = k.tenant AND r.kind = k.kind AND r.id = k.id";
const FIND: &str = "SELECT r.version, r.doc, r.id FROM entry e
     JOIN record r ON r.tenant = e.tenant AND r.kind = $3 AND r.id = e.id
     WHERE e.tenant = $1 AND e.idx = $2 AND e.value = $4 AND e.id > $5
     ORDER BY e.id LIMIT $6";
const SCAN: &str = "SELECT version, doc, id FROM record
     WHERE tenant = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
const CHANGES: &str = "SELECT c.seq, (SELECT min(seq) FROM change_log),
            l.seq, l.tenant, l.kind, l.id
     FROM counter c LEFT JOIN change_log l ON l.seq > $1 AND l.seq <= $2
     ORDER BY l.seq, l.n";

pub(super) struct Get(pub(super) Vec<Key>);

impl Query for Get {
    type Answer = Vec<Option<Record>>;

    async fn ask(&self, link: &Link) -> Result<Self::Answer, Error> {
        let [key] = &self.0[..] else { return self.several(link).await };
        let statement = link.prepare_cached(GET_ONE).await?;
        let row = link
            .query_opt(&statement, &[&key.tenant.0, &kind(key.kind), &key.id])
            .await?
            .map(|row| record(&row, key.clone()))
            .transpose()?;
        Ok(vec![row])
    }
}

impl Get {
    async fn several(&self, link: &Link) -> Result<Vec<Option<Record>>, Error> {
        let tenants: Vec<Uuid> = self.0.iter().map(|key| key.tenant.0).collect();
        let kinds: Vec<i16> = self.0.iter().map(|key| kind(key.kind)).collect();
        let ids: Vec<&[u8]> = self.0.iter().map(|key| &key.id[..]).collect();
        let nths: Vec<i64> = (0..).take(self.0.len()).collect();
        let statement = link.prepare_cached(GET).await?;
        let rows = link.query(&statement, &[&tenants, &kinds, &ids, &nths]).await?;
        let mut found = HashMap::new();
        for row in rows {
            found.insert(row.try_get::<_, i64>(2)?, (version(&row)?, row.try_get(1)?));
        }
        let record = |(nth, key): (i64, &Key)| {
            let (version, document) = found.remove(&nth)?;
            Some(Record { key: key.clone(), version, document })
        };
        Ok((0..).zip(&self.0).map(record).collect())
    }
}

impl Query for Find {
    type Answer = Page;

    async fn ask(&self, link: &Link) -> Result<Page, Error> {
        let (of, limit) = (self.index.kind(), page_limit(self.limit));
        let after = self.after.as_deref().unwrap_or_default();
        let statement = link.prepare_cached(FIND).await?;
        let index = i16::from(self.index.number());
        let rows = link
            .query(
                &statement,
                &[&self.tenant.0, &index, &kind(of), &self.value, &after, &i64::from(limit)],
            )
            .await?;
        Ok(page(records(&rows, self.tenant, of)?, limit))
    }
}

impl Query for Scan {
    type Answer = Page;

    async fn ask(&self, link: &Link) -> Result<Page, Error> {
        let limit = page_limit(self.limit);
        let after = self.after.as_deref().unwrap_or_default();
        let statement = link.prepare_cached(SCAN).await?;
        let rows = link
            .query(&statement, &[&self.tenant.0, &kind(self.kind), &after, &i64::from(limit)])
            .await?;
        Ok(page(records(&rows, self.tenant, self.kind)?, limit))
    }
}

/// A stretch of the change log.
pub(super) struct Since {
    pub(super) after: Seq,
    pub(super) limit: u32,
}

impl Query for Since {
    type Answer = Changes;

    async fn ask(&self, link: &Link) -> Result<Changes, Error> {
        // Numbers have no gaps, so a stretch of numbers is that many commits.
        let until = self.after.0.saturating_add(u64::from(self.limit));
        let statement = link.prepare_cached(CHANGES).await?;
        let rows = link.query(&statement, &[&signed(self.after.0), &signed(until)]).await?;
        let (mut newest, mut oldest, mut commits) = (0, 0, Vec::new());
        for row in &rows {
            newest = counted(row.try_get(0)?);
            oldest = counted(row.try_get::<_, Option<i64>>(1)?.unwrap_or(0));
            let Some(seq) = row.try_get::<_, Option<i64>>(2)? else { continue };
            let tenant = row.try_get::<_, Option<Uuid>>(3)?.map(TenantId);
            let kind = row.try_get::<_, i16>(4)?;
            gather(&mut commits, Seq(counted(seq)), change(tenant, kind.into(), row.try_get(5)?));
        }
        let forgotten = oldest > self.after.0.saturating_add(1);
        Ok(Changes { newest: Seq(newest), commits, forgotten })
    }
}

/// A kind's number as a column has it.
pub(super) fn kind(kind: Kind) -> i16 {
    i16::from(kind.number())
}

fn version(row: &Row) -> Result<Version, Error> {
    Ok(Version(counted(row.try_get(0)?)))
}

fn record(row: &Row, key: Key) -> Result<Record, Error> {
    Ok(Record { key, version: version(row)?, document: row.try_get(1)? })
}

fn records(rows: &[Row], tenant: TenantId, kind: Kind) -> Result<Vec<Record>, Error> {
    rows.iter().map(|row| record(row, Key { tenant, kind, id: row.try_get(2)? })).collect()
}
