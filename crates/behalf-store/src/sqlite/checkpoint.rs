//! Checkpoints: moving what the write-ahead log holds into the database, off the commit path.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::Receiver,
};

use rusqlite::Connection;

/// Frames of 4 KiB after which the log is cut: 64 MiB.
const LONG: i64 = 16_384;

/// Runs until nobody can ask any more. A failed checkpoint loses nothing: the log grows and the
/// next one tries again.
pub(super) fn run(conn: &Connection, asked: &Receiver<()>, cut: &Arc<AtomicBool>) {
    while asked.recv().is_ok() {
        let frames = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1));
        if frames.is_ok_and(|frames: i64| frames > LONG) {
            cut.store(true, Ordering::Release);
        }
    }
}

/// Cuts the log; called by the writer between two transactions, when most of it has been moved.
pub(super) fn cut(conn: &Connection) {
    // A reader may be in the way; then the next one cuts it.
    let _busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}
