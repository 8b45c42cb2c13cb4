//! One process at a time: a lock on a file beside the database.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::open::{OpenError, io_error};

/// Held while the database is open; the system lets go of it when the process ends, however.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock for the database at `path` or says who holds it.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let beside = lock_path(path);
        let io = |error| io_error(&beside, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&beside).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only a hint for people; without it the message says less.
                let _unread = (&file).take(20).read_to_string(&mut holder);
                let holder = holder.trim().parse().ok();
                return Err(OpenError::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
