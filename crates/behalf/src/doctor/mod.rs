//! `behalf doctor`: whether configuration and database are fit, and what to do where they are not.
//! It looks and changes nothing.

#[cfg(feature = "postgres")]
mod availability;
mod check;
mod node;
#[cfg(feature = "postgres")]
mod server;
#[cfg(all(test, feature = "postgres"))]
mod tests;

use std::{path::PathBuf, process::ExitCode};

use behalf_server::config::Config;

use crate::{output, serve};
use check::{Check, Verdict, json, text};

/// `behalf doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration; else behalf.toml of this folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Prints every check. Exit code 1 when one of them failed; a warning is no failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = serve::load_for_data(args.config.as_deref())?;
    let checks = checks(&config)?;
    let told = match args.output {
        Some(_) => format!("{}\n", serde_json::to_string(&json(&checks))?),
        None => text(&checks),
    };
    output::result(&told)?;
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn checks(config: &Config) -> anyhow::Result<Vec<Check>> {
    let mut checks = vec![node::master_key(config), node::data_dir(config)];
    #[cfg(feature = "postgres")]
    if let Some(survey) = surveyed(config)? {
        checks.extend(survey);
        return Ok(checks);
    }
    checks.extend(node::file(config));
    Ok(checks)
}

/// What is to be said of the database's server, if it has one.
#[cfg(feature = "postgres")]
fn surveyed(config: &Config) -> anyhow::Result<Option<Vec<Check>>> {
    use behalf_server::clock::{Clock as _, SystemClock};

    crate::http_client::block_on(async {
        let Some(survey) = config.storage.survey().await else { return Ok(None) };
        let now = SystemClock::new().now();
        Ok(Some(match survey {
            Ok(survey) => server::judge(&survey, now),
            Err(error) => vec![server::unreachable(&error)],
        }))
    })
}
