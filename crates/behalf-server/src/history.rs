//! When the database changes hands: whether codes and refresh tokens still mean what they meant.
//!
//! A sealed ticket is used once because its use is a record. A standby that takes over may lack the
//! newest records, and then what was used could be used again. So whenever that cannot be ruled out
//! a new sealing epoch begins and the older ones end (tickets.md 2): users sign in again, nothing is
//! used twice. Applications and their tokens are not concerned.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use behalf_core::time::Timestamp;
use behalf_store::{
    CommitError, Expect, History, Key, ReadError, Store, Stored, records::deployment,
};
use serde::{Deserialize, Serialize};

use crate::{
    deployment::setting,
    keys::{EpochError, SealKeys, SealParts},
};

/// The setting that says which history all nodes know of.
const SETTING: &str = "history";

/// Where it lies: it is of this database, and of no other that the rest is copied to.
pub(crate) fn place() -> Key {
    deployment::setting_key(SETTING)
}

/// What the deployment knows of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    timeline: Option<u32>,
    synchronous: bool,
    /// When tickets were last ended because something may have been lost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ended: Option<Timestamp>,
}

/// What is to be done about a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing.
    Same,
    /// It is another one, or replicates in another way, and nothing was lost: it is noted.
    Note,
    /// Something may be missing: what was sealed before ends.
    End,
}

/// Why it is not settled yet.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The sealing key.
    #[error(transparent)]
    Epochs(#[from] EpochError),
}

/// When everything that counts once was ended last, because a use of it may have been lost. What was
/// begun before counts no more.
#[derive(Debug, Default)]
pub struct Ended(AtomicI64);

impl Ended {
    /// `None`: never.
    pub fn at(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Acquire)).filter(|at| *at != 0).map(Timestamp)
    }

    /// Everything up to `at` has ended.
    pub(crate) fn raise(&self, at: Option<Timestamp>) {
        if let Some(Timestamp(at)) = at {
            self.0.fetch_max(at, Ordering::AcqRel);
        }
    }
}

/// Looks after the history for one node.
#[derive(Debug)]
pub(crate) struct Watch {
    ended: Arc<Ended>,
    settled: Option<History>,
    known: Option<Known>,
}

impl Watch {
    /// Tells `ended` what has ended.
    pub(crate) fn new(ended: Arc<Ended>) -> Self {
        Self { ended, settled: None, known: None }
    }

    /// One look. Costs nothing while nothing changes.
    pub(crate) async fn look(&mut self, keys: &SealKeys) -> Result<(), HistoryError> {
        let store = &keys.parts().store;
        if store.history() == self.settled {
            return Ok(());
        }
        // One loss may show in two ways: both are known before it is judged.
        store.catch_up().await?;
        let Some(judged) = self.judged(keys.parts()).await? else { return Ok(()) };
        // What has ended must not open here any more before something is used again.
        store.catch_up().await?;
        keys.maintain().await?;
        self.settle(store, judged);
        Ok(())
    }

    /// The first look of a node, before it has keys. Of several that start at once one writes.
    pub(crate) async fn first_look(&mut self, parts: &SealParts) -> Result<(), HistoryError> {
        let judged = match self.judged(parts).await {
            Err(HistoryError::Commit(CommitError::Conflict { .. })) => self.judged(parts).await?,
            judged => judged?,
        };
        if let Some(judged) = judged {
            self.settle(&parts.store, judged);
        }
        Ok(())
    }

    /// Everything of the histories before `judged` that could be used again has ended. What was found
    /// since is for the next look.
    fn settle(&mut self, store: &Store, (judged, known): (History, Option<Known>)) {
        self.known = known;
        // Before anything may be used on the new footing.
        self.ended.raise(known.and_then(|known| known.ended));
        store.settled(judged);
        self.settled = Some(judged);
    }

    /// A history that this node has not settled, and what is known of it, once what it ends is
    /// written.
    async fn judged(
        &self,
        parts: &SealParts,
    ) -> Result<Option<(History, Option<Known>)>, HistoryError> {
        let Some(found) = parts.store.history().filter(|found| self.settled != Some(*found)) else {
            return Ok(None);
        };
        let stored = known(&parts.store).await?;
        let lost = found.losses > self.settled.map_or(0, |settled| settled.losses);
        let verdict = judge(self.known, stored.as_deref().copied(), (found, lost));
        if verdict != Verdict::Same {
            self.write(parts, stored.as_ref(), (found, verdict)).await?;
        }
        let known = known(&parts.store).await?.map(|stored| stored.value);
        Ok(Some((found, known)))
    }

