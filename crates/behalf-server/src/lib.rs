//! Gathers facts, calls the core, commits, answers HTTP.
//!
//! A request's way is in `router` and from there straight down: `token/endpoint`, `discovery`.
//! What they share lies beside them: `facts` (the directory in memory), `journal` (the sign-in
//! log), `keys` (signing), `limits`, `telemetry`.

pub mod clock;
pub mod config;
pub mod entropy;
mod error;
pub mod journal;
pub mod keys;
pub mod limits;
pub mod net;
mod request;
pub mod telemetry;
pub mod tls;
