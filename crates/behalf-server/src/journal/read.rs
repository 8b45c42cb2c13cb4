//! Reading the journal: one request by its id, a page by what people ask for, and whether anybody
//! has altered it. Everything here blocks on the disk: call it from a thread that may.

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use behalf_core::{
    id::{AppId, RequestId, TenantId},
    time::{CLOCK_SKEW, Timestamp},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use uuid::Uuid;

use super::{
    Journal, Place,
    day::Day,
    file::{Seal, Sealer},
    index::{self, Index},
    record::{self, Fixed, Record, RecordError},
};
use crate::entropy;

/// How far behind its id a request's row is looked for: a request takes seconds at most, but the
/// rows written after a clock was set back bear the time from before.
const LOOKED_FOR: Duration = Duration::from_hours(2);
/// Most rows that one query looks at; a page says where it stopped.
pub(super) const SCAN_MAX: usize = 2_000_000;
/// Most entries of a page.
pub const PAGE_MAX: usize = 1000;

/// What to look for; everything given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query {
    /// Of this tenant. Nil: what belongs to none.
    pub tenant: Option<TenantId>,
    /// Of this client.
    pub app: Option<AppId>,
    /// With this correlation id.
    pub correlation: Option<Uuid>,
    /// Decided then or later.
    pub since: Option<Timestamp>,
    /// Decided before.
    pub until: Option<Timestamp>,
    /// Numbered below this: [`Page::next`] of the page before.
    pub before: Option<i64>,
    /// Most entries; at most [`PAGE_MAX`].
    pub limit: usize,
}

impl Query {
    fn wants(&self, fixed: &Fixed) -> bool {
        self.tenant.is_none_or(|tenant| fixed.tenant == tenant)
            && self.app.is_none_or(|app| fixed.client == Some(app))
            && self.correlation.is_none_or(|id| fixed.correlation == id)
    }

    fn in_time(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// One row with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts without a gap over the node's life.
    pub seq: i64,
    /// What was written.
    pub record: Record,
}

/// Entries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What was found.
    pub entries: Vec<Entry>,
    /// Where to go on, if there may be more.
    pub next: Option<i64>,
}

/// What checking the seals showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Every row is as it was written.
    Intact {
        /// How many were checked.
        rows: u64,
    },
    /// A row was changed, added or removed.
    Altered {
        /// The rows up to here were as written; the damage lies after it.
        after: i64,
        /// In which file.
        file: String,
    },
}

