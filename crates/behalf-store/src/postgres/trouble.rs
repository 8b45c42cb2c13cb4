//! What an error of the database means for the transaction it met.

use std::error::Error as _;

use tokio_postgres::{
    Error,
    error::{Severity, SqlState},
};

/// What went wrong, as far as it decides what is done next. Said before `COMMIT` was sent each of
/// them means that nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody else was in the way: the same again may succeed on the same connection.
    Again(String),
    /// The connection is gone, too slow, or leads to a server that no longer takes writes.
    Lost(String),
    /// No space is left.
    Full,
    /// The database refused; the same again would be refused again.
    Failed(String),
}

impl Trouble {
    pub(super) fn overdue() -> Self {
        Self::Lost("it did not answer in time".into())
    }

    /// What is said of it to people.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Again(text) | Self::Lost(text) | Self::Failed(text) => text,
            Self::Full => "its disk is full",
        }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        let said = text(error);
        let Some(db) = error.as_db_error() else {
            return if error.is_closed() || is_broken(error) {
                Self::Lost(said)
            } else {
                Self::Failed(said)
            };
        };
        if matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
            return Self::Lost(said);
        }
        let code = db.code();
        if *code == SqlState::DISK_FULL {
            return Self::Full;
        }
        // A record that came between: read and judge again. Any other double key is no race.
        let came_between = *code == SqlState::UNIQUE_VIOLATION && db.table() == Some("record");
        let again = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        if came_between || again.contains(code) {
            return Self::Again(said);
        }
        // A primary that was demoted, and what the wire counts as a lost connection (class 08).
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION || code.code().starts_with("08") {
            return Self::Lost(said);
        }
        Self::Failed(said)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// Whether the socket failed below the driver.
fn is_broken(error: &Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// An error with what is behind it. A server's error is its message and code: its detail may name
/// what is stored.
pub(super) fn text(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    match error.source() {
        Some(source) => {
            let (outer, inner) = (error.to_string(), source.to_string());
            if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
        }
        None => error.to_string(),
    }
}
