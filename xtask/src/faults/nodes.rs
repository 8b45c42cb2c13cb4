//! Three nodes on one PostgreSQL behind the balancer, with a faulty wire in between.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use tempfile::TempDir;

use super::{
    Context, check,
    client::{Client, client_credentials},
    clock,
    cluster::Cluster,
    ledger::{Ledger, Owed},
    load::{Load, Mix},
    node::{Node, Options},
    proxy::Proxy,
    report::Finding,
    site::{Site, Storage},
    world::{self, World},
};
use crate::client::browser::Browser;

/// Their names.
pub(crate) const NAMES: [&str; 3] = ["n1", "n2", "n3"];
/// Users of the load.
const USERS: usize = 3;
/// How long a node may take to issue a token or to write, before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// The nodes, their database and what they hold.
pub(crate) struct Nodes {
    /// Nodes end before the database does.
    pub(crate) running: Vec<Node>,
    pub(crate) site: Site,
    pub(crate) world: World,
    pub(crate) proxy: Proxy,
    pub(crate) database: Cluster,
    /// Where the database lies; goes last.
    _folder: TempDir,
    ledger: Arc<Ledger>,
    since: i64,
}

impl Nodes {
    /// Three nodes with tenant, clients and users; each has issued a token.
    pub(crate) async fn start(context: &Context) -> anyhow::Result<Self> {
        Self::with(context, &Options::default()).await
    }

    /// The same with more in the environment of each node.
    pub(crate) async fn with(context: &Context, options: &Options) -> anyhow::Result<Self> {
        let folder = context.folder("postgres")?;
        let database = Cluster::primary(folder.path(), "primary").await?;
        Self::on(context, (folder, database), (&[], options)).await
    }

    /// The same on a database that is there already, with further `hosts` for when it is gone.
    pub(crate) async fn on(
        context: &Context,
        (folder, database): (TempDir, Cluster),
        (hosts, options): (&[&Cluster], &Options),
    ) -> anyhow::Result<Self> {
        let proxy = Proxy::start(database.address).await?;
        let mut addresses = vec![proxy.address];
        addresses.extend(hosts.iter().map(|cluster| cluster.address));
        let storage = Storage::Postgres(Cluster::url(&addresses));
        let site = Site::new(context, storage).await?;
        let mut running = vec![site.start_with(NAMES[0], options).await?];
        let world = World::make(&site, NAMES[0], USERS).await?;
        for name in NAMES.iter().skip(1) {
            running.push(site.start_with(name, options).await?);
        }
        let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
        let since = clock::wall_millis();
        let this = Self { running, site, world, proxy, database, _folder: folder, ledger, since };
        this.warm().await?;
        Ok(this)
    }

    /// Lets every node issue a token, so that each knows the daemon.
    pub(crate) async fn warm(&self) -> anyhow::Result<()> {
        for node in &self.running {
            self.issues(node).await.with_context(|| format!("{} issues no token", node.name))?;
        }
        Ok(())
    }

    /// Until a node issues an app-only token; how long that took.
    pub(crate) async fn issues(&self, node: &Node) -> anyhow::Result<Duration> {
        let mut client = Client::new(self.site.target_of(node)?);
        let form = client_credentials(&self.world.daemon);
        let issued = clock::until("a token", PATIENCE, async || {
            Ok((client.token(&form).await?.status == 200).then_some(()))
        });
        Ok(issued.await?.1)
    }

    /// A browser in which the first user is signed in.
    pub(crate) async fn browser(&self) -> anyhow::Result<Browser> {
        let user = self.world.users.first().context("no user")?;
        let mut browser = Browser::new(&self.site.target()?, &self.site.origin()).await?;
        world::sign_in(&mut browser, user).await?;
        Ok(browser)
    }

    /// Until every node changes the directory again; how long the slowest took.
    pub(crate) async fn write(&self, what: &str) -> anyhow::Result<Duration> {
        let each = self.running.iter().map(async |node| {
            let (admin, mut tries) = (self.site.admin(&node.name), 0);
            let title = format!("{} writes", node.name);
            let written = clock::until(&title, PATIENCE, async || {
                tries += 1;
                let name = format!("{what}-{}-{tries}", node.name);
                world::make_daemon(&admin, &name).await.done().map(Some)
            });
            anyhow::Ok(written.await?.1)
        });
        Ok(try_join_all(each).await?.into_iter().max().unwrap_or_default())
    }

    /// A load on all of them.
    pub(crate) fn load(&self, mix: Mix, run: &str) -> anyhow::Result<Load> {
        Load::start((&self.site, &NAMES), &self.world, mix, (&self.ledger, run))
    }

    /// Starts node `index` again.
    pub(crate) async fn again(&mut self, index: usize, options: &Options) -> anyhow::Result<()> {
        let name = NAMES.get(index).context("there are three nodes")?;
        let node = self.site.start_with(name, options).await?;
        self.running.insert(index, node);
        Ok(())
    }

    /// Holds everything that was acknowledged against what is so now.
    pub(crate) async fn settle(self, finding: &mut Finding) -> anyhow::Result<()> {
        self.settle_on(None, finding).await
    }

    /// The same where another cluster has taken the database's place.
    pub(crate) async fn settle_on(
        self,
        successor: Option<&Cluster>,
        finding: &mut Finding,
    ) -> anyhow::Result<()> {
        let ledger = Arc::into_inner(self.ledger).context("the load still runs")?;
        let owed = Owed::of(ledger.close()?);
        ensure!(!owed.decided.is_empty(), "the load got no answer at all");
        let everything = (&owed, self.since);
        check::everything((&self.site, &NAMES), everything, finding).await?;
        check::shared_log(successor.unwrap_or(&self.database), finding)
    }
}
