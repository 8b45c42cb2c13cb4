//! Buckets in a table of fixed size (GCRA, ITU-T I.371), one 64-bit word each.
//!
//! A word holds 16 bits of the key's hash and, in 48 bits of microseconds, the moment at which the
//! bucket will be empty again. Four words make a set; a key lives in one set. When a set is full
//! the bucket that is nearest to empty is forgotten: too many keys make the limit forget, never
//! refuse somebody else.

use std::{
    hash::Hasher,
    sync::atomic::{AtomicU64, Ordering},
};

use behalf_core::time::Timestamp;

const WAYS: usize = 4;
const TIME_BITS: u32 = 48;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
/// Tries before a charge gives up and lets the request pass: bounds the time under contention.
const TRIES: usize = 16;

/// A rate in the table's unit. Microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// What one request adds; zero when the limit is off.
    interval: u64,
    /// What a bucket holds.
    capacity: u64,
}

impl Pace {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        if per_second >= super::OFF {
            return Self { interval: 0, capacity: 0 };
        }
        Self::every(1_000_000 / u64::from(per_second.max(1)), burst)
    }

    /// One each `interval` microseconds, with `burst` at once after a pause.
    pub(crate) fn every(interval: u64, burst: u32) -> Self {
        // An hour at most: the 48 bits must tell a full bucket from a clock that jumped back.
        let capacity = interval.saturating_mul(u64::from(burst.max(1))).min(3_600_000_000);
        Self { interval, capacity: capacity.max(interval) }
    }

    /// The wait until a bucket that holds `level` has room for one more.
    fn wait(self, level: u64) -> Option<u64> {
        (level + self.interval).checked_sub(self.capacity).filter(|wait| *wait > 0)
    }
}

pub(crate) struct Table {
    pace: Pace,
    sets: Box<[[AtomicU64; WAYS]]>,
    key: (u64, u64),
}

/// One bucket as it was found.
struct Found<'a> {
    word: &'a AtomicU64,
    seen: u64,
    /// Microseconds of requests in it; 0 when the bucket was another's.
    level: u64,
}

impl Table {
    /// `sets` is a power of two.
    pub(crate) fn new(pace: Pace, sets: usize, key: u128) -> Self {
        let sets = (0..sets.next_power_of_two()).map(|_| [const { AtomicU64::new(0) }; WAYS]);
        let [low, high] = [key & u128::from(u64::MAX), key >> 64];
        let key = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0));
        Self { pace, sets: sets.collect(), key }
    }

    /// Microseconds to wait, when the bucket is full. Changes nothing.
    pub(super) fn look(&self, key: &[u8], now: Timestamp) -> Option<u64> {
        self.allows(key, now).err()
    }

    /// Whether the bucket has room. Changes nothing.
    pub(super) fn allows(&self, key: &[u8], now: Timestamp) -> Result<(), u64> {
        if self.pace.interval == 0 {
            return Ok(());
        }
        let found = self.find(self.hash(key), micros(now));
        self.pace.wait(found.level).map_or(Ok(()), Err)
    }

    /// Adds one request, or says how many microseconds to wait.
    pub(crate) fn charge(&self, key: &[u8], now: Timestamp) -> Result<(), u64> {
        if self.pace.interval == 0 {
            return Ok(());
        }
        self.change(key, now, |level| match self.pace.wait(level) {
            Some(wait) => Err(wait),
            None => Ok(level + self.pace.interval),
        })
    }

    /// Takes one request back.
    pub(crate) fn refund(&self, key: &[u8], now: Timestamp) {
        // Infallible: nothing is refused.
        let _ = self.change(key, now, |level| Ok(level.saturating_sub(self.pace.interval)));
    }

    /// Empties the bucket.
    pub(crate) fn clear(&self, key: &[u8], now: Timestamp) {
        // Infallible: nothing is refused.
        let _ = self.change(key, now, |_| Ok(0));
    }

    /// Gives the bucket the level that `to` makes of its own.
    fn change(
        &self,
        key: &[u8],
        now: Timestamp,
        to: impl Fn(u64) -> Result<u64, u64>,
    ) -> Result<(), u64> {
        let (hash, now) = (self.hash(key), micros(now));
        for _ in 0..TRIES {
            let found = self.find(hash, now);
            let empty_at = now.wrapping_add(to(found.level)?) & TIME_MASK;
            let word = (tag(hash) << TIME_BITS) | empty_at;
            let swapped = found.word.compare_exchange_weak(
                found.seen,
                word,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if swapped.is_ok() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// SipHash-2-4 of `key` under the table's secret.
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        #[expect(deprecated, reason = "the one hasher of the standard library that takes a key")]
        let mut hasher = std::hash::SipHasher::new_with_keys(self.key.0, self.key.1);
        hasher.write(key);
        hasher.finish()
    }

    /// The key's bucket, or else the one of its set that is nearest to empty.
    fn find(&self, hash: u64, now: u64) -> Found<'_> {
        let index = usize::try_from(hash & (self.sets.len() as u64 - 1)).unwrap_or(0);
        let [first, rest @ ..] = &self.sets[index];
        let mut best = self.read(first, hash, now);
        for word in rest {
            if best.owned {
                break;
            }
            let other = self.read(word, hash, now);
            if other.owned || other.level < best.level {
                best = other;
            }
        }
        let level = if best.owned { best.level } else { 0 };
        Found { word: best.word, seen: best.seen, level }
    }

    fn read<'a>(&self, word: &'a AtomicU64, hash: u64, now: u64) -> Read<'a> {
        let seen = word.load(Ordering::Relaxed);
        let ahead = (seen & TIME_MASK).wrapping_sub(now) & TIME_MASK;
        // Further ahead than a full bucket: long empty, or the clock jumped back. Either way a
        // fresh start, so that no jump keeps anybody out.
        let level = if ahead <= self.pace.capacity { ahead } else { 0 };
        Read { word, seen, level, owned: seen >> TIME_BITS == tag(hash) }
    }
}

struct Read<'a> {
    word: &'a AtomicU64,
    seen: u64,
    level: u64,
    owned: bool,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("pace", &self.pace).finish_non_exhaustive()
    }
}

fn tag(hash: u64) -> u64 {
    hash >> TIME_BITS
}

fn micros(now: Timestamp) -> u64 {
    now.0.cast_unsigned().wrapping_mul(1_000) & TIME_MASK
}
