//! The database of three nodes: stopped, killed, paused, cut off, failed over.

use std::time::Duration;

use super::Line;
use crate::faults::{
    Context, clock,
    cluster::{Cluster, Replication},
    dice::Dice,
    load::Mix,
    node::Options,
    nodes::Nodes,
    proxy::Mode,
    report::{Finding, Times},
};

/// Bar: how long after the database is back every node writes again.
const RECOVERY: Duration = Duration::from_secs(2);
/// The same where a primary takes connections and answers on none: two seconds until it is given up.
const GIVEN_UP: Duration = Duration::from_secs(4);

pub(super) const OUTAGES: Line = Line {
    name: "database-outages",
    promise: "PostgreSQL stopped, killed, paused, cut off: app-only tokens without one 5xx, nothing acknowledged is lost, every node writes within 2 s after it is back",
    run: |context| Box::pin(outages(context)),
};

pub(super) const FAILOVER: Line = Line {
    name: "database-failover",
    promise: "primary killed or frozen, synchronous standby promoted: app-only tokens without one 5xx, nothing acknowledged is lost, no code and no refresh token counts again, every node writes within 2 s, or 4 s where the old one must be given up first",
    run: |context| Box::pin(failover(context)),
};

/// What is done to the database.
#[derive(Debug, Clone, Copy)]
enum Outage {
    StoppedImmediately,
    StoppedFast,
    Killed,
    Paused,
    Terminated,
    WireCut,
    WireRefused,
    WireHung,
    CutInTheMiddle,
}

impl Outage {
    const ALL: [Self; 9] = [
        Self::StoppedImmediately,
        Self::StoppedFast,
        Self::Killed,
        Self::Paused,
        Self::Terminated,
        Self::WireCut,
        Self::WireRefused,
        Self::WireHung,
        Self::CutInTheMiddle,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::StoppedImmediately => "stop -m immediate, start",
            Self::StoppedFast => "stop -m fast, start",
            Self::Killed => "SIGKILL, start",
            Self::Paused => "SIGSTOP, SIGCONT",
            Self::Terminated => "pg_terminate_backend",
            Self::WireCut => "every connection cut",
            Self::WireRefused => "wire refuses, then passes",
            Self::WireHung => "wire hangs, then passes",
            Self::CutInTheMiddle => "cut after some bytes, 20 times",
        }
    }

    /// Does it; when this returns the database is back.
    async fn inflict(self, nodes: &mut Nodes, dice: &mut Dice) -> anyhow::Result<()> {
        let long = dice.between(Duration::from_millis(800), Duration::from_secs(3));
        match self {
            Self::StoppedImmediately => {
                nodes.database.stop_immediately().await?;
                clock::stretch(long).await;
                nodes.database.start().await?;
            }
            Self::StoppedFast => {
                nodes.database.stop_fast().await?;
                clock::stretch(long).await;
                nodes.database.start().await?;
            }
            Self::Killed => {
                nodes.database.kill()?;
                clock::stretch(long).await;
                nodes.database.start().await?;
            }
            Self::Paused => {
                nodes.database.pause()?;
                clock::stretch(long).await;
                nodes.database.go_on()?;
            }
            Self::Terminated => {
                nodes.database.terminate_backends()?;
            }
            Self::WireCut => nodes.proxy.cut(),
            Self::WireRefused => {
                nodes.proxy.set(Mode::Refuse);
                clock::stretch(long).await;
                nodes.proxy.set(Mode::Pass);
            }
            Self::WireHung => {
                nodes.proxy.set(Mode::Hang);
                clock::stretch(long).await;
                nodes.proxy.set(Mode::Pass);
            }
            Self::CutInTheMiddle => {
                for _ in 0..20 {
                    nodes.proxy.cut_after(1 + dice.below(3_000));
                    clock::stretch(Duration::from_millis(60)).await;
                }
                nodes.proxy.cut_after(u64::MAX);
            }
        }
        Ok(())
    }
}

async fn outages(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(1, 25);
    let mut dice = Dice::new(context.seed, OUTAGES.name);
    let mut nodes = Nodes::start(context).await?;
    let mut finding = Finding::new(format!(
        "{rounds} times each of {} outages under a mixed load on three nodes",
        Outage::ALL.len()
    ));
    for outage in Outage::ALL {
        let (mut recovery, mut tokens, mut others) = (Times::default(), true, Vec::new());
        let mut counted = String::new();
        for round in 0..rounds {
            let name = format!("{outage:?}-{round}").to_lowercase();
            let load = nodes.load(Mix::default(), &name)?;
            clock::stretch(Duration::from_millis(300)).await;
            outage.inflict(&mut nodes, &mut dice).await?;
            recovery.push(nodes.write(&format!("after-{name}")).await?);
            let counts = load.stop().await?;
            tokens &= counts.tokens.is_clean();
            others.extend(counts.surprises());
            counted = format!("{}; delegated: {}", counts.tokens, counts.delegated);
        }
        finding.holds(
            tokens && others.is_empty() && recovery.worst() <= context.allowed(RECOVERY),
            format!(
                "{}: app-only: {counted}; writes again: {recovery} {}",
                outage.title(),
                others.join("; ")
            ),
        );
    }
    nodes.settle(&mut finding).await?;
    Ok(finding)
}

async fn failover(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(2, 50);
    let mut finding = Finding::default();
    let (mut promotion, mut recovery, mut given_up) = <(Times, Times, Times)>::default();
    for round in 0..rounds {
        let frozen = round % 2 == 1;
        let folder = context.folder("failover")?;
        let primary = Cluster::primary(folder.path(), "primary").await?;
        let mut standby =
            primary.standby(folder.path(), "standby", Replication::Synchronous).await?;
        let mut nodes =
            Nodes::on(context, (folder, primary), (&[&standby], &Options::default())).await?;
        let load = nodes.load(Mix::default(), &format!("failover-{round}"))?;
        clock::stretch(Duration::from_millis(800)).await;
        // One that is frozen still takes connections, and answers on none.
        if frozen {
            nodes.database.pause()?;
        } else {
            nodes.database.kill()?;
        }
        promotion.push(standby.promote().await?);
        // Whoever was the primary is gone for good; what the nodes write, the standby has.
        standby.sql("postgres", "alter system reset synchronous_standby_names")?;
        standby.sql("postgres", "select pg_reload_conf()")?;
        let written = nodes.write(&format!("failover-{round}")).await?;
        if frozen {
            given_up.push(written);
            nodes.database.kill()?;
        } else {
            recovery.push(written);
        }
        clock::stretch(Duration::from_millis(500)).await;
        let counts = load.stop().await?;
        finding.holds(
            counts.tokens.is_clean() && counts.wrong() == 0,
            format!(
                "app-only: {}; delegated: {}; {:?}",
                counts.tokens,
                counts.delegated,
                counts.surprises()
            ),
        );
        nodes.settle_on(Some(&standby), &mut finding).await?;
        standby.stop_fast().await?;
    }
    finding.done(format!(
        "{rounds} times: SIGKILL to the primary under load, or SIGSTOP in turn, pg_promote on the synchronous standby; the nodes have both in their URL"
    ));
    finding.holds(
        recovery.worst() <= context.allowed(RECOVERY),
        format!("promoted: {promotion}; a killed one's nodes write again: {recovery}"),
    );
    finding.holds(
        given_up.worst() <= context.allowed(GIVEN_UP),
        format!("a frozen one's nodes, which must give it up first: {given_up}"),
    );
    Ok(finding)
}
