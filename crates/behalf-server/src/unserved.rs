//! Why a request was not served, as the log says it. A database that is away would fill it: that is
//! told once for everybody (`jobs`) and counted, and of each request only at level `debug`.

use std::fmt::Display;

use behalf_core::ticket::SealError;
use behalf_store::{CommitError, ReadError};

use crate::{directory, tickets::RenewError};

/// Why a request was not served.
pub(crate) trait Cause: Display {
    /// Whether it is everybody's trouble, and told for all at once.
    fn is_told_once(&self) -> bool;
}

/// Says that `what` was not done because of `cause`.
pub(crate) fn tell(cause: &impl Cause, what: &'static str) {
    if cause.is_told_once() {
        tracing::debug!(error = %cause, "{what}");
    } else {
        tracing::error!(error = %cause, "{what}");
    }
}

impl Cause for ReadError {
    fn is_told_once(&self) -> bool {
        self.is_the_databases()
    }
}

impl Cause for CommitError {
    fn is_told_once(&self) -> bool {
        self.is_the_databases()
    }
}

impl Cause for directory::Refusal {
    fn is_told_once(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl Cause for SealError {
    /// Without an epoch in force it is the clock's, which is told once too (`keys/seal`).
    fn is_told_once(&self) -> bool {
        matches!(self, Self::NoEpoch)
    }
}

impl Cause for RenewError {
    fn is_told_once(&self) -> bool {
        match self {
            Self::Read(error) => error.is_the_databases(),
            Self::Commit(error) => error.is_the_databases(),
            Self::Reused | Self::Ended => false,
        }
    }
}
