//! TLS certificates that are replaced while requests come in, by good ones and by bad ones.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{
    Line,
    embedded::{NODE, alone},
};
use crate::{
    client::https::{Connection, Target, post},
    faults::{
        Context,
        client::client_credentials,
        clock,
        node::Node,
        report::{Finding, Times},
        site::{Site, TENANT},
    },
};

/// How often a node looks at the files.
const LOOK: Duration = Duration::from_secs(5);
/// Clients that open a connection for each request, and clients that keep theirs all the time.
const CLIENTS: (usize, usize) = (2, 2);

pub(super) const CERTIFICATE: Line = Line {
    name: "certificate",
    promise: "a TLS certificate replaced under load: no handshake and no request fails, the new one is shown within 5 s (at once on SIGHUP); in place of a bad one the old one stays, and log and metric say so",
    run: |context| Box::pin(certificate(context)),
};

/// A certificate of our own and its key.
struct Pair {
    certificate: String,
    key: String,
    der: Vec<u8>,
}

impl Pair {
    fn make() -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        Ok(Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            der: made.cert.der().to_vec(),
        })
    }

    /// Puts both files in place, as tools that renew certificates do: each whole, one after the
    /// other.
    fn put(&self, folder: &Path) -> anyhow::Result<()> {
        put(&folder.join("cert.pem"), &self.certificate)?;
        put(&folder.join("key.pem"), &self.key)
    }
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(new, path)?)
}

/// What the clients saw.
#[derive(Default)]
struct Seen {
    handshakes: AtomicU64,
    answers: AtomicU64,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Seen {
    fn failed(&self, what: &str, error: &anyhow::Error) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(format!("{what}: {error:#}"));
    }

