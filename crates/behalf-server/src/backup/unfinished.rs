//! The mark on a store into which something is being written as a whole: nobody serves it before
//! that is done.

use behalf_core::time::{Timestamp, written};
use behalf_store::{
    CommitError, Expect, Key, ReadError, Store, Version, WriteSet, records::deployment,
};
use serde::{Deserialize, Serialize};

use crate::entropy::{Entropy, random_uuid};

const MARK: &str = "unfinished";

/// What writes a store as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Work {
    /// `behalf restore`.
    Restore,
    /// `behalf storage copy`, as its target.
    Copy,
    /// `behalf storage copy`, as its source: the directory is in the target now.
    Moved,
}

/// A store is not to be served: it holds a part of what was to be written into it, or what has moved
/// elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct Unfinished {
    /// What was under way, or is.
    pub work: Work,
    /// When it began.
    pub begun: Timestamp,
}

impl Unfinished {
    fn told(&self) -> String {
        let begun = written(self.begun.unix_seconds());
        let half = |what: &str, command: &str| {
            format!(
                "the store holds a part of a {what}, begun at {begun} and not finished: run \
                 {command} again, which begins anew, or give it an empty store"
            )
        };
        match self.work {
            Work::Restore => half("backup", "behalf restore"),
            Work::Copy => half("copy", "behalf storage copy"),
            Work::Moved => format!(
                "the directory moved from this store to another at {begun} and may have been \
                 written there since: set storage.url to that one; if it never was served there, \
                 behalf storage reopen takes this one back into use"
            ),
        }
    }
}

/// The mark as it is stored.
#[derive(Serialize, Deserialize)]
struct Document {
    work: Work,
    begun: Timestamp,
    /// Tells one attempt from another.
    attempt: String,
}

/// The mark that is there.
#[derive(Debug)]
pub(super) struct Mark {
    /// What it says.
    pub(super) unfinished: Unfinished,
    version: Version,
}

impl Mark {
    /// Where it is.
    pub(super) fn key() -> Key {
        deployment::setting_key(MARK)
    }

    /// The mark, if there is one.
    pub(super) async fn find(store: &Store) -> Result<Option<Self>, ReadError> {
        let Some(stored) = store.reading().setting(MARK).await? else { return Ok(None) };
        // What cannot be read marks as well.
        let unfinished = serde_json::from_slice(&stored.value).map_or(
            Unfinished { work: Work::Restore, begun: Timestamp(0) },
            |Document { work, begun, .. }| Unfinished { work, begun },
        );
        Ok(Some(Self { unfinished, version: stored.version }))
    }

    /// Marks the store, in place of `before`. Of two at once one gets a conflict.
    pub(super) async fn set(
        store: &Store,
        before: Option<&Self>,
        unfinished: Unfinished,
        entropy: &dyn Entropy,
    ) -> Result<Self, CommitError> {
        let expect = before.map_or(Expect::Absent, |mark| Expect::Version(mark.version));
        let Unfinished { work, begun } = unfinished;
        let attempt = random_uuid(entropy).to_string();
        // A struct of texts and numbers always serialises.
        let document = serde_json::to_vec(&Document { work, begun, attempt }).unwrap_or_default();
        let mut set = WriteSet::new();
        deployment::put_setting(&mut set, MARK, document, expect);
        store.commit(set).await?;
        let found = Self::find(store).await.map_err(CommitError::from)?;
        found.ok_or_else(|| CommitError::Unavailable("the mark that was just set is gone".into()))
    }

    /// What to write so that a store is never served again.
    pub(super) fn moved(begun: Timestamp) -> WriteSet {
        let document = Document { work: Work::Moved, begun, attempt: String::new() };
        // A struct of texts and numbers always serialises.
        let document = serde_json::to_vec(&document).unwrap_or_default();
        let mut set = WriteSet::new();
        deployment::put_setting(&mut set, MARK, document, Expect::Absent);
        set
    }

    /// The mark of work into which one may write anew.
    pub(super) fn of_half(self) -> Option<Self> {
        (self.unfinished.work != Work::Moved).then_some(self)
    }

    /// `set` with the expectation that the mark is still this one: what somebody else began anew is
    /// not written into.
    pub(super) fn guard(&self, mut set: WriteSet) -> WriteSet {
        set.expect(Self::key(), Expect::Version(self.version));
        set
    }

    /// Takes the mark away together with what else is in `set`.
    pub(super) fn lift(&self, mut set: WriteSet) -> WriteSet {
        set.delete(Self::key(), Expect::Version(self.version));
        set
    }
}

/// Refuses a store that was not written to the end.
pub(crate) async fn refuse(store: &Store) -> Result<Result<(), Unfinished>, ReadError> {
    Ok(match Mark::find(store).await? {
        Some(mark) => Err(mark.unfinished),
        None => Ok(()),
    })
}