/// Why the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder cannot be listed.
    #[error("the journal's folder cannot be read: {0}")]
    Folder(#[from] std::io::Error),
    /// A file cannot be read.
    #[error("a journal file cannot be read: {0}")]
    File(#[from] rusqlite::Error),
}

impl Journal {
    /// The event of one request, found by the time its id carries. Blocks.
    pub fn find(&self, id: RequestId) -> Result<Option<Entry>, ReadError> {
        let Some(made) = entropy::time_of(id) else { return Ok(None) };
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::Memory(rows) => {
                return Ok(rows.newest_first().into_iter().find_map(|(seq, record)| {
                    let seq = i64::try_from(seq).ok()?;
                    (record::fixed(&record)?.id == id).then(|| self.entry(seq, &record)).flatten()
                }));
            }
        };
        let latest = made.plus(LOOKED_FOR);
        let mut left = SCAN_MAX;
        let mut days = vec![Day::of(made), Day::of(latest)];
        days.dedup();
        for day in days {
            let Some(connection) = open(&day.file(folder))?.filter(|_| left > 0) else { continue };
            let from = first_at(&connection, made)?;
            let mut statement = connection
                .prepare("SELECT seq, at, record FROM event WHERE seq >= ?1 ORDER BY seq")?;
            let mut rows = statement.query([from])?;
            while let Some(row) = rows.next()? {
                let bytes = row.get_ref(2)?.as_blob().unwrap_or_default();
                if record::fixed(bytes).is_some_and(|fixed| fixed.id == id) {
                    return Ok(self.entry(row.get(0)?, bytes));
                }
                left -= 1;
                if left == 0 || row.get::<_, i64>(1)? > latest.0 {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// A page of what `query` asks for, newest first. Blocks.
    pub fn query(&self, query: &Query) -> Result<Page, ReadError> {
        let mut search = Search {
            journal: self,
            query,
            page: Page::default(),
            limit: query.limit.clamp(1, PAGE_MAX),
            left: SCAN_MAX,
        };
        match &self.place {
            Place::Memory(rows) => {
                for (seq, record) in rows.newest_first() {
                    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
                    if query.before.is_none_or(|before| seq < before) && !search.take(seq, &record)
                    {
                        break;
                    }
                }
            }
            Place::Folder(folder) => {
                let (oldest, newest) =
                    (query.since.map(Day::of), query.until.map(|t| Day::of(t.plus(CLOCK_SKEW))));
                for day in Day::all(folder)?.into_iter().rev() {
                    if newest.is_some_and(|newest| day > newest) {
                        continue;
                    }
                    if oldest.is_some_and(|oldest| day < oldest) || !search.day(folder, day)? {
                        break;
                    }
                }
            }
        }
        Ok(search.page)
    }

    /// Recomputes every seal from the oldest kept file on. Blocks, for long.
    pub fn verify(&self) -> Result<Verification, ReadError> {
        let Place::Folder(folder) = &self.place else {
            return Ok(Verification::Intact { rows: 0 });
        };
        let key = self.key.hmac();
        let mut rows = 0;
        let mut end: Option<(i64, Seal)> = None;
        for day in Day::all(folder)? {
            let path = day.file(folder);
            let Some(connection) = open(&path)? else { continue };
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let start: (i64, Seal) = connection.query_row(
                "SELECT first_seq - 1, previous_seal FROM start",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if end.is_some_and(|end| end != start) {
                return Ok(Verification::Altered { after: end.map_or(0, |end| end.0), file });
            }
            match verify_file(&connection, &key, start)? {
                Ok(last) => {
                    rows += u64::try_from(last.0 - start.0).unwrap_or(0);
                    end = Some(last);
                }
                Err(after) => return Ok(Verification::Altered { after, file }),
            }
        }
        Ok(Verification::Intact { rows })
    }

    fn entry(&self, seq: i64, bytes: &[u8]) -> Option<Entry> {
        match record::decode(bytes) {
            Ok(record) => Some(Entry { seq, record }),
            Err(error) => {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                if error == RecordError::Damaged {
                    tracing::warn!(seq, "a row of the sign-in log is damaged and was skipped");
                }
                None
            }
        }
    }
}

struct Search<'a> {
    journal: &'a Journal,
    query: &'a Query,
    page: Page,
    limit: usize,
    left: usize,
}

impl Search<'_> {
    /// Looks at one row; false when the page is full or enough rows were looked at.
    fn take(&mut self, seq: i64, bytes: &[u8]) -> bool {
        self.left = self.left.saturating_sub(1);
        let wanted = record::fixed(bytes).is_none_or(|fixed| self.query.wants(&fixed));
        if let Some(entry) = wanted.then(|| self.journal.entry(seq, bytes)).flatten()
            && self.query.in_time(entry.record.time())
        {
            self.page.entries.push(entry);
        }
        let more = self.page.entries.len() < self.limit && self.left > 0;
        if !more {
            self.page.next = Some(seq);
        }
        more
    }

    /// Looks through a day's file, newest first; false when done.
    fn day(&mut self, folder: &Path, day: Day) -> Result<bool, ReadError> {
        let Some(connection) = open(&day.file(folder))? else { return Ok(true) };
        // A row is written at or after its decision, and within the skew of it.
        let from =
            self.query.since.map(|since| first_at(&connection, since)).transpose()?.unwrap_or(0);
        let to = match self.query.until {
            Some(until) => first_at(&connection, until.plus(CLOCK_SKEW))?,
            None => i64::MAX,
        };
        let to = self.query.before.unwrap_or(i64::MAX).min(to);
        let index = index::serves(self.query).then(|| Index::open(&day.file(folder))).flatten();
        let indexed = index.as_ref().map_or(0, Index::through);
        let mut statement = connection.prepare(
            "SELECT seq, record FROM event WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC",
        )?;
        let mut rows = statement.query(params![from.max(indexed + 1), to])?;
        while let Some(row) = rows.next()? {
            if !self.take(row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default()) {
                return Ok(false);
            }
        }
        let Some(index) = index else { return Ok(true) };
        let mut one = connection.prepare("SELECT record FROM event WHERE seq = ?1")?;
        index.each(self.query, (from, to.min(indexed + 1)), |seq| {
            let mut rows = one.query([seq])?;
            match rows.next()? {
                Some(row) => Ok(self.take(seq, row.get_ref(0)?.as_blob().unwrap_or_default())),
                None => Ok(true),
            }
        })
    }
}

/// Opens a day's file for reading; `None` if there is none (retention may have taken it).
pub(super) fn open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    // Read-write without CREATE: a reader of a log-structured file shares its memory map.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(Some(connection))
}

/// The number of the first row written at `time` or later, by bisection; one past the last if none.
pub(super) fn first_at(connection: &Connection, time: Timestamp) -> rusqlite::Result<i64> {
    let ends = connection.query_row("SELECT min(seq), max(seq) FROM event", [], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let (Some(mut low), Some(last)) = ends else { return Ok(0) };
    let mut high = last + 1;
    let mut at = connection.prepare("SELECT at FROM event WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<i64> = at.query_row([middle], |row| row.get(0)).optional()?;
        if found.is_some_and(|found| found < time.0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Recomputes the seals of one file; `Err` holds the last row that was still good.
fn verify_file(
    connection: &Connection,
    key: &aws_lc_rs::hmac::Key,
    start: (i64, Seal),
) -> rusqlite::Result<Result<(i64, Seal), i64>> {
    let mut good = start;
    let mut sealer = Sealer::new(key, &good.1);
    let mut expected = good.0;
    let mut statement =
        connection.prepare("SELECT seq, at, record, seal FROM event ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        expected += 1;
        if seq != expected {
            return Ok(Err(good.0));
        }
        sealer.row(seq, row.get(1)?, row.get_ref(2)?.as_blob().unwrap_or_default());
        if let Some(stored) = row.get::<_, Option<Vec<u8>>>(3)? {
            let seal = sealer.finish();
            if stored != seal {
                return Ok(Err(good.0));
            }
            good = (seq, seal);
            sealer = Sealer::new(key, &seal);
        }
    }
    Ok(if expected == good.0 { Ok(good) } else { Err(good.0) })
}
