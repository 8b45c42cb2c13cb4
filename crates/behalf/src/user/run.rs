//! What each `behalf user` command asks for and says.

use std::process::ExitCode;

use behalf_server::admin_socket::wire::users::{
    BegunFactor, NewFactor, NewPassword, State, UserInfo, UserMade,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Command, UserArgs, begun, code, made, table};
use crate::{
    administer::{ask, say},
    environment::Environment,
    output,
};

/// `behalf user`.
pub(crate) fn run(command: &Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    let state = |disabled| State { disabled };
    let nothing = serde_json::Map::new();
    match command {
        Command::Create(args) => {
            let (tenant, new) = (args.user.tenant()?, args.request(environment)?);
            let door = &args.user.ask.door;
            let made = ask(door, environment, async |admin| admin.create_user(tenant, &new).await)?;
            say_made(args.user.ask.as_json(), &made)
        }
        Command::ResetPassword(args) => {
            let password = args.password.read(environment)?;
            let new = NewPassword { password };
            say_made(args.user.ask.as_json(), &change(&args.user, environment, "password", &new)?)
        }
        Command::List(args) => {
            let all =
                ask(&args.ask.door, environment, async |admin| admin.users(&args.tenant).await)?;
            say(args.ask.as_json(), &all, |all| table(all))
        }
        Command::Show(args) => {
            let who = (args.tenant()?, args.name.as_str());
            let found = ask(&args.ask.door, environment, async |admin| admin.user(who).await)?;
            say_user(args, &found)
        }
        Command::Delete(args) => {
            let who = (args.tenant()?, args.name.as_str());
            let gone =
                ask(&args.ask.door, environment, async |admin| admin.delete_user(who).await)?;
            output::note(&format!("deleted {}", gone.name));
            say_user(args, &gone)
        }
        Command::Disable(args) => {
            say_user(args, &change(args, environment, "state", &state(true))?)
        }
        Command::Enable(args) => {
            say_user(args, &change(args, environment, "state", &state(false))?)
        }
        Command::RevokeSessions(args) => {
            say_user(args, &change(args, environment, "revoke-sessions", &nothing)?)
        }
        Command::AddSecondFactor(args) => add_second_factor(args, environment),
        Command::RemoveSecondFactor(args) => {
            say_user(args, &change(args, environment, "remove-second-factor", &nothing)?)
        }
        Command::Assign(args) => {
            let how = args.request(true);
            say_user(&args.user, &change(&args.user, environment, "assignments", &how)?)
        }
        Command::Unassign(args) => {
            let how = args.request(false);
            say_user(&args.user, &change(&args.user, environment, "assignments", &how)?)
        }
        Command::Role(command) => {
            let (args, roles) = command.request();
            say_user(args, &change(args, environment, "roles", &roles)?)
        }
    }
}

fn change<T: DeserializeOwned>(
    args: &UserArgs,
    environment: &Environment,
    what: &str,
    how: &impl Serialize,
) -> anyhow::Result<T> {
    let who = (args.tenant()?, args.name.as_str());
    ask(&args.ask.door, environment, async |admin| admin.change_user(who, what, how).await)
}

fn add_second_factor(args: &UserArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let nothing = serde_json::Map::new();
    let factor: BegunFactor = change(args, environment, "begin-second-factor", &nothing)?;
    say(args.ask.as_json(), &factor, begun)?;
    output::note("Put it into the authenticator app, then give the code that the app shows:");
    let new = NewFactor { secret: factor.secret, code: code()? };
    say_user(args, &change(args, environment, "add-second-factor", &new)?)
}

fn say_user(args: &UserArgs, user: &UserInfo) -> anyhow::Result<ExitCode> {
    say(args.ask.as_json(), user, |user| table(std::slice::from_ref(user)))
}

fn say_made(as_json: bool, user: &UserMade) -> anyhow::Result<ExitCode> {
    let code = say(as_json, user, made)?;
    if user.password.is_some() {
        output::note("This password is shown once; keep it now.");
    }
    Ok(code)
}
