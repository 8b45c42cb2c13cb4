//! Log lines: for people on a terminal, JSON for machines; never in the way of a request.
//!
//! `log.level` is the level of behalf's own crates. Everybody else's stay at `warn` at any level:
//! HTTP and TLS libraries log headers and frames at theirs, and with them credentials.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry, filter::Targets, fmt as lines, layer::SubscriberExt, registry::LookupSpan, reload,
};

use super::{
    metrics::{Sample, SampleKind},
    output::Output,
};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// What needs somebody.
    Error,
    /// And what will, if nobody looks.
    Warn,
    /// And what happens once: start, stop, a reload, a rotation.
    #[default]
    Info,
    /// And why; never what a caller sent.
    Debug,
}

impl Level {
    /// Every level with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];

    fn targets(self) -> Targets {
        let level = match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
        };
        let others = level.min(LevelFilter::WARN);
        Targets::new()
            .with_default(others)
            // What it says of each connection to a database that is away is said once, by us.
            .with_target("deadpool_postgres", LevelFilter::ERROR)
            .with_target("behalf", level)
    }
}

/// A word that is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a log level; use error, warn, info or debug")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, level)| level).ok_or(UnknownLevel)
    }
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `Human` on a terminal, else `Json`.
    #[default]
    Auto,
    /// One line to read.
    Human,
    /// One JSON object a line.
    Json,
}

/// A word that is no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a log format; use auto, human or json")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat),
        }
    }
}

type Reload = Box<dyn Fn(Level) -> bool + Send + Sync>;

/// The running log. Dropping it waits shortly for what was logged.
pub struct Logging {
    output: Output,
    reload: Reload,
}

impl Logging {
    /// Sends the process's log to standard output from now on. Fails when there is a log already
    /// or its thread cannot be started.
    pub fn start(level: Level, format: Format) -> io::Result<Arc<Self>> {
        let terminal = io::stdout().is_terminal();
        let human = match format {
            Format::Auto => terminal,
            Format::Human => true,
            Format::Json => false,
        };
        let (logging, subscriber) = Self::to(io::stdout(), level, (human, terminal && human))?;
        tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
        Ok(Arc::new(logging))
    }

    /// A log into `sink`, not yet anybody's; `(human, colours)`.
    fn to(
        sink: impl Write + Send + 'static,
        level: Level,
        (human, colours): (bool, bool),
    ) -> io::Result<(Self, Box<dyn Subscriber + Send + Sync>)> {
        let output = Output::to(sink, if human { missing } else { missing_json })?;
        let (filter, handle) = reload::Layer::new(level.targets());
        let reload: Reload = Box::new(move |level| handle.reload(level.targets()).is_ok());
        let registry = Registry::default().with(filter);
        let subscriber: Box<dyn Subscriber + Send + Sync> = if human {
            Box::new(registry.with(people(output.clone(), colours)))
        } else {
            Box::new(registry.with(machines(output.clone())))
        };
        Ok((Self { output, reload }, subscriber))
    }

    /// Changes the level; `false` when the log has ended.
    pub fn set_level(&self, level: Level) -> bool {
        (self.reload)(level)
    }

    /// Lines dropped because nothing read them fast enough.
    pub fn dropped(&self) -> u64 {
        self.output.dropped()
    }

    /// For [`super::Metrics::attach`].
    pub fn samples(&self) -> Vec<Sample> {
        vec![Sample {
            name: "log_lines_dropped",
            help: "Log lines dropped because nothing read them fast enough",
            kind: SampleKind::Counter,
            label: None,
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 lines")]
            value: self.dropped() as f64,
        }]
    }
}

fn missing(lines: u64) -> String {
    format!("WARN {lines} log lines were dropped")
}

fn missing_json(lines: u64) -> String {
    format!(r#"{{"level":"WARN","message":"log lines were dropped","lines":{lines}}}"#)
}

fn people<S>(output: Output, colours: bool) -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    lines::layer().compact().with_target(false).with_ansi(colours).with_writer(output)
}

fn machines<S>(output: Output) -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    lines::layer().json().flatten_event(true).with_current_span(false).with_writer(output)
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.output.flush(Duration::from_millis(500));
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
