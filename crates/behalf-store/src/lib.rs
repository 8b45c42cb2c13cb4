//! The only place with a database: one small trait and the backends behind it.
//!
//! A record is a document under a [`Key`] with declared index entries. Writers collect changes in
//! a [`WriteSet`] and commit it whole; there is no interactive transaction, so that many writers
//! share one durable commit. Typed access is written once, above [`Backend`], in [`records`]:
//! a [`Store`] hands out a [`Reading`], which remembers what it depended on, and
//! [`Store::is_current`] tells later, without a look into the database, whether that still holds.

mod backend;
mod change_log;
mod coherence;
mod lock;
#[cfg(feature = "postgres")]
pub mod postgres;
mod reading;
mod record;
pub mod records;
pub mod shared_log;
pub mod sqlite;
mod store;
mod stored;
mod told;
mod write_set;

pub use backend::{
    Backend, Boxed, Change, ChangeSink, Changes, Check, CommitError, Cursor, Find, Footing,
    History, Page, ReadError, Scan, Seq, Snapshot, Whole,
};
pub use coherence::Stamp;
pub use lock::{Lock, LockError};
pub use reading::{GrantsOf, List, Reading};
pub use record::{Class, Entry, Index, Key, Kind, Record, Stored, Version};
pub use store::{BOUND, Followed, Follower, Held, Known, Standing, Store, Timing, Unanswered};
pub use write_set::{Append, Delete, Expect, Invalid, Put, WriteSet, limits};
