//! Backups and moves between SQLite and PostgreSQL: `./test postgres`.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::{
    serve::{Serving, init},
    support::{behalf, stderr, succeed},
};

/// A schema that is not there yet, in the database of the run.
#[expect(clippy::disallowed_methods, reason = "how ./test names its cluster")]
fn schema(name: &str) -> String {
    let url = std::env::var("BEHALF_TEST_POSTGRES").expect("run ./test postgres");
    format!("{url}?schema=backup_{name}_{}", std::process::id())
}

/// The command on another storage than the configuration says.
fn on(folder: &Path, storage: &str) -> Command {
    let mut command = behalf(folder);
    command.env("BEHALF_STORAGE_URL", storage).env("BEHALF_DATA_DIR", folder.join("data"));
    command
}

fn output(mut command: Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn tenants(command: Command) -> Value {
    serde_json::from_str(&output(command, &["tenant", "list", "-o", "json"])).unwrap()
}

#[test]
#[ignore = "needs PostgreSQL: ./test postgres"]
fn a_directory_moves_to_postgresql_and_backups_go_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    init(folder);
    succeed(folder, &["tenant", "create", "Example", "--domain", "example.test"]);
    let serving = Serving::start(folder);
    let before = tenants(behalf(folder));
    let (moved, restored) = (schema("moved"), schema("restored"));
    std::fs::write(folder.join("target.url"), &moved).unwrap();
    succeed(folder, &["backup", "--to", "sqlite.backup"]);
    succeed(folder, &["storage", "copy", "--to-file", "target.url", "--rehearse"]);
    succeed(folder, &["storage", "copy", "--to-file", "target.url"]);
    drop(serving);
    assert_eq!(tenants(on(folder, &moved)), before);
    output(on(folder, &moved), &["storage", "check"]);
    output(on(folder, &moved), &["backup", "--to", "postgres.backup"]);
    // From each to each.
    output(on(folder, &restored), &["restore", "--from", "sqlite.backup"]);
    assert_eq!(tenants(on(folder, &restored)), before);
    let refused = on(folder, &restored).args(["restore", "--from", "sqlite.backup"]).output();
    assert!(stderr(&refused.unwrap()).contains("the store is not empty"));
    let file = format!("sqlite://{}/restored/behalf.db", folder.display());
    output(on(folder, &file), &["restore", "--from", "postgres.backup"]);
    assert_eq!(tenants(on(folder, &file)), before);
}
