//! `behalf token`: gets tokens, for scripts and for trying things out. All of it goes through
//! behalf-client, so what works here works in a program.

mod caller;
mod input;
mod login;

use std::{path::PathBuf, process::ExitCode};

use behalf_client::TokenAnswer;

use crate::{
    environment::Environment, failure::Failure, http_client::block_on, output, target::Stdin,
};
use caller::{Caller, CallerArgs};
use login::LoginArgs;

const SECRETS: &str = "The secret comes from BEHALF_CLIENT_SECRET, BEHALF_CLIENT_SECRET_FILE, the dev \
instance or standard input; never from an argument.";
const SECRETS_AND_TOKEN: &str = "The secret comes from BEHALF_CLIENT_SECRET, BEHALF_CLIENT_SECRET_FILE \
or the dev instance; never from an argument. Standard input may also hold a whole answer, as -o json prints it.";

/// `behalf token`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Get a token as an application; prints nothing but the token
    Get(GetArgs),
    /// Sign a user in, in the browser or on another device, and get a token for him
    Login(LoginArgs),
    /// Exchange the token an API was called with for one for the next API, on behalf of the user
    Obo(OboArgs),
    /// Redeem a refresh token
    Refresh(RefreshArgs),
}

/// `behalf token get`.
#[derive(Debug, clap::Args)]
#[command(after_help = SECRETS)]
pub(crate) struct GetArgs {
    /// Who asks.
    #[command(flatten)]
    caller: CallerArgs,
    /// What to ask for on the v2 endpoint, such as `api://ledger/.default`
    #[arg(long, required_unless_present = "resource", conflicts_with = "resource")]
    scope: Option<String>,
    /// What to ask for on the v1 endpoint, such as `api://ledger`
    #[arg(long)]
    resource: Option<String>,
}

/// `behalf token obo`.
#[derive(Debug, clap::Args)]
#[command(after_help = SECRETS_AND_TOKEN)]
pub(crate) struct OboArgs {
    /// Who asks.
    #[command(flatten)]
    caller: CallerArgs,
    /// What to ask for, such as `api://ledger/Entries.Read`; with `offline_access` a refresh token comes along
    #[arg(long)]
    scope: String,
    /// The token the application was called with; else standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// `behalf token refresh`.
#[derive(Debug, clap::Args)]
#[command(after_help = SECRETS_AND_TOKEN)]
pub(crate) struct RefreshArgs {
    /// Who asks.
    #[command(flatten)]
    caller: CallerArgs,
    /// What to ask for, such as `api://orders/Orders.Read`
    #[arg(long)]
    scope: String,
    /// The refresh token; else standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(command: &Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Get(args) => get(args, environment),
        Command::Login(args) => login::run(args, environment),
        Command::Obo(args) => obo(args, environment),
        Command::Refresh(args) => refresh(args, environment),
    }
}

fn get(args: &GetArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let caller = Caller::resolve(&args.caller, environment)?;
    if let Some(public) = caller.public_name() {
        return Err(Failure::usage(format!(
            "{public} is a native application: it has no secret, and gets no token as itself"
        ))
        .fix("a daemon, web or api application; `behalf token login` for a user's token")
        .into());
    }
    let client = caller.confidential(environment, Stdin::Free)?;
    let answer = block_on(async {
        let answer = match (&args.scope, &args.resource) {
            (None, Some(resource)) => client.answer_for_resource(resource).await,
            (scope, _) => {
                let scopes = scope.as_deref().unwrap_or_default().split_whitespace();
                client.acquire_token_for_client(scopes).answer().await
            }
        };
        Ok(answer.map_err(|error| caller.failure(&error))?)
    })?;
    say(&args.caller, &answer)
}

fn obo(args: &OboArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let caller = Caller::resolve(&args.caller, environment)?;
    if let Some(public) = caller.public_name() {
        return Err(Failure::usage(format!(
            "{public} is a native application: only an API that was called acts on behalf of a user"
        ))
        .fix("--as with the API that the token is for")
        .into());
    }
    let stdin = input::stdin_beside(args.token_file.as_deref());
    let client = caller.confidential(environment, stdin)?;
    let assertion = input::token(args.token_file.as_deref(), input::Member::AccessToken)?;
    let answer = block_on(async {
        let scopes = args.scope.split_whitespace();
        let answer = client.acquire_token_on_behalf_of(&assertion, scopes).answer().await;
        Ok(answer.map_err(|error| caller.failure(&error))?)
    })?;
    say(&args.caller, &answer)
}

fn refresh(args: &RefreshArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let caller = Caller::resolve(&args.caller, environment)?;
    let file = args.token_file.as_deref();
    let scopes = args.scope.split_whitespace();
    let answer = if caller.has_secret(environment)? {
        let client = caller.confidential(environment, input::stdin_beside(file))?;
        let token = input::token(file, input::Member::RefreshToken)?;
        block_on(async { Ok(client.answer_by_refresh_token(&token, scopes).await) })?
    } else {
        let client = caller.public()?;
        let token = input::token(file, input::Member::RefreshToken)?;
        block_on(async { Ok(client.answer_by_refresh_token(&token, scopes).await) })?
    };
    say(&args.caller, &answer.map_err(|error| caller.failure(&error))?)
}

/// Prints the token alone, or the whole answer.
fn say(args: &CallerArgs, answer: &TokenAnswer) -> anyhow::Result<ExitCode> {
    if args.as_json() {
        output::result(&format!("{}\n", answer.json().trim_end()))?;
    } else {
        output::result(&format!("{}\n", answer.access_token()))?;
    }
    Ok(ExitCode::SUCCESS)
}
