//! The arrows of ARCHITECTURE.md 2: between crates (`arrows`) and inside them (`rules`).
mod arrows;
mod rules;

use anyhow::Result;

use crate::{metadata, report};

/// Checks the workspace this runs in; one line per violation on standard error.
pub(crate) fn run() -> Result<()> {
    let workspace = metadata::workspace()?;
    let mut findings = arrows::check(&workspace.packages);
    findings.extend(rules::check(&workspace.workspace_root)?);
    report("check-arrows", &findings)
}
