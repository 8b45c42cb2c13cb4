//! A histogram that takes no lock: one atomic per bucket.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds in seconds: a refusal takes tens of microseconds, a signature some hundreds, a
/// full queue 50 ms, a client's patience seconds.
const BOUNDS: [f64; 14] = [
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    1.0,
    5.0,
    f64::INFINITY,
];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    nanos: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let index = BOUNDS.partition_point(|bound| *bound < seconds).min(BOUNDS.len() - 1);
        self.buckets[index].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Sum in seconds, count, and each bucket's own count.
    pub(super) fn read(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let count = |(bound, n): (&f64, &AtomicU64)| (*bound, n.load(Ordering::Relaxed));
        let buckets: Vec<_> = BOUNDS.iter().zip(&self.buckets).map(count).collect();
        let total = buckets.iter().map(|(_, n)| n).sum();
        let sum = Duration::from_nanos(self.nanos.load(Ordering::Relaxed)).as_secs_f64();
        (sum, total, buckets)
    }
}
