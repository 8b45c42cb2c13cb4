//! `behalf demo`: the flows of the docs, run for real in this process, with every exchange and
//! every check. It ends with a failure when anything is other than expected, so it is a smoke test
//! as well.

mod api;
mod failures;
mod flows;
mod stage;
mod wire;

use std::process::ExitCode;

use crate::{
    environment::Environment,
    http_client::block_on,
    output::{self, Style},
};
use stage::Stage;

/// Runs the flows.
pub(crate) fn run(environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = Style::of_stdout(environment);
    block_on(async {
        let mut stage = Stage::set(style).await?;
        let began = stage.clock.monotonic();
        let flows = flows::run(&mut stage).await?;
        let failures = failures::run(&mut stage).await?;
        let took = stage.clock.monotonic().saturating_sub(began);
        let problems = stage.problems;
        let summary = if problems == 0 {
            format!(
                "All {flows} flows and {failures} failures behaved as expected \
                 ({} requests, {} ms).",
                stage.requests,
                took.as_millis()
            )
        } else {
            format!("{problems} checks were not as expected: they are marked OFF above.")
        };
        let dressed = if problems == 0 { style.good(&summary) } else { style.bad(&summary) };
        output::result(&format!("\n{dressed}\n"))?;
        stage.leave().await?;
        Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
