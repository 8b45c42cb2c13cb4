//! The way to the server that an administrative command means: its admin socket; where no server
//! runs, the data itself, opened under its lock for as long as the command takes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use behalf_server::{
    admin_socket::AdminSocket,
    boot,
    clock::{SharedClock, SystemClock},
    config::Config,
    entropy::{SharedEntropy, SystemEntropy},
    keys::MasterKey,
};
use http::StatusCode;

use crate::{
    admin::{Admin, AdminError},
    dev::instances,
    environment::Environment,
    failure::{Exit, Failure},
    serve,
    target::ServerArgs,
};

/// Which server.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DoorArgs {
    /// The configuration of a behalf serve; else behalf.toml of this folder
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    /// A dev instance.
    #[command(flatten)]
    server: ServerArgs,
}

/// Which server is asked, and how its answer is printed.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct AskArgs {
    /// Print JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

impl AskArgs {
    /// Whether the answer is for a program.
    pub(crate) const fn as_json(&self) -> bool {
        self.output.is_some()
    }
}

/// A server to talk to.
pub(crate) struct Door {
    /// Its socket.
    pub(crate) admin: Admin,
    /// What people call it.
    pub(crate) named: String,
    /// The file of its master key, where its configuration says so.
    pub(crate) master_key_file: Option<PathBuf>,
    // The data, where no server had it open.
    opened: Option<Opened>,
}

/// The data, opened by this process, with a socket of its own.
struct Opened {
    node: boot::Opened,
    socket: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Door {
    /// `--config`; `--server` or `BEHALF_URL`; `behalf.toml` here, or `BEHALF_STORAGE_URL`; else the
    /// dev instance that runs.
    pub(crate) async fn open(args: &DoorArgs, environment: &Environment) -> anyhow::Result<Self> {
        let named = args.server.server.is_some() || environment.text("BEHALF_URL")?.is_some();
        let here = Path::new(serve::DEFAULT_FILE).exists()
            || environment.text("BEHALF_STORAGE_URL")?.is_some();
        if args.config.is_some() || (!named && here) {
            let config = serve::load_for_data(args.config.as_deref())?;
            return Self::to_data(&config).await;
        }
        let target = crate::target::Target::resolve(&args.server, environment)?;
        let folder = instances::folder_of(environment, target.instance()?);
        let folder = folder.ok_or_else(|| Failure::environment("the dev folder is gone"))?;
        let named = format!("the dev instance {}", target.base_url);
        Ok(Self { admin: Admin::of(&folder), named, master_key_file: None, opened: None })
    }

    async fn to_data(config: &Config) -> anyhow::Result<Self> {
        let folder = &*config.data_dir;
        let admin = Admin::of(folder);
        let named = format!("the directory in {}", folder.display());
        let master_key_file = Some(config.master_key_file.clone());
        if admin.is_up().await.map_err(|error| failure(&error))? {
            return Ok(Self { admin, named, master_key_file, opened: None });
        }
        let environment = |error: String| Failure::environment(error);
        let master =
            MasterKey::load(&config.master_key_file).map_err(|e| environment(e.to_string()))?;
        let clock: SharedClock = Arc::new(SystemClock::new());
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        let settings = serve::settings(config);
        let node = boot::open(settings, Arc::new(master), (clock, entropy), 1).await;
        let node = node.map_err(|error| environment(error.to_string()))?;
        let socket = AdminSocket::bind(folder).map_err(|e| environment(e.to_string()))?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = socket.serve(Arc::clone(&node.server), async {
            // A sender that is gone says the same.
            let _ = stopped.await;
        });
        let socket = tokio::spawn(serving);
        Ok(Self { admin, named, master_key_file, opened: Some(Opened { node, socket, stop }) })
    }

    /// Closes what was opened.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Some(Opened { node, socket, stop }) = self.opened {
            // The other end is gone only if the socket is.
            let _ = stop.send(());
            socket.await??;
            node.server.journal.close();
        }
        Ok(())
    }
}

/// The exit code of an administrator's refusal.
pub(crate) fn failure(error: &AdminError) -> Failure {
    let exit = match error {
        AdminError::NoServer { .. } => Exit::Environment,
        AdminError::Denied { .. } => Exit::Denied,
        AdminError::Broken(_) => Exit::Failed,
        AdminError::Refused { status, .. } => match *status {
            StatusCode::BAD_REQUEST => Exit::Usage,
            StatusCode::NOT_FOUND => Exit::NotFound,
            _ => Exit::Failed,
        },
    };
    Failure::new(exit, error.to_string())
}
