//! The data folder of a dev instance: its own keys, and a mark by which `behalf serve` refuses it.

use std::path::{Path, PathBuf};

use behalf_server::{
    entropy::Entropy,
    keys::{MasterKey, MasterKeyText},
};

use crate::{failure::Failure, files};

/// The file that marks a folder as a dev instance's.
const MARK: &str = "behalf-dev";
const MARK_TEXT: &str =
    "The data of a `behalf dev`: its secrets are public. `behalf serve` refuses this folder.\n";
const MASTER_KEY: &str = "master.key";

/// A dev instance's data folder, made if need be and marked.
pub(crate) struct DataFolder {
    /// Its path, absolute.
    pub(crate) path: PathBuf,
    /// Wraps what is stored in it.
    pub(crate) master: MasterKey,
}

impl DataFolder {
    /// Opens `path`, or makes it. A folder with somebody else's data is refused.
    pub(crate) fn open(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let failed = |what: &'static str| move |cause| Failure::path(path, what, &cause);
        let path_of = |name: &str| path.join(name);
        if !is_marked(path) {
            let taken = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
            if taken {
                return Err(Failure::usage(format!(
                    "{} holds files and is no dev data folder",
                    path.display()
                ))
                .fix("behalf dev --data with a new folder")
                .into());
            }
        }
        files::private_folder(path).map_err(failed("make the data folder"))?;
        let path = std::path::absolute(path).map_err(failed("find"))?;
        if !is_marked(&path) {
            let made = files::create(&path_of(MARK), MARK_TEXT.as_bytes());
            made.map_err(failed("mark the data folder"))?;
        }
        let key_file = path_of(MASTER_KEY);
        if !key_file.exists() {
            let line = MasterKeyText::generate(entropy);
            let made = files::create(&key_file, format!("{}\n", line.expose()).as_bytes());
            made.map_err(failed("write the master key in"))?;
        }
        Ok(Self { master: MasterKey::load(&key_file)?, path })
    }
}

/// Whether `folder` is a dev instance's.
pub(crate) fn is_marked(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

#[cfg(test)]
mod tests {
    use behalf_server::entropy::SeededEntropy;

    use super::*;

    #[test]
    fn a_new_folder_is_marked_and_a_foreign_one_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("dev");
        assert!(!is_marked(&path));
        DataFolder::open(&path, &SeededEntropy::new(1)).unwrap();
        assert!(is_marked(&path));
        let key = std::fs::read(path.join(MASTER_KEY)).unwrap();
        DataFolder::open(&path, &SeededEntropy::new(2)).unwrap();
        assert_eq!(std::fs::read(path.join(MASTER_KEY)).unwrap(), key, "the key stays");
        let error =
            DataFolder::open(scratch.path(), &SeededEntropy::new(1)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("no dev data folder"), "{error}");
    }
}
