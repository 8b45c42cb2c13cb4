//! Builds the fuzz targets with coverage counters on stable Rust and runs them for a while.
//!
//! libFuzzer is compiled by `libfuzzer-sys`, so no `cargo-fuzz` is needed: the flags below are those
//! of `cargo fuzz run -s none`. A named `--target` keeps them away from build scripts. Findings stay
//! under `target/fuzz/artifacts`, the grown corpus under `target/fuzz/corpus`.
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::metadata;

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// The longest input in bytes: more than every bound that the parsers state for themselves.
const LONGEST: u32 = 40 * 1024;
/// One input may take this many seconds before it counts as a finding.
const SLOW: u32 = 10;
/// Memory in MiB after which an input counts as a finding.
const MEMORY: u32 = 1024;

/// Arguments of `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Seconds of fuzzing, shared by the targets
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Only this target
    target: Option<String>,
}

/// Where things lie.
struct Place {
    /// The repository's `fuzz` folder.
    source: PathBuf,
    /// `fuzz` in the target directory.
    output: PathBuf,
}

/// Runs every target, or the one named, and fails at the first finding.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workspace = metadata::workspace()?;
    let place = Place {
        source: workspace.workspace_root.join("fuzz"),
        output: workspace.target_directory.join("fuzz"),
    };
    let all = place.targets()?;
    let chosen: Vec<&String> = match &arguments.target {
        None => all.iter().collect(),
        Some(name) => all.iter().filter(|target| *target == name).collect(),
    };
    if chosen.is_empty() {
        bail!("no such fuzz target; there are {}", all.join(", "));
    }
    let programs = place.build()?;
    let share = (arguments.seconds / u64::try_from(chosen.len())?).max(1);
    chosen.into_iter().try_for_each(|target| place.fuzz(&programs.join(target), target, share))
}

impl Place {
    /// The names of the files in `fuzz_targets`, sorted.
    fn targets(&self) -> Result<Vec<String>> {
        let folder = self.source.join("fuzz_targets");
        let files =
            folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
        let mut names = Vec::new();
        for file in files {
            let path = file?.path();
            let name = path.file_stem().and_then(OsStr::to_str).context("a file without a name")?;
            names.push(name.to_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Builds every target; answers the folder of the programs.
    fn build(&self) -> Result<PathBuf> {
        let host = metadata::host_triple()?;
        let status = Command::new("cargo")
            .args(["build", "--release", "--bins", "--target", &host])
            .arg("--manifest-path")
            .arg(self.source.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.output)
            .env("RUSTFLAGS", FLAGS)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .context("cannot run cargo")?;
        ensure!(status.success(), "the fuzz targets do not build (libFuzzer needs a C++ compiler)");
        Ok(self.output.join(host).join("release"))
    }

    /// Runs one target for `seconds`.
    fn fuzz(&self, program: &Path, target: &str, seconds: u64) -> Result<()> {
        let corpus = self.output.join("corpus").join(target);
        let artifacts = self.output.join("artifacts").join(target);
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        let ran = Command::new(program)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-timeout={SLOW}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .arg(corpus)
            .arg(self.source.join("seeds").join(target))
            .output()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let said = String::from_utf8_lossy(&ran.stderr);
        if !ran.status.success() {
            eprintln!("{said}");
            let (artifacts, program) = (artifacts.display(), program.display());
            bail!("{target} found something: see {artifacts}; `{program} FILE` shows it again");
        }
        let count =
            said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let count = count.with_context(|| format!("{target} did not say what it ran"))?.trim();
        println!("fuzz: {target} ok, {count} inputs in {seconds} s");
        Ok(())
    }
}
