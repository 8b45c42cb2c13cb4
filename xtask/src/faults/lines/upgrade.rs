//! Nodes beside others of a neighbouring version.

use std::path::Path;

use super::{Line, nodes::restart_all};
use crate::faults::{
    Context,
    load::{Load, Mix},
    node::Options,
    nodes::Nodes,
    report::Finding,
};

pub(super) const UPGRADE: Line = Line {
    name: "rolling-upgrade",
    promise: "a node serves beside a newer schema that says it is compatible, and refuses one that says it is not; the nodes of before go on meanwhile",
    run: |context| Box::pin(upgrade(context)),
};

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
    if let Some(previous) = &context.previous {
        versions(context, previous, &mut finding).await?;
    }
    Ok(finding)
}

/// Nodes of the version before are replaced by nodes of this one under load, and these by those.
async fn versions(context: &Context, previous: &Path, finding: &mut Finding) -> anyhow::Result<()> {
    let rounds = context.rounds(1, 5);
    let (before, now) = (Options::default().of(previous), Options::default());
    let mut nodes = Nodes::with(context, &before).await?;
    // Operators talk to a node's own socket, which no balancer drains.
    let load = nodes.load(Mix { operators: 0, ..Mix::default() }, "versions")?;
    for _ in 0..rounds {
        restart_all(&mut nodes, &now).await?;
        restart_all(&mut nodes, &before).await?;
    }
    restart_all(&mut nodes, &now).await?;
    let counts = load.stop().await?;
    let title =
        format!("{rounds} times three nodes from {} to this version and back", previous.display());
    finding.holds(counts.is_clean(), format!("{title}: {}", counts.tokens));
    finding.holds(
        counts.delegated.is_clean(),
        format!("delegated: {}; {:?}", counts.delegated, counts.surprises()),
    );
    nodes.settle(finding).await
}
