//! Who this node is: a UUID that lies beside its journal and is kept as long as that.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use behalf_store::shared_log::NodeId;

use crate::entropy::{Entropy, random_uuid};

/// The file in the data folder.
const FILE: &str = "node.id";
/// Most of it that is read, in bytes.
const LENGTH_MAX: usize = 64;

/// Why a node does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum NodeIdError {
    /// The file cannot be read or made.
    #[error("the node's id {}: {cause}; its folder must exist and belong to this user", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Something else is in it.
    #[error(
        "the node's id {}: expected a GUID and nothing else; restore the file, or remove it and the node counts as a new one",
        path.display()
    )]
    NoId {
        /// Which.
        path: PathBuf,
    },
}

/// The id of the node whose data lies in `data`, made if there is none. With a journal that begins
/// (`anew`) the node is a new one too: its rows are numbered from the start.
pub(super) fn node_id(
    data: &Path,
    anew: bool,
    entropy: &dyn Entropy,
) -> Result<NodeId, NodeIdError> {
    let path = data.join(FILE);
    let failed = |cause| NodeIdError::File { path: path.clone(), cause };
    match fs::read_to_string(&path) {
        Ok(text) if !anew => {
            let text = text.get(..text.len().min(LENGTH_MAX)).unwrap_or_default();
            let id = behalf_core::id::parse_guid(text.trim());
            id.map(NodeId).map_err(|_| NodeIdError::NoId { path })
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed(cause)),
        Ok(_) | Err(_) => {
            let id = NodeId(random_uuid(entropy));
            write(&path, id).map_err(failed)?;
            Ok(id)
        }
    }
}

/// Under another name first: whoever reads the file finds all of it.
fn write(path: &Path, id: NodeId) -> io::Result<()> {
    let making = path.with_extension("making");
    match fs::remove_file(&making) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&making, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn an_id_is_kept_as_long_as_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let entropy = SeededEntropy::new(1);
        let open = |anew| node_id(folder.path(), anew, &entropy).unwrap();
        let first = open(true);
        assert_eq!(open(false), first);
        let second = open(true);
        assert_ne!(second, first, "its journal was lost");
        assert_eq!(open(false), second);
        fs::remove_file(folder.path().join(FILE)).unwrap();
        assert_ne!(open(false), second);
        let mode = folder.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let entropy = SeededEntropy::new(1);
        for text in ["", "node-1", &"é".repeat(80)] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let refused = node_id(folder.path(), false, &entropy).unwrap_err().to_string();
            assert!(refused.contains("expected a GUID"), "{text}: {refused}");
            assert!(refused.contains("remove it"), "{refused}");
        }
    }
}
