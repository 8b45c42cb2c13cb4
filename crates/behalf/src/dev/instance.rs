//! A dev instance: a seeded node that listens, in this process.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, middleware};
use behalf_core::{tenant::TenantSegment, user::NewPassword};
use behalf_server::{
    boot::{self, Data, Opened, Settings},
    clock::SharedClock,
    database::Database,
    directory::{Directory, ObjectIds},
    entropy::SharedEntropy,
    keys::MasterKey,
    limits::LimitSettings,
    net::{Bounds, Running, ServeOptions, serve},
    router,
    state::{Core, ErrorPages, Server},
    tls::Tls,
};

use super::{
    ca::DevCa,
    data::DataFolder,
    host::{self, Numbers},
    ready::{AdminEntry, AppEntry, Ready, TenantEntry, UserEntry},
    requests,
    seed::{self, RandomPasswords, Secrets, Seed},
    world,
};
use crate::failure::Failure;

/// Threads that serve: a dev instance shares its machine with what is developed against it.
const CORES_MAX: usize = 4;
const GRACE: Duration = Duration::from_secs(2);

/// How an instance is set up.
pub(crate) struct Setup<'a> {
    /// Where it listens; the first one is its own, the second the IPv6 loopback.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The dev folder.
    pub(crate) dev_folder: &'a Path,
    /// Where it keeps its data.
    pub(crate) data: Option<&'a Path>,
    /// New secrets instead of the documented ones.
    pub(crate) random_secrets: bool,
    /// Tell of each request on standard error.
    pub(crate) tell: bool,
}

/// A running instance.
pub(crate) struct Instance {
    /// What there is to know about it.
    pub(crate) ready: Ready,
    /// The node.
    pub(crate) server: Arc<Server>,
    listeners: Vec<Running>,
    opened: Arc<Opened>,
}

impl Instance {
    /// Opens, seeds and serves. When this answers, requests are.
    pub(crate) async fn start(
        setup: &Setup<'_>,
        (clock, entropy): (SharedClock, SharedEntropy),
    ) -> anyhow::Result<Self> {
        let own = *setup.addresses.first().context("no address to listen on")?;
        let base_url = base_url(own);
        let data = setup.data.map(|path| DataFolder::open(path, &*entropy)).transpose()?;
        let (dev_folder, now) = (setup.dev_folder.to_owned(), clock.now());
        // Beside the rest: opening waits for an RSA key all the same.
        let trust = std::thread::spawn(move || Trust::prepare(&dev_folder, own.ip(), now));
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get().min(CORES_MAX));
        let (settings, master) = settings(&base_url, data, &*entropy);
        let numbers = setup.addresses.len() + 1;
        let parts = (Arc::clone(&clock), Arc::clone(&entropy));
        let opened = boot::open(settings, Arc::new(master), parts, cores + numbers).await?;
        let server = Arc::clone(&opened.server);
        let secrets = if setup.random_secrets {
            seed::random(|| behalf_server::entropy::random(&*entropy))
        } else {
            seed::documented()
        };
        let passwords = if setup.random_secrets {
            seed::random_passwords(|| behalf_server::entropy::random(&*entropy))
        } else {
            RandomPasswords::new()
        };
        seed_world(&server, (&secrets, &passwords), clock.now()).await?;
        let trust = trust.join().map_err(|_| anyhow::anyhow!("making the dev CA panicked"))??;
        let opened = Arc::new(opened);
        let numbers = if own.ip().is_loopback() { Numbers::Loopback } else { Numbers::Any };
        let public = Public { numbers, tell: setup.tell };
        let mut listeners = Vec::new();
        for (index, address) in setup.addresses.iter().enumerate() {
            // The second listener is for those who call localhost by IPv6: one core is enough.
            let (first, count) = if index == 0 { (0, cores) } else { (cores, 1) };
            let options = options(*address, Some(Arc::clone(&trust.tls)), count, "https");
            let opened = Arc::clone(&opened);
            let build = move |number| public.router(opened.core(first + number));
            listeners.push(serve(&options, build)?);
        }
        let opened_too = Arc::clone(&opened);
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let management = serve(&options(loopback, None, 1, "management"), move |_| {
            router::management(opened_too.core(cores + 1))
        })?;
        let ready = describe(&base_url, management.address, &trust, (&secrets, &passwords), setup)?;
        listeners.push(management);
        Ok(Self { ready, server, listeners, opened })
    }

    /// The directory, to add to the seeded world.
    pub(crate) fn directory(&self) -> Directory {
        directory(&self.server)
    }

    /// What goes on beside the requests; never ends.
    pub(crate) async fn background(&self) {
        self.opened.background().await;
    }

    /// Resolves when a listener has ended by itself.
    pub(crate) async fn ended(&self) {
        if let Some(first) = self.listeners.first() {
            first.ended().await;
        }
    }

    /// Finishes the requests under way, then the log.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.listeners.iter().for_each(Running::shutdown);
        for listener in self.listeners {
            listener.wait()?;
        }
        self.server.finish().await;
        Ok(())
    }
}

/// How browsers and clients call it. `localhost` where that leads to the address.
fn base_url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            "localhost".to_owned()
        }
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    match address.port() {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}

