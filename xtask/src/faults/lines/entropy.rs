//! A kernel that gives no random bytes, at the start and while a node serves.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::{
    Line,
    embedded::{NODE, alone, settle},
    failing_calls::available,
};
use crate::faults::{
    Context,
    client::{Client, client_credentials},
    clock,
    ledger::Ledger,
    load::{Load, Mix},
    node::{Node, Options},
    process::{Process, guarded},
    report::Finding,
    site::Site,
    world::World,
};

/// How long a load may take to ask for more random bytes than a node has.
const ASKED: Duration = Duration::from_secs(20);
/// Tokens that are compared with each other.
const TOKENS: usize = 50;

pub(super) const ENTROPY: Line = Line {
    name: "entropy",
    promise: "the kernel gives no random bytes: a node does not start, or ends when it needs some, and says why; it never goes on with weaker ones. Interrupted calls change nothing",
    run: |context| Box::pin(entropy(context)),
};

/// How the kernel fails.
struct Case {
    what: &'static str,
    /// What every call, or every other one, is answered with.
    inject: &'static str,
    /// What lies in the place of `/dev/urandom`.
    device: Option<&'static str>,
    /// Whether there is another good source left.
    serves: bool,
}

const CASES: [Case; 5] = [
    Case {
        what: "every other getrandom EINTR",
        inject: "getrandom:error=EINTR:when=1+2",
        device: None,
        serves: true,
    },
    Case { what: "getrandom EIO", inject: "getrandom:error=EIO", device: None, serves: false },
    Case {
        what: "getrandom ENOSYS, /dev/urandom there",
        inject: "getrandom:error=ENOSYS",
        device: None,
        serves: true,
    },
    Case {
        what: "getrandom ENOSYS, /dev/urandom empty",
        inject: "getrandom:error=ENOSYS",
        device: Some("/dev/null"),
        serves: false,
    },
    Case {
        what: "getrandom ENOSYS, /dev/urandom all zeros",
        inject: "getrandom:error=ENOSYS",
        device: Some("/dev/zero"),
        serves: false,
    },
];

impl Case {
    /// The programs that run a node so.
    fn around(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(device) = self.device {
            let script = format!("mount --bind {device} /dev/urandom && exec \"$@\"");
            words.extend(["unshare", "--mount", "sh", "-c", &script, "sh"].map(str::to_owned));
        }
        let inject = format!("inject={}", self.inject);
        let strace = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"];
        words.extend(strace.map(str::to_owned));
        words.extend(["-e", "trace=getrandom", "-e", &inject].map(str::to_owned));
        words
    }

    /// Whether such a place can be made on this machine.
    fn is_possible(&self) -> bool {
        let Some(device) = self.device else { return true };
        let script = format!("mount --bind {device} /dev/urandom");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

async fn entropy(context: &Context) -> anyhow::Result<Finding> {
    available()?;
    let rounds = context.rounds(1, 30);
    let (site, node, world) = alone(context).await?;
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
    node.terminate().await?;
    let (mut tried, mut wrong) = (Vec::new(), Vec::new());
    for case in CASES.iter().filter(|case| case.is_possible()) {
        tried.push(case.what);
        if let Err(error) = start(&site, &world, case).await {
            wrong.push(format!("{}: {error:#}", case.what));
        }
    }
    let mut ended = 0;
    for round in 0..rounds {
        match serving((&site, &world), (&ledger, round)).await {
            Ok(()) => ended += 1,
            Err(error) => wrong.push(format!("while it serves: {error:#}")),
        }
    }
    let node = site.start(NODE).await.context("the node starts afterwards")?;
    let mut finding = Finding::new(format!(
        "a node started with {}; {rounds} times getrandom EIO from the moment at which it serves, then a load",
        tried.join(", ")
    ));
    finding.holds(
        wrong.is_empty(),
        format!(
            "{} starts and {ended} ends as promised, {} otherwise {:?}",
            tried.len(),
            wrong.len(),
            wrong.first()
        ),
    );
    settle(ledger, &site, since, &mut finding).await?;
    drop(node);
    Ok(finding)
}

/// Starts a node so; what it does otherwise than it should is an error.
async fn start(site: &Site, world: &World, case: &Case) -> anyhow::Result<()> {
    let words = case.around();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let started = site.start_with(NODE, &Options::default().through(&words)).await;
    match started {
        Ok(node) => {
            ensure!(case.serves, "it serves");
            distinct(site, &node, world).await?;
            ensure!(node.terminate().await?.success(), "it did not end in order");
        }
        Err(refused) => {
            let told = format!("{refused:#}");
            ensure!(!case.serves, "it does not start: {told}");
            says_why(&told)?;
        }
    }
    Ok(())
}

fn says_why(told: &str) -> anyhow::Result<()> {
    let says = told.contains("random") || told.contains("entropy");
    ensure!(says, "it ends and says {told:?}");
    Ok(())
}

/// Tokens that a node issues are not alike.
async fn distinct(site: &Site, node: &Node, world: &World) -> anyhow::Result<()> {
    let (mut client, mut seen) = (Client::new(site.target_of(node)?), HashSet::new());
    for _ in 0..TOKENS {
        let answer = client.token(&client_credentials(&world.daemon)).await?;
        let token = answer.text("access_token").context("no token")?;
        let claims = token.split('.').nth(1).context("no JWT")?;
        let claims: Value = serde_json::from_slice(&behalf_jose::base64url::decode(claims)?)?;
        let unique = claims["uti"].as_str().context("no uti")?.to_owned();
        ensure!(seen.insert(unique), "two tokens have one uti");
    }
    Ok(())
}

/// Takes the random bytes away from a node that serves, and waits for its end. What its generators
/// were seeded with before stays good until they ask for more, so this is before the first request.
async fn serving(
    (site, world): (&Site, &World),
    (ledger, round): (&Arc<Ledger>, usize),
) -> anyhow::Result<()> {
    let log = site.folder().join(format!("{NODE}.log"));
    let before = fs::metadata(&log)?.len();
    let mut node = site.start(NODE).await?;
    let id = node.id();
    let mut command = guarded("TERM", Path::new("strace"));
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=getrandom"]);
    command.args(["-e", "inject=getrandom:error=EIO", "-p", &id.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failing = Process::start(&mut command, Signal::TERM)?;
    clock::until("the calls are caught", ASKED, async || {
        let threads = fs::read_dir(format!("/proc/{id}/task"))?;
        for thread in threads {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            if status.contains("TracerPid:\t0\n") {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    let load = Load::start((site, &[NODE]), world, Mix::default(), (ledger, &round.to_string()))?;
    let ended = clock::until("it ends", ASKED, async || Ok((!node.runs()).then_some(()))).await;
    let counts = load.stop().await?;
    drop(failing);
    ended?;
    ensure!(counts.wrong() == 0, "wrong answers: {:?}", counts.surprises());
    let told = fs::read(&log)?;
    let told = told.get(usize::try_from(before)?..).unwrap_or_default();
    says_why(&String::from_utf8_lossy(told))
}
