//! Three nodes: killed, restarted one after the other, beside another version.

use std::time::Duration;

use super::Line;
use crate::faults::{
    Context, clock,
    dice::Dice,
    load::{Load, Mix},
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

pub(super) const UPGRADE: Line = Line {
    name: "rolling-upgrade",
    promise: "a node serves beside a newer schema that says it is compatible, and refuses one that says it is not; the nodes of before go on meanwhile",
    run: |context| Box::pin(upgrade(context)),
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
async fn restart_all(nodes: &mut Nodes) -> anyhow::Result<Times> {
    let mut ready = Times::default();
    for (index, name) in NAMES.iter().enumerate() {
        nodes.site.balancer.drain(name);
        nodes.site.balancer.drained(name, Duration::from_secs(30)).await?;
        nodes.running.remove(index).terminate().await?;
        nodes.again(index, &Options::default()).await?;
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
        worst = worst.max(restart_all(&mut nodes).await?.worst());
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

async fn upgrade(context: &Context) -> anyhow::Result<Finding> {
    let nodes = Nodes::start(context).await?;
    let newest = nodes.database.sql("behalf", "select max(number) from behalf.migration")?;
    let newest: i64 = newest.trim().parse()?;
    let load: Load = nodes.load(Mix::default(), "upgrade")?;
    let apply = |number: i64, compatible_from: i64| {
        nodes.database.sql(
            "behalf",
            &format!(
                "insert into behalf.migration (number, checksum, compatible_from) values ({number}, 0, {compatible_from})"
            ),
        )
    };
    // What a version with one migration more does when it starts.
    apply(newest + 1, newest)?;
    let mut finding = Finding::new(format!(
        "schema {newest} is the newest there is; a row of a migration {} that is compatible with it, then one of a migration {} that is not, as newer versions would leave them, under load",
        newest + 1,
        newest + 2
    ));
    let beside = nodes.site.start("n4").await;
    finding.holds(
        beside.is_ok(),
        beside.as_ref().map_or_else(
            |error| format!("beside a compatible schema it does not start: {error:#}"),
            |_| "beside a compatible schema it starts and serves".to_owned(),
        ),
    );
    if let Ok(node) = beside {
        nodes.issues(&node).await?;
        nodes.site.balancer.drain(&node.name);
        node.terminate().await?;
    }
    apply(newest + 2, newest + 2)?;
    let refused = nodes.site.start("n5").await;
    let right =
        refused.as_ref().is_err_and(|error| format!("{error:#}").contains("does not start"));
    let told = refused.map_or_else(|error| format!("{error:#}"), |_| "it starts".to_owned());
    finding.holds(right, format!("beside an incompatible schema: {told}"));
    let counts = load.stop().await?;
    finding.holds(
        counts.is_clean(),
        format!("the nodes of before, meanwhile: {}; {:?}", counts.tokens, counts.surprises()),
    );
    nodes.settle(&mut finding).await?;
    Ok(finding)
}
