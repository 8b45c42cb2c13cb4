//! How a command ends when it does not succeed: an exit code, and what a person reads.

use std::{fmt, process::ExitCode};

/// Exit codes, stable for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command was understood and tried, and did not work.
    Failed = 1,
    /// The command line or the file it names is wrong.
    Usage = 2,
    /// Something around the command is missing or in the way: a port, a folder, a server.
    Environment = 3,
    /// The server or the system refuses it to this caller.
    Denied = 4,
    /// What was named does not exist.
    NotFound = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure as it is told: what happened, why, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    fix: Option<String>,
}

impl Failure {
    /// A failure of kind `exit`; `what` says what was found and why that is wrong.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), fix: None }
    }

    /// The same with what to do about it.
    pub(crate) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// The command line is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Something around the command is wrong.
    pub(crate) fn environment(what: impl Into<String>) -> Self {
        Self::new(Exit::Environment, what)
    }

    /// A file or folder cannot be used.
    pub(crate) fn path(path: &std::path::Path, what: &str, cause: &std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, InvalidData, PermissionDenied};
        let exit = match cause.kind() {
            PermissionDenied => Exit::Denied,
            InvalidData | FileTooLarge => Exit::Usage,
            _ => Exit::Environment,
        };
        Self::new(exit, format!("cannot {what} {}: {cause}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.trim_end_matches('.'))?;
        match &self.fix {
            Some(fix) => write!(f, ". Try: {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code of any error: a [`Failure`]'s own, else 1.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Failed, |failure| failure.exit)
}

/// The line that goes to standard error: every cause, outermost first, each said once.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::from("error: ");
    let mut last = String::new();
    for cause in error.chain() {
        let this = cause.to_string();
        // Many errors repeat their source in their own text.
        if last.is_empty() {
            text.push_str(&this);
        } else if !last.contains(&this) {
            text.push_str(": ");
            text.push_str(&this);
        }
        last = this;
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_says_what_and_what_to_do_and_has_its_exit_code() {
        let error = anyhow::Error::from(
            Failure::environment("port 8443 is in use").fix("behalf dev --port 9443"),
        );
        assert_eq!(told(&error), "error: port 8443 is in use. Try: behalf dev --port 9443");
        assert_eq!(exit_of(&error), Exit::Environment);
    }

    #[test]
    fn a_cause_under_context_is_told_once_and_keeps_its_exit_code() {
        let io = std::io::Error::other("no space left");
        let error = Err::<(), _>(io).context("cannot write the file").unwrap_err();
        assert_eq!(told(&error), "error: cannot write the file: no space left");
        assert_eq!(exit_of(&error), Exit::Failed);
        let error = Err::<(), _>(Failure::usage("no such app")).context("apply").unwrap_err();
        assert_eq!(exit_of(&error), Exit::Usage);
    }
}
