//! The figures of many nodes on PostgreSQL: what sharing a database costs a token.
//!
//! All nodes run on the one core of the servers, PostgreSQL beside the load on the others: what
//! counts is CPU time of the nodes, shipping their log included. Three nodes are held against three
//! servers of one node each on that same core: that three processes share it costs both the same.
//! Kinds of turns alternate, so that drift meets all of them.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::{
    Options, cpu,
    load::{self, Turn},
    measure::binary,
    report::{Report, median},
    server::{Deployment, Running},
    token::{token_turn, warm},
};
use crate::faults::cluster::Cluster;

const CLIENTS: usize = 100;
/// How long the log may take to be shipped after a turn.
const SHIPPED: Duration = Duration::from_mins(1);

/// CPU microseconds of the nodes for each token, one figure a turn.
#[derive(Default)]
struct Costs {
    /// One server on SQLite.
    alone: Vec<f64>,
    /// Three of them.
    apart: Vec<f64>,
    /// One node on PostgreSQL.
    one: Vec<f64>,
    /// Three of them.
    three: Vec<f64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let binary = binary(options)?;
    println!("{}", cpu::machine());
    println!("limits are raised out of the way; the log is durable before each answer\n");
    let mut report = Report::default();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    passable(folder.path())?;
    let cluster = runtime.block_on(Cluster::primary(folder.path(), "bench"))?;
    cpu::confine(cluster.id().context("PostgreSQL has ended")?)?;

    let embedded =
        [Deployment::new(&binary)?, Deployment::new(&binary)?, Deployment::new(&binary)?];
    embedded.iter().try_for_each(|deployment| deployment.seed(CLIENTS))?;
    let first = Deployment::on(&binary, &Cluster::url(&[cluster.address]))?;
    first.seed(CLIENTS)?;
    let others = [first.sibling()?, first.sibling()?];
    let [a, b, c] = &embedded;
    let apart = [a.start(&[])?, b.start(&[])?, c.start(&[])?];
    let nodes = [first.start(&[])?, others[0].start(&[])?, others[1].start(&[])?];
    for server in nodes.iter().chain(&apart) {
        warm(server, CLIENTS)?;
        shipped(server)?;
    }
    for node in &nodes {
        report.note(format!(
            "a node served {:.0} ms after it was started",
            node.to_first_token.as_secs_f64() * 1e3
        ));
    }
    let before = counts(&nodes)?;
    for (resource, alg) in [("api://bench", Alg::Rs256), ("api://bench-es", Alg::Es256)] {
        let turn = token_turn(resource, CLIENTS, options);
        let mut costs = Costs::default();
        for _ in 0..options.repeats {
            costs.alone.push(cost(&[&apart[0]], &turn)?);
            costs.one.push(cost(&[&nodes[0]], &turn)?);
            costs.apart.push(cost(&apart.each_ref(), &turn)?);
            costs.three.push(cost(&nodes.each_ref(), &turn)?);
        }
        tell(&mut report, alg, costs);
    }
    let after = counts(&nodes)?;
    report.at_most("database reads of warm requests", after.reads - before.reads, 0.0, "0");
    report.at_least(
        "sign-in events of one shipment to the database",
        (after.rows - before.rows) / (after.shipments - before.shipments).max(1.0),
        8.0,
        "≥ 8",
    );
    report.finish(options.short);
    Ok(())
}

#[derive(Clone, Copy)]
enum Alg {
    Rs256,
    Es256,
}

fn tell(report: &mut Report, alg: Alg, costs: Costs) {
    let Costs { alone, apart, one, three } = costs;
    let (alone, apart, one, three) = (median(alone), median(apart), median(one), median(three));
    let [nodes, database] = match alg {
        Alg::Rs256 => ["three nodes ÷ three of one node, RS256", "PostgreSQL ÷ SQLite, RS256"],
        Alg::Es256 => ["three nodes ÷ three of one node, ES256", "PostgreSQL ÷ SQLite, ES256"],
    };
    report.at_least(nodes, apart / three, 0.95, "≥ 0.95");
    report.at_least(database, alone / one, 0.90, "≥ 0.90");
    report.note(format!(
        "CPU for a token: SQLite {alone:.1} µs, PostgreSQL {one:.1} µs; three at once: {apart:.1} µs, {three:.1} µs"
    ));
}

/// What all servers together spend on a token when each is asked by as many, their log shipped.
fn cost(servers: &[&Running<'_>], turn: &Turn) -> anyhow::Result<f64> {
    let spent = || {
        servers.iter().try_fold(Duration::ZERO, |sum, server| {
            anyhow::Ok(sum + cpu::process_time(server.pid())?)
        })
    };
    let before = spent()?;
    let tallies: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            servers.iter().map(|server| scope.spawn(|| load::run(&server.target, turn))).collect();
        asked.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut tokens = 0;
    for tally in tallies {
        let tally = tally.map_err(|_| anyhow::anyhow!("the load panicked"))??;
        ensure!(tally.other == 0 && tally.shed == 0, "other answers than tokens");
        tokens += tally.wanted;
    }
    for server in servers {
        shipped(server)?;
    }
    ensure!(tokens > 0, "no tokens");
    #[expect(clippy::cast_precision_loss, reason = "a count for a rate")]
    Ok(spent()?.saturating_sub(before).as_secs_f64() * 1e6 / tokens as f64)
}

/// Waits until the server's log is in the database.
fn shipped(server: &Running<'_>) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a wait that ends")]
    let begun = std::time::Instant::now();
    while server.metric("behalf_log_unshipped_rows")? > 0.0 {
        ensure!(begun.elapsed() < SHIPPED, "the log was not shipped within {SHIPPED:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

struct Counts {
    reads: f64,
    rows: f64,
    shipments: f64,
}

fn counts(nodes: &[Running<'_>]) -> anyhow::Result<Counts> {
    let sum = |series: &str| {
        nodes.iter().try_fold(0.0, |sum, node| anyhow::Ok(sum + node.metric(series)?))
    };
    Ok(Counts {
        reads: sum("behalf_store_reads_total")?,
        rows: sum("behalf_log_shipped_rows_total")?,
        shipments: sum("behalf_log_shipments_total")?,
    })
}

/// PostgreSQL runs as somebody else.
pub(super) fn passable(folder: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).context("the folder")
}
