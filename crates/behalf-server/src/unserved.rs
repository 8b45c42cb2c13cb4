//! Why a request was not served, as the log says it. A database that is away would fill it: that is
//! told once for everybody (`jobs`) and counted, and of each request only at level `debug`.

use std::fmt::Display;

use behalf_store::{CommitError, ReadError};

use crate::{directory, tickets::RenewError};

/// Why a request was not served.
pub(crate) trait Cause: Display {
    /// Whether it is the database's trouble, and with it everybody's.
    fn is_the_databases(&self) -> bool;
}

/// Says that `what` was not done because of `cause`.
pub(crate) fn tell(cause: &impl Cause, what: &'static str) {
    if cause.is_the_databases() {
        tracing::debug!(error = %cause, "{what}");
    } else {
        tracing::error!(error = %cause, "{what}");
    }
}

impl Cause for ReadError {
    fn is_the_databases(&self) -> bool {
        Self::is_the_databases(self)
    }
}

impl Cause for CommitError {
    fn is_the_databases(&self) -> bool {
        Self::is_the_databases(self)
    }
}

impl Cause for directory::Refusal {
    fn is_the_databases(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl Cause for RenewError {
    fn is_the_databases(&self) -> bool {
        match self {
            Self::Read(error) => error.is_the_databases(),
            Self::Commit(error) => error.is_the_databases(),
            Self::Reused | Self::Ended => false,
        }
    }
}
