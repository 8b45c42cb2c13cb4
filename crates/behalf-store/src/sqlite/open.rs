//! Opening: folder, file, lock, settings, and the checks that cost the same however much is stored.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    check::{self, Verdict},
    migrate, wal,
};
use crate::{Lock, LockError};

/// Read connections, each with its cache.
const READERS: usize = 4;
/// Page caches in KiB: 32 MiB in all.
const WRITER_CACHE: i64 = 8 * 1_024;
pub(super) const READER_CACHE: i64 = 5 * 1_024 + 512;
const CHECKPOINT_CACHE: i64 = 2 * 1_024;
/// Prepared statements a connection keeps; there are fewer than this.
const STATEMENTS: usize = 32;
/// How long a connection waits for another of this process; nobody holds a lock that long.
const BUSY: Duration = Duration::from_secs(5);

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "{} is in use by {}: stop it first, or talk to it through its admin socket",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// The process that has it, if it says.
        holder: Option<u32>,
    },
    /// A newer version wrote it.
    #[error(
        "{} has schema {found}, this version knows schemas up to {known}: use the version that wrote it or a newer one",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// It is no database of behalf, or damaged.
    #[error("{} cannot be used: {cause}; restore it from a backup", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

pub(super) fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}

fn locked(path: &Path, error: LockError) -> OpenError {
    match error {
        LockError::InUse { holder } => OpenError::InUse { path: path.to_owned(), holder },
        LockError::Io { path, source } => OpenError::Io { path, source },
    }
}

/// The connections of one database.
pub(super) struct Opened {
    pub(super) writer: Arc<Mutex<Connection>>,
    pub(super) readers: Vec<Arc<Mutex<Connection>>>,
    pub(super) checkpointer: Option<Connection>,
    pub(super) lock: Option<Lock>,
    pub(super) verdict: Verdict,
}

/// One connection for all: what is in memory is seen by nobody else, and nothing waits for a disk.
pub(super) fn in_memory() -> Result<Opened, OpenError> {
    let path = Path::new(":memory:");
    let mut conn = Connection::open_in_memory().map_err(|error| damaged(path, &error))?;
    configure(&conn, WRITER_CACHE).map_err(|error| damaged(path, &error))?;
    migrate::migrate(&mut conn, path)?;
    let writer = Arc::new(Mutex::new(conn));
    Ok(Opened {
        readers: vec![Arc::clone(&writer)],
        writer,
        checkpointer: None,
        lock: None,
        verdict: Verdict::default(),
    })
}

pub(super) fn open(path: &Path) -> Result<Opened, OpenError> {
    make_folder(path)?;
    let lock = Lock::take(path).map_err(|error| locked(path, error))?;
    if !path.try_exists().map_err(|error| io_error(path, error))? {
        create(path)?;
    }
    let size = fs::metadata(path).map_err(|error| io_error(path, error))?.len();
    if size == 0 {
        // A database is born whole (below), so an empty file is the rest of one.
        let cause = "the file is empty".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), cause });
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))
        .map_err(|error| io_error(path, error))?;
    wal::check(path)?;
    let mut writer = connect(path, WRITER_CACHE)?;
    migrate::check(&writer, path)?;
    let busy = |error| damaged(path, &error);
    writer.pragma_update(None, "synchronous", "FULL").map_err(busy)?;
    writer.pragma_update(None, "wal_autocheckpoint", 0).map_err(busy)?;
    migrate::migrate(&mut writer, path)?;
    let verdict = check::begin(&writer, path, size)?;
    // What a crash left half in the log is gone with it, and is not taken for damage next time.
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(busy)?;
    let reader = || connect(path, READER_CACHE).map(|conn| Arc::new(Mutex::new(conn)));
    Ok(Opened {
        writer: Arc::new(Mutex::new(writer)),
        readers: (0..READERS).map(|_| reader()).collect::<Result<_, _>>()?,
        checkpointer: Some(connect(path, CHECKPOINT_CACHE)?),
        lock: Some(lock),
        verdict,
    })
}

/// Makes a database under another name, complete and synced, and renames it: at its own name there
/// is never half a database.
fn create(path: &Path) -> Result<(), OpenError> {
    let mut name = OsString::from(path);
    name.push(".new");
    let new = PathBuf::from(name);
    let io = |error| io_error(&new, error);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(io)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600)).map_err(io)?;
    let sql = |error| damaged(&new, &error);
    let mut conn = Connection::open_with_flags(&new, flags()).map_err(sql)?;
    configure(&conn, WRITER_CACHE).map_err(sql)?;
    migrate::migrate(&mut conn, &new)?;
    conn.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
    conn.close().map_err(|(_, error)| sql(error))?;
    let synced = fs::File::open(&new).and_then(|file| file.sync_all());
    synced.and_then(|()| fs::rename(&new, path)).map_err(io)?;
    let folder = folder(path);
    fs::File::open(folder).and_then(|file| file.sync_all()).map_err(|e| io_error(folder, e))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the database's folder for its owner alone; one that exists keeps its mode.
fn make_folder(path: &Path) -> Result<(), OpenError> {
    let folder = folder(path);
    let io = |error| io_error(folder, error);
    if folder.try_exists().map_err(io)? {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io)
}

/// No `SQLITE_OPEN_CREATE`: SQLite would create with the process's umask. No mutex inside either,
/// each connection has ours.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

pub(super) fn connect(path: &Path, cache: i64) -> Result<Connection, OpenError> {
    let conn = Connection::open_with_flags(path, flags()).map_err(|error| damaged(path, &error))?;
    writable(&conn, path)?;
    configure(&conn, cache).map_err(|error| damaged(path, &error))?;
    Ok(conn)
}

/// SQLite opens for reading what it cannot open for writing, whatever the cause and however short:
/// such a connection would refuse every write from then on.
fn writable(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    if conn.is_readonly("main").map_err(|error| damaged(path, &error))? {
        let text = "it could be opened for reading only; see who owns it, whether its disk is read-only or broken, and how many files may be open (ulimit -n)";
        return Err(io_error(path, io::Error::other(text)));
    }
    Ok(())
}

fn configure(conn: &Connection, cache: i64) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.pragma_update(None, "cache_size", -cache)
}

/// What SQLite's error means for the file: nobody is to restore a backup because a disk is full.
pub(super) fn damaged(path: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    if let Some(DiskFull | SystemIoFailure | ReadOnly | CannotOpen) = error.sqlite_error_code() {
        let text = format!("{error}; see whether its disk is full, read-only or broken");
        return io_error(path, io::Error::other(text));
    }
    OpenError::Damaged { path: path.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_connection_that_can_only_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.db");
        let opened = open(&path).unwrap();
        writable(&opened.writer.lock().unwrap(), &path).unwrap();
        let only = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let refused = writable(&only, &path).unwrap_err().to_string();
        assert!(refused.contains("b.db: it could be opened for reading only; see"), "{refused}");
    }

    #[test]
    fn a_disk_in_trouble_is_not_taken_for_a_damaged_file() {
        let told = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            damaged(Path::new("b.db"), &error).to_string()
        };
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_READONLY] {
            let text = told(code);
            assert!(
                text.contains("full, read-only or broken") && !text.contains("backup"),
                "{text}"
            );
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(told(code).ends_with("; restore it from a backup"));
        }
    }
}
