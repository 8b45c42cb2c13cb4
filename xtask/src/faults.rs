//! The long form of the fault tests: `cargo test` runs a few cycles, this as many as one likes.
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

/// The test that reads `BEHALF_FAULTS_CYCLES` and `BEHALF_FAULTS_SEED`.
const TEST: &str = "kill_nine::what_was_answered_survives_kill_nine_and_power_cuts";

/// Arguments of `cargo xtask faults`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How often the server is killed
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    cycles: u64,
    /// What the moments are drawn from: the same seed gives the same moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the cycles with the release build and prints promise, deed and count.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let status = Command::new("cargo")
        .args(["test", "--release", "-p", "behalf", "--test", "faults", "--", TEST])
        .args(["--exact", "--nocapture"])
        .env("BEHALF_FAULTS_CYCLES", arguments.cycles.to_string())
        .env("BEHALF_FAULTS_SEED", arguments.seed.to_string())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "a fault broke a promise; --seed {} shows it again", arguments.seed);
    Ok(())
}
