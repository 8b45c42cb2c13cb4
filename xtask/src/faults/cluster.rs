//! PostgreSQL clusters of our own: a primary and its standby, started, hurt and promoted.

use std::{
    net::SocketAddr,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Signal, geteuid};

use super::{balancer::free_address, clock, process::Process};

/// How long a cluster may take to answer after it was started.
const START: Duration = Duration::from_secs(30);
/// Settings of every cluster: as installed, but found on one loopback port and nowhere else.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=60",
    "shared_buffers=32MB",
    "logging_collector=off",
    // Processes are killed here, the machine keeps its power.
    "fsync=off",
];

/// One cluster. Its server is ended when this is dropped.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: Programs,
    /// Where it listens, at each start again.
    pub(crate) address: SocketAddr,
    server: Option<Process>,
}

/// How replication waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replication {
    /// A commit is answered when the standby has it on disk.
    Synchronous,
    /// A commit does not wait for the standby.
    Asynchronous,
}

impl Cluster {
    /// Makes a cluster with the role and the database `behalf` in `folder`/`name`, and starts it.
    pub(crate) async fn primary(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let mut this = Self::new(folder, name)?;
        let data = this.folder.display().to_string();
        this.programs.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        )?;
        this.start().await?;
        this.sql("postgres", "create role behalf login")?;
        this.sql("postgres", "create database behalf owner behalf")?;
        Ok(this)
    }

    /// Makes a streaming standby of this one and starts it; returns when it follows.
    pub(crate) async fn standby(
        &self,
        folder: &Path,
        name: &str,
        replication: Replication,
    ) -> anyhow::Result<Self> {
        let mut standby = Self::new(folder, name)?;
        let data = standby.folder.display().to_string();
        let source = format!(
            "host=127.0.0.1 port={} user=postgres application_name={name}",
            self.address.port()
        );
        self.programs
            .run("pg_basebackup", &["-D", &data, "-d", &source, "-R", "-c", "fast", "--no-sync"])?;
        standby.start().await?;
        if replication == Replication::Synchronous {
            self.sql("postgres", &format!("alter system set synchronous_standby_names='{name}'"))?;
            self.sql("postgres", "select pg_reload_conf()")?;
        }
        let wanted = if replication == Replication::Synchronous { "sync" } else { "async" };
        clock::until(&format!("{name} follows as {wanted}"), START, async || {
            let found = self.sql(
                "postgres",
                "select sync_state from pg_stat_replication where state = 'streaming'",
            )?;
            Ok((found.trim() == wanted).then_some(()))
        })
        .await?;
        Ok(standby)
    }

    fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let folder = folder.join(name);
        std::fs::create_dir(&folder)?;
        programs.own(&folder)?;
        Ok(Self { folder, programs, address: free_address()?, server: None })
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&mut self) -> anyhow::Result<Duration> {
        let begun = clock::now();
        self.launch()?;
        let answers = clock::until("the database answers", START, async || {
            if self.server.as_mut().is_some_and(|server| !server.runs()) {
                // As after a kill, when the processes of the one before are still on their way out.
                self.launch()?;
            }
            Ok(self.sql("postgres", "select 1").is_ok().then_some(()))
        })
        .await;
        answers.with_context(|| self.log())?;
        Ok(begun.elapsed())
    }

    /// Starts the server without waiting.
    pub(crate) fn launch(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file())?;
        let mut command = self.programs.command("postgres", Some("QUIT"));
        command.arg("-D").arg(&self.folder).arg("-p").arg(self.address.port().to_string());
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.server = Some(Process::start(&mut command, Signal::QUIT)?);
        Ok(())
    }

    /// Its first process, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }

    /// `pg_ctl stop -m immediate`: no checkpoint, connections are dropped.
    pub(crate) async fn stop_immediately(&mut self) -> anyhow::Result<()> {
        self.end(Signal::QUIT).await
    }

    /// `pg_ctl stop -m fast`: transactions are rolled back, all is written.
    pub(crate) async fn stop_fast(&mut self) -> anyhow::Result<()> {
        self.end(Signal::INT).await
    }

    async fn end(&mut self, signal: Signal) -> anyhow::Result<()> {
        if let Some(mut server) = self.server.take() {
            server.signal(signal)?;
            server.ended(START).await?;
        }
        Ok(())
    }

    /// SIGKILL to the postmaster; its children find out by themselves, also those that were paused.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let left = children(server.id())?;
        server.kill()?;
        signal_each(left, Signal::CONT);
        Ok(())
    }

    /// SIGSTOP to the postmaster and every process of it: the machine hangs.
    pub(crate) fn pause(&mut self) -> anyhow::Result<()> {
        self.everyone(Signal::STOP)
    }

    /// SIGCONT to all of them.
    pub(crate) fn go_on(&mut self) -> anyhow::Result<()> {
        self.everyone(Signal::CONT)
    }

    fn everyone(&mut self, signal: Signal) -> anyhow::Result<()> {
        let Some(server) = &mut self.server else { return Ok(()) };
        // The postmaster first: it makes no new children while these are listed.
        server.signal(signal)?;
        signal_each(children(server.id())?, signal);
        Ok(())
    }

    /// Makes a standby the primary; returns when it takes writes, and after how long.
    pub(crate) async fn promote(&self) -> anyhow::Result<Duration> {
        let begun = clock::now();
        self.sql("postgres", "select pg_promote(false)")?;
        clock::until("the standby is promoted", START, async || {
            Ok((self.sql("postgres", "select pg_is_in_recovery()")?.trim() == "f").then_some(()))
        })
        .await?;
        Ok(begun.elapsed())
    }

    /// Ends every connection of the role `behalf`; returns how many there were.
    pub(crate) fn terminate_backends(&self) -> anyhow::Result<usize> {
        let ended = self.sql(
            "postgres",
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'behalf'",
        )?;
        Ok(ended.trim().parse()?)
    }

    /// Runs a statement as superuser; rows as lines, columns with `|` between.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let port = self.address.port().to_string();
        let output = Command::new(self.programs.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", &port])
            .args(["-U", "postgres", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement])
            .env("PGCONNECT_TIMEOUT", "2")
            .output()?;
        succeeded("psql", output)
    }

    /// What a node is told: these clusters' addresses, in this order.
    pub(crate) fn url(addresses: &[SocketAddr]) -> String {
        let hosts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        format!("postgres://behalf@{}/behalf?sslmode=disable", hosts.join(","))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
    }
}

