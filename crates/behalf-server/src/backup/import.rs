//! Writing many records into a store that nobody serves yet.

use behalf_store::{CommitError, Expect, Key, Put, ReadError, Store, WriteSet};

use super::{Saved, unfinished::Mark};

/// Operations of one commit.
const OPERATIONS: usize = 2_000;
/// Bytes of documents of one commit.
const BYTES: usize = 8 << 20;

/// Collects changes and commits them by the thousands, under the mark.
pub(super) struct Import<'a> {
    store: &'a Store,
    mark: &'a Mark,
    set: WriteSet,
    bytes: usize,
}

impl<'a> Import<'a> {
    pub(super) fn new(store: &'a Store, mark: &'a Mark) -> Self {
        Self { store, mark, set: WriteSet::new(), bytes: 0 }
    }

    /// Writes a record as `expect` says.
    pub(super) async fn put(&mut self, saved: Saved, expect: Expect) -> Result<(), CommitError> {
        let Saved { key, entries, document } = saved;
        self.bytes += document.len();
        self.set.puts.push(Put { key, document, entries, expect });
        self.commit_if_full().await
    }

    /// Removes a record.
    pub(super) async fn delete(&mut self, key: Key) -> Result<(), CommitError> {
        self.set.delete(key, Expect::Any);
        self.commit_if_full().await
    }

    async fn commit_if_full(&mut self) -> Result<(), CommitError> {
        if self.set.len() >= OPERATIONS || self.bytes >= BYTES {
            self.commit().await?;
        }
        Ok(())
    }

    /// Commits what is left.
    pub(super) async fn commit(&mut self) -> Result<(), CommitError> {
        if !self.set.is_empty() {
            self.bytes = 0;
            let set = self.mark.guard(std::mem::take(&mut self.set));
            self.store.commit(set).await?;
        }
        Ok(())
    }
}

/// Why a store was not emptied.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Removes everything but the mark.
pub(super) async fn clear(store: &Store, mark: &Mark) -> Result<(), ClearError> {
    let (mut snapshot, mut import) = (store.snapshot().await?, Import::new(store, mark));
    loop {
        let page = snapshot.next().await?;
        if page.is_empty() {
            return Ok(import.commit().await?);
        }
        for whole in page.into_iter().filter(|whole| whole.record.key != Mark::key()) {
            import.delete(whole.record.key).await?;
        }
    }
}
