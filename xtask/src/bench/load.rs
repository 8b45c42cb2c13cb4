//! Kept-alive TLS connections that ask again as soon as they are answered.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{cpu, measure::CONNECTIONS};

/// Where to, and whom to trust.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, ca_pem: &[u8]) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem).context("the CA file")?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Arc::new(tls) })
    }
}

/// One request as bytes.
pub(crate) fn post(path: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// One request as bytes.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// An answer's status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    pub(crate) body: Vec<u8>,
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> anyhow::Result<Self> {
        Self::over(target, TcpStream::connect(target.address).await?).await
    }

    /// From a loopback address of its own, as another machine's would be.
    pub(crate) async fn open_from(target: &Target, from: Ipv4Addr) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        Self::over(target, socket.connect(target.address).await?).await
    }

    async fn over(target: &Target, tcp: TcpStream) -> anyhow::Result<Self> {
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&target.tls));
        let stream = connector.connect(ServerName::try_from("localhost")?, tcp).await?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192) })
    }

    /// Sends `request` and reads one answer with a `Content-Length`.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        Ok(self.ask_with_head(request).await?.0)
    }

    /// The same, with the status line and the headers as they came.
    pub(crate) async fn ask_with_head(&mut self, request: &[u8]) -> anyhow::Result<(Answer, &str)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "closed by the server"
            );
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let status = text.get(9..12).context("no status line")?.parse()?;
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let length: usize = header("content-length").context("no Content-Length")?.parse()?;
        let retry_after = header("retry-after").is_some();
        while self.buffer.len() < head + length {
            anyhow::ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "cut off by the server"
            );
        }
        let body = self.buffer[head..head + length].to_vec();
        Ok((Answer { status, retry_after, body }, std::str::from_utf8(&self.buffer[..head])?))
    }
}

/// What a turn of load came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Answers with the wanted status.
    pub(crate) wanted: u64,
    /// 503 with `Retry-After`.
    pub(crate) shed: u64,
    /// Anything else.
    pub(crate) other: u64,
    /// How long each took, in milliseconds, sorted.
    pub(crate) millis: Vec<f64>,
    /// How long the turn took.
    pub(crate) wall: Duration,
    /// A few of the bodies.
    pub(crate) sample: Vec<Vec<u8>>,
}

impl Tally {
    /// The slowest of the fastest `share`.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into the samples"
        )]
        let index = (self.millis.len() as f64 * share) as usize;
        self.millis.get(index.min(self.millis.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}

/// What a turn of load does.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// The status that counts as wanted.
    pub(crate) status: u16,
    /// Pause between a connection's requests.
    pub(crate) pause: Duration,
}

impl Turn {
    /// As many connections as figures are taken with, each asking again as soon as it is answered.
    pub(crate) fn steady(requests: Vec<Vec<u8>>, status: u16, time: Duration) -> Self {
        Self { requests, connections: CONNECTIONS, time, status, pause: Duration::ZERO }
    }
}

/// Runs a turn on the load's cores, on a thread of its own.
pub(crate) fn run(target: &Target, turn: &Turn) -> anyhow::Result<Tally> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                cpu::pin(cpu::load_cores())?;
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(drive(target, turn))
            })
            .join()
            .map_err(|_| anyhow::anyhow!("the load panicked"))?
    })
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
async fn drive(target: &Target, turn: &Turn) -> anyhow::Result<Tally> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut connections = Vec::new();
    for _ in 0..turn.connections {
        connections.push(Connection::open(target).await?);
    }
    // The load's core never sleeps: waking it would be an interrupt that the server's core pays
    // for, which a client on another machine does not cost.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (index, mut connection) in connections.into_iter().enumerate() {
        let stop = Arc::clone(&stop);
        let mut requests = turn.requests.clone();
        let shift = index % requests.len();
        requests.rotate_left(shift);
        let (status, pause) = (turn.status, turn.pause);
        tasks.spawn(async move {
            let mut tally = Tally::default();
            for request in requests.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let asked = Instant::now();
                let answer = connection.ask(request).await?;
                tally.millis.push(asked.elapsed().as_secs_f64() * 1e3);
                if answer.status == status {
                    tally.wanted += 1;
                    if tally.sample.is_empty() {
                        tally.sample.push(answer.body);
                    }
                } else if answer.status == 503 && answer.retry_after {
                    tally.shed += 1;
                } else {
                    tally.other += 1;
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            anyhow::Ok(tally)
        });
    }
    tokio::time::sleep(turn.time).await;
    stop.store(true, Ordering::Relaxed);
    awake.abort();
    let wall = started.elapsed();
    let mut total = Tally { wall, ..Tally::default() };
    while let Some(tally) = tasks.join_next().await {
        let tally = tally??;
        total.wanted += tally.wanted;
        total.shed += tally.shed;
        total.other += tally.other;
        total.millis.extend(tally.millis);
        total.sample.extend(tally.sample);
    }
    total.millis.sort_by(f64::total_cmp);
    Ok(total)
}
