//! The sign-in log over the socket: of this node, and where nodes share one, of them all.

mod told;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, State},
    routing::get,
};
use behalf_core::{
    id::{RequestId, TenantId, parse_guid},
    time::Timestamp,
};
use behalf_store::{
    ReadError,
    shared_log::{self, Place},
};

use super::{
    failure::Failure,
    routes::{Answer, Shared, directory, ok},
    wire::{LogNode, LogPage, LogQuery},
};
use crate::{
    directory::Kind,
    journal::{self, Destination, Record, merged, record},
    state::Server,
};

/// Entries of the log unless more are asked for.
const ENTRIES: usize = 100;

/// The routes of the log.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/sign-ins", get(sign_ins)).route("/v1/sign-ins/{id}", get(sign_in))
}

async fn sign_ins(State(server): Shared, Query(asked): Query<LogQuery>) -> Answer {
    let tenant = match &asked.tenant {
        Some(name) => Some(tenant(&server, name).await?),
        None => None,
    };
    let page = match &server.shipping {
        None => own(server, query(&asked, tenant)?).await?,
        Some(to) => {
            let query = shared_query(&asked, tenant)?;
            match of_all(&server, to, query).await? {
                Ok(page) => page,
                Err(away) => own_only(Arc::clone(&server), query, &away).await?,
            }
        }
    };
    Ok(ok(&page))
}

/// The tenant of this name. An id is believed where the directory cannot be read.
async fn tenant(server: &Server, name: &str) -> Result<TenantId, Failure> {
    match (directory(server).find_tenant(name).await, parse_guid(name)) {
        (Ok(found), _) => Ok(found.id),
        (Err(refusal), Ok(id)) if refusal.kind() == Kind::Unavailable => Ok(TenantId(id)),
        (Err(error), _) => Err(error.into()),
    }
}

fn query(asked: &LogQuery, tenant: Option<TenantId>) -> Result<journal::Query, Failure> {
    let before = asked.before.as_deref().map(|text| text.parse().map_err(|_| no_next(text)));
    Ok(journal::Query {
        tenant,
        app: asked.app,
        correlation: asked.correlation,
        since: asked.since.map(Timestamp),
        until: asked.until.map(Timestamp),
        before: before.transpose()?,
        limit: asked.limit.unwrap_or(ENTRIES),
    })
}

fn shared_query(
    asked: &LogQuery,
    tenant: Option<TenantId>,
) -> Result<shared_log::LogQuery, Failure> {
    let below = asked.before.as_deref().map(|text| place(text).ok_or_else(|| no_next(text)));
    Ok(shared_log::LogQuery {
        tenant,
        app: asked.app,
        correlation: asked.correlation,
        since: asked.since.map(Timestamp),
        until: asked.until.map(Timestamp),
        below: below.transpose()?,
        limit: u32::try_from(asked.limit.unwrap_or(ENTRIES)).unwrap_or(u32::MAX),
    })
}

fn no_next(text: &str) -> Failure {
    let text: String = text.chars().take(80).collect();
    Failure::bad_request(format!("before {text:?}: expected the next of a page, as it was given"))
}

/// A place as it is written: its time and its request, with a dot between.
fn place(text: &str) -> Option<Place> {
    let (time, request) = text.split_once('.')?;
    Some(Place { time: Timestamp(time.parse().ok()?), request: request.parse().ok()? })
}

fn written(place: Place) -> String {
    format!("{}.{}", place.time.0, place.request)
}

/// What this node wrote, where it is the only one.
async fn own(server: Arc<Server>, query: journal::Query) -> Result<LogPage, Failure> {
    let page = blocking(server, move |server| server.journal.query(&query)).await?;
    let entries = page.entries.into_iter().map(|entry| told::entry(entry.record, None)).collect();
    Ok(LogPage { entries, next: page.next.map(|seq| seq.to_string()), ..LogPage::default() })
}

