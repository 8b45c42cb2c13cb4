//! Randomness, as an argument, and the request ids made of it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest;
use behalf_core::{id::RequestId, time::Timestamp};
use uuid::Uuid;
use zeroize::Zeroize;

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync + fmt::Debug + 'static {
    /// Overwrites `out` with random bytes. Never fails: a source that cannot deliver ends the
    /// process, because there is no weaker answer worth giving.
    fn fill(&self, out: &mut [u8]);
}

/// A source that many share.
pub type SharedEntropy = Arc<dyn Entropy>;

/// `N` random bytes from `entropy`.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The crypto library's generator, seeded by the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the edge where randomness enters the process")]
    fn fill(&self, out: &mut [u8]) {
        if aws_lc_rs::rand::fill(out).is_err() {
            tracing::error!(
                "the random number generator failed; stopping rather than going on weak"
            );
            std::process::abort();
        }
    }
}

/// A source that gives the same bytes for the same seed: for tests and reproducible worlds, never
/// for a deployment.
#[derive(Debug)]
pub struct SeededEntropy {
    state: Mutex<(u64, u64)>,
}

impl SeededEntropy {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new((seed, 0)) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(32) {
            let mut input = [0; 16];
            input[..8].copy_from_slice(&state.0.to_be_bytes());
            input[8..].copy_from_slice(&state.1.to_be_bytes());
            state.1 += 1;
            let block = digest::digest(&digest::SHA256, &input);
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
    }
}

/// Bytes a buffer fetches at once: 51 request ids.
const BUFFERED: usize = 512;
const PER_ID: usize = 10;

/// Makes request ids: UUIDv7 (RFC 9562 5.7) whose milliseconds never go back, with 74 random bits.
///
/// One for each core: randomness is fetched for many ids at once, so that an id costs a lock nobody
/// else wants and a copy.
pub struct RequestIds {
    entropy: SharedEntropy,
    state: Mutex<Buffer>,
}

struct Buffer {
    bytes: [u8; BUFFERED],
    used: usize,
    newest: u64,
}

impl RequestIds {
    /// A maker that draws from `entropy`.
    pub fn new(entropy: SharedEntropy) -> Self {
        let state = Buffer { bytes: [0; BUFFERED], used: BUFFERED, newest: 0 };
        Self { entropy, state: Mutex::new(state) }
    }

    /// The id of a request that arrived at `now`.
    pub fn next(&self, now: Timestamp) -> RequestId {
        let mut buffer = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.used + PER_ID > BUFFERED {
            self.entropy.fill(&mut buffer.bytes);
            buffer.used = 0;
        }
        let start = buffer.used;
        let mut bits = [0; PER_ID];
        bits.copy_from_slice(&buffer.bytes[start..start + PER_ID]);
        buffer.bytes[start..start + PER_ID].zeroize();
        buffer.used += PER_ID;
        buffer.newest = buffer.newest.max(u64::try_from(now.0).unwrap_or(0));
        RequestId(uuid::Builder::from_unix_timestamp_millis(buffer.newest, &bits).into_uuid())
    }
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestIds(…)")
    }
}

/// The moment a UUIDv7 was made, in its milliseconds; `None` for ids of another version.
pub fn time_of(id: RequestId) -> Option<Timestamp> {
    let bytes = id.bytes();
    (id.0.get_version_num() == 7).then(|| {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&bytes[..6]);
        Timestamp(i64::from_be_bytes(millis))
    })
}

/// A version 4 UUID: for correlation ids of requests that brought none, and for directory objects.
pub fn random_uuid(entropy: &dyn Entropy) -> Uuid {
    uuid::Builder::from_random_bytes(random(entropy)).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ids() -> RequestIds {
        RequestIds::new(Arc::new(SeededEntropy::new(1)))
    }

    #[test]
    fn a_seed_gives_the_same_bytes_and_no_byte_twice() {
        let (one, two) = (SeededEntropy::new(7), SeededEntropy::new(7));
        assert_eq!(random::<100>(&one), random::<100>(&two));
        assert_ne!(random::<32>(&one), random::<32>(&one));
        assert_ne!(random::<32>(&SeededEntropy::new(8)), random::<32>(&SeededEntropy::new(7)));
        assert_ne!(random::<32>(&SystemEntropy), random::<32>(&SystemEntropy));
    }

    #[test]
    fn request_ids_carry_their_time_and_never_go_back() {
        let ids = ids();
        let now = Timestamp(1_764_000_000_123);
        let first = ids.next(now);
        assert_eq!(first.0.get_version_num(), 7);
        assert_eq!(time_of(first), Some(now));
        assert_eq!(time_of(ids.next(Timestamp(now.0 - 5_000))), Some(now), "the clock jumped back");
        assert_eq!(time_of(ids.next(Timestamp(-1))), Some(now));
        assert_eq!(time_of(RequestId(random_uuid(&SeededEntropy::new(1)))), None);
    }

    #[test]
    fn ten_thousand_ids_of_one_millisecond_differ() {
        let ids = ids();
        let all: HashSet<_> = (0..10_000).map(|_| ids.next(Timestamp(1))).collect();
        assert_eq!(all.len(), 10_000);
    }
}
