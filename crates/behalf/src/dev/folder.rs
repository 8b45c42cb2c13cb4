//! The dev folder: where the dev CA and the list of running instances live.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{environment::Environment, failure::Failure, files, output};

/// The folder of this user's dev instances, mode 0700.
pub(crate) struct DevFolder {
    path: PathBuf,
    // Removed when dropped.
    _temporary: Option<tempfile::TempDir>,
}

impl DevFolder {
    /// The folder, made if need be: `BEHALF_DEV_DIR`, `$XDG_DATA_HOME/behalf/dev`,
    /// `~/.local/share/behalf/dev`; where none of the last two can be made, a temporary one and a
    /// warning.
    pub(crate) fn open(environment: &Environment) -> Result<Self, Failure> {
        if let Some(path) = environment.path("BEHALF_DEV_DIR") {
            let path = std::path::absolute(&path)
                .and_then(|path| files::private_folder(&path).map(|()| path))
                .map_err(|cause| {
                    Failure::path(&path, "make the folder of BEHALF_DEV_DIR", &cause)
                        .fix("set it to a folder of your own")
                })?;
            return Ok(Self { path, _temporary: None });
        }
        match usual(environment) {
            Some(path) if files::private_folder(&path).is_ok() => {
                Ok(Self { path, _temporary: None })
            }
            _ => Self::temporary(),
        }
    }

    /// The folder if there is one, without making it: for commands that only look.
    pub(crate) fn existing(environment: &Environment) -> Option<PathBuf> {
        environment.path("BEHALF_DEV_DIR").or_else(|| usual(environment)).filter(|p| p.is_dir())
    }

    /// Its path, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn temporary() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("behalf-dev-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|cause| {
                Failure::environment(format!("no folder for the dev CA can be made: {cause}"))
                    .fix("set BEHALF_DEV_DIR to a folder of your own")
            })?;
        output::note(&format!(
            "warning: no usable home folder: the dev CA lives in {} and is forgotten at exit. \
             Try: BEHALF_DEV_DIR=FOLDER behalf dev",
            folder.path().display()
        ));
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }
}

/// A relative value is as good as none: the XDG specification says so, and `HOME` needs it too.
fn usual(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| environment.path(name).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("behalf/dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_wins() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
        let open = |environment: Environment| {
            DevFolder::open(&environment)
                .unwrap()
                .path()
                .strip_prefix(scratch.path())
                .unwrap()
                .to_owned()
        };
        let all = Environment::from([
            ("BEHALF_DEV_DIR", at("own").as_str()),
            ("XDG_DATA_HOME", at("xdg").as_str()),
            ("HOME", at("home").as_str()),
        ]);
        assert_eq!(open(all), Path::new("own"));
        let xdg = Environment::from([
            ("XDG_DATA_HOME", at("xdg").as_str()),
            ("HOME", at("home").as_str()),
        ]);
        assert_eq!(open(xdg), Path::new("xdg/behalf/dev"));
        let home =
            Environment::from([("XDG_DATA_HOME", "relative"), ("HOME", at("home").as_str())]);
        assert_eq!(open(home), Path::new("home/.local/share/behalf/dev"));
    }

    #[test]
    fn without_a_home_the_folder_is_temporary_and_private() {
        let folder = DevFolder::open(&Environment::default()).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn an_explicit_folder_that_cannot_be_made_is_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "").unwrap();
        let inside = file.join("dev");
        let environment = Environment::from([("BEHALF_DEV_DIR", inside.to_str().unwrap())]);
        let error = DevFolder::open(&environment).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("BEHALF_DEV_DIR") && error.contains("Try:"), "{error}");
    }
}
