//! What goes to the terminal: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use crate::environment::Environment;

/// How text is dressed: with colour on a terminal, plainly elsewhere and under `NO_COLOR`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// No colour at all.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };

    /// The style of standard output.
    pub(crate) fn of_stdout(environment: &Environment) -> Self {
        let wanted = environment.path("NO_COLOR").is_none();
        Self { colour: wanted && io::stdout().is_terminal() }
    }

    /// What stands out.
    pub(crate) fn strong(self, text: &str) -> String {
        self.dressed("1", text)
    }

    /// What went well.
    pub(crate) fn good(self, text: &str) -> String {
        self.dressed("32", text)
    }

    /// What did not.
    pub(crate) fn bad(self, text: &str) -> String {
        self.dressed("31", text)
    }

    fn dressed(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes a result. A reader that went away early (`| head`) is no failure.
pub(crate) fn result(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line that is no result: a warning, progress, what to do next.
pub(crate) fn note(line: &str) {
    // There is nobody left to tell that nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
