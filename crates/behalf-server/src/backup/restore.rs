//! A backup into an empty store.
//!
//! What was used up since the backup was made (codes, pages, refresh tokens, assertions that count
//! once) is unused again in it. So nothing that was issued before the restore counts after it: a
//! new epoch of the sealing key begins and the older ones are revoked, devices that waited for
//! their users start again, and assertions of strict applications must be newer than the restore.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use behalf_core::time::Timestamp;
use behalf_store::{
    CommitError, Expect, Key, Kind, ReadError, Store, WriteSet, records::deployment,
};
use serde::{Deserialize, Serialize};

use super::{
    BackupError, Counts, Facts, Reader,
    import::{ClearError, Import, clear},
    unfinished::{Mark, Unfinished, Work},
};
use crate::{
    clock::SharedClock,
    database::{Database, OpenError},
    deployment::{public_url_place, setting},
    entropy::SharedEntropy,
    history,
    keys::{EpochError, EpochState, MasterKey, SealKeys, SealParts},
};

const RESTORED: &str = "restored";

/// Whether what was issued before a restore counts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sessions {
    /// No: users sign in again.
    #[default]
    End,
    /// Yes, and with it what was used up or taken back since the backup.
    Keep,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup said of itself.
    pub facts: Facts,
    /// What it held.
    pub counts: Counts,
    /// Epochs of the sealing key that open again; none unless sessions were kept.
    pub epochs: usize,
}

/// Why nothing, or not all, was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The backup.
    #[error("{} cannot be restored: {source}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BackupError,
    },
    /// There is something in the store.
    #[error(
        "the store is not empty: it holds a record of kind {kind:?}; restore into an empty one (an absent SQLite file, an empty PostgreSQL database), nothing is ever merged"
    )]
    NotEmpty {
        /// The kind of the first record found.
        kind: Kind,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Somebody else writes into it.
    #[error(
        "somebody else writes into the store at the same time: nothing more is written; see who it is, then run behalf restore again"
    )]
    NotAlone,
    /// The store cannot be written.
    #[error("{0}; run behalf restore again, it begins anew")]
    Commit(CommitError),
    /// The sealing key.
    #[error("{0}; run behalf restore again, it begins anew")]
    Seal(#[from] EpochError),
}

impl From<CommitError> for RestoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::NotAlone,
            other => Self::Commit(other),
        }
    }
}

impl From<ClearError> for RestoreError {
    fn from(error: ClearError) -> Self {
        match error {
            ClearError::Read(error) => error.into(),
            ClearError::Commit(error) => error.into(),
        }
    }
}

/// When the deployment was restored last.
#[derive(Serialize, Deserialize)]
struct Document {
    at: Timestamp,
    made: Timestamp,
}

/// Reads a backup to its end, for the checks alone.
pub fn verify(path: &Path, master: &MasterKey) -> Result<(Facts, Counts), BackupError> {
    open(path, master)?.verify()
}

fn open(path: &Path, master: &MasterKey) -> Result<Reader<BufReader<File>>, BackupError> {
    Reader::open(BufReader::with_capacity(1 << 18, File::open(path)?), master)
}

/// Opens `database` and writes the backup at `path` into it: see [`restore`].
pub async fn restore_into(
    database: &Database,
    path: &Path,
    edge: (Arc<MasterKey>, SharedClock, SharedEntropy),
    sessions: Sessions,
) -> Result<Restored, RestoreError> {
    let (master, clock, entropy) = edge;
    // Before a file is made for what cannot be restored.
    verify(path, &master)
        .map_err(|source| RestoreError::Backup { path: path.to_owned(), source })?;
    let store = Store::open(database.open().await?).await?;
    restore(path, &SealParts { store, master, clock, entropy }, sessions).await
}

/// Writes the backup at `path` into the empty store of `parts`. The file is checked whole before
/// anything is written; from then until the end the store is marked, and nobody serves it. What
/// an interrupted restore left there is removed first.
pub async fn restore(
    path: &Path,
    parts: &SealParts,
    sessions: Sessions,
) -> Result<Restored, RestoreError> {
    let backup = |source| RestoreError::Backup { path: path.to_owned(), source };
    let SealParts { store, master, clock, entropy } = parts;
    let (facts, counts) = verify(path, master).map_err(backup)?;
    let before = Mark::find(store).await?.and_then(Mark::of_half);
    if before.is_none()
        && let Some(first) = store.snapshot().await?.next().await?.first()
    {
        return Err(RestoreError::NotEmpty { kind: first.record.key.kind });
    }
    let unfinished = Unfinished { work: Work::Restore, begun: clock.now() };
    let mark = Mark::set(store, before.as_ref(), unfinished, &**entropy).await?;
    if before.is_some() {
        clear(store, &mark).await?;
    }
    let mut reader = open(path, master).map_err(backup)?;
    let mut import = Import::new(store, &mark);
    while let Some(saved) = reader.next().map_err(backup)? {
        if belongs(&saved.key) {
            import.put(saved, Expect::Absent).await?;
        }
    }
    import.commit().await?;
    if *reader.facts() != facts {
        // Somebody put another file in its place.
        return Err(backup(BackupError::Damaged { offset: 0 }));
    }
    let epochs = finish(parts, &mark, &facts, sessions).await?;
    Ok(Restored { facts, counts, epochs })
}

/// Whether a record outlives a restore. A device grant that was redeemed since would be redeemed
/// again, and none lives for longer than minutes; what is known of the old database's history would
/// be taken for the new one's; and what is restored to be tried elsewhere is served as something else.
fn belongs(key: &Key) -> bool {
    let others = [Mark::key(), history::place(), public_url_place()];
    key.kind != Kind::DeviceGrant && !others.contains(key)
}

/// The last commit: what ends, when that was, and the mark is gone. How many epochs open again.
async fn finish(
    parts: &SealParts,
    mark: &Mark,
    facts: &Facts,
    sessions: Sessions,
) -> Result<usize, RestoreError> {
    let now = parts.clock.now();
    let (mut set, epochs) = match sessions {
        Sessions::End => (SealKeys::begin_anew(parts).await?, 0),
        Sessions::Keep => {
            let opens = |state| matches!(state, EpochState::Sealing | EpochState::Opening);
            let schedules = SealKeys::stored(parts).await?;
            let open = schedules.iter().filter(|epoch| opens(epoch.state(now))).count();
            (WriteSet::new(), open)
        }
    };
    let document = Document { at: now, made: facts.made };
    // A struct of numbers always serialises.
    let document = serde_json::to_vec(&document).unwrap_or_default();
    deployment::put_setting(&mut set, RESTORED, document, Expect::Any);
    parts.store.commit(mark.lift(set)).await?;
    Ok(epochs)
}

/// When the deployment was restored last, if it ever was.
pub(crate) async fn last(store: &Store) -> Result<Option<Timestamp>, ReadError> {
    let stored = setting::<Document>(store, RESTORED).await?;
    Ok(stored.map(|stored| stored.value.at))
}