    async fn ask(&self, connection: &mut Connection, request: &[u8]) {
        match connection.ask(request).await {
            Ok(answer) if answer.status == 200 => {
                self.answers.fetch_add(1, Ordering::SeqCst);
            }
            Ok(answer) => self.failed("a request", &anyhow::anyhow!("{}", answer.status)),
            Err(error) => self.failed("a request", &error),
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

async fn certificate(context: &Context) -> anyhow::Result<Finding> {
    let (rounds, by_itself) = context.rounds((3, 1), (60, 20));
    let (site, mut node, world) = alone(context).await?;
    let pairs = (0..=rounds).map(|_| Pair::make()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut trusted = fs::read_to_string(site.ca_file())?;
    trusted.extend(pairs.iter().map(|pair| pair.certificate.as_str()));
    let resuming = Target::new(node.address, trusted.as_bytes())?;
    let target = resuming.clone().without_resumption();
    let form = client_credentials(&world.daemon);
    let request = post(&format!("/{TENANT}/oauth2/v2.0/token"), &form);
    let (seen, mut tasks) = (Arc::new(Seen::default()), JoinSet::new());
    for _ in 0..CLIENTS.0 {
        tasks.spawn(anew(target.clone(), request.clone(), Arc::clone(&seen)));
    }
    // Sessions are resumed without a look at the certificate.
    tasks.spawn(anew(resuming, request.clone(), Arc::clone(&seen)));
    for _ in 0..CLIENTS.1 {
        tasks.spawn(kept(target.clone(), request.clone(), Arc::clone(&seen)));
    }
    let (mut polled, mut told, mut quiet) = (Times::default(), Times::default(), Vec::new());
    let mut bad = 0;
    let stranger = Pair::make()?;
    for (round, pair) in pairs.iter().enumerate() {
        let signalled = round >= by_itself;
        let times = if signalled { &mut told } else { &mut polled };
        pair.put(site.folder())?;
        times.push(shown(&mut node, &target, pair, signalled).await?);
        for (what, certificate, key) in broken(pair, &stranger) {
            bad += 1;
            let before = refused(&node).await?;
            let _ = fs::remove_file(site.folder().join("cert.pem"));
            if let Some(certificate) = certificate {
                put(&site.folder().join("cert.pem"), &certificate)?;
            }
            put(&site.folder().join("key.pem"), &key)?;
            if let Err(error) = says_so(&mut node, before).await {
                quiet.push(format!("{what}: {error:#}"));
            }
            if Connection::open(&target).await?.certificate() != Some(&pair.der) {
                quiet.push(format!("{what}: another certificate is shown"));
            }
        }
    }
    seen.stop.store(true, Ordering::SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let mut finding = Finding::new(format!(
        "{} good pairs of files put in place of the old one after the other, {by_itself} found by itself and the others on SIGHUP; {bad} bad ones after them: no PEM, empty, cut short, another key, no certificate file; {} clients with a connection for each request, one that resumes its sessions, and {} that keep their connections",
        pairs.len(),
        CLIENTS.0,
        CLIENTS.1
    ));
    report(context, (&seen, &site), (&polled, &told, &quiet), &mut finding)?;
    Ok(finding)
}

fn report(
    context: &Context,
    (seen, site): (&Seen, &Site),
    (polled, told, quiet): (&Times, &Times, &[String]),
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let failures = seen.failures.lock().unwrap_or_else(PoisonError::into_inner);
    finding.holds(
        failures.is_empty(),
        format!(
            "{} handshakes, {} tokens, {} failed {:?}",
            seen.handshakes.load(Ordering::SeqCst),
            seen.answers.load(Ordering::SeqCst),
            failures.len(),
            failures.first()
        ),
    );
    let second = context.allowed(Duration::from_secs(1));
    finding.holds(
        polled.worst() <= LOOK + second && told.worst() <= second,
        format!("until the new one was shown: by itself {polled}; on SIGHUP {told}"),
    );
    let log = fs::read_to_string(site.folder().join(format!("{NODE}.log")))?;
    let lines = log.lines().filter(|line| line.contains("certificate refused")).count();
    finding.holds(
        quiet.is_empty() && lines > 0,
        format!("bad ones not refused as they should: {quiet:?}; {lines} refusals in the log"),
    );
    Ok(())
}

/// Files that cannot be used, and why; `None` is no file.
fn broken(pair: &Pair, other: &Pair) -> [(&'static str, Option<String>, String); 5] {
    let half = |text: &str| text.get(..text.len() / 2).unwrap_or_default().to_owned();
    [
        ("no PEM", Some("to be replaced\n".to_owned()), pair.key.clone()),
        ("empty", Some(String::new()), String::new()),
        ("cut short", Some(half(&pair.certificate)), pair.key.clone()),
        ("another key", Some(pair.certificate.clone()), other.key.clone()),
        ("no certificate file", None, pair.key.clone()),
    ]
}

/// Until a new connection is shown the certificate of `pair`.
async fn shown(
    node: &mut Node,
    target: &Target,
    pair: &Pair,
    signalled: bool,
) -> anyhow::Result<Duration> {
    if signalled {
        node.signal(Signal::HUP)?;
    }
    let ((), took) = clock::until("the new certificate is shown", 4 * LOOK, async || {
        let connection = Connection::open(target).await?;
        Ok((connection.certificate() == Some(&pair.der)).then_some(()))
    })
    .await?;
    Ok(took)
}

/// How many certificates the node says it has refused.
async fn refused(node: &Node) -> anyhow::Result<f64> {
    let (_, text) = node.management("/metrics").await?;
    let line = text
        .lines()
        .find(|line| line.starts_with("behalf_tls_reloads_total{") && line.contains("\"failed\""))
        .context("no metric says how many certificates were refused")?;
    Ok(line.rsplit(' ').next().context("no value")?.parse()?)
}

/// Until the metric says that one more was refused.
async fn says_so(node: &mut Node, before: f64) -> anyhow::Result<()> {
    node.signal(Signal::HUP)?;
    clock::until("it is refused", 2 * LOOK, async || {
        Ok((refused(node).await? > before).then_some(()))
    })
    .await?;
    Ok(())
}

/// A connection for each request.
async fn anew(target: Target, request: Vec<u8>, seen: Arc<Seen>) -> anyhow::Result<()> {
    while !seen.stop.load(Ordering::SeqCst) {
        match Connection::open(&target).await {
            Ok(mut connection) => {
                seen.handshakes.fetch_add(1, Ordering::SeqCst);
                seen.ask(&mut connection, &request).await;
            }
            Err(error) => {
                seen.failed("a handshake", &error);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Ok(())
}

/// One connection for all requests, from before the first certificate to after the last.
async fn kept(target: Target, request: Vec<u8>, seen: Arc<Seen>) -> anyhow::Result<()> {
    let mut connection = Connection::open(&target).await?;
    while !seen.stop.load(Ordering::SeqCst) {
        seen.ask(&mut connection, &request).await;
    }
    Ok(())
}
