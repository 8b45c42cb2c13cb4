//! `behalf restore`: a backup into an empty store.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use behalf_core::time::written;
use behalf_server::{
    backup::{self, RestoreError, Restored, Sessions},
    clock::SystemClock,
    config::Config,
    entropy::SystemEntropy,
    keys::MasterKey,
};

use crate::{
    backup::refused,
    failure::{Exit, Failure},
    http_client::block_on,
    output, serve,
};

/// `behalf restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Keep codes, refresh tokens and sessions of then: with them what was used up or taken back
    /// since the backup counts again
    #[arg(long)]
    keep_sessions: bool,
    /// The configuration that names the store and the master key; else behalf.toml of this folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Restores.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = serve::load_for_data(args.config.as_deref())?;
    let master = MasterKey::load(&config.master_key_file)
        .map_err(|error| Failure::environment(error.to_string()))?;
    let edge = (Arc::new(master), Arc::new(SystemClock::new()) as _, Arc::new(SystemEntropy) as _);
    let sessions = if args.keep_sessions { Sessions::Keep } else { Sessions::End };
    let restored = block_on(async {
        backup::restore_into(&config.storage, &args.from, edge, sessions)
            .await
            .map_err(|error| told(&config, error).into())
    })?;
    output::result(&text(&restored, &config))?;
    output::note(&match sessions {
        Sessions::End => "Codes, refresh tokens and sessions from before the restore have ended: \
                          users sign in again. Assertions of strict applications must be newer."
            .to_owned(),
        Sessions::Keep => kept(&restored),
    });
    Ok(ExitCode::SUCCESS)
}

fn text(Restored { facts, counts, .. }: &Restored, config: &Config) -> String {
    format!(
        "restored {} records of {} (commit {}) into {}\nNext: behalf serve\n",
        counts.records(),
        written(facts.made.unix_seconds()),
        facts.seq,
        config.storage
    )
}

fn kept(Restored { epochs, facts, .. }: &Restored) -> String {
    format!(
        "{epochs} epochs of the sealing key open again what they sealed. Since {} nothing is \
         remembered: refresh tokens that were rotated, sessions that were ended and codes that \
         were redeemed since then count once more. End them with: behalf key list --seal; behalf \
         key revoke --seal EPOCH",
        written(facts.made.unix_seconds())
    )
}

fn told(config: &Config, error: RestoreError) -> Failure {
    match error {
        RestoreError::Backup { path, source } => refused(&path, &source),
        RestoreError::Open(error) => {
            let failure = Failure::environment(error.to_string());
            match config.storage.file().filter(|file| file.exists()) {
                None => failure,
                Some(file) => failure.fix(format!(
                    "stop what uses it; move {0}, {0}-wal and {0}-shm away if it is damaged, and \
                     run behalf restore again",
                    file.display()
                )),
            }
        }
        RestoreError::NotEmpty { .. } => Failure::new(Exit::Denied, error.to_string()),
        other => Failure::new(Exit::Failed, other.to_string()),
    }
}
