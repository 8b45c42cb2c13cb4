//! Who is told of what a backend committed.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::backend::{Change, ChangeSink, Seq};

/// Shared by a backend and its writer.
#[derive(Clone, Default)]
pub(crate) struct Told {
    sink: Arc<OnceLock<Arc<dyn ChangeSink>>>,
    transactions: Arc<AtomicU64>,
}

impl Told {
    /// Who is to hear of changes. A second watcher would be a second store on one backend, which
    /// `Store::open` rules out.
    pub(crate) fn watch(&self, sink: Arc<dyn ChangeSink>) {
        let _first = self.sink.set(sink);
    }

    /// A transaction was made durable.
    pub(crate) fn transaction(&self) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// A write set was committed: nobody hears of it before whoever cached what it changed.
    pub(crate) fn committed(&self, seq: Seq, changes: &[Change]) {
        if let (Some(sink), false) = (self.sink.get(), changes.is_empty()) {
            sink.apply(seq, changes);
        }
    }
}
