//! Lines that are tests of a crate: those do a little of it at every change, the line as much as one
//! likes.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::faults::Context;

/// A test of the workspace.
pub(super) struct Test<'a> {
    pub(super) package: &'a str,
    /// The program that holds it.
    pub(super) program: &'a str,
    /// Its name, or what its name begins with.
    pub(super) name: &'a str,
}

impl Test<'_> {
    /// Runs it, optimised in the long form; what it prints.
    pub(super) fn run(
        &self,
        context: &Context,
        environment: &[(&str, String)],
    ) -> anyhow::Result<String> {
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "-p", self.package, "--test", self.program]);
        if !context.short {
            command.arg("--release");
        }
        command.args(["--", self.name, "--nocapture"]);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().context("cannot run cargo")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        Ok(said)
    }
}
