//! CPU time and pinning: what a figure is measured in, and on which core.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use rustix::{
    param::clock_ticks_per_second,
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// The core the server runs on, and the bare signatures beside it.
pub(crate) const SERVER_CORE: usize = 0;

/// Pins the calling thread to `cores`.
pub(crate) fn pin(cores: impl IntoIterator<Item = usize>) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(core);
    }
    sched_setaffinity(None, &set).context("a thread could not be pinned to its core")
}

/// Keeps process `pid`, and what it starts from now on, on the load's cores.
pub(crate) fn confine(pid: u32) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for core in load_cores() {
        set.set(core);
    }
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    sched_setaffinity(pid, &set).context("a process could not be pinned to the load's cores")
}

/// Every core but the server's; the server's too on a machine with one.
pub(crate) fn load_cores() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    if all == 1 { vec![0] } else { (0..all).filter(|core| *core != SERVER_CORE).collect() }
}

/// CPU time of the calling thread.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// CPU time of process `pid` with all its threads, user and system.
pub(crate) fn process_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; the fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    ensure!(fields.len() > 13, "/proc/{pid}/stat has {} fields", fields.len());
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
}

/// Resident memory of process `pid` in MiB.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    mib_of(pid, "VmRSS:")
}

/// The most it ever was.
pub(crate) fn peak_resident_mib(pid: u32) -> anyhow::Result<f64> {
    mib_of(pid, "VmHWM:")
}

fn mib_of(pid: u32, field: &'static str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context(field)?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// What the figures were taken on.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines().find_map(|l| l.strip_prefix(name)?.split_once(':').map(|(_, v)| v.trim()))
    };
    let flags = field("flags").unwrap_or_default();
    let isa: Vec<&str> = ["avx2", "avx512f", "avx512ifma", "sha_ni"]
        .into_iter()
        .filter(|f| flags.contains(f))
        .collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} ({}), {} cores, Linux {}, load {}",
        field("model name").unwrap_or("unknown CPU"),
        isa.join(" "),
        std::thread::available_parallelism().map_or(1, usize::from),
        kernel.trim(),
        load.split_whitespace().next().unwrap_or("?"),
    )
}
