//! A database that is slow, and one that hangs, under more load than it takes.

use std::time::Duration;

use super::Line;
use crate::faults::{
    Context, clock, load::Mix, nodes::Nodes, process::resident_mib, proxy::Mode, report::Finding,
};

/// Bar: how much a node may grow.
const GROWTH_MIB: f64 = 50.0;

pub(super) const SLOW: Line = Line {
    name: "database-slow",
    promise: "a slow and a hanging database: writes are shed with 503 and Retry-After before anything piles up, app-only tokens go on, a node grows by less than 50 MB",
    run: |context| Box::pin(slow(context)),
};

/// The most a node has grown since.
fn growth(nodes: &Nodes, before: &[f64]) -> anyhow::Result<f64> {
    let mut most = f64::MIN;
    for (node, before) in nodes.running.iter().zip(before) {
        most = most.max(resident_mib(node.id())? - before);
    }
    Ok(most)
}

async fn slow(context: &Context) -> anyhow::Result<Finding> {
    let long = context.rounds(Duration::from_secs(6), Duration::from_mins(10));
    let nodes = Nodes::start(context).await?;
    let mix = Mix { daemons: 4, users: 3, operators: 24, pause: Duration::ZERO, ..Mix::default() };
    // What a node needs for this load when all is well is no growth.
    let load = nodes.load(mix, "before")?;
    clock::stretch(Duration::from_secs(2)).await;
    load.stop().await?;
    let mut before = Vec::new();
    for node in &nodes.running {
        before.push(resident_mib(node.id())?);
    }
    let mut finding = Finding::new(format!(
        "{:.0} s each: every packet of the database 400 ms late, then none at all; under a load with 24 operators who write without pause",
        long.as_secs_f64()
    ));
    for (title, mode) in
        [("400 ms late", Mode::Delay(Duration::from_millis(400))), ("hanging", Mode::Hang)]
    {
        let load = nodes.load(mix, title)?;
        clock::stretch(Duration::from_millis(500)).await;
        nodes.proxy.set(mode);
        clock::stretch(long).await;
        let grown = growth(&nodes, &before)?;
        nodes.proxy.set(Mode::Pass);
        let recovered = nodes.write(&format!("after {title}")).await?;
        let counts = load.stop().await?;
        finding.holds(
            counts.tokens.is_clean() && counts.wrong() == 0,
            format!("{title}: app-only: {}", counts.tokens),
        );
        finding.counted(format!(
            "{title}: delegated: {}; changes: {} {:?}",
            counts.delegated,
            counts.directory,
            counts.surprises()
        ));
        finding
            .holds(grown < GROWTH_MIB, format!("{title}: a node grew by {grown:.1} MiB at most"));
        finding.counted(format!(
            "{title}: every node writes {} ms afterwards, behind 24 other operators",
            recovered.as_millis()
        ));
    }
    nodes.settle(&mut finding).await?;
    Ok(finding)
}
