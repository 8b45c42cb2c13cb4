//! Gathers facts, calls the core, commits, answers HTTP.
//!
//! A request's way is in [`router`] and from there straight down: `token/endpoint`, `discovery`.
//! What they share lies beside them: [`facts`] (the directory in memory), [`journal`] (the sign-in
//! log), [`keys`] (signing), [`limits`], [`telemetry`]. [`boot`] puts a node together.

pub mod admin_socket;
mod authorize;
pub mod backup;
pub mod boot;
pub mod clock;
pub mod config;
mod cors;
pub mod database;
pub mod deployment;
mod device_grants;
pub mod directory;
pub mod discovery;
pub mod entropy;
mod error;
pub mod facts;
mod health;
pub mod history;
#[cfg(test)]
mod in_memory;
mod jobs;
pub mod journal;
pub mod keys;
pub mod limits;
mod metrics;
pub mod net;
mod own_token;
mod pages;
mod request;
pub mod router;
pub mod session;
pub mod state;
pub mod telemetry;
pub mod tickets;
pub mod tls;
mod token;
mod unserved;
mod userinfo;
