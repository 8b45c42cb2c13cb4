//! The sign-in log of many nodes: what each wrote to its own journal, gathered in one place.
//!
//! A node's journal is where an event is safe; this is where it is found. Rows arrive in the order
//! of their numbers and exactly once, because a shipment says where the one before it ended and is
//! taken only if that is so. Their content is the journal's own and opaque here.

use behalf_core::{
    id::{AppId, RequestId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

use crate::backend::{Boxed, ReadError};

/// A node: made with its journal, and kept as long as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub Uuid);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One row of a node's journal, or a record of rows that it lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Counts within the node, from 1.
    pub seq: i64,
    /// When it was decided.
    pub time: Timestamp,
    /// Whose log it belongs to; nil where no tenant was found.
    pub tenant: TenantId,
    /// The client, when a GUID was sent.
    pub app: Option<AppId>,
    /// The request. No two rows have the same, but copies of one row.
    pub request: RequestId,
    /// The correlation id.
    pub correlation: Uuid,
    /// The journal's record, at most 512 bytes.
    pub record: Vec<u8>,
}

/// The newest row of a node that was shipped. The request tells the rows of two nodes apart that
/// believe to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub seq: i64,
    /// Its request.
    pub request: RequestId,
}

/// Rows of one node, on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Whose.
    pub node: NodeId,
    /// What was shipped before them: [`SharedLog::shipped`]. `None`: nothing yet.
    pub after: Option<Mark>,
    /// At least one, in ascending order of their numbers, all above the mark's.
    pub rows: Vec<LogRow>,
    /// When they are sent.
    pub at: Timestamp,
}

impl Shipment {
    /// What will have been shipped after it.
    pub fn end(&self) -> Option<Mark> {
        self.rows.last().map(|row| Mark { seq: row.seq, request: row.request })
    }
}

/// Why a shipment was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShipError {
    /// It does not begin where the one before it ended. Nothing of it is stored.
    #[error("the shipment does not follow what was shipped before it")]
    Displaced {
        /// What was shipped last.
        found: Option<Mark>,
    },
    /// The database cannot be reached or cannot write. The shipment may have been stored: ask
    /// [`SharedLog::shipped`].
    #[error("the shared sign-in log cannot be written: {0}")]
    Unavailable(String),
}

/// A place in the merged log. Rows are ordered by time, then by request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The row's time.
    pub time: Timestamp,
    /// The row's request.
    pub request: RequestId,
}

impl LogRow {
    /// Where it lies in the merged log.
    pub fn place(&self) -> Place {
        Place { time: self.time, request: self.request }
    }
}

/// What to look for; everything given must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogQuery {
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
    /// Older than this place: [`LogPage::next`] of the page before.
    pub below: Option<Place>,
    /// Most rows, 1 to [`LogPage::MAX`]; other values count as the nearest.
    pub limit: u32,
}

/// Rows of all nodes, newest first, each event once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Which node wrote what.
    pub rows: Vec<(NodeId, LogRow)>,
    /// Where to go on, if there may be more.
    pub next: Option<Place>,
}

impl LogPage {
    /// Most rows of one page.
    pub const MAX: u32 = 1_000;
}

/// A node that has shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedNode {
    /// Which.
    pub node: NodeId,
    /// The newest row it shipped.
    pub newest: Mark,
    /// When it shipped last.
    pub at: Timestamp,
}

/// Where nodes ship their journals to.
pub trait SharedLog: Send + Sync + 'static {
    /// Stores a shipment whole or not at all; durable before it is answered. Dropping the future
    /// does not call it back.
    fn ship(&self, shipment: Shipment) -> Boxed<'_, Result<(), ShipError>>;

    /// The newest row of `node` that was shipped; `None` if it never shipped.
    fn shipped(&self, node: NodeId) -> Boxed<'_, Result<Option<Mark>, ReadError>>;

    /// A page of what `query` asks for, newest first. A row that several nodes shipped, because
    /// one's data was copied to another, is there once.
    fn query(&self, query: LogQuery) -> Boxed<'_, Result<LogPage, ReadError>>;

    /// The row of one request.
    fn find(&self, request: RequestId) -> Boxed<'_, Result<Option<(NodeId, LogRow)>, ReadError>>;

    /// Forgets the UTC days that ended before `oldest`; answers how many there were.
    fn forget(&self, oldest: Timestamp) -> Boxed<'_, Result<u32, ReadError>>;

    /// The nodes that ever shipped, by id.
    fn nodes(&self) -> Boxed<'_, Result<Vec<ShippedNode>, ReadError>>;
}
