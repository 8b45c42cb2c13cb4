//! What happened to others, as tests: each is named after an advisory or an event and says in a
//! line what went wrong there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper that cannot go on ends the test"
)]

#[expect(dead_code, reason = "shared with the flows, which use more of it")]
mod common;

mod advisories {
    mod assertions;
    mod delegation;
    mod directory;
    mod keys;
    mod requests;
}
