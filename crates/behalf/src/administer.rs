//! The commands that go through the admin socket: `apply`, `tenant`, `key`, `log`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use behalf_server::{
    admin_socket::wire::{
        Applied, LogEntry, LogPage, Secret, grants::Decline, users::MadePassword,
    },
    clock::{Clock as _, SystemClock},
    entropy::SystemEntropy,
    keys::MasterKeyText,
};
use http::StatusCode;
use serde::Serialize;

use crate::{
    admin::{Admin, AdminError},
    app,
    door::{AskArgs, Door, DoorArgs, failure},
    environment::Environment,
    failure::{Exit, Failure},
    files, grant,
    http_client::block_on,
    key, log, manifest, output, tenant,
};

/// `behalf apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// The manifest (YAML)
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Write generated secrets to this file (0600) instead of standard output
    #[arg(long, value_name = "FILE")]
    secrets_out: Option<PathBuf>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    ask: AskArgs,
}

/// `behalf apply`: makes the directory what the file says.
pub(crate) fn apply(args: &ApplyArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let lookup = |name: &str| environment.text(name).ok().flatten().map(str::to_owned);
    let manifest =
        manifest::read(&args.file, lookup).map_err(|error| unusable(&args.file, &error))?;
    if let Some(path) = args.secrets_out.as_deref().filter(|path| path.exists()) {
        // Found before anything is made: a secret that cannot be written is lost.
        return Err(Failure::usage(format!("{} exists and is not overwritten", path.display()))
            .fix("--secrets-out with a new file")
            .into());
    }
    let (status, applied) = ask(&args.ask.door, environment, async |admin| {
        Ok((admin.status().await?, admin.apply(manifest, args.dry_run).await?))
    })?;
    output::note(&format!("{} at {}", args.file.display(), status.public_url));
    tell(args, &applied)?;
    match &applied.failure {
        None => Ok(ExitCode::SUCCESS),
        Some(why) => Err(Failure::new(Exit::Failed, format!("stopped before the end: {why}"))
            .fix("put it right and apply again: what was done stays")
            .into()),
    }
}

fn unusable(path: &Path, error: &manifest::FileError) -> Failure {
    match error {
        manifest::FileError::Io { source, .. } => match source.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(Exit::NotFound, format!("there is no file {}", path.display()))
            }
            _ => Failure::path(path, "read", source),
        },
        other => Failure::usage(other.to_string()),
    }
}

fn tell(args: &ApplyArgs, applied: &Applied) -> anyhow::Result<()> {
    if let Some(path) = &args.secrets_out
        && !(applied.secrets.is_empty() && applied.passwords.is_empty())
    {
        files::create(path, shown_once(applied).as_bytes())
            .map_err(|cause| Failure::path(path, "write the secrets to", &cause))?;
        let count = applied.secrets.len() + applied.passwords.len();
        output::note(&format!("{count} secrets written to {}", path.display()));
    }
    let here = args.secrets_out.is_none();
    if args.ask.as_json() {
        let shown = if here {
            serde_json::to_value(applied)?
        } else {
            serde_json::to_value(Applied {
                plan: applied.plan.clone(),
                secrets: Vec::new(),
                passwords: Vec::new(),
                failure: applied.failure.clone(),
            })?
        };
        return json(&shown);
    }
    for line in &applied.plan {
        output::note(&line.to_string());
    }
    if applied.plan.is_empty() {
        output::note("nothing to do: the directory is as the manifest says");
    } else if args.dry_run {
        output::note("dry run: nothing was changed");
    }
    if here {
        let lines = shown_once(applied);
        output::result(&lines)?;
        if !lines.is_empty() {
            output::note("These secrets are shown once; keep them now.");
        }
    }
    Ok(())
}

/// A line for each secret and password that was made.
fn shown_once(applied: &Applied) -> String {
    let password = |made: &MadePassword| {
        format!("{}\t{}\tpassword\t{}\n", made.user, made.id, made.value.expose())
    };
    let passwords = applied.passwords.iter().map(password);
    applied.secrets.iter().map(secret_line).chain(passwords).collect()
}

