//! A directory that moves to PostgreSQL while it is served, and whose move is broken off.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    Line,
    embedded::{NODE, alone, settle},
};
use crate::faults::{
    Context, clock,
    cluster::Cluster,
    dice::Dice,
    ledger::Ledger,
    load::{Counts, Load, Mix},
    node::{Node, Options},
    process::Process,
    report::{Finding, Times},
    site::{Site, TENANT},
    world::{self, World},
};

/// A node that tries to serve the target of a copy.
const OTHER: &str = "other";
/// How long a source that is not killed may take until it changes the directory again.
const PATIENCE: Duration = Duration::from_secs(20);

/// All that is acknowledged in the long form is held against the target, one by one.
const MIX: Mix =
    Mix { daemons: 2, strangers: 1, users: 2, operators: 1, pause: Duration::from_millis(25) };

pub(super) const COPY: Line = Line {
    name: "storage-copy",
    promise: "a directory on SQLite moves to PostgreSQL under load; command, source or database killed at any moment: never two stores that may be served, no half copy is, the next copy begins anew, nothing acknowledged is lost",
    run: |context| Box::pin(copies(context)),
};

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Command,
    Source,
    Database,
}

const VICTIMS: [Victim; 3] = [Victim::Command, Victim::Source, Victim::Database];

/// Where an interruption left the directory.
#[derive(Debug, Default)]
struct Left {
    /// Served where it was.
    before: usize,
    /// It had moved.
    moved: usize,
    /// Neither store is served until the operator takes the old one back.
    between: usize,
    /// It had moved without something that was acknowledged before.
    lost: usize,
}

/// The source, its target, and the load.
struct Move {
    // Nodes end before the database does.
    node: Option<Node>,
    site: Site,
    world: World,
    database: Cluster,
    _folder: TempDir,
}

async fn copies(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(3, 90);
    let mut dice = Dice::new(context.seed, COPY.name);
    let folder = context.folder("postgres")?;
    let database = Cluster::primary(folder.path(), "target").await?;
    let (site, node, world) = alone(context).await?;
    let mut this = Move { node: Some(node), site, world, database, _folder: folder };
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&this.site.folder().join("acknowledged"))?);
    let load = Load::start((&this.site, &[NODE]), &this.world, MIX, (&ledger, "broken"))?;
    let mut usual = Duration::ZERO;
    let (mut left, mut back) = (Left::default(), Times::default());
    for round in 0..rounds {
        let victim = VICTIMS.get(round % VICTIMS.len()).context("a victim")?;
        // How long one takes, so that the moment falls into it.
        let begun = clock::now();
        this.rehearse().await?;
        usual = begun.elapsed();
        let moment = dice.between(Duration::ZERO, usual + usual / 4);
        this.known(round).await?;
        this.broken_off(*victim, moment).await?;
        back.push(this.look(&mut left, round).await?);
    }
    let interrupted = load.stop().await?;
    let (counts, held) = this.moves(&ledger).await?;
    let mut finding = Finding::new(format!(
        "{rounds} copies under load, each broken off at a moment drawn from the seed (in turn: SIGKILL to the command, to the source, to the database), each after a rehearsal, then one to its end; the last rehearsal took {} ms",
        usual.as_millis()
    ));
    report((&left, rounds, &back), (&interrupted, &counts), held, &mut finding);
    settle(ledger, &this.site, since, &mut finding).await?;
    Ok(finding)
}

fn report(
    (left, rounds, back): (&Left, usize, &Times),
    (interrupted, counts): (&Counts, &Counts),
    held: Duration,
    finding: &mut Finding,
) {
    finding.holds(
        left.lost == 0 && left.before + left.moved + left.between == rounds,
        format!(
            "after {rounds} interruptions: {} served where they were, {} moved, {} of them without what was acknowledged, {} times neither store was served until `behalf storage reopen`",
            left.before, left.moved, left.lost, left.between
        ),
    );
    finding.counted(format!("until the directory could be changed again: {back}"));
    finding.holds(
        interrupted.wrong() + counts.wrong() == 0,
        format!("wrong answers: {:?} {:?}", interrupted.surprises(), counts.surprises()),
    );
    finding.holds(
        counts.tokens.is_clean(),
        format!(
            "the copy that came to its end: tokens {}; users {}; changes {}; until the new store was served {} ms",
            counts.tokens,
            counts.delegated,
            counts.directory,
            held.as_millis()
        ),
    );
}

impl Move {
    fn url(&self) -> String {
        Cluster::url(&[self.database.address])
    }

    /// What a node on the target is started with.
    fn on_target(&self, data: &str) -> Options {
        Options::default()
            .with("BEHALF_STORAGE_URL", self.url())
            .with("BEHALF_DATA_DIR", self.site.data(data))
    }

    async fn rehearse(&self) -> anyhow::Result<()> {
        let mut command = self.command(&["--rehearse"]);
        let mut copy = Process::start(&mut command, Signal::KILL)?;
        let ended = copy.ended(PATIENCE).await?;
        ensure!(ended.success(), "behalf storage copy --rehearse: {ended}");
        Ok(())
    }

