//! An epoch as the store holds it: its schedule, and its root wrapped by the master key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::ticket::Epoch;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{EpochError, schedule::EpochSchedule};
use crate::{
    entropy::{self, Entropy},
    keys::{MasterKey, Unopened},
};

const PURPOSE: &str = "seal";

/// A document of the store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) schedule: EpochSchedule,
    /// Base64 of the wrapped root; empty once it is revoked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sealed: String,
}

impl Entry {
    /// Makes a root and wraps it.
    pub(super) fn new(
        schedule: EpochSchedule,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, Unopened> {
        let root = Zeroizing::new(entropy::random::<32>(entropy));
        let sealed = wrap(&schedule, &root, master, entropy)?;
        Ok(Self { schedule, sealed })
    }

    /// Reads a document.
    pub(super) fn from_document(number: u32, document: &[u8]) -> Result<Self, EpochError> {
        let damaged = |cause: &str| EpochError::Damaged { number, cause: cause.to_owned() };
        let entry: Self =
            serde_json::from_slice(document).map_err(|error| damaged(&error.to_string()))?;
        if entry.schedule.number == number { Ok(entry) } else { Err(damaged("another's number")) }
    }

    /// The document.
    pub(super) fn to_document(&self) -> Vec<u8> {
        // A struct of texts and numbers always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The epoch, ready to seal and open; `None` for a revoked one.
    pub(super) fn open(&self, master: &MasterKey) -> Result<Option<Epoch>, EpochError> {
        let EpochSchedule { number, from, to, revoked } = self.schedule;
        if revoked {
            return Ok(None);
        }
        let (root, _) = self.root(master)?;
        Ok(Some(Epoch::new(number, &root, from, to)))
    }

    /// The entry with a new schedule and wrapped by the master key's first line; a revoked one loses
    /// its root.
    pub(super) fn with(
        &self,
        schedule: &EpochSchedule,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, EpochError> {
        if schedule.revoked {
            return Ok(Self { schedule: schedule.clone(), sealed: String::new() });
        }
        let (root, current) = self.root(master)?;
        let sealed =
            if current { self.sealed.clone() } else { wrap(schedule, &root, master, entropy)? };
        Ok(Self { schedule: schedule.clone(), sealed })
    }

    fn root(&self, master: &MasterKey) -> Result<(Zeroizing<[u8; 32]>, bool), EpochError> {
        let number = self.schedule.number;
        let damaged = || EpochError::Damaged { number, cause: "its root is no key".to_owned() };
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| damaged())?;
        let opened = master.unwrap((PURPOSE, &number.to_string()), &sealed)?;
        let root = opened.secret.as_slice().try_into().map_err(|_| damaged())?;
        Ok((Zeroizing::new(root), opened.current))
    }
}

fn wrap(
    schedule: &EpochSchedule,
    root: &[u8; 32],
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<String, Unopened> {
    let wrapped = master.wrap((PURPOSE, &schedule.number.to_string()), root, entropy)?;
    Ok(STANDARD.encode(wrapped))
}
