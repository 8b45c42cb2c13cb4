//! One `behalf serve`.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    balancer::free_address,
    clock,
    process::{Process, guarded},
    site::Site,
};

/// How long a start may take before it counts as failed.
const START: Duration = Duration::from_secs(30);
/// How long an orderly end may take.
const END: Duration = Duration::from_secs(20);

/// What is special about a node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// More for its environment.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Programs that run it, such as `prlimit --nofile=64`.
    pub(crate) through: Vec<String>,
    /// The program, where it is not the one that is tried.
    pub(crate) program: Option<PathBuf>,
}

impl Options {
    /// With one more variable.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// A node of another version.
    pub(crate) fn of(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// Run by these.
    pub(crate) fn through(mut self, command: &[&str]) -> Self {
        self.through.extend(command.iter().map(|&word| word.to_owned()));
        self
    }

    pub(super) fn around(&self, binary: &Path) -> Command {
        let binary = self.program.as_deref().unwrap_or(binary);
        match self.through.split_first() {
            None => guarded("KILL", binary),
            Some((first, rest)) => {
                let mut command = guarded("KILL", Path::new(first));
                command.args(rest).arg(binary);
                command
            }
        }
    }
}

/// A node; ended when dropped.
pub(crate) struct Node {
    pub(crate) name: String,
    /// Where it accepts clients.
    pub(crate) address: SocketAddr,
    management: SocketAddr,
    /// From its start until it said that it serves.
    pub(crate) ready: Duration,
    process: Process,
    muted: Arc<AtomicBool>,
}

impl Node {
    /// A port that was free a moment ago may be somebody's by now: then another one is tried.
    pub(super) async fn start(place: (&Site, &str), options: &Options) -> anyhow::Result<Self> {
        for _ in 0..3 {
            match Self::try_to_start(place, options).await {
                Err(error) if format!("{error:#}").contains("is in use on") => {}
                started => return started,
            }
        }
        Self::try_to_start(place, options).await
    }

    async fn try_to_start((site, name): (&Site, &str), options: &Options) -> anyhow::Result<Self> {
        let management = free_address()?;
        let begun = clock::now();
        let mut command = site.serve(name, options)?;
        command.args(["--management-listen", &management.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start(&mut command, Signal::TERM)?;
        let (out, err) = (process.child().stdout.take(), process.child().stderr.take());
        let (out, err) = out.zip(err).context("a process without output")?;
        let log = site.folder().join(format!("{name}.log"));
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut errors = log.try_clone()?;
        let muted = Arc::new(AtomicBool::new(false));
        let (told, lines) = mpsc::channel();
        let deaf = Arc::clone(&muted);
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                drop(writeln!(log, "{line}"));
                if line.contains("\"serving\"") {
                    drop(told.send(line));
                }
                while deaf.load(Ordering::SeqCst) {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            }
        });
        let complaint = std::thread::spawn(move || {
            let mut last = String::new();
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                drop(writeln!(errors, "{line}"));
                last.push_str(&line);
                last.push('\n');
            }
            last
        });
        let what = format!("{name} serves");
        let served = clock::until(&what, START, async || match lines.try_recv() {
            Ok(line) => Ok(Some(line)),
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(mpsc::TryRecvError::Disconnected) => Ok(Some(String::new())),
        });
        let (line, _) = served.await?;
        if line.is_empty() {
            let said = complaint.join().unwrap_or_default();
            bail!("{name} does not start: {}", said.trim());
        }
        let (address, ready) = (listens(&line)?, begun.elapsed());
        Ok(Self { name: name.to_owned(), address, management, ready, process, muted })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether its process has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        self.process.signal(signal)
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// SIGTERM, and waits for its end.
    pub(crate) async fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        self.process.signal(Signal::TERM)?;
        // What nobody reads must not keep it from ending.
        self.muted.store(false, Ordering::SeqCst);
        self.process.ended(END).await
    }

    /// Reads its standard output no more, so that the pipe fills; or reads it again.
    pub(crate) fn mute(&self, muted: bool) {
        self.muted.store(muted, Ordering::SeqCst);
    }

    /// An answer of its management listener: the status and the text.
    pub(crate) async fn management(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let asked = async {
            let mut stream = TcpStream::connect(self.management).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(10), asked).await??;
        let status = answer.get(9..12).context("no status")?.parse()?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no head")?;
        Ok((status, body.to_owned()))
    }

    /// Sum of a series of `/metrics` over its labels; `None` when there is none.
    pub(crate) async fn metric(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let (_, text) = self.management("/metrics").await?;
        let values: Vec<f64> = text
            .lines()
            .filter(|l| l.strip_prefix(series).is_some_and(|rest| rest.starts_with([' ', '{'])))
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        Ok((!values.is_empty()).then(|| values.iter().sum()))
    }
}

/// The address in the line by which a node says that it serves.
fn listens(line: &str) -> anyhow::Result<SocketAddr> {
    let line: Value = serde_json::from_str(line)?;
    let told = line["listen"].as_str().or(line["fields"]["listen"].as_str());
    Ok(told.context("it does not say where it listens")?.parse()?)
}
