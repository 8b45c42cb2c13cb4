//! What a log that many nodes share promises, on PostgreSQL.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail a test so")]

#[path = "support/postgres.rs"]
mod database;

use std::sync::Arc;

use behalf_core::{
    id::{AppId, RequestId, TenantId},
    time::Timestamp,
};
use behalf_store::{
    Backend as _,
    postgres::{Options, Postgres},
    shared_log::{LogQuery, LogRow, Mark, NodeId, SharedLog, ShipError, Shipment},
};
use uuid::Uuid;

const DAY: i64 = 86_400_000;
/// 2025-11-25 12:00 UTC.
const NOON: i64 = 1_764_072_000_000;

/// The logs of so many nodes that share a schema, with its name; and their backends, which keep
/// them open.
async fn nodes(count: usize) -> (Vec<Arc<dyn SharedLog>>, Vec<Postgres>, String) {
    let schema = database::fresh().await;
    let mut backends = Vec::new();
    for _ in 0..count {
        backends.push(Postgres::open(&database::options(&schema)).await.unwrap());
    }
    let logs = backends.iter().map(|backend| backend.shared_log().unwrap()).collect();
    (logs, backends, schema)
}

/// The log of a node that shares its schema with none.
async fn alone() -> (Vec<Arc<dyn SharedLog>>, Vec<Postgres>) {
    let (logs, open, _) = nodes(1).await;
    (logs, open)
}

fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

