//! `behalf backup`: everything in one file, and whether such a file is good.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use behalf_core::time::written;
use behalf_server::{
    backup::{self, BackupError, Counts, Facts},
    keys::MasterKey,
};
use serde_json::{Value, json};

use crate::{
    administer::say,
    door::{AskArgs, Door, failure},
    environment::Environment,
    failure::{Exit, Failure},
    files::Growing,
    http_client::block_on,
    output, serve,
};

/// `behalf backup`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    /// Look at one.
    #[command(subcommand)]
    command: Option<Command>,
    /// The file to write (0600); one that is there is replaced when the new one is whole
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    ask: AskArgs,
}

/// What else there is to do with backups.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read a backup to its end and check every byte; needs the master key alone
    Verify(VerifyArgs),
}

/// `behalf backup verify`.
#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The configuration that names the master key file; else behalf.toml of this folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The master key file itself
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    master_key_file: Option<PathBuf>,
    /// Print JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// `behalf backup`.
pub(crate) fn run(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(Command::Verify(args)) => verify(args),
        None => make(args, environment),
    }
}

fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let key_file = match &args.master_key_file {
        Some(file) => file.clone(),
        None => serve::load_for_data(args.config.as_deref())?.master_key_file,
    };
    let (facts, counts) = read(&args.file, &args.file, &key_file)?;
    let told = json(&args.file, &facts, &counts);
    say(args.output.is_some(), &told, |_| text(&args.file, &facts, &counts))
}

/// Reads the backup in `file` to its end; people call it `named`.
fn read(file: &Path, named: &Path, key_file: &Path) -> Result<(Facts, Counts), Failure> {
    let master =
        MasterKey::load(key_file).map_err(|error| Failure::environment(error.to_string()))?;
    backup::verify(file, &master).map_err(|error| refused(named, &error))
}

/// Why a backup cannot be used.
pub(crate) fn refused(file: &Path, error: &BackupError) -> Failure {
    match error {
        BackupError::Io(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(Exit::NotFound, format!("there is no file {}", file.display()))
        }
        BackupError::Io(cause) => Failure::path(file, "read", cause),
        other => Failure::new(Exit::Failed, format!("{}: {other}", file.display())),
    }
}

fn make(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let path = args.to.as_deref().unwrap_or(Path::new(""));
    let cannot = |cause| Failure::path(path, "write", &cause);
    let mut file = Growing::begin(path).map_err(cannot)?;
    let key_file = block_on(async {
        let door = Door::open(&args.ask.door, environment).await?;
        let written = async {
            let mut answer = door.admin.backup().await.map_err(|error| failure(&error))?;
            while let Some(piece) = answer.next().await.map_err(|error| failure(&error))? {
                file.write(&piece).map_err(cannot)?;
            }
            Ok::<_, Failure>(())
        };
        let (written, key_file) = (written.await, door.master_key_file.clone());
        door.close().await?;
        written?;
        Ok(key_file)
    })?;
    // What was written is read again before anybody relies on it.
    let Some(key_file) = key_file else {
        file.finish().map_err(cannot)?;
        output::note(&format!("{} is written; not read again", path.display()));
        return Ok(ExitCode::SUCCESS);
    };
    let (facts, counts) = read(file.so_far().map_err(cannot)?, path, &key_file)?;
    file.finish().map_err(cannot)?;
    let told = json(path, &facts, &counts);
    say(args.ask.as_json(), &told, |_| text(path, &facts, &counts))
}

fn json(path: &Path, facts: &Facts, counts: &Counts) -> Value {
    let kinds: serde_json::Map<_, _> =
        counts.kinds.iter().map(|(kind, n)| (format!("{kind:?}"), json!(n))).collect();
    json!({
        "file": path,
        "made": written(facts.made.unix_seconds()),
        "version": facts.version,
        "publicUrl": facts.public_url,
        "commit": facts.seq,
        "records": counts.records(),
        "bytes": counts.bytes,
        "kinds": kinds,
    })
}

/// What a good backup is, for people.
pub(crate) fn text(path: &Path, facts: &Facts, counts: &Counts) -> String {
    let Facts { made, seq, version, public_url } = facts;
    let (records, bytes) = (counts.records(), counts.bytes);
    let mut text = format!(
        "{} is whole and authentic\nmade     {} by behalf {version}\nof       {public_url}, commit \
         {seq}\nrecords  {records}, {bytes} bytes\n",
        path.display(),
        written(made.unix_seconds())
    );
    for (kind, count) in &counts.kinds {
        let _ = writeln!(text, "  {:<18} {count}", format!("{kind:?}"));
    }
    text
}
