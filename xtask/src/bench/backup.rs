//! The figures of a backup of a large directory: that it is made while the server serves, in bounded
//! memory, and how long an administrator waits for it, for its check and for its restore.
//!
//! The server keeps its one core; the commands run beside the load. The load asks steadily and far
//! below capacity, since what matters is what a backup adds to an answer's time, not the rate.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};

use super::{
    Options, cpu, directory,
    load::{self, Tally, Turn},
    measure::binary,
    nodes::passable,
    report::Report,
    server::{Deployment, Running},
    token::{token_turn, warm},
};
use crate::faults::cluster::Cluster;

const CLIENTS: usize = 100;
/// What a backup may add to the server's memory, whatever the directory's size, in MiB.
const GROWTH: f64 = 64.0;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let binary = binary(options)?;
    println!("{}", cpu::machine());
    let mut report = Report::default();
    let deployment = Deployment::new(&binary)?;
    deployment.seed(CLIENTS)?;
    directory::fill(&deployment.database(), options.applications)?;
    let file = deployment.folder().join("bench.backup");
    let server = deployment.start(&[])?;
    warm(&server, CLIENTS)?;
    while_serving(&deployment, &server, options, &file, &mut report)?;

    let folder = tempfile::tempdir()?;
    passable(folder.path())?;
    let cluster = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(Cluster::primary(folder.path(), "bench"))?;
    let url = Cluster::url(&[cluster.address]);
    let resident = cpu::resident_mib(server.pid())?;
    let elsewhere = format!("{url}&schema=rehearsal");
    let copying = deployment.operate(&["storage", "copy", "--to", &elsewhere, "--rehearse"])?;
    report.note(format!(
        "storage copy --rehearse: {:.1} s; {:.1} MiB more in memory",
        copying.as_secs_f64(),
        cpu::resident_mib(server.pid())? - resident
    ));
    drop(server);
    let embedded = format!("sqlite://{}", folder.path().join("restored.db").display());
    restored(&deployment.sibling()?.at(&embedded), "SQLite", &file, &mut report)?;
    restored(&deployment.sibling()?.at(&url), "PostgreSQL", &file, &mut report)?;
    report.finish(options.short);
    Ok(())
}

/// A backup while tokens are asked for, and its check.
fn while_serving(
    deployment: &Deployment,
    server: &Running<'_>,
    options: &Options,
    file: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let to = file.to_str().context("a path")?;
    let turn = Turn {
        connections: 4,
        pause: Duration::from_millis(20),
        ..token_turn("api://bench-es", CLIENTS, options)
    };
    let calm = asked(server, &turn)?;
    let before = cpu::resident_mib(server.pid())?;
    let (took, busy) = std::thread::scope(|scope| {
        let making = scope.spawn(|| deployment.operate(&["backup", "--to", to]));
        let mut busy = vec![asked(server, &turn)?];
        while !making.is_finished() {
            busy.push(asked(server, &turn)?);
        }
        let took = making.join().map_err(|_| anyhow::anyhow!("the backup panicked"))??;
        anyhow::Ok((took, busy))
    })?;
    let growth = cpu::peak_resident_mib(server.pid())? - before;
    report.at_most("memory that a backup takes, MiB", growth, GROWTH, "≤ 64");
    let refused: u64 = busy.iter().map(|tally| tally.other + tally.shed).sum();
    #[expect(clippy::cast_precision_loss, reason = "a count for the report")]
    report.at_most("token requests not answered meanwhile", refused as f64, 0.0, "0");
    let p99 = busy.iter().map(|tally| tally.percentile(0.99)).fold(0.0, f64::max);
    let checking = deployment.operate(&["backup", "verify", to])?;
    report.note(format!(
        "{} applications: database {} MiB, backup {} MiB made in {:.1} s, checked in {:.1} s; p99 of a token {:.1} ms without, at worst {p99:.1} ms in a turn of {} s with it",
        options.applications + CLIENTS,
        mebibytes(&deployment.database()),
        mebibytes(file),
        took.as_secs_f64(),
        checking.as_secs_f64(),
        calm.percentile(0.99),
        options.seconds,
    ));
    Ok(())
}

fn asked(server: &Running<'_>, turn: &Turn) -> anyhow::Result<Tally> {
    load::run(&server.target, turn)
}

/// Restores into an empty store and asks it for a token.
fn restored(
    deployment: &Deployment,
    title: &str,
    file: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let took = deployment.operate(&["restore", "--from", file.to_str().context("a path")?])?;
    let server = deployment.start(&[])?;
    ensure!(server.metric("behalf_store_reads_total")? > 0.0, "nothing was read");
    report.note(format!(
        "restored to {title} in {:.1} s; its first token {:.0} ms after the start",
        took.as_secs_f64(),
        server.to_first_token.as_secs_f64() * 1e3
    ));
    Ok(())
}

fn mebibytes(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len() >> 20)
}
