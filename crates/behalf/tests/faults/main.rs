//! Faults: what the server promises when its process is killed, its disk forgets, its log is full.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::expect_used, reason = "helpers of tests")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod corrupt;
mod cut;
mod kill_nine;
mod restore;
mod sink;
mod support;
