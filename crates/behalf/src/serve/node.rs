//! The serving node: opened, listening, watched, and stopped in order.

use std::{net::SocketAddr, sync::Arc};

use behalf_core::id::{AppId, TenantId};
use behalf_server::{
    admin_socket::AdminSocket,
    boot::{self, BootError, Data, Opened, Settings},
    clock::{SharedClock, SystemClock},
    config::Config,
    entropy::{SharedEntropy, SystemEntropy},
    journal,
    keys::{MasterKey, Times},
    net::{Bounds, NetError, Running, ServeOptions, serve},
    router,
    state::{ErrorPages, Lifetimes, Server},
    telemetry::Logging,
    tls::{self, Tls},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::supervisor::Supervisor;
use crate::{
    dev::world,
    failure::{Exit, Failure},
};

/// Runs the node to its end.
pub(super) fn run(config: &Config, supervisor: &Supervisor) -> anyhow::Result<()> {
    let logging = Logging::start(config.log_level, config.log_format)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (interrupt, terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let node = Node::open(config, &logging).await?;
        supervisor.ready();
        node.until_stopped((interrupt, terminate), supervisor).await
    })
}

/// What runs.
struct Node {
    opened: Arc<Opened>,
    tls: Arc<Tls>,
    public: Running,
    management: Option<Running>,
    admin: AdminSocket,
}

impl Node {
    async fn open(config: &Config, logging: &Arc<Logging>) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock::new());
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        let environment = |error: String| Failure::environment(error);
        let master =
            MasterKey::load(&config.master_key_file).map_err(|e| environment(e.to_string()))?;
        let tls = Tls::from_files(&config.tls_cert, &config.tls_key)
            .map_err(|error| environment(error.to_string()))?;
        let tls = Arc::new(tls);
        let cores = config.cores.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        // One more for the management listener.
        let opened =
            boot::open(settings(config), Arc::new(master), (clock, entropy), cores + 1).await;
        let opened = Arc::new(opened.map_err(|error| told(&error))?);
        let server = &opened.server;
        refuse_dev_world(server).await?;
        server.metrics.attach(samples(&tls, Tls::samples));
        server.metrics.attach(samples(logging, Logging::samples));
        let bounds = Bounds {
            connections: config.connections,
            grace: config.shutdown_grace,
            ..Bounds::default()
        };
        let proxies = Arc::new(config.trusted_proxies.clone());
        let options = |address, tls, cores, name| {
            let proxies = Arc::clone(&proxies);
            ServeOptions { address, tls, proxies, cores, name, bounds }
        };
        let core = |opened: &Arc<Opened>| {
            let opened = Arc::clone(opened);
            move |number| opened.core(number)
        };
        let own = core(&opened);
        let public =
            serve(&options(config.listen, Some(Arc::clone(&tls)), cores, "https"), move |number| {
                router::router(own(number))
            })
            .map_err(|error| not_listening(error, "listen"))?;
        let managed = core(&opened);
        let manage = |address: SocketAddr| {
            serve(&options(address, None, 1, "management"), move |_| {
                router::management(managed(cores))
            })
            .map_err(|error| not_listening(error, "management.listen"))
        };
        let management = config.management_listen.map(manage).transpose()?;
        let admin =
            AdminSocket::bind(&config.data_dir).map_err(|error| environment(error.to_string()))?;
        say_hello(config, server, public.address).await?;
        Ok(Self { opened, tls, public, management, admin })
    }

    async fn until_stopped(
        self,
        (mut interrupt, mut terminate): (Signal, Signal),
        supervisor: &Supervisor,
    ) -> anyhow::Result<()> {
        let server = Arc::clone(&self.opened.server);
        let outcome = tokio::select! {
            _ = interrupt.recv() => Ok("SIGINT"),
            _ = terminate.recv() => Ok("SIGTERM"),
            () = self.opened.background() => Err(anyhow::anyhow!("the background tasks ended")),
            () = Arc::clone(&self.tls).watch(tls::POLL) => Err(anyhow::anyhow!("TLS is not watched")),
            ended = self.admin.serve(server, std::future::pending()) => {
                Err(anyhow::anyhow!("the admin socket ended: {ended:?}"))
            }
            () = self.public.ended() => Ok("a listener that ended"),
        };
        if let Ok(cause) = &outcome {
            tracing::info!(cause, "stopping: requests under way may finish");
        }
        supervisor.stopping();
        self.public.shutdown();
        let public = self.public.wait();
        if let Some(management) = self.management {
            management.shutdown();
            management.wait()?;
        }
        self.opened.server.finish().await;
        public?;
        outcome.map(|_| tracing::info!("stopped"))
    }
}

