//! Shipments into the shared sign-in log: the node's number moves and its rows are stored by the
//! same statement, so one is never without the other.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_postgres::{Error, error::SqlState, types::ToSql};
use uuid::Uuid;

use super::{connection::Link, log_day::LogDay, trouble::Trouble};
use crate::shared_log::{LogRow, Mark, NodeId, Shipment};
use behalf_core::id::RequestId;

/// Tries to make a table where several nodes do at once.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The days whose tables this process knows to be there.
pub(super) type Made = Arc<Mutex<BTreeSet<LogDay>>>;

/// What became of a shipment.
pub(super) enum Taken {
    Stored,
    /// It does not begin where the one before it ended.
    Displaced(Option<Mark>),
}

/// Stores `shipment` whole or not at all.
pub(super) async fn ship(
    link: &mut Link,
    made: &Made,
    shipment: &Shipment,
) -> Result<Taken, Trouble> {
    let days: BTreeSet<_> = shipment.rows.iter().map(|row| LogDay::of(row.time)).collect();
    make_all(link, made, &days).await?;
    let stored = match store(link, &days, shipment).await {
        // Another node forgot a day that this one still writes.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
            link.batch_execute("ROLLBACK").await?;
            lock(made).clear();
            make_all(link, made, &days).await?;
            store(link, &days, shipment).await?
        }
        stored => stored?,
    };
    if stored {
        return Ok(Taken::Stored);
    }
    Ok(Taken::Displaced(shipped(link, shipment.node).await?))
}

/// What a node shipped last.
pub(super) async fn shipped(link: &Link, node: NodeId) -> Result<Option<Mark>, Error> {
    let find = link.prepare_cached("SELECT seq, request FROM log_node WHERE node = $1").await?;
    let row = link.query_opt(&find, &[&node.0]).await?;
    row.map(|row| Ok(Mark { seq: row.try_get(0)?, request: RequestId(row.try_get(1)?) }))
        .transpose()
}

/// Forgets a day with its rows: both in one transaction, which a simple query is.
pub(super) async fn forget(link: &Link, made: &Made, day: LogDay) -> Result<(), Error> {
    lock(made).remove(&day);
    link.batch_execute(&day.forget()).await
}

fn lock(made: &Made) -> std::sync::MutexGuard<'_, BTreeSet<LogDay>> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn make_all(link: &Link, made: &Made, days: &BTreeSet<LogDay>) -> Result<(), Trouble> {
    for day in days {
        if !lock(made).contains(day) {
            make(link, *day).await?;
            lock(made).insert(*day);
        }
    }
    Ok(())
}

async fn make(link: &Link, day: LogDay) -> Result<(), Trouble> {
    let mut tries = 0;
    loop {
        match link.batch_execute(&day.make()).await {
            Ok(()) => return Ok(()),
            // Two who make the same at once meet in the catalogue, whatever IF NOT EXISTS says.
            Err(error) if tries < TRIES && is_race(&error) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_race(error: &Error) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.code().is_some_and(|code| races.contains(code))
}

/// Whether the node's number was as expected, and all is stored.
async fn store(
    link: &mut Link,
    days: &BTreeSet<LogDay>,
    shipment: &Shipment,
) -> Result<bool, Error> {
    let mut days = days.iter();
    let (Some(first), Some(end)) = (days.next(), shipment.end()) else { return Ok(true) };
    if days.len() == 0 {
        return moved(link, *first, (shipment, end)).await;
    }
    link.batch_execute("BEGIN").await?;
    let stored = moved(link, *first, (shipment, end)).await?;
    if !stored {
        link.batch_execute("ROLLBACK").await?;
        return Ok(false);
    }
    for day in days {
        let columns = Columns::of(shipment, *day);
        let insert = format!("{} SELECT $1::uuid, {ROWS} ON CONFLICT DO NOTHING", into(*day));
        let insert = link.prepare_cached(&insert).await?;
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&shipment.node.0];
        values.extend(columns.values());
        link.execute(&insert, &values).await?;
    }
    link.batch_execute("COMMIT").await?;
    Ok(true)
}

fn into(day: LogDay) -> String {
    format!("INSERT INTO {day} (node, seq, time, tenant, app, request, correlation, record)")
}

/// The rows of one day, from arrays.
const ROWS: &str = "t.* FROM unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::uuid[], \
                    $6::uuid[], $7::uuid[], $8::bytea[]) AS t";

/// Moves the node's number and stores the rows of `day`, in one statement; false where the number
/// was another, and then nothing is stored.
async fn moved(
    link: &Link,
    day: LogDay,
    (shipment, end): (&Shipment, Mark),
) -> Result<bool, Error> {
    let columns = Columns::of(shipment, day);
    let at = shipment.at.0;
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&shipment.node.0];
    values.extend(columns.values());
    values.extend([&end.seq as &(dyn ToSql + Sync), &end.request.0, &at]);
    let begin = "INSERT INTO log_node (node, seq, request, at) VALUES ($1, $9, $10, $11)
                 ON CONFLICT DO NOTHING";
    let go_on = "UPDATE log_node SET seq = $9, request = $10, at = $11
                 WHERE node = $1 AND seq = $12 AND request = $13";
    let mark = match &shipment.after {
        None => begin,
        Some(after) => {
            values.extend([&after.seq as &(dyn ToSql + Sync), &after.request.0]);
            go_on
        }
    };
    let statement = format!(
        "WITH moved AS ({mark} RETURNING node),
              stored AS ({} SELECT moved.node, t.* FROM moved, {} ON CONFLICT DO NOTHING
                         RETURNING seq)
         SELECT count(*) FROM moved",
        into(day),
        ROWS.trim_start_matches("t.* FROM "),
    );
    let statement = link.prepare_cached(&statement).await?;
    let moved: i64 = link.query_one(&statement, &values).await?.try_get(0)?;
    Ok(moved == 1)
}

/// The rows of one day as arrays, one for each column.
struct Columns<'a> {
    seq: Vec<i64>,
    time: Vec<i64>,
    tenant: Vec<Uuid>,
    app: Vec<Option<Uuid>>,
    request: Vec<Uuid>,
    correlation: Vec<Uuid>,
    record: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(shipment: &'a Shipment, day: LogDay) -> Self {
        let rows: Vec<&LogRow> =
            shipment.rows.iter().filter(|row| LogDay::of(row.time) == day).collect();
        Self {
            seq: rows.iter().map(|row| row.seq).collect(),
            time: rows.iter().map(|row| row.time.0).collect(),
            tenant: rows.iter().map(|row| row.tenant.0).collect(),
            app: rows.iter().map(|row| row.app.map(|app| app.0)).collect(),
            request: rows.iter().map(|row| row.request.0).collect(),
            correlation: rows.iter().map(|row| row.correlation).collect(),
            record: rows.iter().map(|row| row.record.as_slice()).collect(),
        }
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            &self.seq,
            &self.time,
            &self.tenant,
            &self.app,
            &self.request,
            &self.correlation,
            &self.record,
        ]
    }
}
