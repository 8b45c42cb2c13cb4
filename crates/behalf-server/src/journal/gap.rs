//! Rows that the shared log does not have: an event of its own, so that nobody takes silence for
//! peace.

use behalf_core::{id::RequestId, time::Timestamp};

/// Rows of a node that were gone before they were shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The row's id.
    pub id: RequestId,
    /// When the row after them was written.
    pub time: Timestamp,
    /// The first number that is missing.
    pub first: i64,
    /// The last one.
    pub last: i64,
}
