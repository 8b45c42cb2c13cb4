//! Repository chores: `cargo xtask --help`. Unpublished; never part of a shipped program.
mod bench;
mod check_arrows;
mod client;
mod faults;
mod fuzz;
mod licences;
mod metadata;
mod source;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the dependency arrows of ARCHITECTURE.md 2 and the rules that hold inside crates
    CheckArrows,
    /// Check licences and banned crates; print crates that occur in several versions
    CheckLicences,
    /// Measure, as fractions of what the hardware can do
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Build the fuzz targets of fuzz/ and run them; needs a C++ compiler
    Fuzz(fuzz::Arguments),
    /// Hurt nodes, disks, clocks and the database under load; say what was promised and what was counted
    Faults(faults::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::CheckArrows => check_arrows::run(),
        Chore::CheckLicences => licences::run(),
        Chore::Bench(bench) => bench::run(&bench),
        Chore::Fuzz(arguments) => fuzz::run(&arguments),
        Chore::Faults(arguments) => faults::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every finding and fails when there is one.
fn report(chore: &str, findings: &[String]) -> anyhow::Result<()> {
    for finding in findings {
        eprintln!("{chore}: {finding}");
    }
    anyhow::ensure!(findings.is_empty(), "{chore} found {} violation(s)", findings.len());
    println!("{chore}: ok");
    Ok(())
}
