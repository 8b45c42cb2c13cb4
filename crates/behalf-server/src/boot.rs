//! Putting a node together: store, keys, journal, limits, and a [`Core`] for each core.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use behalf_core::{
    tenant::TenantSegment,
    time::{CLOCK_SKEW, Timestamp, written},
};
use behalf_protocol::discovery::{Authority, NotAnAuthority};
use behalf_store::{Backend, Lock, LockError, Store, sqlite};

use crate::{
    backup,
    clock::SharedClock,
    database::{Database, OpenError},
    deployment,
    device_grants::DeviceGrants,
    discovery::Metadata,
    entropy::{Entropy, SharedEntropy},
    facts::Facts,
    history::{Ended, HistoryError, Watch},
    jobs,
    journal::{self, Backlog, Destination, Durability, Journal, SealKey, Tallies},
    keys::{self, EarlyKey, KeyRing, MasterKey, SealKeys, SealParts, Signer, secrets},
    limits::{LimitSettings, Limits},
    session::{Authentication, AuthenticationError},
    state::{Core, ErrorPages, Lifetimes, Server},
    telemetry::Metrics,
    tickets::Tickets,
};

/// Everything a node is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The origin clients use: `https://host[:port]`.
    pub public_url: String,
    /// Former ones, whose issuers and audiences still count.
    pub previous_public_urls: Vec<String>,
    /// Whether the data is to be served under this URL from now on, by every node. A development
    /// instance has another port each time.
    pub keeps_public_url: bool,
    /// What the tenant name `adfs` stands for.
    pub default_tenant: Option<TenantSegment>,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// How long the database may be away before nothing is issued any more; zero: not at all.
    pub degraded_window: Duration,
    /// Rate limits.
    pub limits: LimitSettings,
    /// When keys are announced and rotated.
    pub key_times: keys::Times,
    /// Most signing time that may wait at one core.
    pub sign_queue: Duration,
    /// How the sign-in log is kept.
    pub journal: journal::Options,
    /// Where the data lies.
    pub data: Data,
    /// Who may read on an error page what happened.
    pub error_pages: ErrorPages,
}

impl Settings {
    /// A node at `public_url` that keeps everything in memory and holds nobody back, with what else
    /// is usual; tokens live for an hour, each as long as the other. For whoever embeds a node, and
    /// to go on from.
    pub fn in_memory(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            previous_public_urls: Vec::new(),
            keeps_public_url: true,
            default_tenant: None,
            lifetimes: Lifetimes { base: Duration::from_hours(1), jitter: Duration::ZERO },
            degraded_window: Duration::from_mins(15),
            limits: LimitSettings::UNLIMITED,
            key_times: keys::Times::default(),
            sign_queue: keys::QUEUE_DEFAULT,
            journal: journal::Options::default(),
            data: Data::Memory,
            error_pages: ErrorPages::default(),
        }
    }
}

