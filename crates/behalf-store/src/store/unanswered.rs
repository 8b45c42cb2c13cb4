//! What the database did not do: told once for all who asked, so each is only counted.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
};

/// What was asked of the database and not done, since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unanswered {
    /// How often.
    pub count: u64,
    /// Why the last time; empty where there was none.
    pub last: String,
}

#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Unanswered>);

impl Failures {
    pub(super) fn note(&self, error: &impl Display) {
        let last = error.to_string();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.count += 1;
        noted.last = last;
    }

    pub(super) fn read(&self) -> Unanswered {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
