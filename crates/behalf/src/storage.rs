//! `behalf storage`: moving everything to another store, looking for damage.

use std::{path::PathBuf, process::ExitCode};

use behalf_server::{
    admin_socket::wire::{Checked, NewCopy},
    backup::{self, Step},
    database::Database,
};

use crate::{
    admin::{Admin, AdminError},
    administer::{ask, say},
    door::AskArgs,
    environment::Environment,
    failure::{Exit, Failure},
    files,
    http_client::block_on,
    output, serve,
};

/// `behalf storage`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Copy everything to another store while the server serves, and move to it
    Copy(CopyArgs),
    /// Read everything and look for damage
    Check(AskArgs),
    /// Serve the store again that the directory moved from: what was written since is not in it
    Reopen(ReopenArgs),
}

/// `behalf storage reopen`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReopenArgs {
    /// The configuration that names the store; else behalf.toml of this folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `behalf storage copy`.
#[derive(Debug, clap::Args)]
pub(crate) struct CopyArgs {
    /// The empty store, as `storage.url` has it: postgres://… or sqlite:///…
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    to: Option<String>,
    /// A file with that URL, so that its password is not on the command line
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,
    /// Only see that it can be done: the server goes on as it is
    #[arg(long)]
    rehearse: bool,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    ask: AskArgs,
}

/// `behalf storage`.
pub(crate) fn run(command: &Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Copy(args) => copy(args, environment),
        Command::Reopen(args) => reopen(args),
        Command::Check(args) => {
            let checked = ask(&args.door, environment, async |admin| admin.check().await)?;
            say(args.as_json(), &checked, text)?;
            if checked.findings.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            let count = checked.findings.len();
            Err(Failure::new(Exit::Failed, format!("the store is damaged: {count} findings"))
                .fix("behalf restore --from with the newest good backup")
                .into())
        }
    }
}

fn reopen(args: &ReopenArgs) -> anyhow::Result<ExitCode> {
    let database = serve::load_for_data(args.config.as_deref())?.storage;
    block_on(async { Ok(backup::reopen(&database).await?) })?;
    output::note(&format!("{database} is in use again: serve nothing else of this directory"));
    Ok(ExitCode::SUCCESS)
}

fn text(checked: &Checked) -> String {
    let found = checked.findings.iter().map(|finding| format!("damaged: {finding}\n"));
    let all = if checked.findings.is_empty() { ", all as they were written" } else { "" };
    found.chain([format!("{} records read{all}\n", checked.records)]).collect()
}

fn copy(args: &CopyArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let to = match (&args.to, &args.to_file) {
        (Some(to), _) => to.clone(),
        (None, Some(path)) => files::read_text(path, 4_096)
            .map_err(|cause| Failure::path(path, "read the URL in", &cause))?
            .trim()
            .to_owned(),
        (None, None) => String::new(),
    };
    let database = Database::parse(&to)
        .map_err(|error| Failure::usage(format!("where to copy to is {error}")))?;
    let new = NewCopy { to, rehearse: args.rehearse };
    let as_json = args.ask.as_json();
    let last = ask(&args.ask.door, environment, async |admin| follow(admin, &new, as_json).await)?;
    match last {
        Some(Step::Moved) => output::note(&format!(
            "Moved. Set storage.url to {database} and restart; until then writes are answered 503. \
             The old store is not served any more."
        )),
        Some(Step::Verified { .. }) if args.rehearse => output::note(
            "It can be done. The server goes on as it was; the copy is not served, and the next \
             one begins anew.",
        ),
        Some(Step::Failed { message }) => return Err(Failure::new(Exit::Failed, message).into()),
        _ => {
            return Err(Failure::new(
                Exit::Failed,
                "the copy broke off: the server's log says why",
            )
            .fix("behalf storage copy again, it begins anew")
            .into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells each step; the last one.
async fn follow(admin: &Admin, new: &NewCopy, as_json: bool) -> Result<Option<Step>, AdminError> {
    let mut answer = admin.copy(new).await?;
    let (mut waiting, mut last) = (Vec::new(), None);
    while let Some(piece) = answer.next().await? {
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let step: Step = serde_json::from_slice(&line)
                .map_err(|error| AdminError::Broken(error.to_string()))?;
            if as_json {
                // A reader that went away is told of nothing any more.
                let _gone = output::result(&String::from_utf8_lossy(&line));
            } else if let Some(text) = told(&step) {
                output::note(&text);
            }
            last = Some(step);
        }
    }
    Ok(last)
}

fn told(step: &Step) -> Option<String> {
    Some(match step {
        Step::Copied { records } => format!("copied     {records} records"),
        Step::CaughtUp { pass, changed } => {
            format!("caught up  {changed} changed meanwhile (pass {pass})")
        }
        Step::Held => "held       writes are answered 503 from now on".to_owned(),
        Step::Verified { records, digest } => {
            format!("verified   {records} records on both sides, SHA-256 {digest}")
        }
        Step::Moved | Step::Failed { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_found() {
        let good = Checked { records: 12, findings: vec![] };
        assert_eq!(text(&good), "12 records read, all as they were written\n");
        let bad = Checked { records: 3, findings: vec!["row 7 missing from index".to_owned()] };
        assert_eq!(text(&bad), "damaged: row 7 missing from index\n3 records read\n");
    }

    #[test]
    fn steps_are_lines() {
        let digest = "00".to_owned();
        for (step, line) in [
            (Step::Copied { records: 2 }, Some("copied     2 records")),
            (
                Step::CaughtUp { pass: 1, changed: 0 },
                Some("caught up  0 changed meanwhile (pass 1)"),
            ),
            (Step::Held, Some("held       writes are answered 503 from now on")),
            (
                Step::Verified { records: 2, digest },
                Some("verified   2 records on both sides, SHA-256 00"),
            ),
            (Step::Moved, None),
        ] {
            assert_eq!(told(&step).as_deref(), line);
        }
    }
}
