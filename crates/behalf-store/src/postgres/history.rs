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
use crate::backend::History;

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
    settled: Option<History>,
    /// The newest transaction of this process that was answered as durable.
    answered: Option<(i64, Instant)>,
}

impl Past {
    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a connection found. The first history is nobody's successor.
    pub(super) fn found(&self, mut history: History) {
        self.with(|known| {
            // What is missing does not come back by connecting again.
            history.lost |= known.found.is_some_and(|before| before.lost);
            known.found = Some(history);
            known.settled.get_or_insert(history);
        });
    }

    pub(super) fn history(&self) -> Option<History> {
        self.with(|known| known.found)
    }

    pub(super) fn settled(&self, history: History) {
        self.with(|known| {
            if known.found == Some(history) {
                // What was lost is dealt with; the next loss is another one.
                let settled = History { lost: false, ..history };
                (known.found, known.settled) = (Some(settled), Some(settled));
                known.answered = None;
            }
        });
    }

    /// Whether everything may be written.
    pub(super) fn is_settled(&self) -> bool {
        self.with(|known| match (known.found, known.settled) {
            (Some(found), Some(settled)) => {
                found.timeline == settled.timeline && found.lost == settled.lost
            }
            _ => true,
        })
    }

    /// Transaction `n` was answered as durable.
    pub(super) fn answered(&self, n: i64) {
        self.with(|known| known.answered = Some((n, Instant::now())));
    }

    fn to_be_there(&self) -> Option<i64> {
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
    let lost = match past.to_be_there() {
        Some(n) => !link.query_one(COMMITTED, &[&writer, &n]).await?.try_get::<_, bool>(0)?,
        None => false,
    };
    past.found(History { timeline, synchronous, lost });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: History = History { timeline: Some(1), synchronous: true, lost: false };

    #[test]
    fn another_timeline_and_a_loss_are_to_be_settled_and_the_first_history_is_not() {
        let past = Past::default();
        assert!(past.is_settled());
        past.found(ONE);
        assert!(past.is_settled());
        for next in [History { timeline: Some(2), ..ONE }, History { lost: true, ..ONE }] {
            past.found(next);
            assert!(!past.is_settled(), "{next:?}");
            past.settled(past.history().unwrap());
            assert!(past.is_settled(), "{next:?}");
        }
    }

    #[test]
    fn a_loss_stays_one_until_it_is_settled_and_only_what_was_found_is_settled() {
        let past = Past::default();
        past.found(ONE);
        past.found(History { lost: true, ..ONE });
        past.found(ONE);
        assert_eq!(past.history(), Some(History { lost: true, ..ONE }));
        past.settled(ONE);
        assert!(!past.is_settled(), "somebody settled what was there before");
        past.settled(History { lost: true, ..ONE });
        assert_eq!((past.is_settled(), past.history()), (true, Some(ONE)));
    }
}
