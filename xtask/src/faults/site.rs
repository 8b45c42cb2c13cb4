//! A deployment: what its nodes share, and the balancer before them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::ensure;
use serde_json::json;
use tempfile::TempDir;

use super::{
    Context,
    admin::Admin,
    balancer::Balancer,
    ledger::Credentials,
    node::{Node, Options},
    process::guarded,
    world::made,
};
use crate::client::https::Target;

/// The tenant of every deployment here.
pub(crate) const TENANT: &str = "faults.test";
/// The client id of the API that daemons call.
pub(crate) const STOCK: &str = "fa010000-0000-4000-8000-000000000003";
/// The App ID URI of the API that daemons call.
pub(crate) const RESOURCE: &str = "api://stock";
/// The app role they have.
pub(crate) const ROLE: &str = "Stock.Read.All";

/// Where the directory lies.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// In a file of the one node's own folder.
    Embedded,
    /// In the PostgreSQL at this URL.
    Postgres(String),
}

/// A deployment. Its folder goes with it.
pub(crate) struct Site {
    folder: TempDir,
    binary: PathBuf,
    storage: Storage,
    /// Before the nodes.
    pub(crate) balancer: Balancer,
    ca: Vec<u8>,
}

impl Site {
    /// `behalf init` in a new folder, for an origin that is the balancer's.
    pub(crate) async fn new(context: &Context, storage: Storage) -> anyhow::Result<Self> {
        let folder = context.folder("site")?;
        let balancer = Balancer::start().await?;
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let at = |name: &str| folder.path().join(name);
        fs::write(at("cert.pem"), certified.cert.pem())?;
        fs::write(at("key.pem"), certified.signing_key.serialize_pem())?;
        let binary = context.binary.clone();
        let ca = certified.cert.pem().into_bytes();
        let this = Self { folder, binary, storage, balancer, ca };
        let output = Command::new(&this.binary)
            .args(["init", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--public-url"])
            .arg(this.origin())
            .current_dir(this.folder())
            .stdin(Stdio::null())
            .output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "behalf init: {told}");
        Ok(this)
    }

    /// What clients call it, and what tokens carry.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.balancer.address.port())
    }

    /// Whom clients trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder().join("cert.pem")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where clients connect: at the balancer.
    pub(crate) fn target(&self) -> anyhow::Result<Target> {
        Target::new(self.balancer.address, &self.ca)
    }

    /// Where those connect who pass the balancer by.
    pub(crate) fn target_of(&self, node: &Node) -> anyhow::Result<Target> {
        Target::new(node.address, &self.ca)
    }

    /// Starts a node and puts it behind the balancer.
    pub(crate) async fn start(&self, name: &str) -> anyhow::Result<Node> {
        self.start_with(name, &Options::default()).await
    }

    /// The same, with more in its environment or around its process.
    pub(crate) async fn start_with(&self, name: &str, options: &Options) -> anyhow::Result<Node> {
        let node = Node::start((self, name), options).await?;
        self.balancer.put(name, node.address);
        Ok(node)
    }

    /// Starts a node that the balancer does not know.
    pub(crate) async fn start_apart(&self, name: &str, options: &Options) -> anyhow::Result<Node> {
        Node::start((self, name), options).await
    }

    /// What node `name` is run as.
    pub(super) fn serve(&self, name: &str, options: &Options) -> anyhow::Result<Command> {
        let data = self.data(name);
        fs::create_dir_all(&data)?;
        let mut command = options.around(&self.binary);
        command
            .args(["serve", "--config"])
            .arg(self.folder().join("behalf.toml"))
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(&data)
            .env("BEHALF_LOG_FORMAT", "json")
            .env("BEHALF_SHUTDOWN_GRACE", "5s");
        for limit in ["CLIENT", "ADDRESS", "TENANT"] {
            command.env(format!("BEHALF_LIMITS_{limit}"), "1000000");
        }
        self.store(name, &mut command);
        command.envs(options.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Runs a command of the operator beside node `name`: what it exits with, and says.
    pub(crate) fn operate(&self, name: &str, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let output = self.operator(name, arguments).output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    /// Such a command, to be started; it does not outlive us.
    pub(crate) fn operator(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = guarded("KILL", &self.binary);
        command.args(arguments).arg("--config").arg(self.folder().join("behalf.toml"));
        self.store(name, &mut command);
        command.current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    /// Names the store of node `name`.
    fn store(&self, name: &str, command: &mut Command) {
        let data = self.data(name);
        match &self.storage {
            Storage::Embedded => {
                let url = format!("sqlite://{}", data.join("behalf.db").display());
                command.env("BEHALF_STORAGE_URL", url);
            }
            Storage::Postgres(url) => {
                command.env("BEHALF_STORAGE_URL", url).env("BEHALF_DATA_DIR", &data);
            }
        }
    }

    /// Where node `name` keeps what is its own.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The operator of node `name`.
    pub(crate) fn admin(&self, name: &str) -> Admin {
        Admin::new(self.data(name).join("admin.sock"))
    }

    /// Makes the tenant and its API through node `name`; returns what the API authenticates with.
    pub(crate) async fn seed(&self, name: &str) -> anyhow::Result<Credentials> {
        let admin = self.admin(name);
        let tenant = json!({ "name": "Faults", "domains": [TENANT] });
        admin.post("/v1/tenants", &tenant).await.done()?;
        let applied = admin
            .apply(json!({
                "apiVersion": "behalf/v1",
                "tenant": TENANT,
                "apps": [{
                    "name": "stock-api",
                    "id": STOCK,
                    "uri": RESOURCE,
                    "token": { "version": 2 },
                    "offers": { "roles": { ROLE: { "for": ["app"] } } },
                    "credentials": [{ "secret": "generate", "name": "initial" }],
                }],
            }))
            .await;
        made(applied)
    }
}
