//! Three nodes: killed, restarted one after the other.

use std::time::Duration;

use super::Line;
use crate::faults::{
    Context, clock,
    dice::Dice,
    load::Mix,
    node::Options,
    nodes::{NAMES, Nodes},
    report::{Finding, Times},
};

pub(super) const KILL: Line = Line {
    name: "node-kill",
    promise: "three nodes, SIGKILL of one under load: no more requests fail than were under way on it; nothing acknowledged is lost, no event is lost or doubled",
    run: |context| Box::pin(kill(context)),
};

pub(super) const ROLLING: Line = Line {
    name: "rolling-restart",
    promise: "three nodes restarted one after the other under load, each drained first: no request fails, nothing is lost",
    run: |context| Box::pin(rolling(context)),
};

async fn kill(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(4, 100);
    let mut dice = Dice::new(context.seed, KILL.name);
    let mut nodes = Nodes::start(context).await?;
    let (mut ready, mut under_way, mut failed, mut answered) = (Times::default(), 0, 0, 0);
    let mut surprises = Vec::new();
    for round in 0..rounds {
        let mix = Mix { pause: Duration::ZERO, ..Mix::default() };
        let load = nodes.load(mix, &round.to_string())?;
        clock::stretch(dice.between(Duration::from_millis(300), Duration::from_secs(1))).await;
        let index = dice.index(NAMES.len());
        let node = nodes.running.remove(index);
        let name = node.name.clone();
        let (open, before) = nodes.site.balancer.counts(&name);
        node.kill()?;
        clock::stretch(Duration::from_millis(400)).await;
        let counts = load.stop().await?;
        // Each connection has one request under way at most, those included that it was given before
        // the signal reached it; an operator's at its socket is one more.
        let (_, after) = nodes.site.balancer.counts(&name);
        under_way += open + (after - before) + mix.operators;
        failed += usize::try_from(counts.broken())?;
        answered += counts.tokens.answered() + counts.delegated.answered();
        surprises.extend(counts.surprises());
        nodes.again(index, &Options::default()).await?;
        ready.push(nodes.running.get(index).map_or(Duration::ZERO, |node| node.ready));
    }
    let mut finding = Finding::new(format!(
        "{rounds} times SIGKILL to one of three nodes, drawn from the seed, under a mixed load through the balancer; started again each time"
    ));
    finding.holds(
        failed <= under_way && surprises.is_empty(),
        format!("{answered} requests answered, {failed} failed of at most {under_way} under way on killed nodes; wrong answers: {surprises:?}"),
    );
    finding.counted(format!("from start to serving: {ready}"));
    nodes.settle(&mut finding).await?;
    Ok(finding)
}

/// Restarts every node in its turn; returns how long each took to be ready.
pub(super) async fn restart_all(nodes: &mut Nodes, options: &Options) -> anyhow::Result<Times> {
    let mut ready = Times::default();
    for (index, name) in NAMES.iter().enumerate() {
        nodes.site.balancer.drain(name);
        nodes.site.balancer.drained(name, Duration::from_secs(30)).await?;
        nodes.running.remove(index).terminate().await?;
        nodes.again(index, options).await?;
        ready.push(nodes.running.get(index).map_or(Duration::ZERO, |node| node.ready));
    }
    Ok(ready)
}

async fn rolling(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(1, 20);
    let mut nodes = Nodes::start(context).await?;
    // Operators talk to a node's own socket, which no balancer drains.
    let load = nodes.load(Mix { operators: 0, ..Mix::default() }, "rolling")?;
    let mut worst = Duration::ZERO;
    for _ in 0..rounds {
        worst = worst.max(restart_all(&mut nodes, &Options::default()).await?.worst());
    }
    let counts = load.stop().await?;
    let mut finding = Finding::new(format!(
        "{rounds} times all three nodes, one after the other: no new connections, SIGTERM when the last one is gone, start"
    ));
    finding.holds(counts.is_clean(), format!("app-only: {}", counts.tokens));
    finding.holds(
        counts.delegated.is_clean(),
        format!("delegated: {}; {:?}", counts.delegated, counts.surprises()),
    );
    finding.counted(format!("from start to serving at worst {} ms", worst.as_millis()));
    nodes.settle(&mut finding).await?;
    Ok(finding)
}