    fn command(&self, more: &[&str]) -> Command {
        let url = self.url();
        let arguments: Vec<&str> =
            ["storage", "copy", "--to", &url].into_iter().chain(more.iter().copied()).collect();
        let mut command = self.site.operator(NODE, &arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Has something acknowledged.
    async fn known(&self, round: usize) -> anyhow::Result<()> {
        world::make_daemon(&self.site.admin(NODE), &format!("known-{round}")).await.done()?;
        Ok(())
    }

    /// Whether the node on the target has it.
    async fn holds(&self, round: usize) -> anyhow::Result<bool> {
        let path = format!("/v1/tenants/{TENANT}/applications");
        let all = self.site.admin(OTHER).get(&path).await.done()?;
        let name = format!("known-{round}");
        Ok(all.as_array().into_iter().flatten().any(|app| app["name"] == *name))
    }

    /// Begins a copy and kills something after `moment`.
    async fn broken_off(&mut self, victim: Victim, moment: Duration) -> anyhow::Result<()> {
        let mut copy = Process::start(&mut self.command(&[]), Signal::KILL)?;
        clock::stretch(moment).await;
        match victim {
            Victim::Command => copy.kill()?,
            Victim::Source => self.node.take().context("no source")?.kill()?,
            Victim::Database => self.database.kill()?,
        }
        if matches!(victim, Victim::Database) {
            // While it is away: neither side decides for the other.
            copy.ended(PATIENCE).await?;
            self.database.start().await?;
        }
        if matches!(victim, Victim::Source) {
            copy.ended(PATIENCE).await?;
        }
        Ok(())
    }

    /// Sees which store is served and brings the directory back to the source; how long until it
    /// could be changed.
    async fn look(&mut self, left: &mut Left, round: usize) -> anyhow::Result<Duration> {
        let begun = clock::now();
        if self.node.is_none() {
            self.node = self.site.start(NODE).await.ok();
        }
        let source = self.node.is_some() && self.writes(round).await;
        let took = begun.elapsed();
        let target = self.target(left, round).await?;
        match (source, target) {
            (true, false) => left.before += 1,
            (false, true) => left.moved += 1,
            (false, false) => left.between += 1,
            (true, true) => bail!("round {round}: both stores are served"),
        }
        if source {
            return Ok(took);
        }
        self.take_back(target).await?;
        ensure!(self.writes(round).await, "the source that was taken back does not write");
        Ok(begun.elapsed())
    }

    /// Whether a node on the target serves what was copied there.
    async fn target(&self, left: &mut Left, round: usize) -> anyhow::Result<bool> {
        let node = match self.site.start_apart(OTHER, &self.on_target(OTHER)).await {
            Ok(node) => node,
            Err(refused) => {
                let refused = format!("{refused:#}");
                ensure!(refused.contains("copy"), "a half copy is refused with {refused:?}");
                return Ok(false);
            }
        };
        let tenants = self.site.admin(OTHER).get("/v1/tenants").await.done()?;
        let begun = tenants != serde_json::json!([]);
        if begun {
            left.lost += usize::from(!self.holds(round).await?);
        }
        ensure!(node.terminate().await?.success(), "the node on the target did not end in order");
        if !begun {
            // The copy was broken off before its first write: a node makes a new deployment there.
            self.empty()?;
        }
        Ok(begun)
    }

    /// An empty database in place of the target.
    fn empty(&self) -> anyhow::Result<()> {
        self.database.sql("postgres", "drop database behalf with (force)")?;
        self.database.sql("postgres", "create database behalf owner behalf")?;
        Ok(())
    }

    /// Whether the source changes the directory.
    async fn writes(&self, round: usize) -> bool {
        let (admin, mut tries) = (self.site.admin(NODE), 0);
        let written = clock::until("the source writes", Duration::from_secs(3), async || {
            tries += 1;
            let name = format!("look-{round}-{tries}");
            world::make_daemon(&admin, &name).await.done().map(Some)
        });
        written.await.is_ok()
    }

    /// Takes the source back into use. Nothing of worth was written into the target.
    async fn take_back(&mut self, target: bool) -> anyhow::Result<()> {
        if let Some(node) = self.node.take() {
            node.terminate().await?;
        }
        if self.site.start(NODE).await.is_ok() {
            bail!("a source that does not write is served again after a restart");
        }
        let (done, said) = self.site.operate(NODE, &["storage", "reopen"])?;
        ensure!(done, "behalf storage reopen: {said}");
        if target {
            self.empty()?;
        }
        self.node = Some(self.site.start(NODE).await?);
        Ok(())
    }

    /// Copies to the end under load and goes on with a node on the target; what the load counted
    /// until nothing could be written, and how long it was until the target was served.
    async fn moves(&mut self, ledger: &Arc<Ledger>) -> anyhow::Result<(Arc<Counts>, Duration)> {
        let load = Load::start((&self.site, &[NODE]), &self.world, MIX, (ledger, "whole"))?;
        clock::stretch(Duration::from_millis(500)).await;
        let url = self.url();
        let arguments = ["storage", "copy", "--to", &url];
        let (done, said) = self.site.operate(NODE, &arguments)?;
        ensure!(done, "behalf storage copy: {said}");
        let moved = clock::now();
        // Applications get their tokens from the source until it is stopped.
        clock::stretch(Duration::from_millis(500)).await;
        let counts = load.stop().await?;
        let old = self.node.take().context("no source")?;
        ensure!(old.terminate().await?.success(), "the source did not end in order");
        ensure!(self.site.start(NODE).await.is_err(), "the source is served after it moved");
        self.node = Some(self.site.start_with(NODE, &self.on_target(NODE)).await?);
        Ok((counts, moved.elapsed()))
    }
}
