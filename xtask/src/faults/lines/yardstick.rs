//! What the database does without us: how fast it is back, and that a synchronous standby has
//! everything that was committed. The bars of the other lines lie beside these.

use std::time::Duration;

use super::Line;
use crate::faults::{
    Context,
    cluster::{Cluster, Replication},
    report::Finding,
};

pub(super) const YARDSTICK: Line = Line {
    name: "postgres-yardstick",
    promise: "PostgreSQL alone: comes back after kill, stop and pause; a promoted synchronous standby has every commit",
    run: |context| Box::pin(yardstick(context)),
};

async fn yardstick(context: &Context) -> anyhow::Result<Finding> {
    let folder = context.folder("yardstick")?;
    let mut primary = Cluster::primary(folder.path(), "primary").await?;
    let mut finding = Finding::new(
        "a primary stopped with -m immediate and -m fast, killed, paused; then killed for good and its synchronous standby promoted",
    );
    primary.sql("behalf", "create table t(n int)")?;
    primary.stop_immediately().await?;
    let immediate = primary.start().await?;
    primary.stop_fast().await?;
    let fast = primary.start().await?;
    primary.kill()?;
    let killed = primary.start().await?;
    finding.counted(format!(
        "from start to the first answer: {} ms after -m immediate, {} ms after -m fast, {} ms after SIGKILL",
        immediate.as_millis(),
        fast.as_millis(),
        killed.as_millis()
    ));
    primary.pause()?;
    let hung = primary.sql("behalf", "select 1").is_err();
    primary.go_on()?;
    let back = primary.sql("behalf", "select 1").is_ok();
    finding.holds(hung && back, "paused it answers nobody, and goes on afterwards");
    let mut late = primary.standby(folder.path(), "late", Replication::Asynchronous).await?;
    late.stop_fast().await?;
    let standby = primary.standby(folder.path(), "standby", Replication::Synchronous).await?;
    for number in 0..20 {
        primary.sql("behalf", &format!("insert into t values ({number})"))?;
    }
    primary.kill()?;
    let promoted = standby.promote().await?;
    let kept = standby.sql("behalf", "select count(*) from t")?;
    finding.holds(kept.trim() == "20", format!("{} of 20 commits on the standby", kept.trim()));
    finding.holds(
        promoted < Duration::from_secs(10),
        format!("promoted within {} ms", promoted.as_millis()),
    );
    Ok(finding)
}
