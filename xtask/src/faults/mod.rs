//! `cargo xtask faults`: what is hurt, and what is promised to hold meanwhile and afterwards.
//!
//! Everything is real and on this machine: `behalf serve` processes, PostgreSQL clusters, a TCP
//! balancer and a faulty wire between them, and a load whose acknowledgements are on disk before
//! they are held against what is so afterwards. Each line prints promise, deed, count.

mod admin;
mod balancer;
mod check;
mod client;
mod clock;
pub(crate) mod cluster;
mod dice;
mod ledger;
mod lines;
mod load;
mod node;
mod nodes;
mod process;
mod proxy;
mod report;
mod site;
mod world;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use tempfile::TempDir;

use self::lines::{LINES, NotHere};

/// Arguments of `cargo xtask faults`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Which lines; all of them when none is named
    #[arg(value_name = "LINE")]
    lines: Vec<String>,
    /// A few minutes in all, for every change: fewer rounds of the same
    #[arg(long)]
    short: bool,
    /// Say what the lines are, and run none
    #[arg(long)]
    list: bool,
    /// What moments are drawn from: the same seed gives the same moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run this program instead of a release build made for it
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The program of the version before: rolling-upgrade runs it beside this one
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Keep the folders with the data and the logs of every process
    #[arg(long)]
    keep: bool,
}

/// What a line works with.
pub(crate) struct Context {
    /// `behalf`.
    binary: PathBuf,
    /// The one of the version before.
    previous: Option<PathBuf>,
    /// Below the target folder.
    scratch: PathBuf,
    seed: u64,
    short: bool,
    keep: bool,
}

impl Context {
    /// A folder that goes when it is dropped, unless it is to be kept.
    fn folder(&self, name: &str) -> Result<TempDir> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut builder = tempfile::Builder::new();
        builder.prefix(name).disable_cleanup(self.keep);
        let folder = builder.tempdir_in(&self.scratch)?;
        // PostgreSQL runs as somebody else and must be able to pass.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }

    /// What something may take. The short form runs on any machine, beside anything: there only what
    /// takes five times as long breaks a promise of time, and what it took is in the report.
    fn allowed(&self, promised: Duration) -> Duration {
        if self.short { promised * 5 } else { promised }
    }

    /// How often: `short` in the short form, else `long`.
    fn rounds<T>(&self, short: T, long: T) -> T {
        if self.short { short } else { long }
    }
}

/// Runs the lines and fails when a promise does not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for line in &LINES {
            println!("{:<22} {}", line.name, line.promise);
        }
        return Ok(());
    }
    for name in &arguments.lines {
        ensure!(
            LINES.iter().any(|line| line.name == name),
            "no line is called {name:?}; cargo xtask faults --list says which there are"
        );
    }
    let target = target()?;
    let scratch = passable(&target.join("faults"))?;
    let context = Context {
        binary: match &arguments.binary {
            Some(given) => std::path::absolute(given)?,
            None => build(&target)?,
        },
        previous: arguments.previous.as_deref().map(std::path::absolute).transpose()?,
        scratch,
        seed: arguments.seed,
        short: arguments.short,
        keep: arguments.keep,
    };
    println!(
        "seed {}, {} form, {}\n",
        context.seed,
        context.rounds("short", "long"),
        context.binary.display()
    );
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        // What a line holds is dropped with it, and dropping ends processes.
        tokio::select! {
            outcome = each(&context, &arguments.lines) => outcome,
            _ = tokio::signal::ctrl_c() => bail!("interrupted; every process was ended"),
        }
    })
}

/// A folder that PostgreSQL, which runs as somebody else where we are root, has a way to: this one, or
/// one among the system's temporary files.
fn passable(wanted: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(wanted)?;
    let open = |folder: &Path| {
        std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    };
    if wanted.ancestors().skip(1).all(open) {
        return Ok(wanted.to_owned());
    }
    let elsewhere = std::env::temp_dir().join("behalf-faults");
    std::fs::create_dir_all(&elsewhere)?;
    Ok(elsewhere)
}

async fn each(context: &Context, wanted: &[String]) -> Result<()> {
    let (mut kept, mut broken, mut not_run) = (0, Vec::new(), 0);
    for line in &LINES {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == line.name) {
            continue;
        }
        let (begun, title) = (clock::now(), (line.name, line.promise));
        match (line.run)(context).await {
            Ok(finding) => {
                println!("{}", finding.report(title, begun.elapsed()));
                if finding.is_kept() {
                    kept += 1;
                } else {
                    broken.push(line.name);
                }
            }
            Err(error) if error.is::<NotHere>() => {
                println!("{}", report::stopped(title, "not run", &format!("{error:#}")));
                not_run += 1;
            }
            Err(error) => {
                println!("{}", report::stopped(title, "STOPPED", &format!("{error:#}")));
                broken.push(line.name);
            }
        }
    }
    println!("{kept} of {} promises hold, {not_run} could not be tried here", kept + broken.len());
    ensure!(
        broken.is_empty(),
        "these do not: {}; --seed {} shows it again, --keep leaves the logs",
        broken.join(", "),
        context.seed
    );
    Ok(())
}

/// The folder that holds what is built.
fn target() -> Result<PathBuf> {
    let program = std::path::absolute(std::env::current_exe()?)?;
    Ok(program.ancestors().nth(2).context("no target folder")?.to_owned())
}

fn build(target: &Path) -> Result<PathBuf> {
    let mut command = Command::new(env!("CARGO"));
    let status = command.args(["build", "--release", "--package", "behalf"]).status()?;
    ensure!(status.success(), "the release build failed");
    Ok(target.join("release").join("behalf"))
}
