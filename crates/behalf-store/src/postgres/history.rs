//! Which history the database is in: whether the server that answers now can have everything that
//! the one before had answered.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_postgres::{Error, error::SqlState};
use uuid::Uuid;

use super::connection::Link;
use crate::{
    backend::{Footing, History},
    write_set::WriteSet,
};

/// A file of the log is named by its timeline, in eight hexadecimal digits, and its number in it.
const TIMELINE: &str = "SELECT pg_walfile_name(pg_current_wal_lsn()),
    current_setting('synchronous_standby_names') <> ''
    AND current_setting('synchronous_commit') NOT IN ('off', 'local')";
const COMMITTED: &str =
    "SELECT EXISTS (SELECT 1 FROM batch WHERE writer = $1 AND n = $2 AND NOT fenced)";
/// How long a row of `batch` is there at least; `open` removes those of writers that are gone.
const KEPT: Duration = Duration::from_hours(6 * 24);

/// What is known of it; shared by the writer and whoever asks.
#[derive(Debug, Default)]
pub(super) struct Past(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    found: Option<History>,
    /// The newest history that everything may be written to.
    settled: Option<History>,
    /// The newest transaction of this process that was answered as durable.
    answered: Option<(i64, Instant)>,
}

/// What a connection finds.
#[derive(Debug, Clone, Copy)]
struct Found {
    timeline: Option<u32>,
    synchronous: bool,
    /// A transaction that was answered as durable and is not there.
    missing: Option<i64>,
}

impl Known {
    /// Whether everything may be written.
    fn is_settled(&self) -> bool {
        match (self.found, self.settled) {
            (Some(found), Some(settled)) => !found.changed_hands_since(&settled),
            _ => true,
        }
    }
}

impl Past {
    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a connection found. The first history is nobody's successor.
    fn found(&self, found: Found) {
        self.with(|known| {
            let before = known.found;
            // Who takes over goes on with a higher number: a lower one lacks what the higher had.
            let older = before.is_some_and(|before| before.timeline > found.timeline);
            let missing =
                found.missing.is_some() && known.answered.map(|(n, _)| n) == found.missing;
            if missing {
                // It is counted once, and does not come back by connecting again.
                known.answered = None;
            }
            let losses = before.map_or(0, |before| before.losses) + u64::from(older || missing);
            let Found { timeline, synchronous, .. } = found;
            let history = History { timeline, synchronous, losses };
            known.found = Some(history);
            known.settled.get_or_insert(history);
        });
    }

    /// The directory's numbers went back. What was answered before that is lost with them, or as
    /// good as: it is not counted once more.
    pub(super) fn went_back(&self) {
        self.with(|known| {
            known.answered = None;
            if let Some(found) = &mut known.found {
                found.losses += 1;
            }
        });
    }

    pub(super) fn history(&self) -> Option<History> {
        self.with(|known| known.found)
    }

    /// What was judged is settled, and nothing that was found since.
    pub(super) fn settled(&self, judged: History) {
        self.with(|known| known.settled = Some(judged));
    }

    pub(super) fn footing(&self) -> Footing {
        self.with(|known| Footing(known.settled))
    }

    /// Whether `set` may be written: the directory always, what counts once only on a settled
    /// history, which must be the one that it was judged on.
    pub(super) fn admits(&self, set: &WriteSet) -> bool {
        self.with(|known| {
            set.footing.holds(known.settled) && (set.changes_directory() || known.is_settled())
        })
    }

    /// Transaction `n` was answered as durable.
    pub(super) fn answered(&self, n: i64) {
        self.with(|known| known.answered = Some((n, Instant::now())));
    }

    /// The newest transaction whose row must be in the database: a connection that does not find it
    /// has found a loss.
    pub(super) fn to_be_there(&self) -> Option<i64> {
        self.with(|known| known.answered).filter(|(_, at)| at.elapsed() < KEPT).map(|(n, _)| n)
    }
}

/// Looks at the history that a new connection of `writer` leads to.
pub(super) async fn look(link: &Link, writer: Uuid, past: &Past) -> Result<(), Error> {
    let (timeline, synchronous) = match link.query_one(TIMELINE, &[]).await {
        Ok(row) => {
            let file: &str = row.try_get(0)?;
            let number = file.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            (number, row.try_get(1)?)
        }
        // It speaks PostgreSQL's wire and replicates in another way, before it answers.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_FUNCTION) => (None, true),
        Err(error) => return Err(error),
    };
    let answered = past.to_be_there();
    let missing = match answered {
        Some(n) if !link.query_one(COMMITTED, &[&writer, &n]).await?.try_get(0)? => answered,
        _ => None,
    };
    past.found(Found { timeline, synchronous, missing });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Past {
        fn is_settled(&self) -> bool {
            self.with(|known| known.is_settled())
        }
    }

    const ONE: Found = Found { timeline: Some(1), synchronous: true, missing: None };
    const TWO: Found = Found { timeline: Some(2), ..ONE };

    fn past(answered: i64) -> Past {
        let past = Past::default();
        assert!(past.is_settled());
        past.found(ONE);
        assert!(past.is_settled(), "the first history is nobody's successor");
        past.answered(answered);
        past
    }

    /// What happens to it.
    type Happens = fn(&Past);

    fn history(timeline: u32, losses: u64) -> History {
        History { timeline: Some(timeline), synchronous: true, losses }
    }

    #[test]
    fn another_timeline_and_a_loss_are_to_be_settled() {
        let missing = Some(7);
        for (found, expected) in [
            (TWO, history(2, 0)),
            (Found { missing, ..ONE }, history(1, 1)),
            (Found { missing, ..TWO }, history(2, 1)),
        ] {
            let past = past(7);
            past.found(found);
            assert_eq!(
                (past.history().unwrap(), past.is_settled()),
                (expected, false),
                "{found:?}"
            );
            past.settled(past.history().unwrap());
            assert_eq!((past.history().unwrap(), past.is_settled()), (expected, true), "{found:?}");
        }
    }

    #[test]
    fn a_loss_is_counted_once_and_stays_one_until_it_is_settled() {
        let past = past(7);
        for found in [Found { missing: Some(7), ..ONE }, Found { missing: Some(7), ..ONE }, ONE] {
            past.found(found);
            assert_eq!((past.history().unwrap(), past.is_settled()), (history(1, 1), false));
        }
    }

    #[test]
    fn what_is_found_after_the_judgement_is_not_settled_by_it() {
        let second: [(&str, Happens); 4] = [
            ("another loss", |past| {
                past.answered(8);
                past.found(Found { missing: Some(8), ..ONE });
            }),
            ("numbers that went back", Past::went_back),
            ("another timeline", |past| past.found(TWO)),
            ("another timeline, and back to the one that was judged", |past| {
                past.found(TWO);
                past.found(ONE);
            }),
        ];
        for (what, happens) in second {
            let past = past(7);
            past.found(Found { missing: Some(7), ..ONE });
            let judged = past.history().unwrap();
            happens(&past);
            past.settled(judged);
            assert!(!past.is_settled(), "{what}");
            assert!(past.history().unwrap().changed_hands_since(&judged), "{what} is judged anew");
        }
    }

    #[test]
    fn numbers_that_went_back_are_a_loss_and_the_same_that_a_connection_finds_later() {
        let past = past(7);
        past.went_back();
        assert_eq!((past.history().unwrap(), past.is_settled()), (history(1, 1), false));
        past.found(Found { missing: Some(7), ..ONE });
        assert_eq!(past.history(), Some(history(1, 1)));
    }
}
