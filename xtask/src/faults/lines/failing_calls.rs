//! Calls to the system that fail once, at each of the places where a node on SQLite makes them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;

use super::{
    Line, NotHere,
    embedded::{NODE, alone, settle, token_again, write_again},
};
use crate::faults::{
    Context, clock,
    dice::Dice,
    ledger::Ledger,
    load::{Load, Mix},
    node::{Node, Options},
    report::{Finding, Times},
    site::Site,
    world::World,
};

/// Which call fails, and how. A call that lies about what it wrote is none of these.
const FAILURES: [(&str, &str); 8] = [
    ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EINTR"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
    ("ftruncate", "EIO"),
    ("pread64", "EIO"),
    ("openat", "EMFILE"),
];
/// In the long form the first calls of each thread, each once.
const CALLS: usize = 24;

pub(super) const FAILING_CALLS: Line = Line {
    name: "embedded-io",
    promise: "SQLite, a write, sync, read or open of the database or the log fails once: whoever asked is told 503 or the node does not start and says why; it goes on by itself, opens afterwards, and nothing acknowledged is lost",
    run: |context| Box::pin(failing_calls(context)),
};

/// What was counted.
#[derive(Default)]
struct Counted {
    runs: usize,
    /// Runs in which a call failed.
    failed: usize,
    /// Starts that were refused.
    refused: usize,
    /// Refusals that do not say why, answers other than promised.
    wrong: Vec<String>,
    answered: u64,
    shed: u64,
    token: Times,
    write: Times,
}

async fn failing_calls(context: &Context) -> anyhow::Result<Finding> {
    available()?;
    let mut dice = Dice::new(context.seed, FAILING_CALLS.name);
    let (site, node, world) = alone(context).await?;
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
    node.terminate().await?;
    let mut counted = Counted::default();
    for failure in FAILURES {
        let drawn = [1 + dice.index(CALLS)];
        let all: Vec<usize> = (1..=CALLS).collect();
        for &number in context.rounds(&drawn[..], &all[..]) {
            once((&site, &world), &ledger, (failure, number), &mut counted).await?;
        }
    }
    let node = site.start(NODE).await.context("the node opens afterwards")?;
    let mut finding = Finding::new(format!(
        "{} runs of a node under load; in each one call on a file of the database or of the sign-in log fails: {}; {}",
        counted.runs,
        FAILURES.map(|(call, error)| format!("{call} {error}")).join(", "),
        context.rounds(
            "which call of a thread is drawn from the seed".to_owned(),
            format!("the 1st to the {CALLS}th of each thread"),
        )
    ));
    finding.holds(
        counted.failed > 0 && counted.wrong.is_empty(),
        format!(
            "calls failed in {} runs; {} starts refused, {} requests answered, {} told 503, {} otherwise {:?}",
            counted.failed,
            counted.refused,
            counted.answered,
            counted.shed,
            counted.wrong.len(),
            counted.wrong.first()
        ),
    );
    finding.counted(format!(
        "in the same process afterwards: a token {}; a change {}",
        counted.token, counted.write
    ));
    settle(ledger, &site, since, &mut finding).await?;
    drop(node);
    Ok(finding)
}

/// Whether calls can be made to fail on this machine.
pub(super) fn available() -> anyhow::Result<()> {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-e", "inject=fsync:error=EIO", "-o", "/dev/null", "true"]);
    let tried = command.stdin(Stdio::null()).output();
    let why = match tried {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(NotHere(format!("calls cannot be made to fail: strace: {why}")).into())
}

/// The files of a node's database and log.
fn files(site: &Site) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = vec![site.data(NODE).join("behalf.db")];
    for entry in fs::read_dir(site.data(NODE).join("journal"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            all.push(path);
        }
    }
    let beside = |path: &PathBuf, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    Ok(all.iter().flat_map(|path| ["", "-wal", "-shm"].map(|end| beside(path, end))).collect())
}

/// A node of which the call of this number fails, in each thread that makes so many.
fn options(site: &Site, (call, error): (&str, &str), number: usize) -> anyhow::Result<Options> {
    let trace = trace(site).display().to_string();
    let (only, inject) =
        (format!("trace={call}"), format!("inject={call}:error={error}:when={number}"));
    let mut command = vec!["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", &trace];
    command.extend(["-e", &only, "-e", &inject]);
    let files = files(site)?;
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    for file in &files {
        command.extend(["-P", file]);
    }
    Ok(Options::default().through(&command))
}

fn trace(site: &Site) -> PathBuf {
    site.folder().join("trace")
}

async fn once(
    (site, world): (&Site, &World),
    ledger: &Arc<Ledger>,
    (failure, number): ((&str, &str), usize),
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let name = format!("{} {} {number}", failure.0, failure.1);
    let started = site.start_with(NODE, &options(site, failure, number)?).await;
    counted.runs += 1;
    match started {
        Err(refused) => {
            let told = format!("{refused:#}");
            if !told.contains("error: ") {
                counted.wrong.push(format!("{name}: does not start and says {told:?}"));
            }
            counted.refused += 1;
            let node = site.start(NODE).await.with_context(|| format!("after {name}"))?;
            node.terminate().await?;
        }
        Ok(node) => {
            served((site, world), ledger, &name, counted).await?;
            if number % 2 == 0 {
                node.kill()?;
            } else {
                ended(node, &name, counted).await?;
            }
        }
    }
    let traced = fs::read_to_string(trace(site)).unwrap_or_default();
    counted.failed += usize::from(traced.contains("(INJECTED)"));
    Ok(())
}

/// A load on a node, and what it does by itself after that.
async fn served(
    (site, world): (&Site, &World),
    ledger: &Arc<Ledger>,
    name: &str,
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let load = Load::start((site, &[NODE]), world, Mix::default(), (ledger, name))?;
    clock::stretch(Duration::from_millis(400)).await;
    let counts = load.stop().await?;
    if counts.wrong() + counts.broken() > 0 {
        counted.wrong.push(format!("{name}: {:?}, {}", counts.surprises(), counts.tokens));
    }
    counted.answered += counts.tokens.answered() + counts.delegated.answered();
    counted.shed += counts.tokens.shed() + counts.delegated.shed() + counts.directory.shed();
    let token = token_again(site, world).await;
    counted.token.push(token.with_context(|| format!("after {name}"))?);
    let write = write_again(site, &name.replace(' ', "-")).await;
    counted.write.push(write.with_context(|| format!("after {name}"))?);
    Ok(())
}

/// Ends a node in order.
async fn ended(node: Node, name: &str, counted: &mut Counted) -> anyhow::Result<()> {
    let ended = node.terminate().await?;
    if !ended.success() {
        counted.wrong.push(format!("{name}: the node ended with {ended}"));
    }
    Ok(())
}