/// What makes clients trust the instance.
struct Trust {
    tls: Arc<Tls>,
    ca_file: PathBuf,
    bundle_file: PathBuf,
    daemon_file: PathBuf,
}

impl Trust {
    fn prepare(
        dev_folder: &Path,
        address: IpAddr,
        now: behalf_core::time::Timestamp,
    ) -> anyhow::Result<Self> {
        let ca = DevCa::open(dev_folder, now)?;
        let leaf = ca.leaf(address, now)?;
        let tls = Arc::new(Tls::from_der(leaf.chain, leaf.key)?);
        let daemon_file = dev_folder.join("invoice-daemon.pem");
        crate::files::replace(&daemon_file, world::INVOICE_DAEMON_PEM.as_bytes())
            .map_err(|cause| Failure::path(&daemon_file, "write", &cause))?;
        Ok(Self { tls, ca_file: ca.ca_file, bundle_file: ca.bundle_file, daemon_file })
    }
}

fn settings(
    base_url: &str,
    data: Option<DataFolder>,
    entropy: &dyn behalf_server::entropy::Entropy,
) -> (Settings, MasterKey) {
    let (data, master) = match data {
        None => (Data::Memory, MasterKey::ephemeral(entropy)),
        Some(DataFolder { path, master }) => {
            let database = Database::Sqlite(path.join("behalf.db"));
            (Data::Folder { database, folder: path }, master)
        }
    };
    // The same life for every token: what is developed against should be predictable.
    let settings = Settings {
        keeps_public_url: false,
        default_tenant: Some(TenantSegment::Id(world::ACME.id.into())),
        limits: LimitSettings::default(),
        data,
        error_pages: ErrorPages::ForEverybody,
        ..Settings::in_memory(base_url)
    };
    (settings, master)
}

/// The directory as Ada administers it, with the same ids on every machine.
fn directory(server: &Server) -> Directory {
    Directory::of(server).acted_on_by("ada@acme.test").with_object_ids(ObjectIds::Derived)
}

async fn seed_world(
    server: &Server,
    (secrets, passwords): (&Secrets, &RandomPasswords),
    now: behalf_core::time::Timestamp,
) -> anyhow::Result<()> {
    let (directory, certificate) = (&directory(server), passwords.is_empty());
    let seed = Seed { directory, now, secrets, passwords, certificate };
    seed.run().await.context("the dev world could not be seeded")
}

fn options(
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    cores: usize,
    name: &'static str,
) -> ServeOptions {
    let bounds = Bounds { grace: GRACE, ..Bounds::default() };
    ServeOptions { address, tls, proxies: Arc::default(), cores, name, bounds }
}

/// What lies around the server's own router.
#[derive(Clone, Copy)]
struct Public {
    numbers: Numbers,
    tell: bool,
}

impl Public {
    fn router(self, core: Arc<Core>) -> Router {
        let clock = Arc::clone(&core.server.clock);
        let checked = middleware::from_fn_with_state(self.numbers, host::check);
        let router = Router::new().fallback_service(router::router(core)).layer(checked);
        if self.tell {
            router.layer(middleware::from_fn_with_state(clock, requests::tell))
        } else {
            router
        }
    }
}

fn describe(
    base_url: &str,
    management: SocketAddr,
    trust: &Trust,
    (secrets, passwords): (&Secrets, &RandomPasswords),
    setup: &Setup<'_>,
) -> anyhow::Result<Ready> {
    let secret = |name: &str| secrets.get(name).map(|secret| secret.expose().to_owned());
    let app = |app: &world::App| AppEntry {
        app_id: app.id.to_string(),
        tenant: app.tenant.key.to_owned(),
        app_id_uri: app.uri.map(str::to_owned),
        secret: secret(app.name),
        certificate_file: (app.certificate && !setup.random_secrets)
            .then(|| trust.daemon_file.clone()),
    };
    let tenant = |tenant: &world::Tenant| TenantEntry {
        id: tenant.id.to_string(),
        domain: tenant.domain.to_owned(),
    };
    let documented = NewPassword::development();
    let user = |user: &world::User| UserEntry {
        name: user.name.to_owned(),
        password: passwords.get(user.key).unwrap_or(&documented).expose().to_owned(),
        id: world::object_id(user.tenant, "user", user.name).to_string(),
    };
    let visible = world::APPS.iter().filter(|app| app.id != world::ADMIN.id);
    Ok(Ready {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        base_url: base_url.to_owned(),
        management_url: format!("http://{management}"),
        ca_file: trust.ca_file.clone(),
        ca_bundle_file: trust.bundle_file.clone(),
        tenants: world::TENANTS.iter().map(|one| (one.key.to_owned(), tenant(one))).collect(),
        users: world::USERS.iter().map(|one| (one.key.to_owned(), user(one))).collect(),
        apps: visible.map(|one| (one.name.to_owned(), app(one))).collect(),
        admin: AdminEntry {
            client_id: world::ADMIN.id.to_string(),
            client_secret: secret(world::ADMIN.name).context("the admin app has a secret")?,
            resource: base_url.to_owned(),
            base_url: format!("{base_url}/v1.0"),
        },
    })
}