/// Signals processes; one that has ended meanwhile needs none.
fn signal_each(processes: Vec<i32>, signal: Signal) {
    for process in processes {
        if let Some(pid) = rustix::process::Pid::from_raw(process) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Processes whose parent is `id`.
fn children(id: u32) -> anyhow::Result<Vec<i32>> {
    let listed = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    Ok(listed.split_whitespace().filter_map(|child| child.parse().ok()).collect())
}

/// The programs of PostgreSQL, and who runs them: its server refuses to run as root.
#[derive(Debug, Clone)]
struct Programs {
    bin: PathBuf,
    /// User and group id of `postgres`, when we are root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// The newest version that is installed.
    fn find() -> anyhow::Result<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut bins: Vec<PathBuf> = versions
            .map(|version| version.path().join("bin"))
            .filter(|bin| bin.join("initdb").exists())
            .collect();
        bins.sort();
        let installed = bins.pop().or_else(|| {
            let found = Command::new("sh").args(["-c", "command -v initdb"]).output().ok()?;
            let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
            Some(path.parent()?.to_owned()).filter(|_| found.status.success())
        });
        let bin = installed.context("no PostgreSQL server here; Debian's package: postgresql")?;
        let user = if geteuid().is_root() {
            Some((number(&["-u", "postgres"])?, number(&["-g", "postgres"])?))
        } else {
            None
        };
        Ok(Self { bin, user })
    }

    fn own(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        if let Some((user, group)) = self.user {
            chown(folder, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// As the user it must be, and sent `orphaned` when we end without having ended it.
    fn command(&self, program: &str, orphaned: Option<&str>) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = self.user {
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
            command.arg("--clear-groups");
        }
        if let Some(signal) = orphaned {
            command.args(["--pdeathsig", signal]);
        }
        command.arg("--").arg(self.bin.join(program)).current_dir("/");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        succeeded(program, self.command(program, None).args(arguments).output()?)
    }
}

fn number(arguments: &[&str]) -> anyhow::Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    Ok(succeeded("id", output)?.trim().parse()?)
}

fn succeeded(program: &str, output: Output) -> anyhow::Result<String> {
    ensure!(
        output.status.success(),
        "{program}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
