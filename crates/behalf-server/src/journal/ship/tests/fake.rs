//! A shared log in memory whose database breaks when told to.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard},
};

use behalf_core::{id::RequestId, time::Timestamp};
use behalf_store::{
    Boxed, ReadError,
    shared_log::{
        LogPage, LogQuery, LogRow, Mark, NodeId, SharedLog, ShipError, Shipment, ShippedNode,
    },
};

/// What happens to a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before it is stored.
    Lost,
    /// It breaks after that, before the answer.
    Unanswered,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<(NodeId, i64), LogRow>,
    marks: BTreeMap<NodeId, (Mark, Timestamp)>,
    faults: VecDeque<Option<Fault>>,
    away: bool,
    shipments: usize,
}

/// Rows in memory.
#[derive(Default)]
pub(crate) struct FakeLog(Mutex<State>);

impl FakeLog {
    /// What happens to the next shipments, one each.
    pub(crate) fn break_next(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.state().faults.extend(faults);
    }

    /// Whether the database is away altogether.
    pub(crate) fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// The rows of a node in their order.
    pub(crate) fn rows(&self, node: NodeId) -> Vec<LogRow> {
        let state = self.state();
        state.rows.iter().filter(|((of, _), _)| *of == node).map(|(_, row)| row.clone()).collect()
    }

    /// Shipments that were stored.
    pub(crate) fn shipments(&self) -> usize {
        self.state().shipments
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn read<T>(&self, read: impl FnOnce(&mut State) -> T) -> Result<T, ReadError> {
        let mut state = self.state();
        if state.away {
            return Err(ReadError::Unavailable("the fake database is away".to_owned()));
        }
        Ok(read(&mut state))
    }
}

fn ship(state: &mut State, shipment: Shipment) -> Result<(), ShipError> {
    let broken = || ShipError::Unavailable("the connection broke".to_owned());
    let fault = state.faults.pop_front().flatten();
    if state.away || fault == Some(Fault::Lost) {
        return Err(broken());
    }
    let found = state.marks.get(&shipment.node).map(|(mark, _)| *mark);
    if found != shipment.after {
        return Err(ShipError::Displaced { found });
    }
    let mut before = found.map_or(0, |mark| mark.seq);
    for row in &shipment.rows {
        assert!(row.seq > before, "rows go in the order of their numbers");
        before = row.seq;
    }
    let end = shipment.end().expect("a shipment has rows");
    state.marks.insert(shipment.node, (end, shipment.at));
    for row in shipment.rows {
        let twice = state.rows.insert((shipment.node, row.seq), row);
        assert_eq!(twice, None, "no row goes twice");
    }
    state.shipments += 1;
    if fault == Some(Fault::Unanswered) { Err(broken()) } else { Ok(()) }
}

fn query(state: &State, query: &LogQuery) -> LogPage {
    let mut rows: Vec<_> = state
        .rows
        .iter()
        .map(|((node, _), row)| (*node, row.clone()))
        .filter(|(_, row)| {
            query.tenant.is_none_or(|tenant| row.tenant == tenant)
                && query.app.is_none_or(|app| row.app == Some(app))
                && query.below.is_none_or(|below| row.place() < below)
        })
        .collect();
    rows.sort_by_key(|(_, row)| Reverse(row.place()));
    rows.dedup_by_key(|(_, row)| row.place());
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    LogPage { next: rows.last().filter(|_| more).map(|(_, row)| row.place()), rows }
}

impl SharedLog for FakeLog {
    fn ship(&self, shipment: Shipment) -> Boxed<'_, Result<(), ShipError>> {
        Box::pin(async move { ship(&mut self.state(), shipment) })
    }

    fn shipped(&self, node: NodeId) -> Boxed<'_, Result<Option<Mark>, ReadError>> {
        Box::pin(async move { self.read(|state| state.marks.get(&node).map(|(mark, _)| *mark)) })
    }

    fn query(&self, asked: LogQuery) -> Boxed<'_, Result<LogPage, ReadError>> {
        Box::pin(async move { self.read(|state| query(state, &asked)) })
    }

    fn find(&self, request: RequestId) -> Boxed<'_, Result<Option<(NodeId, LogRow)>, ReadError>> {
        Box::pin(async move {
            self.read(|state| {
                let mut rows = state.rows.iter().map(|((node, _), row)| (*node, row.clone()));
                rows.find(|(_, row)| row.request == request)
            })
        })
    }

    fn forget(&self, oldest: Timestamp) -> Boxed<'_, Result<u32, ReadError>> {
        Box::pin(async move {
            self.read(|state| {
                state.rows.retain(|_, row| row.time >= oldest);
                0
            })
        })
    }

    fn nodes(&self) -> Boxed<'_, Result<Vec<ShippedNode>, ReadError>> {
        Box::pin(async move {
            self.read(|state| {
                let node = |(node, (newest, at)): (&NodeId, &(Mark, Timestamp))| ShippedNode {
                    node: *node,
                    newest: *newest,
                    at: *at,
                };
                state.marks.iter().map(node).collect()
            })
        })
    }
}