/// What all nodes wrote, with what this one did not ship yet; the inner error is the database's.
async fn of_all(
    server: &Arc<Server>,
    to: &Destination,
    query: shared_log::LogQuery,
) -> Result<Result<LogPage, ReadError>, Failure> {
    let shipped = match to.log.shipped(to.node).await {
        Ok(mark) => mark.map_or(0, |mark| mark.seq),
        Err(away) => return Ok(Err(away)),
    };
    let read = move |server: &Server| server.journal.unshipped(shipped, &query);
    let waiting = blocking(Arc::clone(server), read).await?;
    let (page, nodes) = match tokio::join!(to.log.query(query), to.log.nodes()) {
        (Ok(page), Ok(nodes)) => (page, nodes),
        (Err(away), _) | (_, Err(away)) => return Ok(Err(away)),
    };
    let page = merged(page, (to.node, waiting), &query);
    let entry = |(node, row): (shared_log::NodeId, shared_log::LogRow)| {
        let record = record::decode(&row.record).ok()?;
        Some(told::entry(record, Some(node)))
    };
    let nodes = nodes.into_iter().map(|node| LogNode { id: node.node.0, shipped_at: node.at });
    Ok(Ok(LogPage {
        entries: page.rows.into_iter().filter_map(entry).collect(),
        next: page.next.map(written),
        nodes: nodes.collect(),
        notice: None,
    }))
}

/// What this node wrote, while what the others wrote cannot be had.
async fn own_only(
    server: Arc<Server>,
    query: shared_log::LogQuery,
    away: &ReadError,
) -> Result<LogPage, Failure> {
    let node = server.shipping.as_ref().map(|to| to.node);
    let below = query.below.map(|below| below.time.plus(std::time::Duration::from_millis(1)));
    let own = journal::Query {
        tenant: query.tenant,
        app: query.app,
        correlation: query.correlation,
        since: query.since,
        until: [query.until, below].into_iter().flatten().min(),
        before: None,
        limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
    };
    let page = blocking(server, move |server| server.journal.query(&own)).await?;
    let place = |record: &Record| Place { time: record.time(), request: record.id() };
    let mut records: Vec<_> = page.entries.into_iter().map(|entry| entry.record).collect();
    records.retain(|record| query.below.is_none_or(|below| place(record) < below));
    let next = records.iter().map(place).min().filter(|_| page.next.is_some());
    Ok(LogPage {
        entries: records.into_iter().map(|record| told::entry(record, node)).collect(),
        next: next.map(written),
        nodes: Vec::new(),
        notice: Some(format!(
            "only this node's own journal is shown, because that of all nodes cannot be read: {away}"
        )),
    })
}

async fn sign_in(State(server): Shared, Path(id): Path<RequestId>) -> Answer {
    let node = server.shipping.as_ref().map(|to| to.node);
    let found = blocking(Arc::clone(&server), move |server| server.journal.find(id)).await?;
    if let Some(Record::SignIn(event)) = found.map(|entry| entry.record) {
        return Ok(ok(&told::sign_in(*event, node)));
    }
    let unknown = "no request with this id reached a decision here, or its day is no longer kept";
    let Some(to) = &server.shipping else { return Err(Failure::not_found(unknown)) };
    let found = to.log.find(id).await.map_err(|away| {
        Failure::unavailable(format!(
            "this node decided no request with this id, and what the others did cannot be read: {away}"
        ))
    })?;
    match found.map(|(node, row)| (node, record::decode(&row.record))) {
        Some((node, Ok(Record::SignIn(event)))) => Ok(ok(&told::sign_in(*event, Some(node)))),
        _ => Err(Failure::not_found(unknown)),
    }
}

/// Reads the journal on a thread that may block.
async fn blocking<T: Send + 'static>(
    server: Arc<Server>,
    read: impl FnOnce(&Server) -> Result<T, journal::ReadError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(move || read(&server)).await;
    Ok(done.map_err(|error| Failure::unavailable(error.to_string()))??)
}
