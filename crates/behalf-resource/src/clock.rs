use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from. Programs use [`SystemClock`], tests one they can turn.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "the edge of the process: time enters here")]
        let now = SystemTime::now();
        // A clock before 1970 makes every token not yet valid, which is the safe side.
        now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
