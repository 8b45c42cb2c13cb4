//! The rows that the shared log does not have yet, for whoever asks on this node; and how both are
//! told as one.

use std::{cmp::Reverse, collections::BTreeMap};

use behalf_store::shared_log::{self, LogPage, LogQuery, LogRow, NodeId};
use rusqlite::params;

use super::{
    Journal, Place,
    day::Day,
    read::{self, ReadError, SCAN_MAX},
    ship::{last_of, row_of},
};

impl Journal {
    /// The newest rows with numbers above `after` that fit `query`, newest first. Blocks.
    pub fn unshipped(&self, after: i64, query: &LogQuery) -> Result<Vec<LogRow>, ReadError> {
        let Place::Folder(folder) = &self.place else { return Ok(Vec::new()) };
        let limit = limit(query);
        let mut found: BTreeMap<shared_log::Place, LogRow> = BTreeMap::new();
        let mut left = SCAN_MAX;
        for day in Day::all(folder)?.into_iter().rev() {
            let Some(connection) = read::open(&day.file(folder))? else { continue };
            let mut statement = connection
                .prepare("SELECT seq, at, record FROM event WHERE seq > ?1 ORDER BY seq DESC")?;
            let mut rows = statement.query(params![after])?;
            let mut any = false;
            while let Some(row) = rows.next()? {
                any = true;
                let at = behalf_core::time::Timestamp(row.get(1)?);
                let row = row_of(row.get(0)?, at, row.get(2)?);
                // A row is written at or after its decision, so no earlier one is newer than this.
                let full = found.len() >= limit
                    && found.first_key_value().is_some_and(|(oldest, _)| oldest.time > at);
                if full || left == 0 || query.since.is_some_and(|since| at < since) {
                    return Ok(newest_first(found));
                }
                left -= 1;
                if wants(query, &row) {
                    found.insert(row.place(), row);
                    if found.len() > limit {
                        found.pop_first();
                    }
                }
            }
            // A file with rows of which none waits: nor does any of an earlier one.
            if !any && last_of(&connection)?.is_some() {
                break;
            }
        }
        Ok(newest_first(found))
    }
}

fn newest_first(found: BTreeMap<shared_log::Place, LogRow>) -> Vec<LogRow> {
    found.into_values().rev().collect()
}

fn limit(query: &LogQuery) -> usize {
    usize::try_from(query.limit.clamp(1, LogPage::MAX)).unwrap_or(usize::MAX)
}

fn wants(query: &LogQuery, row: &LogRow) -> bool {
    query.tenant.is_none_or(|tenant| row.tenant == tenant)
        && query.app.is_none_or(|app| row.app == Some(app))
        && query.correlation.is_none_or(|id| row.correlation == id)
        && query.since.is_none_or(|since| row.time >= since)
        && query.until.is_none_or(|until| row.time < until)
        && query.below.is_none_or(|below| row.place() < below)
}

/// The shared log's page with the rows of `node` that it lacks: [`Journal::unshipped`] of the same
/// query, read before the page was, so that what was shipped in between is in both.
pub fn merged(shared: LogPage, (node, own): (NodeId, Vec<LogRow>), query: &LogQuery) -> LogPage {
    let limit = limit(query);
    let more = own.len() >= limit;
    // Where the page ended early, nothing older may be told yet.
    let own = own.into_iter().filter(|row| shared.next.is_none_or(|next| row.place() >= next));
    let mut rows: Vec<_> = shared.rows;
    rows.extend(own.map(|row| (node, row)));
    rows.sort_by_key(|(_, row)| Reverse(row.place()));
    rows.dedup_by_key(|(_, row)| row.place());
    let cut = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|(_, row)| row.place());
    let next = if cut { last } else { shared.next.or(last.filter(|_| more)) };
    LogPage { rows, next }
}
