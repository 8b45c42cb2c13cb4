//! Checkpoints: moving what the write-ahead log holds into the database, off the commit path.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc::Receiver,
};

use rusqlite::Connection;

use super::snapshot::Snapshots;

/// Frames of 4 KiB after which the log is cut: 64 MiB.
const LONG: i64 = 16_384;
/// Frames after which no snapshot may keep it from being cut any longer: 2 GiB.
const TOO_LONG: i64 = 524_288;

/// Runs until nobody can ask any more. A failed checkpoint loses nothing: the log grows and the
/// next one tries again.
pub(super) fn run(
    conn: &Connection,
    asked: &Receiver<()>,
    cut: &AtomicBool,
    snapshots: &Snapshots,
) {
    while asked.recv().is_ok() {
        let frames = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1));
        let Ok(frames): rusqlite::Result<i64> = frames else { continue };
        if frames > TOO_LONG {
            snapshots.end_all();
        }
        if frames > LONG {
            cut.store(true, Ordering::Release);
        }
    }
}

/// Cuts the log; called by the writer between two transactions, when most of it has been moved.
pub(super) fn cut(conn: &Connection) {
    // A reader may be in the way; then the next one cuts it.
    let _busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}