/// A UUIDv7 of this time.
fn request(time: i64, random: u16) -> RequestId {
    let mut bits = [0; 10];
    bits[8..].copy_from_slice(&random.to_be_bytes());
    let millis = time.try_into().unwrap();
    RequestId(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
}

fn row(seq: i64, time: i64, random: u16) -> LogRow {
    LogRow {
        seq,
        time: Timestamp(time),
        tenant: TenantId(Uuid::from_u128(u128::from(random % 2))),
        app: (!random.is_multiple_of(3)).then(|| AppId(Uuid::from_u128(u128::from(random % 3)))),
        request: request(time, random),
        correlation: Uuid::from_u128(u128::from(random / 2)),
        record: vec![1, 2, u8::try_from(random % 256).unwrap()],
    }
}

fn shipment(node: NodeId, after: Option<Mark>, rows: Vec<LogRow>) -> Shipment {
    Shipment { node, after, rows, at: Timestamp(NOON + 5) }
}

/// Ships rows of one node, some at a time.
async fn ship_all(log: &dyn SharedLog, node: NodeId, rows: &[LogRow]) {
    let mut after = None;
    for rows in rows.chunks(7) {
        let shipment = shipment(node, after, rows.to_vec());
        after = shipment.end();
        log.ship(shipment).await.unwrap();
    }
}

async fn all(log: &dyn SharedLog) -> Vec<LogRow> {
    let page = log.query(LogQuery { limit: 1000, ..LogQuery::default() }).await.unwrap();
    page.rows.into_iter().map(|(_, row)| row).collect()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_shipment_is_taken_once_and_only_behind_the_one_before_it() {
    let (logs, _open) = alone().await;
    let log = &*logs[0];
    assert_eq!(log.shipped(node(1)).await.unwrap(), None);
    let first = shipment(node(1), None, vec![row(5, NOON, 1), row(6, NOON, 2)]);
    log.ship(first.clone()).await.unwrap();
    let found = first.end();
    assert_eq!(log.shipped(node(1)).await.unwrap(), found);
    assert_eq!(log.shipped(node(2)).await.unwrap(), None);
    let other = found.map(|mark| Mark { request: request(NOON, 9), ..mark });
    for after in [None, other, found.map(|mark| Mark { seq: 5, ..mark })] {
        // Of two days, so that all or nothing is not one statement's doing.
        let rows = vec![row(7, NOON, 3), row(8, NOON + DAY, 4)];
        let refused = log.ship(shipment(node(1), after, rows)).await;
        assert_eq!(refused, Err(ShipError::Displaced { found }), "{after:?}");
    }
    assert_eq!(all(log).await.len(), 2);
    let next = shipment(node(1), found, vec![row(7, NOON, 3), row(8, NOON + DAY, 4)]);
    log.ship(next.clone()).await.unwrap();
    assert_eq!(log.shipped(node(1)).await.unwrap(), next.end());
    assert_eq!(log.ship(next.clone()).await, Err(ShipError::Displaced { found: next.end() }));
    let end = next.end();
    let mut expected = [first.rows, next.rows].concat();
    expected.sort_by_key(|row| std::cmp::Reverse(row.place()));
    assert_eq!(all(log).await, expected);
    let known = log.nodes().await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].node, Some(known[0].newest)), (node(1), end));
    assert_eq!(known[0].at, Timestamp(NOON + 5));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn of_two_that_ship_the_same_one_wins_each_time() {
    let (logs, _open, _) = nodes(2).await;
    let mut after = None;
    for round in 0..50 {
        let rows = |random| shipment(node(1), after, vec![row(round + 1, NOON + round, random)]);
        let (one, two) = (rows(1), rows(2));
        let ends = [one.end(), two.end()];
        let (first, second) = tokio::join!(logs[0].ship(one), logs[1].ship(two));
        let winner = usize::from(first.is_err());
        assert_ne!(first.is_ok(), second.is_ok(), "{first:?} {second:?}");
        after = ends[winner];
        let loser = if winner == 0 { second } else { first };
        assert_eq!(loser, Err(ShipError::Displaced { found: after }));
    }
    assert_eq!(all(&*logs[0]).await.len(), 50);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn pages_are_newest_first_over_days_and_nodes_and_filtered() {
    let (logs, _open) = alone().await;
    let log = &*logs[0];
    let mut every = Vec::new();
    for (number, shift) in [(1_u16, 0), (2, 1_234)] {
        let rows: Vec<_> = (0..40_u16)
            .map(|n| {
                // Several in a millisecond, and days in between without any.
                let time = NOON + i64::from(n / 3) * DAY / 4 + shift + i64::from(n / 20) * 5 * DAY;
                row(i64::from(n) + 1, time, n * 2 + number)
            })
            .collect();
        ship_all(log, node(number.into()), &rows).await;
        every.extend(rows.into_iter().map(|row| (node(number.into()), row)));
    }
    every.sort_by_key(|(_, row)| std::cmp::Reverse(row.place()));
    let (since, until) = (Timestamp(NOON + DAY), Timestamp(NOON + 7 * DAY));
    let all = LogQuery::default();
    let tenant = Some(TenantId(Uuid::from_u128(1)));
    let app = Some(AppId(Uuid::from_u128(2)));
    let correlation = Some(Uuid::from_u128(17));
    for (query, count) in [
        (all, 80),
        (LogQuery { tenant, ..all }, 40),
        (LogQuery { app, ..all }, 27),
        (LogQuery { tenant, app, ..all }, 13),
        (LogQuery { correlation, ..all }, 2),
        (LogQuery { since: Some(since), ..all }, 56),
        (LogQuery { until: Some(since), ..all }, 24),
        (LogQuery { since: Some(since), until: Some(until), tenant, ..all }, 12),
        (LogQuery { tenant: Some(TenantId(Uuid::from_u128(7))), ..all }, 0),
    ] {
        let expected: Vec<_> = every
            .iter()
            .filter(|(_, row)| {
                query.tenant.is_none_or(|tenant| row.tenant == tenant)
                    && query.app.is_none_or(|app| row.app == Some(app))
                    && query.correlation.is_none_or(|id| row.correlation == id)
                    && query.since.is_none_or(|since| row.time >= since)
                    && query.until.is_none_or(|until| row.time < until)
            })
            .cloned()
            .collect();
        assert_eq!(expected.len(), count, "{query:?}");
        for limit in [1, 7, 1000] {
            let (mut found, mut query) = (Vec::new(), LogQuery { limit, ..query });
            loop {
                let page = log.query(query).await.unwrap();
                assert!(page.rows.len() <= limit as usize);
                found.extend(page.rows);
                query.below = page.next;
                if query.below.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_row_that_two_nodes_shipped_is_told_once() {
    let (logs, _open) = alone().await;
    let rows: Vec<_> = (0..10).map(|n| row(i64::from(n) + 1, NOON + i64::from(n), n)).collect();
    ship_all(&*logs[0], node(1), &rows).await;
    ship_all(&*logs[0], node(2), &rows[..6]).await;
    let mut query = LogQuery { limit: 3, ..LogQuery::default() };
    let mut found = Vec::new();
    loop {
        let page = logs[0].query(query).await.unwrap();
        found.extend(page.rows.into_iter().map(|(_, row)| row));
        query.below = page.next;
        if query.below.is_none() {
            break;
        }
    }
    found.reverse();
    assert_eq!(found, rows);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_request_is_found_by_the_time_in_its_id() {
    let (logs, _open) = alone().await;
    let near_midnight = NOON - NOON % DAY + DAY - 1;
    let mut late = row(3, near_midnight + 3_600_000, 3);
    late.request = request(near_midnight, 3);
    let rows = [row(1, NOON, 1), row(2, near_midnight, 2), late];
    ship_all(&*logs[0], node(1), &rows).await;
    for row in rows {
        let found = logs[0].find(row.request).await.unwrap();
        assert_eq!(found, Some((node(1), row)));
    }
    for none in [request(NOON, 9), request(NOON + 40 * DAY, 1), RequestId(Uuid::from_u128(1))] {
        assert_eq!(logs[0].find(none).await.unwrap(), None);
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn forgotten_days_are_dropped_and_a_late_row_of_one_harms_nobody() {
    let (logs, _open, schema) = nodes(2).await;
    let rows: Vec<_> = (0..4).map(|n| row(n + 1, NOON + n * DAY, 1)).collect();
    ship_all(&*logs[0], node(1), &rows).await;
    assert_eq!(logs[1].forget(Timestamp(NOON + 2 * DAY)).await.unwrap(), 2);
    assert_eq!(all(&*logs[0]).await, [rows[3].clone(), rows[2].clone()]);
    let client = database::client(&database::url()).await;
    let tables = "SELECT count(*) FROM pg_catalog.pg_tables
                  WHERE schemaname = $1 AND tablename LIKE 'sign_in_log_%'";
    let count = async || -> i64 { client.query_one(tables, &[&schema]).await.unwrap().get(0) };
    assert_eq!(count().await, 2);
    assert_eq!(logs[1].forget(Timestamp(NOON + 2 * DAY)).await.unwrap(), 0);
    // The first node believes the table to be there.
    let mark = logs[0].shipped(node(1)).await.unwrap();
    let late = vec![row(5, NOON, 2), row(6, NOON + DAY, 3), row(7, NOON + 3 * DAY, 4)];
    logs[0].ship(shipment(node(1), mark, late)).await.unwrap();
    assert_eq!((all(&*logs[1]).await.len(), count().await), (5, 4));
    assert_eq!(logs[0].forget(Timestamp(NOON + 2 * DAY)).await.unwrap(), 2);
    assert_eq!((all(&*logs[1]).await.len(), count().await), (3, 2));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn nodes_that_meet_in_a_new_day_all_ship() {
    let (logs, _open, _) = nodes(4).await;
    let ships = logs.iter().zip(1..).map(|(log, number)| {
        let log = Arc::clone(log);
        tokio::spawn(async move {
            let mut after = None;
            for day in 0..10 {
                let random = u16::try_from(number).unwrap();
                let shipment =
                    shipment(node(number), after, vec![row(day + 1, NOON + day * DAY, random)]);
                after = shipment.end();
                log.ship(shipment).await.unwrap();
            }
        })
    });
    for ship in ships.collect::<Vec<_>>() {
        ship.await.unwrap();
    }
    assert_eq!(all(&*logs[0]).await.len(), 40);
    assert_eq!(logs[0].nodes().await.unwrap().len(), 4);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_connection_that_was_cut_is_made_anew() {
    // A database of its own: whose connections are cut is told by its name.
    let name = database::fresh().await;
    let client = database::client(&database::url()).await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let url = database::url();
    let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
    let backend = Postgres::open(&Options::parse(&url).unwrap()).await.unwrap();
    let log = backend.shared_log().unwrap();
    let first = shipment(node(1), None, vec![row(1, NOON, 1)]);
    log.ship(first.clone()).await.unwrap();
    assert_eq!(all(&*log).await.len(), 1);
    let cut =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    client.batch_execute(&cut).await.unwrap();
    let next = shipment(node(1), first.end(), vec![row(2, NOON, 2)]);
    let mut shipped = log.ship(next.clone()).await;
    if matches!(shipped, Err(ShipError::Unavailable(_))) {
        // It was noticed only by writing: what became of it is asked, and it is tried again.
        let mark = log.shipped(node(1)).await.unwrap();
        assert_eq!(mark, first.end());
        shipped = log.ship(next).await;
    }
    shipped.unwrap();
    assert_eq!(all(&*log).await.len(), 2);
    drop(backend);
    client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

/// Who waits for a shipment is told that it will be there after a power cut.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_shipment_is_durable_whatever_the_servers_default() {
    let (_, open, schema) = nodes(1).await;
    drop(open);
    let admin = database::client(&database::url()).await;
    let how = format!(
        "ALTER ROLE CURRENT_USER SET synchronous_commit = off;
         ALTER TABLE {schema}.log_node ADD COLUMN how TEXT
             DEFAULT current_setting('synchronous_commit')"
    );
    admin.batch_execute(&how).await.unwrap();
    let node_of_it = Postgres::open(&database::options(&schema)).await.unwrap();
    let log = node_of_it.shared_log().unwrap();
    let shipped = log.ship(shipment(node(1), None, vec![row(1, NOON, 1)])).await;
    admin.batch_execute("ALTER ROLE CURRENT_USER RESET synchronous_commit").await.unwrap();
    shipped.unwrap();
    let how = format!("SELECT how FROM {schema}.log_node");
    let how: String = admin.query_one(&how, &[]).await.unwrap().get(0);
    assert_eq!(how, "on");
}
