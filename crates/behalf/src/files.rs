//! Files and folders that nobody else may read, written whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// Makes `path` and what is missing above it, mode 0700 whatever the umask; tightens `path` if it
/// exists with a looser mode.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o777 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Replaces `path` by `content` in one step, mode 0600. A reader sees the old file or the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

/// The same, and the file is locked from the moment it has its name until what is returned drops.
pub(crate) fn replace_locked(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.as_file().lock()?;
    Ok(file.persist(path)?)
}

/// Writes `path`, mode 0600, if there is no such file yet; what exists stays as it is.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

/// A file that is written piece by piece under another name and has its own when it is whole, on
/// the disk and mode 0600.
pub(crate) struct Growing {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Growing {
    /// Begins `path`; what is there stays until the new file is whole.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        Ok(Self { file: beside(path)?, path: path.to_owned() })
    }

    /// Adds to it.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Where it is as long as it grows, all of it on the disk.
    pub(crate) fn so_far(&mut self) -> io::Result<&Path> {
        self.file.as_file().sync_all()?;
        Ok(self.file.path())
    }

    /// Gives it its name, and makes sure that it still has it after a power cut.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        File::open(folder(&self.path))?.sync_all()
    }
}

/// Opens `path` for locking, making it empty (0600) if need be.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than the {limit} bytes expected at most"),
        ));
    }
    match str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let good = error.valid_up_to();
            let before = bytes.iter().take(good);
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the byte at offset {good}, in line {line}, is not UTF-8"),
            ))
        }
    }
}

/// A temporary file in the folder of `path`; `tempfile` makes it 0600.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".").tempfile_in(folder(path))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_are_0700_and_files_0600() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a/b");
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&scratch.path().join("a")), 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700, "a looser folder is tightened");
        let file = folder.join("f");
        replace(&file, b"one").unwrap();
        assert_eq!(mode(&file), 0o600);
        lock_file(&folder.join("l")).unwrap();
        assert_eq!(mode(&folder.join("l")), 0o600);
    }

    #[test]
    fn create_leaves_what_exists_and_replace_does_not() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("f");
        create(&file, b"one").unwrap();
        assert_eq!(create(&file, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"one");
        replace(&file, b"three").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"three");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_growing_file_has_its_name_only_when_it_is_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("f");
        fs::write(&file, "old").unwrap();
        let mut growing = Growing::begin(&file).unwrap();
        growing.write(b"ne").unwrap();
        assert_eq!(fs::read(growing.so_far().unwrap()).unwrap(), b"ne");
        assert_eq!(fs::read(&file).unwrap(), b"old");
        drop(growing);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left beside it");
        let mut growing = Growing::begin(&file).unwrap();
        growing.write(b"new").unwrap();
        growing.finish().unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"new".to_vec(), 0o600));
        assert!(Growing::begin(scratch.path()).is_err());
    }

    #[test]
    fn long_files_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("f");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 5).unwrap(), "12345");
        fs::write(&file, b"a = 1\nb = \"\xff\"\n").unwrap();
        let error = read_text(&file, 99).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "the byte at offset 11, in line 2, is not UTF-8");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
