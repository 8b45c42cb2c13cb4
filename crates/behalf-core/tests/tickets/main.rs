//! Sealed tickets, read as a specification: form, keys, rotation, redemption.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]

mod common;
mod families;
mod forged;
mod redemption;
mod unique;
mod vectors;
