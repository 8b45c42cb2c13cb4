//! The deployment's keys: what signs tokens, what wraps secrets, and the queue before the signer.

pub mod signer;

pub use signer::{Busy, Cost, SignFailed, Signer, Slot};
