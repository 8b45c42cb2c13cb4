//! Time as a fault test needs it: measured at the edge, and waits that are on a condition.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(3);

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "how long a recovery takes is measured")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, as events carry them.
#[expect(clippy::disallowed_methods, reason = "events are looked up by when they were made")]
pub(crate) fn wall_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Looks until there is something to see, for `bound` at most, and says how long it took. A look
/// that fails counts as nothing seen; the last failure is told when time is up.
pub(crate) async fn until<T>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<(T, Duration)> {
    let begun = now();
    loop {
        let seen = tokio::time::timeout(bound.saturating_sub(begun.elapsed()), look()).await;
        let last = match seen {
            Ok(Ok(Some(found))) => return Ok((found, begun.elapsed())),
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => format!(": {error:#}"),
            Err(_) => ": the last look hung".to_owned(),
        };
        if begun.elapsed() >= bound {
            bail!("not within {bound:?}: {what}{last}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A stretch of time in which a load runs: no condition ends it earlier.
pub(crate) async fn stretch(length: Duration) {
    tokio::time::sleep(length).await;
}
