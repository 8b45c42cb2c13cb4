//! The deployment's keys: what signs tokens, what seals tickets, what wraps secrets, and the queue
//! before the signer.

mod entry;
mod failing;
mod master;
mod ring;
mod rotate;
mod seal;
pub mod secrets;
mod set;
mod signer;

pub use entry::{EntryError, Schedule, State};
use failing::Failing;
pub use master::{MasterKey, MasterKeyError, MasterKeyText, Unopened};
pub use ring::{Current, EarlyKey, KeyRing, Parts, RingError};
pub use rotate::{HEARD, LONGEST_TOKEN, OVERLAP, RotateError, Times, When, heard};
pub use seal::{
    EPOCH, EPOCH_ANNOUNCED, EpochError, EpochSchedule, EpochState, Epochs, NoSuchEpoch, SealKeys,
    SealParts,
};
pub use set::{Document, KeySet, SetError, TokenKey};
pub use signer::{Busy, Cost, QUEUE_DEFAULT, SignFailed, Signer, Slot};

#[cfg(test)]
mod tests;