fn secret_line(secret: &Secret) -> String {
    format!("{}\t{}\t{}\t{}\n", secret.app, secret.app_id, secret.name, secret.value)
}

/// `behalf tenant`.
pub(crate) fn tenant(
    command: &tenant::Command,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    match command {
        tenant::Command::Create(args) => {
            let new = args.request();
            let made =
                ask(&args.ask.door, environment, async |admin| admin.create_tenant(&new).await)?;
            say(args.ask.as_json(), &made, tenant::created)
        }
        tenant::Command::AddDomain(args) => {
            let now = ask(&args.ask.door, environment, async |admin| {
                admin.add_domain(&args.tenant, &args.domain).await
            })?;
            say(args.ask.as_json(), &now, |now| tenant::table(std::slice::from_ref(now)))
        }
        tenant::Command::RemoveDomain(args) => {
            let now = ask(&args.ask.door, environment, async |admin| {
                admin.remove_domain(&args.tenant, &args.domain).await
            })?;
            output::note(&format!(
                "{} names nobody; for 24 hours only {} can have it back",
                args.domain, now.name
            ));
            say(args.ask.as_json(), &now, |now| tenant::table(std::slice::from_ref(now)))
        }
        tenant::Command::Policy(args) => {
            let change = args.request();
            let now = ask(&args.ask.door, environment, async |admin| {
                admin.user_policy(&args.tenant, change).await
            })?;
            say(args.ask.as_json(), &now, |now| tenant::policy(*now))
        }
        tenant::Command::List(args) => {
            let all = ask(&args.door, environment, async |admin| admin.tenants().await)?;
            say(args.as_json(), &all, |all| tenant::table(all))
        }
    }
}

/// `behalf key`.
pub(crate) fn key(command: &key::Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        key::Command::List(args) if args.seal => {
            let epochs = ask(&args.ask.door, environment, async |admin| admin.epochs().await)?;
            say(args.ask.as_json(), &epochs, |epochs| key::epoch_table(epochs))
        }
        key::Command::List(args) => {
            let keys = ask(&args.ask.door, environment, async |admin| admin.keys().await)?;
            say(args.ask.as_json(), &keys, |keys| key::table(keys))
        }
        key::Command::Rotate(args) if args.seal => {
            let epochs =
                ask(&args.ask.door, environment, async |admin| admin.rotate_epoch().await)?;
            say(args.ask.as_json(), &epochs, |epochs| key::epoch_table(epochs))
        }
        key::Command::Rotate(args) => {
            let (alg, now) = args.request();
            let keys =
                ask(&args.ask.door, environment, async |admin| admin.rotate(alg, now).await)?;
            if now {
                output::note(key::AT_ONCE);
            }
            say(args.ask.as_json(), &keys, |keys| key::table(keys))
        }
        key::Command::GenerateMaster => {
            let line = MasterKeyText::generate(&SystemEntropy);
            output::result(&format!("{}\n", line.expose()))?;
            Ok(ExitCode::SUCCESS)
        }
        key::Command::Revoke(args) => revoke(args, environment),
    }
}

fn revoke(args: &key::RevokeArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    if let Some(epoch) = args.seal {
        let epochs =
            ask(&args.ask.door, environment, async |admin| admin.revoke_epoch(epoch).await)?;
        return say(args.ask.as_json(), &epochs, |epochs| key::epoch_table(epochs));
    }
    let kid = args.kid.as_deref().unwrap_or_default();
    let keys = ask(&args.ask.door, environment, async |admin| admin.revoke(kid).await)?;
    say(args.ask.as_json(), &keys, |keys| key::table(keys))
}

/// `behalf app`.
pub(crate) fn app(command: &app::Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    let app::Command::List(args) = command;
    let all =
        ask(&args.ask.door, environment, async |admin| admin.applications(&args.tenant).await)?;
    say(args.ask.as_json(), &all, |all| app::table(all))
}

