//! The deployment's other secrets: each its own, wrapped by the master key, never derived from
//! another (tickets.md 2). Made at first start and then part of every backup.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::{pairwise::PairwiseKey, secret::Pepper};
use behalf_store::{CommitError, Expect, ReadError, Store, WriteSet, records::deployment};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::master::{MasterKey, Unopened};
use crate::{
    entropy::{self, Entropy},
    journal::SealKey,
    session::device::FamiliarDevices,
};

/// The id of the pepper, which every hash made with it records.
const PEPPER_ID: u8 = 1;

/// Why a secret cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It cannot be unwrapped.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// The stored document makes no sense.
    #[error("the stored {0} is damaged; restore it from a backup")]
    Damaged(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Document {
    sealed: String,
}

/// The key of secret hashes.
pub async fn pepper(
    store: &Store,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<Pepper, SecretError> {
    let bytes = read_or_make(store, master, "pepper", entropy).await?;
    Ok(Pepper::new(PEPPER_ID, &bytes))
}

/// The key of pairwise subjects.
pub async fn pairwise(
    store: &Store,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<PairwiseKey, SecretError> {
    let bytes = read_or_make(store, master, "pairwise", entropy).await?;
    Ok(PairwiseKey::new(&bytes))
}

/// The key of the cookies by which familiar devices are known.
pub async fn familiar_devices(
    store: &Store,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<FamiliarDevices, SecretError> {
    let bytes = read_or_make(store, master, "familiar devices", entropy).await?;
    Ok(FamiliarDevices::new(&bytes))
}

/// The key of the sign-in log's seals.
pub async fn journal_seal(
    store: &Store,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<SealKey, SecretError> {
    let bytes = read_or_make(store, master, "journal seal", entropy).await?;
    Ok(SealKey::new(*bytes))
}

async fn read_or_make(
    store: &Store,
    master: &MasterKey,
    name: &'static str,
    entropy: &dyn Entropy,
) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    loop {
        let stored = store.reading().setting(name).await?;
        let (secret, expect) = match &stored {
            None => (Zeroizing::new(entropy::random(entropy)), Expect::Absent),
            Some(stored) => {
                let document: Document = serde_json::from_slice(&stored.value)
                    .map_err(|_| SecretError::Damaged(name))?;
                let wrapped =
                    STANDARD.decode(document.sealed).map_err(|_| SecretError::Damaged(name))?;
                let opened = master.unwrap((name, ""), &wrapped)?;
                let secret: [u8; 32] =
                    opened.secret.as_slice().try_into().map_err(|_| SecretError::Damaged(name))?;
                if opened.current {
                    return Ok(Zeroizing::new(secret));
                }
                (Zeroizing::new(secret), Expect::Version(stored.version))
            }
        };
        let sealed = STANDARD.encode(master.wrap((name, ""), secret.as_slice(), entropy)?);
        // A struct of one text always serialises.
        let document = serde_json::to_vec(&Document { sealed }).unwrap_or_default();
        let mut set = WriteSet::new();
        deployment::put_setting(&mut set, name, document, expect);
        match store.commit(set).await {
            Ok(_) => return Ok(secret),
            // Another node was faster: its secret is the deployment's.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
