//! What is PostgreSQL's alone: several processes on one database, connections that are cut at the
//! worst moment, a database that is slow, hangs, or is not what it should be.
//!
//! Two backends of one process share nothing but the database, as two nodes do.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail a test so")]

#[path = "support/postgres.rs"]
mod database;
mod postgres {
    mod cut;
    mod history;
    mod opening;
    mod pooler;
    pub(crate) mod proxy;
    mod shared;
    pub(crate) mod slow;
}
mod support;