/// `behalf grant`.
pub(crate) fn grant(args: &grant::Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let Some(command) = &args.command else {
        let (place, new) = (&args.place, args.request());
        let granted = ask_in(place, environment, async |admin, t| admin.grant(t, &new).await)?;
        return say(place.ask.as_json(), &granted, |all| grant::granted(all));
    };
    match command {
        grant::Command::List(args) => {
            let (place, client) = (&args.place, args.client.as_deref());
            let all = ask_in(place, environment, async |admin, t| admin.grants(t, client).await)?;
            say(place.ask.as_json(), &all, |all| grant::table(all))
        }
        grant::Command::Revoke(args) => {
            let (place, what) = (&args.place, args.request());
            let taken =
                ask_in(place, environment, async |admin, t| admin.revoke_grants(t, &what).await)?;
            say(place.ask.as_json(), &taken, |taken| grant::revoked(*taken))
        }
        grant::Command::Requests(place) => {
            let all = ask_in(place, environment, async |admin, t| admin.consent_requests(t).await)?;
            say(place.ask.as_json(), &all, |all| grant::requests(all))
        }
        grant::Command::Decline(args) => {
            let (place, decline) = (&args.place, Decline { user: args.user, client: args.client });
            ask_in(place, environment, async |admin, t| admin.decline(t, &decline).await)?;
            output::note("declined");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Asks about one tenant: the one that is named, or the only one.
fn ask_in<T>(
    place: &grant::Place,
    environment: &Environment,
    question: impl AsyncFnOnce(&Admin, &str) -> Result<T, AdminError>,
) -> anyhow::Result<T> {
    let answer = ask(&place.ask.door, environment, async |admin| {
        if let Some(tenant) = &place.tenant {
            return question(admin, tenant).await.map(Some);
        }
        match admin.tenants().await?.as_slice() {
            [only] => question(admin, &only.id.to_string()).await.map(Some),
            _ => Ok(None),
        }
    })?;
    answer.ok_or_else(|| {
        let several = "there is not one tenant here, so it must be said which is meant";
        Failure::usage(several).fix("--tenant DOMAIN; `behalf tenant list` shows them").into()
    })
}

/// `behalf log`.
pub(crate) fn log(args: &log::Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let as_json = args.ask.as_json();
    if let Some(id) = args.request {
        let event = ask(&args.ask.door, environment, async |admin| admin.sign_in(id).await)?;
        return say(as_json, &event, log::explained);
    }
    let query = log::query(args, SystemClock::new().now())?;
    let page: LogPage =
        ask(&args.ask.door, environment, async |admin| admin.sign_ins(&query).await)?;
    let more = page.next.is_some() && page.entries.len() >= usize::from(args.limit);
    let oldest = page.entries.last().map(LogEntry::time);
    if let (true, Some(oldest)) = (more, oldest) {
        let oldest = behalf_core::time::written(oldest.unix_seconds());
        output::note(&format!("note: there are entries before {oldest}; see more with --limit"));
    }
    if let Some(notice) = &page.notice {
        output::note(&format!("note: {notice}"));
    }
    if page.entries.is_empty() {
        output::note("note: no request that fits reached a decision");
    }
    say(as_json, &page, log::lines)
}

pub(crate) fn say<T: Serialize>(
    as_json: bool,
    value: &T,
    text: impl Fn(&T) -> String,
) -> anyhow::Result<ExitCode> {
    if as_json {
        json(value)?;
    } else {
        output::result(&text(value))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(output::result(&format!("{}\n", serde_json::to_string(value)?))?)
}

/// Asks the server that the arguments mean.
pub(crate) fn ask<T>(
    args: &DoorArgs,
    environment: &Environment,
    question: impl AsyncFnOnce(&Admin) -> Result<T, AdminError>,
) -> anyhow::Result<T> {
    block_on(async {
        let door = Door::open(args, environment).await?;
        let answer = question(&door.admin).await;
        let named = door.named.clone();
        door.close().await?;
        // Who did not name a server may have meant another one.
        let told = |error: AdminError| match &error {
            AdminError::Refused { status: StatusCode::NOT_FOUND, message } => {
                Failure::new(Exit::NotFound, format!("{message} (asked: {named})"))
            }
            _ => failure(&error),
        };
        Ok(answer.map_err(told)?)
    })
}