    /// All in one commit: another node that does the same at this moment loses, and looks again.
    async fn write(
        &self,
        parts: &SealParts,
        stored: Option<&Stored<Known>>,
        (found, verdict): (History, Verdict),
    ) -> Result<(), HistoryError> {
        let mut known = Known {
            timeline: found.timeline,
            synchronous: found.synchronous,
            ended: stored.and_then(|stored| stored.ended),
        };
        let mut set = behalf_store::WriteSet::new();
        if verdict == Verdict::End {
            set = SealKeys::begin_anew(parts).await?;
            // Later than any before: that is how other nodes know that it was done.
            let now = parts.clock.now();
            known.ended = Some(known.ended.map_or(now, |before| now.max(Timestamp(before.0 + 1))));
        }
        // A struct of numbers always serialises.
        let document = serde_json::to_vec(&known).unwrap_or_default();
        deployment::put_setting(&mut set, SETTING, document, Expect::as_found(stored));
        parts.store.commit(set).await?;
        match verdict {
            Verdict::End => tracing::error!(
                timeline = found.timeline,
                losses = found.losses,
                "the database changed hands and may have lost what it had acknowledged: codes, refresh tokens and sessions were ended, users sign in again; see behalf doctor about synchronous replication"
            ),
            Verdict::Note => tracing::info!(
                timeline = found.timeline,
                synchronous = found.synchronous,
                "the database's history is noted"
            ),
            Verdict::Same => {}
        }
        Ok(())
    }
}

/// What `found` means where the deployment knows `stored` and this node had seen `seen` of it;
/// `lost`: something was missing that this node knew to be there, since it last settled a history.
fn judge(seen: Option<Known>, stored: Option<Known>, (found, lost): (History, bool)) -> Verdict {
    let Some(known) = stored else { return Verdict::Note };
    // Somebody else has ended it since, or nothing has happened.
    let ended = seen.is_some_and(|seen| known.ended > seen.ended);
    if known.timeline == found.timeline && (!lost || ended) {
        let replicates_alike = known.synchronous == found.synchronous;
        return if replicates_alike { Verdict::Same } else { Verdict::Note };
    }
    if known.synchronous && !lost { Verdict::Note } else { Verdict::End }
}

async fn known(store: &Store) -> Result<Option<Stored<Known>>, ReadError> {
    setting(store, SETTING).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(timeline: u32, synchronous: bool) -> Known {
        Known { timeline: Some(timeline), synchronous, ended: None }
    }

    fn ended(timeline: u32, at: i64) -> Known {
        Known { ended: Some(Timestamp(at)), ..known(timeline, true) }
    }

    fn found(timeline: u32, synchronous: bool) -> History {
        History { timeline: Some(timeline), synchronous, losses: 0 }
    }

    #[test]
    fn a_history_that_lost_nothing_ends_tickets_exactly_when_something_may_be_missing() {
        let (alone, paired) = (known(1, false), known(1, true));
        for (what, seen, stored, found, verdict) in [
            ("the first start", None, None, found(1, false), Verdict::Note),
            ("a node that starts", None, Some(alone), found(1, false), Verdict::Same),
            ("a standby is added", Some(alone), Some(alone), found(1, true), Verdict::Note),
            (
                "a synchronous one took over",
                Some(paired),
                Some(paired),
                found(2, false),
                Verdict::Note,
            ),
            (
                "an asynchronous one took over",
                Some(alone),
                Some(alone),
                found(2, false),
                Verdict::End,
            ),
            ("while no node ran", None, Some(alone), found(2, true), Verdict::End),
            (
                "another node was first",
                Some(alone),
                Some(ended(2, 5)),
                found(2, true),
                Verdict::Same,
            ),
        ] {
            assert_eq!(judge(seen, stored, (found, false)), verdict, "{what}");
        }
    }

    #[test]
    fn a_loss_ends_tickets_unless_another_node_has_ended_them_since() {
        let paired = known(1, true);
        for (what, seen, stored, found, verdict) in [
            ("it lacks what it answered", Some(paired), Some(paired), found(2, true), Verdict::End),
            ("it was put back", Some(paired), Some(paired), found(1, true), Verdict::End),
            (
                "another node was first",
                Some(paired),
                Some(ended(2, 5)),
                found(2, true),
                Verdict::Same,
            ),
            (
                "another node noted it only",
                Some(paired),
                Some(known(2, true)),
                found(2, true),
                Verdict::End,
            ),
            (
                "what another node ended before",
                Some(ended(1, 5)),
                Some(ended(1, 5)),
                found(1, true),
                Verdict::End,
            ),
            (
                "what was ended is lost too",
                Some(ended(2, 5)),
                Some(paired),
                found(1, true),
                Verdict::End,
            ),
            (
                "before this node had seen anything",
                None,
                Some(ended(1, 5)),
                found(1, true),
                Verdict::End,
            ),
        ] {
            assert_eq!(judge(seen, stored, (found, true)), verdict, "{what}");
        }
    }
}
