//! Backups: everything the store holds in one file that names no backend, encrypted and
//! authenticated with a key derived from the master key.
//!
//! What a store keeps secret is wrapped by the master key already; the file hides the rest
//! (names, addresses, who may do what) and shows by itself that it is whole: no byte of it can be
//! changed, cut off, added, repeated or moved without [`Reader`] noticing. The sign-in log is each
//! node's own and not in it.
//!
//! | bytes | |
//! | --- | --- |
//! | 8 | `behalfBK` |
//! | 2 | version of the format, 1 |
//! | 2 | length of the facts |
//! | 32 | salt, random |
//! | 16 | tells the master key: HKDF(`behalf backup check v1`, salt) |
//! | … | facts: [`Facts`] as JSON, in the clear |
//! | 16 | SHA-256 of everything before, cut: tells damage from another master key |
//! | … | chunks: AES-256-GCM under HKDF(`behalf backup v1`, salt), 65,536 bytes each before encryption, the last 1 to 65,536 |
//!
//! Numbers are big-endian. A chunk's nonce is 1 for the last chunk, else 0, three zeros, and its
//! number from 0; its associated data is the SHA-256 of the whole header. In the chunks lies a row
//! of frames (`format`), each with its length: the records in order of tenant, kind and id, then
//! one that counts them.

mod copy;
mod export;
mod format;
mod import;
mod reader;
mod restore;
mod seal;
mod unfinished;
mod writer;

use std::{collections::BTreeMap, io};

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Entry, Key, Kind};
use serde::{Deserialize, Serialize};

pub use copy::{CopyError, Copying, Ending, ReopenError, Step, copy, reopen};
pub use export::{Export, ExportError, export};
pub use reader::Reader;
pub use restore::{RestoreError, Restored, Sessions, restore, restore_into, verify};
pub use unfinished::{Unfinished, Work};
pub use writer::Writer;

pub(crate) use {restore::last as last_restore, unfinished::refuse as refuse_unfinished};

/// What a backup says of itself to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The moment it is of.
    pub made: Timestamp,
    /// The newest directory commit in it.
    pub seq: u64,
    /// The version that wrote it.
    pub version: String,
    /// The deployment's origin.
    pub public_url: String,
}

/// A record in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Where it lies.
    pub key: Key,
    /// Its index entries.
    pub entries: Vec<Entry>,
    /// Its document.
    pub document: Vec<u8>,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records of each kind that there is any of.
    pub kinds: BTreeMap<Kind, u64>,
    /// Bytes of all documents.
    pub bytes: u64,
}

impl Counts {
    /// Records in all.
    pub fn records(&self) -> u64 {
        self.kinds.values().sum()
    }

    pub(crate) fn count(&mut self, kind: Kind, document: &[u8]) {
        *self.kinds.entry(kind).or_default() += 1;
        self.bytes += document.len() as u64;
    }
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another file.
    #[error("it is no backup of behalf: it does not begin with `behalfBK`")]
    Foreign,
    /// A newer version wrote it.
    #[error(
        "it has format {found}, this version reads formats up to {known}: use the version of behalf that wrote it or a newer one",
        known = format::VERSION
    )]
    Newer {
        /// Its format.
        found: u16,
    },
    /// The header was altered.
    #[error("its header is damaged or cut short: use another backup")]
    Header,
    /// Another deployment's backup, or this one's under a former master key.
    #[error(
        "it was made with another master key: no line of the master key file opens it; restore that file too, or add the line that was in use on {made}"
    )]
    MasterKey {
        /// When it was made.
        made: String,
    },
    /// A chunk was altered, moved, or is not all there.
    #[error("it is damaged or cut short near byte {offset}: use another backup")]
    Damaged {
        /// Where the chunk begins.
        offset: u64,
    },
    /// Authentic, and makes no sense to this version.
    #[error("record {number} in it {cause}: a newer version of behalf wrote it; use that one")]
    Unknown {
        /// Which, from 1.
        number: u64,
        /// What was found.
        cause: String,
    },
}

/// The nil tenant's records come first, then each tenant's.
fn order(key: &Key) -> (TenantId, Kind, &[u8]) {
    (key.tenant, key.kind, &key.id)
}

#[cfg(test)]
mod tests;
