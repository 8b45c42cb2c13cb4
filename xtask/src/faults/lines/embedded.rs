//! One node on SQLite: stopped in order, and out of disk.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{Line, NotHere};
use crate::faults::{
    Context, check,
    client::{Client, client_credentials},
    clock,
    dice::Dice,
    ledger::{Ledger, Owed},
    load::{Load, Mix},
    node::Node,
    report::{Finding, Times},
    site::{Site, Storage},
    world::{self, World},
};

/// The one node.
pub(super) const NODE: &str = "n1";
/// Users of the load.
const USERS: usize = 2;

pub(super) const RESTART: Line = Line {
    name: "embedded-restart",
    promise: "SQLite, SIGTERM under load: what was decided is answered, the node ends by itself, nothing acknowledged is lost",
    run: |context| Box::pin(restart(context)),
};

pub(super) const DISK_FULL: Line = Line {
    name: "embedded-disk-full",
    promise: "SQLite, disk full: 503 with Retry-After and never anything else; passes by itself within 1 s of space; nothing acknowledged is lost, also after SIGKILL",
    run: |context| Box::pin(disk_full(context)),
};

/// One node with its tenant and its clients.
pub(super) async fn alone(context: &Context) -> anyhow::Result<(Site, Node, World)> {
    let site = Site::new(context, Storage::Embedded).await?;
    let node = site.start(NODE).await?;
    let world = World::make(&site, NODE, USERS).await?;
    Ok((site, node, world))
}

async fn restart(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(3, 50);
    let mut dice = Dice::new(context.seed, RESTART.name);
    let (site, mut node, world) = alone(context).await?;
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
    let (mut ready, mut unanswered, mut ended_badly) = (Times::default(), 0, 0);
    let mut answered = 0;
    for round in 0..rounds {
        let mix = Mix { pause: Duration::ZERO, ..Mix::default() };
        let load = Load::start((&site, &[NODE]), &world, mix, (&ledger, &round.to_string()))?;
        clock::stretch(dice.between(Duration::from_millis(300), Duration::from_millis(900))).await;
        let ended = node.terminate().await?;
        ended_badly += usize::from(!ended.success());
        let counts = load.stop().await?;
        unanswered += counts.tokens.cut() + counts.delegated.cut();
        answered += counts.tokens.answered() + counts.delegated.answered();
        ensure!(counts.wrong() == 0, "wrong answers: {:?}", counts.surprises());
        node = site.start(NODE).await?;
        ready.push(node.ready);
    }
    let mut finding = Finding::new(format!(
        "one node, {rounds} times SIGTERM under load at a moment drawn from the seed, started again each time"
    ));
    finding.holds(
        unanswered == 0,
        format!("{answered} requests answered; {unanswered} cut off in the middle of an answer"),
    );
    finding.holds(
        ended_badly == 0,
        format!("{rounds} ends, {ended_badly} with another status than 0"),
    );
    finding.counted(format!("from start to serving: {ready}"));
    settle(ledger, &site, since, &mut finding).await?;
    Ok(finding)
}

/// Closes the ledger and holds it against the node.
pub(super) async fn settle(
    ledger: Arc<Ledger>,
    site: &Site,
    since: i64,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let ledger = Arc::into_inner(ledger).context("the load still runs")?;
    let owed = Owed::of(ledger.close()?);
    check::everything((site, &[NODE]), (&owed, since), finding).await
}

/// A small disk of its own; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, megabytes: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(at)?;
        let size = format!("size={megabytes}m,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "faults"]).arg(at).output()?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
            return Err(NotHere(format!("a disk cannot be mounted ({why})")).into());
        }
        Ok(Self(at.to_owned()))
    }

    /// Leaves no byte free.
    fn fill(&self) -> anyhow::Result<()> {
        let mut filler = fs::OpenOptions::new().create(true).append(true).open(self.filler())?;
        for chunk in [1 << 16, 1 << 12, 1] {
            let chunk = vec![0; chunk];
            while filler.write_all(&chunk).is_ok() {}
        }
        Ok(())
    }

    fn free(&self) -> std::io::Result<()> {
        fs::remove_file(self.filler())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open keeps it until he closes it.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

async fn disk_full(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(2, 20);
    let mut dice = Dice::new(context.seed, DISK_FULL.name);
    let site = Site::new(context, Storage::Embedded).await?;
    let disk = Disk::mount(&site.data(NODE), 64)?;
    let mut node = site.start(NODE).await?;
    let world = World::make(&site, NODE, USERS).await?;
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
    let (mut first_token, mut first_write) = (Times::default(), Times::default());
    let (mut answered, mut shed, mut surprises) = (0, 0, Vec::new());
    for round in 0..rounds {
        let name = round.to_string();
        let load = Load::start((&site, &[NODE]), &world, Mix::default(), (&ledger, &name))?;
        clock::stretch(Duration::from_millis(400)).await;
        disk.fill()?;
        clock::stretch(dice.between(Duration::from_millis(500), Duration::from_millis(1500))).await;
        if round % 2 == 1 {
            node.kill()?;
            disk.free()?;
            load.stop().await?;
            node = site.start(NODE).await?;
            continue;
        }
        disk.free()?;
        first_token.push(token_again(&site, &world).await?);
        first_write.push(write_again(&site, &round.to_string()).await?);
        let counts = load.stop().await?;
        answered += counts.tokens.answered() + counts.delegated.answered();
        shed += counts.tokens.shed() + counts.delegated.shed() + counts.directory.shed();
        surprises.extend(counts.surprises());
    }
    let mut finding = Finding::new(format!(
        "one node on a disk of 64 MB, filled to the last byte under load {rounds} times, killed every other time while full"
    ));
    finding.holds(
        surprises.is_empty(),
        format!("{answered} requests answered, {shed} told 503, others: {surprises:?}"),
    );
    finding.holds(
        first_token.worst().max(first_write.worst()) <= context.allowed(Duration::from_secs(1)),
        format!("after space: first token {first_token}; first write {first_write}"),
    );
    settle(ledger, &site, since, &mut finding).await?;
    drop(node);
    Ok(finding)
}

/// Until an app-only token is issued.
pub(super) async fn token_again(site: &Site, world: &World) -> anyhow::Result<Duration> {
    let (mut client, form) = (Client::new(site.target()?), client_credentials(&world.daemon));
    let ((), took) = clock::until("a token is issued", Duration::from_secs(20), async || {
        Ok((client.token(&form).await?.status == 200).then_some(()))
    })
    .await?;
    Ok(took)
}

/// Until the directory can be changed.
pub(super) async fn write_again(site: &Site, round: &str) -> anyhow::Result<Duration> {
    let (admin, mut number) = (site.admin(NODE), 0);
    let (_, took) = clock::until("the directory changes", Duration::from_secs(20), async || {
        number += 1;
        let name = format!("after-{round}-{number}");
        world::make_daemon(&admin, &name).await.done().map(Some)
    })
    .await?;
    Ok(took)
}
