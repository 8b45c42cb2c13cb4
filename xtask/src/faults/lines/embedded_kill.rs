//! F1 and F2: SIGKILL under load and power cuts. The test of the binary does it a few times, this
//! line as often as one likes, with every unsynced write undone after every other kill.

use anyhow::Context as _;

use super::{Line, Running, cargo_test::Test};
use crate::faults::{Context, report::Finding};

/// The test that reads `BEHALF_FAULTS_CYCLES` and `BEHALF_FAULTS_SEED`.
const TEST: Test<'_> = Test {
    package: "behalf",
    program: "faults",
    name: "kill_nine::what_was_answered_survives_kill_nine_and_power_cuts",
};

pub(super) const KILL: Line = Line {
    name: "embedded-kill",
    promise: "SQLite: what was acknowledged survives SIGKILL and power cuts; each answer has one event",
    run: kill,
};

fn kill(context: &Context) -> Running<'_> {
    Box::pin(async move {
        let cycles = context.rounds("4", "200");
        let environment = [
            ("BEHALF_FAULTS_CYCLES", cycles.to_owned()),
            ("BEHALF_FAULTS_SEED", context.seed.to_string()),
        ];
        let said = TEST.run(context, &environment)?;
        let row = |title: &str| said.lines().find_map(|line| line.trim().strip_prefix(title));
        let done = row("done:").context("the test does not say what it did")?;
        let counted = row("counted:").context("the test does not say what it counted")?;
        let mut finding = Finding::new(done.trim());
        finding.counted(counted.trim());
        if let Some(ready) = row("ready again after") {
            finding.counted(format!("ready again after{ready}"));
        }
        Ok(finding)
    })
}
