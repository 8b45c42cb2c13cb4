//! `behalf demo`: the flows of the docs, run for real in this process, with every exchange and
//! every check. Clients and APIs are those that programs use: `behalf-client`, `behalf-resource`,
//! and a browser. It ends with a failure when anything is other than expected, so it is a smoke
//! test as well.

mod apis;
pub(crate) mod browser;
mod failures;
mod flows;
mod stage;
mod tell;

use std::process::ExitCode;

use crate::{
    environment::Environment,
    http_client::block_on,
    output::{self, Style},
};
use stage::Stage;

/// `behalf demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this flow, and nothing that goes wrong
    #[arg(long, value_enum)]
    flow: Option<Flow>,
    /// Wait for Enter before each step
    #[arg(long)]
    step: bool,
}

/// The flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Flow {
    /// A daemon calls an API as itself
    Daemon,
    /// A user's identity travels through two APIs
    Obo,
    /// Tokens are renewed without the user
    Refresh,
    /// Another directory consents to an application
    Consent,
    /// The v1 endpoint
    V1,
}

impl Flow {
    const ALL: [Self; 5] = [Self::Daemon, Self::Obo, Self::Refresh, Self::Consent, Self::V1];

    const fn title(self) -> &'static str {
        match self {
            Self::Daemon => "A daemon calls a web API as itself (client credentials)",
            Self::Obo => {
                "A user's identity travels: desk-app -> orders-api -> ledger-api (on behalf of)"
            }
            Self::Refresh => "Tokens are renewed without asking the user (refresh)",
            Self::Consent => {
                "Two directories: Acme consents to Globex's trend-report (user, then administrator)"
            }
            Self::V1 => "The daemon through the v1 endpoint, which takes a resource",
        }
    }

    async fn run(self, stage: &mut Stage) -> anyhow::Result<()> {
        match self {
            Self::Daemon => flows::daemon::v2(stage).await,
            Self::Obo => flows::chain::run(stage).await,
            Self::Refresh => flows::refresh::run(stage).await,
            Self::Consent => flows::tenants::run(stage).await,
            Self::V1 => flows::daemon::v1(stage).await,
        }
    }
}

/// Runs the flows.
pub(crate) fn run(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = Style::of_stdout(environment);
    block_on(async {
        let mut stage = Stage::set(style, args.step).await?;
        let began = stage.clock.monotonic();
        let played = play(args.flow, &mut stage).await;
        let took = stage.clock.monotonic().saturating_sub(began);
        let (problems, requests) = (stage.problems, stage.requests);
        stage.leave().await?;
        let (flows, failures) = played?;
        let summary = match (problems, failures) {
            (0, 0) => {
                format!("It behaved as expected ({requests} requests, {} ms).", took.as_millis())
            }
            (0, _) => format!(
                "All {flows} flows and {failures} failures behaved as expected \
                 ({requests} requests, {} ms).",
                took.as_millis()
            ),
            _ => format!("{problems} checks were not as expected: they are marked OFF above."),
        };
        let dressed = if problems == 0 { style.good(&summary) } else { style.bad(&summary) };
        output::result(&format!("\n{dressed}\n"))?;
        Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Plays one flow, or everything; answers with how many flows and failures there were.
async fn play(only: Option<Flow>, stage: &mut Stage) -> anyhow::Result<(usize, u32)> {
    let mut flows = 0;
    for (index, flow) in Flow::ALL.into_iter().enumerate() {
        if only.is_none_or(|only| only == flow) {
            let title = format!("Flow {}/{}  {}", index + 1, Flow::ALL.len(), flow.title());
            stage.title(&title)?;
            flow.run(stage).await?;
            flows += 1;
        }
    }
    let failures = if only.is_none() { failures::run(stage).await? } else { 0 };
    Ok((flows, failures))
}
