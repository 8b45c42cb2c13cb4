//! The gate that every commit goes through, and that can be held shut: while a directory moves to
//! another store nothing may be written into the one it leaves.

use std::{fmt, sync::Arc};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use behalf_core::id::TenantId;

use super::Store;
use crate::{
    backend::{CommitError, Seq},
    record::{Key, Kind},
    write_set::{Expect, WriteSet},
};

const HELD: &str = "nothing is written while the directory moves to another store: try again soon";

/// Commits pass it together; who holds it is alone.
#[derive(Debug, Default)]
pub(crate) struct Gate(Arc<RwLock<()>>);

impl Gate {
    /// Lets a commit through for as long as what is returned lives, or says that it is shut.
    pub(crate) fn pass(&self) -> Result<OwnedRwLockReadGuard<()>, CommitError> {
        let passed = Arc::clone(&self.0).try_read_owned();
        passed.map_err(|_| CommitError::Unavailable(HELD.to_owned()))
    }
}

/// Nothing is written but by whoever has this, until it is dropped.
pub struct Held {
    store: Store,
    alone: OwnedRwLockWriteGuard<()>,
}

impl Store {
    /// Shuts the gate: commits that come from now on fail at once, those under way are waited for.
    /// It shuts out this process alone; where others write too ([`Store::is_shared`]) it is not
    /// enough.
    pub async fn hold(&self) -> Result<Held, CommitError> {
        // Who holds it already may do so for good.
        drop(self.inner.gate.pass()?);
        let alone = Arc::clone(&self.inner.gate.0).write_owned().await;
        let held = Held { store: self.clone(), alone };
        // A caller that went away did not call its commit back: behind this one there is none.
        let mut last = WriteSet::new();
        last.expect(Key::new(TenantId::NIL, Kind::Deployment, b"gate"), Expect::Any);
        held.commit(last).await?;
        Ok(held)
    }
}

impl Held {
    /// Commits through the shut gate.
    pub async fn commit(&self, set: WriteSet) -> Result<Seq, CommitError> {
        self.store.inner.backend.commit(set).await
    }

    /// Never lets go: until the process ends nothing is written any more.
    pub fn for_good(self) {
        std::mem::forget(self.alone);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}
