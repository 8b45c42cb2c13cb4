//! F16: bytes of a database's file or of its log change while nobody has it open, far more often
//! than a process could be started.

use anyhow::ensure;

use super::{Line, Running, cargo_test::Test};
use crate::faults::{Context, report::Finding};

/// The tests that read `BEHALF_MUTATIONS`.
const TEST: Test<'_> =
    Test { package: "behalf-store", program: "corruption", name: "no_change_of" };

pub(super) const MUTATIONS: Line = Line {
    name: "embedded-mutations",
    promise: "SQLite: a file or a log whose bytes changed is refused or is what was written at some time, never something else",
    run: mutations,
};

fn mutations(context: &Context) -> Running<'_> {
    Box::pin(async move {
        let many = context.rounds(100, 50_000).to_string();
        let said = TEST.run(context, &[("BEHALF_MUTATIONS", many.clone())])?;
        let counted: Vec<&str> = said.lines().filter(|line| line.contains(" changes: ")).collect();
        ensure!(counted.len() == 2, "the tests do not say what they counted: {said}");
        let mut finding = Finding::new(format!(
            "{many} times bits, bytes, pages or the end of the file of a closed database, and as often of one that was killed and its log; opened, and read in every way"
        ));
        for counted in counted {
            let (_, counted) = counted.rsplit_once(" changes: ").unwrap_or(("", counted));
            finding.counted(format!("{counted}; nothing else was served"));
        }
        Ok(finding)
    })
}
