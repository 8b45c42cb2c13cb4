//! The command as scripts and people use it: processes, exit codes, files, TLS.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::expect_used, reason = "helpers of tests")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod backup;
mod backup_postgres;
#[path = "../../src/demo/browser.rs"]
mod browser;
mod client;
mod demo;
mod dev;
mod doctor;
mod explain;
mod grant;
mod help;
mod serve;
mod support;
mod token;
mod users;
