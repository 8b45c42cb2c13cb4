//! `cargo xtask bench token`, `bench obo`, `bench nodes`, `bench backup` and `bench middleware`: speed as a
//! fraction of what the hardware can do.
//!
//! Every figure is a ratio of one run on one machine: the bare signature is measured before, between
//! and after the server's turns (A-B-A), both in CPU-seconds of the same core. The server is pinned
//! to one core, the load to the others, which it keeps awake in every turn, the yardstick's too. Absolute times are printed for orientation only; a machine
//! whose yardstick drifts by more than 10 % within a run is said to be too noisy to record.

mod backup;
mod cpu;
mod delegation;
mod directory;
mod load;
mod measure;
mod middleware;
mod nodes;
mod report;
mod server;
mod stall;
mod token;
mod yardstick;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

/// What is measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The token endpoint: signatures, refusals, overload, start, memory, the sign-in log
    Token(Options),
    /// Delegation: on-behalf-of, refresh, what writes and what does not, a flood of wrong passwords
    Obo(Options),
    /// Many nodes: three on PostgreSQL beside one, and beside one on SQLite
    Nodes(Options),
    /// A backup of a large directory while it is served, its check, and its restore
    Backup(Options),
    /// The middleware: validating a token, fresh and remembered, beside the bare verification
    Middleware(middleware::Options),
}

/// How long and how large.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Seconds a turn lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Turns of each kind; the median counts
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Applications in the large store
    #[arg(long, default_value_t = 1_000_000)]
    applications: usize,
    /// A few seconds in all, for CI: prints, and says that it proves nothing
    #[arg(long)]
    short: bool,
    /// Measure this program instead of a release build made for it
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl Options {
    fn effective(&self) -> Self {
        if self.short {
            let binary = self.binary.clone();
            return Self { seconds: 1, repeats: 1, applications: 10_000, short: true, binary };
        }
        self.clone()
    }

    fn turn(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

pub(crate) use cpu::{process_time, resident_mib};

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Token(options) => token::run(&options.effective()),
        Bench::Obo(options) => delegation::run(&options.effective()),
        Bench::Nodes(options) => nodes::run(&options.effective()),
        Bench::Backup(options) => backup::run(&options.effective()),
        Bench::Middleware(options) => middleware::run(*options),
    }
}