fn samples<T: Send + Sync + 'static>(
    of: &Arc<T>,
    read: fn(&T) -> Vec<behalf_server::telemetry::Sample>,
) -> impl Fn() -> Vec<behalf_server::telemetry::Sample> + Send + Sync + 'static {
    let of = Arc::clone(of);
    move || read(&of)
}

/// The node that `config` describes.
pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        public_url: config.public_url.clone(),
        previous_public_urls: config.previous_public_urls.clone(),
        keeps_public_url: true,
        default_tenant: config.default_tenant.clone(),
        lifetimes: Lifetimes { base: config.token_lifetime, jitter: config.token_jitter },
        limits: config.limits,
        degraded_window: config.degraded_window,
        key_times: Times {
            rotation: config.key_rotation,
            announce: config.key_announce,
            ..Times::default()
        },
        sign_queue: config.sign_queue,
        journal: journal::Options {
            durability: config.sign_in_log_durability,
            retention: config.sign_in_log_retention,
            ..journal::Options::default()
        },
        data: Data::Folder { folder: config.data_dir.clone(), database: config.storage.clone() },
        error_pages: ErrorPages::ForAdministrators,
    }
}

/// Why nobody can connect: said of the setting that chose the address.
fn not_listening(error: NetError, setting: &str) -> anyhow::Error {
    let told = error.to_string();
    match error {
        NetError::AddressInUse(_) => Failure::environment(told)
            .fix(format!("another port as {setting}, or stop the program that has this one"))
            .into(),
        NetError::NotAllowed(_) => Failure::new(Exit::Denied, told).into(),
        NetError::Listen { .. } => Failure::environment(told)
            .fix(format!("an address of this machine as {setting}"))
            .into(),
        NetError::Thread(_) | NetError::Ended(_) | NetError::Panicked => error.into(),
    }
}

fn told(error: &BootError) -> Failure {
    Failure::environment(error.to_string())
}

/// Ids of the dev world are everybody's: whoever has one knows its secret (decisions.md 29).
async fn refuse_dev_world(server: &Server) -> anyhow::Result<()> {
    let reading = server.store.reading();
    let mut found = None;
    for tenant in world::TENANTS {
        if reading.tenant(TenantId(tenant.id)).await?.is_some() {
            found = Some(tenant.id);
        }
    }
    for app in &world::APPS {
        if reading.app_home(AppId(app.id)).await?.is_some() {
            found = Some(app.id);
        }
    }
    match found {
        None => Ok(()),
        Some(id) => Err(Failure::new(
            Exit::Denied,
            format!("the data holds {id}, which is of the dev world: its secrets are public"),
        )
        .fix("storage.url with data that behalf dev has not made")
        .into()),
    }
}

async fn say_hello(config: &Config, server: &Server, listen: SocketAddr) -> anyhow::Result<()> {
    let tenants = server.store.reading().tenants(None, 100).await?;
    let count = tenants.items.len();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        public_url = config.public_url,
        %listen,
        storage = %config.storage,
        tenants = if tenants.next.is_some() { format!("{count}+") } else { count.to_string() },
        "serving"
    );
    if count == 0 {
        tracing::info!("no tenant yet; on this machine: behalf tenant create NAME --domain DOMAIN");
    }
    Ok(())
}
