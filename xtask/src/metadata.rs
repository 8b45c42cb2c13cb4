//! The part of `cargo metadata` and `cargo tree` that the checks read.
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// `cargo metadata --format-version 1`, cut down.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

/// One package of the metadata.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as its package declares it.
#[derive(Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` is a normal dependency; else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Dependency {
    /// Whether only tests, examples and benches see it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// The workspace's own packages with the dependencies they declare.
pub(crate) fn workspace() -> Result<Metadata> {
    read(&["metadata", "--format-version", "1", "--no-deps"])
}

/// Every package that a build for this host can use.
pub(crate) fn resolved() -> Result<Metadata> {
    let host = host_triple()?;
    read(&["metadata", "--format-version", "1", "--filter-platform", &host])
}

/// `name vX.Y.Z` lines of everything that ships: the normal dependency tree of the workspace.
pub(crate) fn normal_tree() -> Result<String> {
    let arguments = ["tree", "-e", "normal", "--workspace", "--prefix", "none", "--format", "{p}"];
    cargo(&arguments)
}

fn read(arguments: &[&str]) -> Result<Metadata> {
    serde_json::from_str(&cargo(arguments)?).context("`cargo metadata` printed unexpected JSON")
}

/// The triple of the machine that builds.
pub(crate) fn host_triple() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run `rustc -vV`")?;
    let text = String::from_utf8(output.stdout).context("`rustc -vV` printed no UTF-8")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn cargo(arguments: &[&str]) -> Result<String> {
    let what = format!("cargo {}", arguments.join(" "));
    let output = Command::new("cargo")
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run `{what}`"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{what}` failed: {stderr}");
    String::from_utf8(output.stdout).with_context(|| format!("`{what}` printed no UTF-8"))
}
