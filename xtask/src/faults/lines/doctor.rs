//! What `behalf doctor` makes of a database with a standby.

use super::Line;
use crate::faults::{
    Context,
    cluster::{Cluster, Replication},
    node::Options,
    nodes::{NAMES, Nodes},
    report::Finding,
};

pub(super) const DOCTOR: Line = Line {
    name: "doctor",
    promise: "behalf doctor says that a failover to a synchronous standby loses nothing, and calls no database highly available whose standby is asynchronous or that has none",
    run: |context| Box::pin(doctor(context)),
};

async fn doctor(context: &Context) -> anyhow::Result<Finding> {
    let folder = context.folder("doctor")?;
    let path = folder.path().to_owned();
    let primary = Cluster::primary(&path, "primary").await?;
    // The role of the nodes may read who replicates (`pg_stat_replication` shows it to monitors).
    primary.sql("postgres", "grant pg_monitor to behalf")?;
    let nodes = Nodes::on(context, (folder, primary), (&[], &Options::default())).await?;
    let mut finding =
        Finding::new("a primary alone, with an asynchronous, then with a synchronous standby");
    let examine = || -> anyhow::Result<String> {
        let (_, said) = nodes.site.operate(NAMES[0], &["doctor"])?;
        let line = said.lines().find(|line| line.contains("availability"));
        Ok(line.unwrap_or(&said).trim().chars().take(240).collect())
    };
    let alone = examine()?;
    finding.holds(alone.contains("no standby"), format!("without a standby: {alone}"));
    let mut late = nodes.database.standby(&path, "late", Replication::Asynchronous).await?;
    let told = examine()?;
    finding.holds(
        told.contains("not highly available"),
        format!("with an asynchronous standby: {told}"),
    );
    late.stop_fast().await?;
    let _standby = nodes.database.standby(&path, "standby", Replication::Synchronous).await?;
    let told = examine()?;
    finding.holds(
        told.contains("a failover loses nothing"),
        format!("with a synchronous standby: {told}"),
    );
    Ok(finding)
}
