//! Tokens in memory: bounded, partitioned, one request at a time for each.

mod held;
mod key;
mod slot;

pub(crate) use held::Held;
pub(crate) use key::{AssertionHasher, Key, Owner};
pub(crate) use slot::{Freshness, Slot, Slots};