/// Where the data lies.
#[derive(Debug, Clone)]
pub enum Data {
    /// In memory: forgotten with the process.
    Memory,
    /// In a folder and a database, which may be a file in it.
    Folder {
        /// The node's own: journal, admin socket.
        folder: PathBuf,
        /// The directory.
        database: Database,
    },
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The public URL.
    #[error("the public URL {0:?} is {1}")]
    PublicUrl(String, NotAnAuthority),
    /// Other nodes have another.
    #[error(transparent)]
    AnotherPublicUrl(#[from] deployment::PublicUrlError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It was not written to the end.
    #[error(transparent)]
    Unfinished(#[from] backup::Unfinished),
    /// Another process has the node's folder.
    #[error(
        "{} is {cause}: give each server a data_dir of its own, or talk to that one through its admin socket",
        folder.display()
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What is in the way.
        cause: LockError,
    },
    /// The store again.
    #[error(transparent)]
    Read(#[from] behalf_store::ReadError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] keys::RingError),
    /// The sealing key of tickets.
    #[error(transparent)]
    Seal(#[from] keys::EpochError),
    /// Whether the database still has what it acknowledged.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The pepper, the pairwise key or the journal's seal.
    #[error(transparent)]
    Secret(#[from] secrets::SecretError),
    /// What users sign in with.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// The sign-in log.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The node's own id.
    #[error(transparent)]
    Node(#[from] journal::NodeIdError),
    /// Answers are to wait for what is not there.
    #[error(
        "sign_in_log.durability is before-answer-shared, but the storage is not shared by nodes; use before-answer, which waits for this node's disk"
    )]
    NothingShared,
    /// The clock is wrong, so every expiry would be (decisions.md 4).
    #[error(
        "the clock says {now}, but the sign-in log's newest event is of {newest}; set the clock (NTP), or move the journal away if that one was wrong"
    )]
    ClockBehind {
        /// What the clock says.
        now: String,
        /// The newest event.
        newest: String,
    },
}

/// A node that is ready to be given to its cores.
#[derive(Debug)]
pub struct Opened {
    /// The node.
    pub server: Arc<Server>,
    backlog: Arc<Backlog>,
    sign_queue: Duration,
    // Last: the folder is let go when nothing writes into it any more.
    _lock: Option<Lock>,
}

/// Opens the data and makes what is missing: keys and secrets at the first start.
pub async fn open(
    settings: Settings,
    master: Arc<MasterKey>,
    edge: (SharedClock, SharedEntropy),
    cores: usize,
) -> Result<Opened, BootError> {
    let early = first_start(&settings.data).then(EarlyKey::begin);
    let backend: Arc<dyn Backend> = match &settings.data {
        Data::Memory => Arc::new(sqlite::Sqlite::in_memory().map_err(OpenError::from)?),
        Data::Folder { database, .. } => database.open().await?,
    };
    assemble((backend, early), settings, master, edge, cores).await
}

/// The same on a database that is open already; `settings.data` says where the rest lies.
pub async fn open_on(
    backend: Arc<dyn Backend>,
    settings: Settings,
    master: Arc<MasterKey>,
    edge: (SharedClock, SharedEntropy),
    cores: usize,
) -> Result<Opened, BootError> {
    assemble((backend, None), settings, master, edge, cores).await
}

async fn assemble(
    (backend, early): (Arc<dyn Backend>, Option<EarlyKey>),
    settings: Settings,
    master: Arc<MasterKey>,
    (clock, entropy): (SharedClock, SharedEntropy),
    cores: usize,
) -> Result<Opened, BootError> {
    let authority = Authority::parse(&settings.public_url)
        .map_err(|error| BootError::PublicUrl(settings.public_url.clone(), error))?;
    let backlog = Backlog::new(cores);
    let lock = lock_folder(&settings.data)?;
    let store = Store::open(backend).await?;
    backup::refuse_unfinished(&store).await??;
    let ended = Arc::new(Ended::default());
    ended.raise(backup::last_restore(&store).await?);
    let seal = secrets::journal_seal(&store, &master, &*entropy).await?;
    let journal = open_journal(&settings, &store, seal, (&clock, &backlog))?;
    let shipping = shipping(&settings, &store, &journal, &*entropy)?;
    check_clock(clock.now(), journal.newest_at_start())?;
    let pepper = secrets::pepper(&store, &master, &*entropy).await?;
    let pairwise = secrets::pairwise(&store, &master, &*entropy).await?;
    let seals = SealParts {
        store: store.clone(),
        master: Arc::clone(&master),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    Watch::new(Arc::clone(&ended)).first_look(&seals).await?;
    let seals = SealKeys::open(seals).await?;
    let public_url = authority.as_str().to_owned();
    let mut addressees = vec![public_url.clone()];
    addressees.extend(settings.previous_public_urls.iter().map(|url| origin(url)));
    if settings.keeps_public_url {
        deployment::agree(&store, &public_url, &addressees).await?;
    }
    let parts = keys::Parts {
        store: store.clone(),
        master: Arc::clone(&master),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        times: keys::Times { heard: keys::heard(&store), ..settings.key_times },
        public_url: public_url.clone(),
    };
    let keys = KeyRing::open(parts, early).await?;
    let authentication =
        Authentication::open(&store, Arc::clone(&master), &*entropy, cores).await?;
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let server = Server {
        facts: Facts::new(
            store.clone(),
            public_url.clone(),
            settings.default_tenant,
            Arc::clone(&metrics),
        ),
        public_url,
        tickets: Tickets::new(seals, store.clone(), Arc::clone(&entropy)),
        device_grants: DeviceGrants::new(store.clone(), Arc::clone(&entropy), Arc::clone(&ended)),
        authentication,
        addressees,
        metadata: Metadata::new(authority),
        limits: Limits::new(&settings.limits, &*entropy),
        clock,
        entropy,
        store,
        ended,
        master,
        keys,
        pepper: Arc::new(pepper),
        pairwise: Arc::new(pairwise),
        journal,
        shipping,
        tallies: Tallies::default(),
        metrics,
        lifetimes: settings.lifetimes,
        degraded_window: settings.degraded_window,
        error_pages: settings.error_pages,
    };
    let server = Arc::new(server);
    crate::metrics::attach(&server);
    Ok(Opened { server, backlog, sign_queue: settings.sign_queue, _lock: lock })
}

/// Whether there is nothing yet, so that a key must be made before anything can be signed. Of a
/// database on another machine it is not known yet.
fn first_start(data: &Data) -> bool {
    match data {
        Data::Memory => true,
        Data::Folder { database, .. } => database.file().is_some_and(|path| !path.exists()),
    }
}

/// Makes the node's folder, for this user alone, and keeps other processes out of it.
fn lock_folder(data: &Data) -> Result<Option<Lock>, BootError> {
    let Data::Folder { folder, .. } = data else { return Ok(None) };
    let refused = |cause| BootError::Folder { folder: folder.clone(), cause };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| refused(LockError::Io { path: folder.clone(), source }))?;
    Lock::take(&folder.join("node")).map(Some).map_err(refused)
}

fn origin(url: &str) -> String {
    url.trim_end_matches('/').to_ascii_lowercase()
}

impl Opened {
    /// What goes on beside the requests; to be spawned once, on any runtime.
    pub async fn background(&self) {
        jobs::run(Arc::clone(&self.server)).await;
    }

