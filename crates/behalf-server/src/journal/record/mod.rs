//! How one row of the journal is written: compact, versioned, at most 512 bytes.
//!
//! ```text
//! 0  version (1 | 2)  18  tenant, 16          50  client kind: 0 absent, 1 malformed, 2 id
//! 1  kind (1 | 2 | 3) 34  correlation, 16     51  client id, 16 (malformed: its length, u32)
//! 2  request id, 16                           67  the rest, in order, lengths before texts
//! ```
//!
//! What queries filter by has a fixed place, so that a scan need not decode. Numbers are little
//! endian. Version 2 has the user and whom he came through behind the checks, and is written only of
//! requests with a user. Outcomes are numbered: 1 issued, 2 refused, 3 signed in, 4 revoked. The time
//! comes first behind the client. A reader skips what it does not know (a newer version, a newer
//! grant) and counts it.

mod read;
mod write;

use behalf_core::{
    event::SignInEvent,
    id::{AppId, RequestId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

use super::{gap::Gap, tally::Tally};
pub use read::{decode, fixed};
pub use write::{encode, encode_gap, encode_tally};

/// The longest record, in bytes.
pub const MAX: usize = 512;
/// What a list or text that was cut ends with.
pub const CUT: &str = "…";

const VERSION: u8 = 1;
/// With a user.
const USER_VERSION: u8 = 2;
const SIGN_IN: u8 = 1;
const TALLY: u8 = 2;
const GAP: u8 = 3;

/// One row, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A request that reached a decision.
    SignIn(Box<SignInEvent>),
    /// Requests that were turned away before one, counted.
    Tally(Tally),
    /// Rows that were lost before they were shipped.
    Gap(Gap),
}

impl Record {
    /// The request's id, or the row's own.
    pub fn id(&self) -> RequestId {
        match self {
            Self::SignIn(event) => event.id,
            Self::Tally(tally) => tally.id,
            Self::Gap(gap) => gap.id,
        }
    }

    /// When it was decided, counted or noticed.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::SignIn(event) => event.time,
            Self::Tally(tally) => tally.time,
            Self::Gap(gap) => gap.time,
        }
    }
}

/// Why bytes are no record that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later version of behalf.
    #[error("the record is of a newer format than this version of behalf reads; upgrade to see it")]
    Newer,
    /// Not what was written.
    #[error("the record is damaged: it ends early or holds an impossible value")]
    Damaged,
}

/// The fixed fields of a record, by which queries filter without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The request's id.
    pub id: RequestId,
    /// The tenant; nil when none was found.
    pub tenant: TenantId,
    /// The correlation id.
    pub correlation: Uuid,
    /// The client, when a GUID was sent.
    pub client: Option<AppId>,
    /// When it was decided.
    pub time: Timestamp,
}
