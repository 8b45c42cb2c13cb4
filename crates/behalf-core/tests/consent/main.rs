//! The decisions of consent, read as a specification: what a page shows, who may accept it, what
//! that changes and what a client may do afterwards.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod dialog;
mod matrix;
mod properties;
mod provisioning;
mod scopes;
mod world;
