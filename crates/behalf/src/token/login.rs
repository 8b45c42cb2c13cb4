//! `behalf token login`: a user signs in, and a token for him comes out.

use std::process::ExitCode;

use behalf_client::{DevicePrompt, Prompt, open_browser};

use super::{
    caller::{Caller, CallerArgs},
    say,
};
use crate::{environment::Environment, failure::Failure, http_client::block_on, output};

/// `behalf token login`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The application is a native one with the redirect URI http://localhost; a listener \
on this machine takes the answer, for ten minutes. The address to open goes to standard error."
)]
pub(crate) struct LoginArgs {
    /// Who asks.
    #[command(flatten)]
    caller: CallerArgs,
    /// What to ask for, such as `api://orders/.default`
    #[arg(long)]
    scope: String,
    /// Who will sign in, such as bob@acme.test: his name is filled in
    #[arg(long, value_name = "NAME", conflicts_with = "device")]
    user: Option<String>,
    /// Ask for this at least: to sign in anew, to consent again, to choose an account
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "device")]
    prompt: Option<Ask>,
    /// Only print the address, for a browser of your choice on this machine
    #[arg(long, conflicts_with = "device")]
    no_browser: bool,
    /// Sign in on another device, with a code
    #[arg(long)]
    device: bool,
}

/// `--prompt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Ask {
    /// Sign in, though signed in already
    Login,
    /// Consent, though it was given
    Consent,
    /// Choose among the accounts
    SelectAccount,
}

impl From<Ask> for Prompt {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Login => Self::Login,
            Ask::Consent => Self::Consent,
            Ask::SelectAccount => Self::SelectAccount,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &LoginArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let caller = Caller::resolve(&args.caller, environment)?;
    if let Some(name) = caller.confidential_name() {
        return Err(Failure::usage(format!(
            "{name} is no native application: its users sign in on its own pages"
        ))
        .fix("--as with a native application, such as desk-app of the dev world")
        .into());
    }
    let client = caller.public()?;
    let scopes: Vec<&str> = args.scope.split_whitespace().collect();
    let answer = block_on(async {
        let answer = if args.device {
            client.answer_by_device_code(scopes, show).await
        } else {
            let quiet = args.no_browser;
            let mut sign_in = client.acquire_token_interactive(scopes).open_with(move |url| {
                output::note(&format!("Sign in at:\n{url}"));
                if !quiet && open_browser(url).is_err() {
                    output::note("No browser could be started here: open the address yourself.");
                }
                Ok(())
            });
            if let Some(name) = &args.user {
                sign_in = sign_in.login_hint(name);
            }
            if let Some(ask) = args.prompt {
                sign_in = sign_in.prompt(ask.into());
            }
            sign_in.answer().await
        };
        Ok(answer.map_err(|error| caller.failure(&error))?)
    })?;
    say(&args.caller, &answer)
}

/// Tells the user where to go with which code.
fn show(prompt: &DevicePrompt) {
    output::note(&prompt.message);
}
