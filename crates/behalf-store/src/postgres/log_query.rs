//! Questions to the shared sign-in log: day by day, the newest first.

use std::time::Duration;

use behalf_core::{
    id::{AppId, RequestId, TenantId},
    time::Timestamp,
};
use tokio_postgres::{Error, Row, error::SqlState, types::ToSql};

use super::{connection::Link, log_day::LogDay};
use crate::shared_log::{LogPage, LogQuery, LogRow, Mark, NodeId, ShippedNode};

/// How far from the time in its id a request's row is looked for: first nearby, then where clocks
/// were set meanwhile.
const NEARBY: [Duration; 2] = [Duration::from_secs(2), Duration::from_hours(2)];
const COLUMNS: &str = "node, seq, time, tenant, app, request, correlation, record";

/// A page of what `query` asks for.
pub(super) async fn page(link: &Link, query: &LogQuery) -> Result<LogPage, Error> {
    let limit = query.limit.clamp(1, LogPage::MAX);
    let (from, to) = (query.since, newest(query));
    let mut rows: Vec<(NodeId, LogRow)> = Vec::new();
    let mut full = false;
    for day in days(link, (from, to)).await?.into_iter().rev() {
        let left = i64::from(limit) - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let asked = Asked::of(query, left);
        let found = of_day(link, day, &asked).await?;
        full = i64::try_from(found.len()).unwrap_or(i64::MAX) >= left;
        rows.extend(found);
        // A row that was copied with its node's data is told once.
        rows.dedup_by_key(|(_, row)| row.place());
        if full {
            break;
        }
    }
    let next = rows.last().filter(|_| full).map(|(_, row)| row.place());
    Ok(LogPage { rows, next })
}

/// The newest time that a row can have.
fn newest(query: &LogQuery) -> Option<Timestamp> {
    let below = query.below.map(|below| below.time);
    let until = query.until.map(|until| Timestamp(until.0.saturating_sub(1)));
    [below, until].into_iter().flatten().min()
}

/// The days of this time that have tables, oldest first.
pub(super) async fn days(
    link: &Link,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<LogDay>, Error> {
    let find = "SELECT day FROM log_day WHERE day >= $1 AND day <= $2 ORDER BY day";
    let find = link.prepare_cached(find).await?;
    let number =
        |time: Option<Timestamp>, other| time.map_or(other, |time| LogDay::of(time).number());
    let rows = link.query(&find, &[&number(from, 0), &number(to, i64::MAX)]).await?;
    rows.iter().map(|row| Ok(LogDay::numbered(row.try_get(0)?))).collect()
}

/// Conditions with their values.
struct Asked<'a> {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl<'a> Asked<'a> {
    /// What `query` asks for, at most `limit` rows.
    fn of(query: &LogQuery, limit: i64) -> Self {
        let mut asked = Self { conditions: Vec::new(), values: Vec::new() };
        asked.values.push(Box::new(limit));
        if let Some(tenant) = query.tenant {
            asked.is("tenant =", tenant.0);
        }
        if let Some(app) = query.app {
            asked.is("app =", app.0);
        }
        if let Some(correlation) = query.correlation {
            asked.is("correlation =", correlation);
        }
        if let Some(since) = query.since {
            asked.is("time >=", since.0);
        }
        if let Some(until) = query.until {
            asked.is("time <", until.0);
        }
        if let Some(below) = query.below {
            asked.is("time <=", below.time.0);
            asked.values.push(Box::new(below.time.0));
            asked.values.push(Box::new(below.request.0));
            let last = asked.values.len();
            asked.conditions.push(format!("(time, request) < (${}, ${last})", last - 1));
        }
        asked
    }

    fn is(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'a) {
        self.values.push(Box::new(value));
        self.conditions.push(format!("{condition} ${}", self.values.len()));
    }
}

async fn of_day(
    link: &Link,
    day: LogDay,
    asked: &Asked<'_>,
) -> Result<Vec<(NodeId, LogRow)>, Error> {
    let conditions = match asked.conditions.as_slice() {
        [] => String::new(),
        all => format!("WHERE {}", all.join(" AND ")),
    };
    let find = format!(
        "SELECT {COLUMNS} FROM {day} {conditions} ORDER BY time DESC, request DESC LIMIT $1"
    );
    let values: Vec<&(dyn ToSql + Sync)> =
        asked.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
    // Prepared for this once: its form is one of many, and its table one of many days.
    match link.query(&find, &values).await {
        Ok(rows) => rows.iter().map(row_of).collect(),
        // Forgotten since the days were listed.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn row_of(row: &Row) -> Result<(NodeId, LogRow), Error> {
    let logged = LogRow {
        seq: row.try_get(1)?,
        time: Timestamp(row.try_get(2)?),
        tenant: TenantId(row.try_get(3)?),
        app: row.try_get::<_, Option<_>>(4)?.map(AppId),
        request: RequestId(row.try_get(5)?),
        correlation: row.try_get(6)?,
        record: row.try_get(7)?,
    };
    Ok((NodeId(row.try_get(0)?), logged))
}

/// The row of `request`, near the time that its id carries (RFC 9562 5.7).
pub(super) async fn find(
    link: &Link,
    request: RequestId,
) -> Result<Option<(NodeId, LogRow)>, Error> {
    let Some(made) = made(request) else { return Ok(None) };
    for near in NEARBY {
        let (from, to) = (made.minus(near), made.plus(near));
        let mut asked = Asked { conditions: Vec::new(), values: vec![Box::new(1_i64)] };
        asked.is("time >=", from.0);
        asked.is("time <=", to.0);
        asked.is("request =", request.0);
        for day in days(link, (Some(from), Some(to))).await? {
            if let Some(found) = of_day(link, day, &asked).await?.pop() {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// When a UUIDv7 was made; `None` for ids of another version.
fn made(request: RequestId) -> Option<Timestamp> {
    let millis = request.0.as_u128() >> 80;
    (request.0.get_version_num() == 7).then(|| i64::try_from(millis).ok().map(Timestamp))?
}

/// The nodes that ever shipped.
pub(super) async fn nodes(link: &Link) -> Result<Vec<ShippedNode>, Error> {
    let rows = link.query("SELECT node, seq, request, at FROM log_node ORDER BY node", &[]).await?;
    let node = |row: &Row| {
        let newest = Mark { seq: row.try_get(1)?, request: RequestId(row.try_get(2)?) };
        Ok(ShippedNode { node: NodeId(row.try_get(0)?), newest, at: Timestamp(row.try_get(3)?) })
    };
    rows.iter().map(node).collect()
}
