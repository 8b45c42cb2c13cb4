//! A `behalf serve` of our own: its folder, its configuration, its process.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::{
    cpu,
    load::{self, Target},
};

/// The secret of every client of the bench.
pub(crate) const SECRET: &str = "Qm8tXw2-Lz9_Kd4.Rv7sJh1pNc6Ye3Bu";
/// The tenant of the bench.
pub(crate) const TENANT: &str = "bench.test";
/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A deployment on disk.
pub(crate) struct Deployment {
    folder: TempDir,
    binary: PathBuf,
    address: SocketAddr,
    management: SocketAddr,
    ca: Vec<u8>,
    /// The database, where it is not a file in the folder.
    url: Option<String>,
}

impl Deployment {
    /// `behalf init` in a new folder, with limits off and a certificate for localhost.
    pub(crate) fn new(binary: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (address, management) = (free_port()?, free_port()?);
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert, certified.cert.pem())?;
        fs::write(&key, certified.signing_key.serialize_pem())?;
        let this = Self {
            binary: binary.to_owned(),
            address,
            management,
            ca: certified.cert.pem().into_bytes(),
            folder,
            url: None,
        };
        this.command(&["init", "--public-url", &this.origin()])
            .arg("--tls-cert")
            .arg(&cert)
            .arg("--tls-key")
            .arg(&key)
            .output()
            .context("behalf init")
            .and_then(|output| succeeded(&output))?;
        Ok(this)
    }

    /// The same with its directory in the database at `url`.
    pub(crate) fn on(binary: &Path, url: &str) -> anyhow::Result<Self> {
        Ok(Self::new(binary)?.at(url))
    }

    /// Another node of this deployment, which outlives it.
    pub(crate) fn sibling(&self) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        for file in ["behalf.toml", "master.key"] {
            fs::copy(self.folder.path().join(file), folder.path().join(file))?;
        }
        Ok(Self {
            folder,
            binary: self.binary.clone(),
            address: free_port()?,
            management: free_port()?,
            ca: self.ca.clone(),
            url: self.url.clone(),
        })
    }

    /// The same deployment with its directory in the database at `url`.
    pub(crate) fn at(self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self }
    }

    /// Runs an operator's command; how long it took.
    pub(crate) fn operate(&self, arguments: &[&str]) -> anyhow::Result<Duration> {
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let begun = Instant::now();
        self.command(arguments)
            .output()
            .with_context(|| arguments.join(" "))
            .and_then(|output| succeeded(&output))?;
        Ok(begun.elapsed())
    }

    /// The folder that holds everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the store's database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data").join("behalf.db")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("BEHALF_LISTEN", self.address.to_string())
            .env("BEHALF_MANAGEMENT_LISTEN", self.management.to_string())
            .env("BEHALF_LIMITS_CLIENT", "1000000")
            .env("BEHALF_LIMITS_ADDRESS", "1000000")
            .env("BEHALF_LIMITS_TENANT", "1000000")
            .env("BEHALF_LIMITS_SIGN_QUEUE", "1s")
            .env("BEHALF_LOG_LEVEL", "warn")
            .env("BENCH_SECRET", SECRET);
        if let Some(url) = &self.url {
            let own = self.folder.path().join("data");
            command.env("BEHALF_STORAGE_URL", url).env("BEHALF_DATA_DIR", own);
        }
        command
    }

    /// Creates the tenant, an RS256 API, an ES256 API and `clients` daemons with a role.
    pub(crate) fn seed(&self, clients: usize) -> anyhow::Result<()> {
        self.command(&["tenant", "create", "Bench", "--domain", TENANT])
            .output()
            .context("behalf tenant create")
            .and_then(|output| succeeded(&output))?;
        let mut manifest = format!(
            "apiVersion: behalf/v1\ntenant: {TENANT}\napps:\n\
             \x20 - {{ name: api, uri: 'api://bench', token: {{ version: 2 }}, offers: {{ roles: {{ Read.All: {{ for: [app] }} }} }} }}\n\
             \x20 - {{ name: es-api, uri: 'api://bench-es', token: {{ version: 2, alg: ES256 }}, offers: {{ roles: {{ Read.All: {{ for: [app] }} }} }} }}\n"
        );
        let mut names = Vec::new();
        for index in 0..clients {
            writeln!(
                manifest,
                "  - {{ name: client-{index}, id: {}, calls: {{ api: {{ as-app: [Read.All] }}, es-api: {{ as-app: [Read.All] }} }}, credentials: [{{ secret: {{ from-env: BENCH_SECRET }}, name: bench, expires: 30d }}] }}",
                client_id(index)
            )?;
            names.push(format!("client-{index}"));
        }
        writeln!(manifest, "grants: {{ admin-consent: [{}] }}", names.join(", "))?;
        self.apply(&manifest)
    }

    /// Makes the tenant hold what `manifest` says.
    pub(crate) fn apply(&self, manifest: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join("bench.yaml");
        fs::write(&path, manifest)?;
        self.command(&["apply", "-f"])
            .arg(&path)
            .output()
            .context("behalf apply")
            .and_then(|output| succeeded(&output))
    }

    /// What clients call it.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Starts the server pinned to its core. `extra` is added to its environment.
    pub(crate) fn start(&self, extra: &[(&str, &str)]) -> anyhow::Result<Running<'_>> {
        let plain = self.command(&["serve", "--config", "behalf.toml"]);
        let mut command = Command::new("taskset");
        command.arg("-c").arg(cpu::SERVER_CORE.to_string()).arg(plain.get_program());
        command.args(plain.get_args()).current_dir(self.folder.path());
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.envs(extra.iter().copied());
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let started = Instant::now();
        let log = fs::File::create(self.folder.path().join("serve.log"))?;
        let child = command
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()
            .context("behalf serve (is util-linux's taskset installed?)")?;
        let target = Target::new(self.address, &self.ca)?;
        let mut running =
            Running { child, target, deployment: self, to_first_token: Duration::ZERO };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let form = form_of(0, "api://bench");
        let request = load::post(&token_path(), &form);
        loop {
            let answer = runtime.block_on(async {
                load::Connection::open(&running.target).await?.ask(&request).await
            });
            if answer.is_ok_and(|a| a.status == 200) {
                running.to_first_token = started.elapsed();
                return Ok(running);
            }
            if let Some(status) = running.child.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("serve.log"))?;
                anyhow::bail!("behalf serve ended with {status}: {log}");
            }
            ensure!(started.elapsed() < PATIENCE, "behalf serve gave no token within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A running server; stopped when dropped.
pub(crate) struct Running<'a> {
    child: Child,
    pub(crate) target: Target,
    /// From exec to the first token.
    pub(crate) to_first_token: Duration,
    /// Its folder must outlive it.
    deployment: &'a Deployment,
}

impl Running<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sum of a series of `/metrics` over its labels; zero when it is absent.
    pub(crate) fn metric(&self, series: &str) -> anyhow::Result<f64> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.deployment.management)?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text
            .lines()
            .filter(|line| {
                line.strip_prefix(series).is_some_and(|rest| rest.starts_with([' ', '{']))
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // SIGTERM lets it close its files; a process that does not end is killed.
        let asked = Command::new("kill").arg(&pid).status();
        for _ in 0..500 {
            if asked.is_err() || !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The application id of client number `index`.
pub(crate) fn client_id(index: usize) -> String {
    format!("bec00000-0000-4000-8000-{index:012x}")
}

/// The v2 token endpoint.
pub(crate) fn token_path() -> String {
    format!("/{TENANT}/oauth2/v2.0/token")
}

/// A good request of client `index` for `resource`.
pub(crate) fn form_of(index: usize, resource: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id={}&client_secret={SECRET}&scope={resource}%2F.default",
        client_id(index)
    )
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn succeeded(output: &std::process::Output) -> anyhow::Result<()> {
    ensure!(
        output.status.success(),
        "{}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
