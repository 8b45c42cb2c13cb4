//! Rows that are forgotten with the process: the development server's log.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use behalf_core::time::Timestamp;

use super::writer::{Row, Sink, SinkError};

/// Most rows kept; older ones go.
const ROWS_MAX: usize = 10_000;

/// The newest rows, oldest first: number and record.
#[derive(Debug, Default)]
pub(super) struct MemoryRows {
    rows: Mutex<VecDeque<(u64, Vec<u8>)>>,
}

impl MemoryRows {
    /// A copy of all rows, newest first.
    pub(super) fn newest_first(&self) -> Vec<(u64, Vec<u8>)> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().rev().cloned().collect()
    }
}

#[derive(Debug)]
pub(super) struct MemorySink {
    rows: Arc<MemoryRows>,
    sequence: u64,
}

impl MemorySink {
    pub(super) fn new(rows: Arc<MemoryRows>) -> Self {
        Self { rows, sequence: 0 }
    }
}

impl Sink for MemorySink {
    fn append(&mut self, rows: &[Row], _now: Timestamp) -> Result<i64, SinkError> {
        let mut kept = self.rows.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            self.sequence += 1;
            if kept.len() == ROWS_MAX {
                kept.pop_front();
            }
            kept.push_back((self.sequence, row.record.to_vec()));
        }
        Ok(i64::try_from(self.sequence).unwrap_or(i64::MAX))
    }

    fn probe(&mut self, _now: Timestamp) -> Result<(), SinkError> {
        Ok(())
    }
}
