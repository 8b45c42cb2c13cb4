//! What this machine has.

use std::io::ErrorKind;

use behalf_server::{config::Config, keys::MasterKey};

use super::check::Check;

/// Whether the master key can be read.
pub(super) fn master_key(config: &Config) -> Check {
    let path = &config.master_key_file;
    match MasterKey::load(path) {
        Ok(_) => Check::ok("master key", format!("{} is readable", path.display())),
        Err(error) => Check::fail(
            "master key",
            error.to_string(),
            "every node has the same file; without it nothing that is stored can be opened",
        ),
    }
}

/// Whether there is a place for the journal.
pub(super) fn data_dir(config: &Config) -> Check {
    let path = config.data_dir.display();
    match std::fs::metadata(&config.data_dir) {
        Ok(found) if found.is_dir() => Check::ok("data folder", format!("{path} is there")),
        Ok(_) => Check::fail("data folder", format!("{path} is no folder"), "set data_dir"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::ok("data folder", format!("{path} is not there yet: the first start makes it"))
        }
        Err(error) => Check::fail("data folder", format!("{path}: {error}"), "let its user in"),
    }
}

/// A database that is a file of this machine.
pub(super) fn file(config: &Config) -> Vec<Check> {
    let Some(path) = config.storage.file() else { return Vec::new() };
    let shown = path.display();
    let database = match std::fs::metadata(path) {
        Ok(found) => Check::ok("database", format!("{shown}, {} bytes", found.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::ok("database", format!("{shown} is not there yet: the first start makes it"))
        }
        Err(error) => Check::fail("database", format!("{shown}: {error}"), "let its user in"),
    };
    let alone = "a file of one machine: one node, and it is lost with its disk";
    let fix = "take backups (behalf backup); for many nodes set storage.url = postgres://…";
    vec![database, Check::warn("availability", alone, fix)]
}
