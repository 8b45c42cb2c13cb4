//! `behalf serve`: production. Starts only when everything that it needs is there and right.

mod flags;
mod node;
mod supervisor;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use behalf_server::config::{self, Config, File};

use crate::{
    dev::data,
    environment::Environment,
    failure::{Exit, Failure},
    files,
};
use flags::Flags;
pub(crate) use node::settings;
use supervisor::Supervisor;

/// The configuration where none is named.
pub(crate) const DEFAULT_FILE: &str = "behalf.toml";
const FILE_MAX: u64 = 1 << 20;

/// `behalf serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration; behalf.toml of this folder if there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Settings as flags.
    #[command(flatten)]
    flags: Flags,
}

/// Serves until it is told to stop.
pub(crate) fn run(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = load(args.config.as_deref(), &args.flags)?;
    node::run(&config, &Supervisor::of(environment))?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration as far as a command needs it that works on the data and serves nobody: TLS
/// may be missing.
pub(crate) fn load_for_data(file: Option<&Path>) -> Result<Config, Failure> {
    let unused = |key| (key, "unused".to_owned());
    load(file, &Flags(vec![unused("tls.cert"), unused("tls.key")]))
}

/// Reads the configuration and refuses what no deployment may be.
fn load(file: Option<&Path>, flags: &Flags) -> Result<Config, Failure> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match files::read_text(path, FILE_MAX) {
        Ok(text) => Some(text),
        Err(cause) if file.is_none() && cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(Failure::path(path, "read", &cause)),
    };
    let path = std::path::absolute(path).map_err(|cause| Failure::path(path, "find", &cause))?;
    let file = text.as_deref().map(|text| File { path: &path, text });
    let config = Config::load(file, &config::environment(), &flags.0)
        .map_err(|problems| Failure::usage(problems.to_string()))?;
    private(&config.master_key_file)?;
    let beside = config.storage.file().and_then(Path::parent);
    for folder in [Some(&*config.data_dir), beside].into_iter().flatten() {
        not_dev(folder)?;
        not_everybodys(folder)?;
    }
    Ok(config)
}

/// A dev instance's data is public knowledge.
fn not_dev(folder: &Path) -> Result<(), Failure> {
    if !data::is_marked(folder) {
        return Ok(());
    }
    let path = folder.display();
    let told = format!("{path} is the data of a behalf dev: its secrets are public");
    Err(Failure::new(Exit::Denied, told).fix("storage.url or data_dir with a new folder"))
}

/// Whoever may write the data's folder may put another database in place of ours.
fn not_everybodys(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    // A folder that is missing is made, for this user alone.
    let Ok(found) = std::fs::metadata(folder) else { return Ok(()) };
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o002 == 0 {
        return Ok(());
    }
    let path = folder.display();
    Err(Failure::new(Exit::Denied, format!("{path} has mode {mode:03o}: everybody can write it"))
        .fix(format!("chmod 700 {path}")))
}

/// Whoever reads the master key reads every key.
fn private(master_key: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    // A file that is missing is told of where it is read.
    let Ok(found) = std::fs::metadata(master_key) else { return Ok(()) };
    let mode = found.permissions().mode() & 0o777;
    let by_others = mode & 0o007;
    if by_others == 0 {
        return Ok(());
    }
    let path = master_key.display();
    Err(Failure::new(Exit::Denied, format!("{path} has mode {mode:03o}: everybody can read it"))
        .fix(format!("chmod 600 {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_everybody_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (mode, fine) in [(0o700, true), (0o755, true), (0o770, true), (0o777, false)] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(not_everybodys(folder.path()).is_ok(), fine, "{mode:o}");
        }
        assert!(not_everybodys(&folder.path().join("new")).is_ok());
    }

    #[test]
    fn a_dev_folder_and_a_readable_master_key_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        assert!(not_dev(folder.path()).is_ok());
        std::fs::write(folder.path().join("behalf-dev"), "").unwrap();
        assert!(not_dev(folder.path()).unwrap_err().to_string().contains("secrets are public"));
        let key = folder.path().join("master.key");
        assert!(private(&key).is_ok());
        std::fs::write(&key, "").unwrap();
        for (mode, fine) in [(0o600, true), (0o640, true), (0o604, false), (0o666, false)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(private(&key).is_ok(), fine, "{mode:o}");
        }
    }
}
