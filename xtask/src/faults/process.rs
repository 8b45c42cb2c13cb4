//! A child process that does not outlive us, however we end.

use std::{
    path::Path,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::clock;

/// A command whose process the kernel sends `orphaned` (such as `KILL`) when we end without having
/// ended it: also when we are killed ourselves. It must be started from the main thread, because
/// the kernel asks after the thread that started it.
pub(crate) fn guarded(orphaned: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", orphaned, "--"]).arg(program);
    command
}

/// A process; ended when dropped.
pub(crate) struct Process {
    child: Child,
    /// What ends it in good order.
    end: Signal,
}

impl Process {
    /// Starts `command`; when dropped it is sent `end` and, if that does not help, SIGKILL.
    pub(crate) fn start(command: &mut Command, end: Signal) -> anyhow::Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, end })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("{signal:?} to process {}", self.child.id()))
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, bound: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("process {} ends", self.child.id());
        let child = &mut self.child;
        Ok(clock::until(&what, bound, async || Ok(child.try_wait()?)).await?.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A stopped process hears nothing but SIGKILL before it goes on.
        drop(self.signal(Signal::CONT));
        drop(self.signal(self.end));
        for _ in 0..500 {
            if !self.runs() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Resident memory in MiB.
pub(crate) fn resident_mib(id: u32) -> anyhow::Result<f64> {
    crate::bench::resident_mib(id)
}
