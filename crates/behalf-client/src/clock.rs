use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time: what it is, and letting it pass. Programs use [`SystemClock`], tests one they can turn.
pub trait Clock: Send + Sync + 'static {
    /// Seconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;

    /// Waits: before a request is repeated, and between the polls of the device code flow.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's clock and Tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "the edge of the process: time enters here")]
        let now = SystemTime::now();
        // Before 1970 no certificate would be valid either: the handshake fails, with a reason.
        now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