    /// The share of core number `index`. To be called on that core's runtime: it starts the core's
    /// signer there.
    pub fn core(&self, index: usize) -> Arc<Core> {
        let signer = Signer::new(
            index,
            self.sign_queue,
            Arc::clone(&self.backlog),
            Arc::clone(&self.server.clock),
        );
        tokio::spawn(signer.clone().run());
        Arc::new(Core::new(Arc::clone(&self.server), signer))
    }
}

fn open_journal(
    settings: &Settings,
    store: &Store,
    seal: SealKey,
    (clock, backlog): (&SharedClock, &Arc<Backlog>),
) -> Result<Journal, BootError> {
    let shared = store.shared_log().is_some();
    if !shared && settings.journal.durability == Durability::BeforeAnswerShared {
        return Err(BootError::NothingShared);
    }
    let options = journal::Options { shared, ..settings.journal.clone() };
    let (clock, backlog) = (Arc::clone(clock), Arc::clone(backlog));
    Ok(match &settings.data {
        Data::Memory => Journal::in_memory(&options, clock, backlog)?,
        Data::Folder { folder, .. } => {
            Journal::open(&journal_folder(folder), seal, &options, clock, backlog)?
        }
    })
}

/// Where the sign-in log goes from here, if nodes share one.
fn shipping(
    settings: &Settings,
    store: &Store,
    journal: &Journal,
    entropy: &dyn Entropy,
) -> Result<Option<Destination>, journal::NodeIdError> {
    let (Some(log), Data::Folder { folder, .. }) = (store.shared_log(), &settings.data) else {
        return Ok(None);
    };
    Ok(Some(Destination { log, node: journal.node_id(folder, entropy)? }))
}

/// Where the sign-in log of a data folder lies.
pub fn journal_folder(data: &Path) -> PathBuf {
    data.join("journal")
}

fn check_clock(now: Timestamp, newest: Option<Timestamp>) -> Result<(), BootError> {
    match newest {
        Some(newest) if now.plus(CLOCK_SKEW) < newest => Err(BootError::ClockBehind {
            now: written(now.unix_seconds()),
            newest: written(newest.unix_seconds()),
        }),
        _ => Ok(()),
    }
}
