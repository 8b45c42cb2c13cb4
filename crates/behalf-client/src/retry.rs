//! When a request is made again. Decisions only; waiting is the caller's.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::error::Error;

/// How often one request is sent at most.
const ATTEMPTS: u32 = 3;
/// No new attempt begins after this time: the caller waits for an answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that a call waits out by itself.
const PATIENCE: Duration = Duration::from_secs(3);
/// The wait that a 429 without `Retry-After` asks for, as MSAL Python has it.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// The longest wait that is believed, in seconds, as MSAL has it: a larger number would be an outage of ours.
pub(crate) const LONGEST_WAIT: u64 = 3600;

/// Whether a request that may have arrived can be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Two of them have the effect of one.
    Safe,
    /// It redeems something single-use: only what was never sent is sent again.
    IfUnsent,
}

/// What came before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempts {
    /// Attempts made, at least one.
    pub(crate) made: u32,
    /// Time since the first.
    pub(crate) elapsed: Duration,
}

/// How long to wait before the next attempt; `None`: the error is final. `jitter` is a number
/// below 1000.
pub(crate) fn pause(
    error: &Error,
    repeat: Repeat,
    attempts: Attempts,
    jitter: u64,
) -> Option<Duration> {
    let unsent = matches!(error, Error::Unreachable { unsent: true, .. });
    let may = error.is_retryable() && (repeat == Repeat::Safe || unsent);
    if !may || attempts.made >= ATTEMPTS {
        return None;
    }
    // Whoever told us to wait is not asked earlier than that; jitter only adds.
    let wait = match error.retry_after() {
        Some(wait) if wait <= PATIENCE => wait + Duration::from_millis(jitter / 2),
        Some(_) => return None,
        None => {
            let ceiling = 250_u64 << (2 * attempts.made.min(4));
            Duration::from_millis(ceiling / 2 + ceiling * jitter.min(999) / 2000)
        }
    };
    (attempts.elapsed + wait < DEADLINE).then_some(wait)
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds or a date, between a second and an hour.
/// A 429 means a wait even where it names none.
pub(crate) fn retry_after(status: u16, header: Option<&str>, now: u64) -> Option<Duration> {
    let text = header.map(str::trim).filter(|text| !text.is_empty());
    let named = text.and_then(|text| {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            // A number too large for the type is a long wait, not none.
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
        }
        let date = OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp();
        Some(Duration::from_secs(u64::try_from(date).unwrap_or(0).saturating_sub(now)))
    });
    let named = named.or_else(|| (status == 429).then_some(DEFAULT_WAIT));
    named.map(|wait| wait.clamp(Duration::from_secs(1), Duration::from_secs(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_351_340; // 2026-11-22 12:42:20Z

    fn unreachable(unsent: bool) -> Error {
        Error::Unreachable { url: "https://x/".into(), reason: "down".into(), unsent }
    }

    fn attempts(made: u32, elapsed: u64) -> Attempts {
        Attempts { made, elapsed: Duration::from_secs(elapsed) }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        for (status, header, seconds) in [
            (503, Some("7"), Some(7)),
            (503, Some("0"), Some(1)),
            (503, Some("1000000000"), Some(3600)),
            (503, Some("99999999999999999999999999"), Some(3600)),
            (503, Some("Sun, 22 Nov 2026 12:42:50 GMT"), Some(30)),
            (503, Some("Sun, 22 Nov 2020 12:42:50 GMT"), Some(1)),
            (429, None, Some(5)),
            (429, Some("soon"), Some(5)),
            (503, Some("-1"), None),
            (503, Some(""), None),
            (503, None, None),
            (400, None, None),
        ] {
            let wait = retry_after(status, header, NOW).map(|wait| wait.as_secs());
            assert_eq!(wait, seconds, "{status} {header:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_gives_more_than_an_hour(status in 400_u16..600, text in "[ -~]{0,40}") {
            let wait = retry_after(status, Some(&text), NOW);
            prop_assert!(wait.is_none_or(|wait| (1..=3600).contains(&wait.as_secs())));
        }
    }

    #[test]
    fn attempts_are_few_and_further_and_further_apart() {
        let wait =
            |made, jitter| pause(&unreachable(false), Repeat::Safe, attempts(made, 0), jitter);
        assert_eq!(wait(1, 0), Some(Duration::from_millis(500)));
        assert_eq!(wait(1, 999), Some(Duration::from_millis(999)));
        assert_eq!(wait(2, 0), Some(Duration::from_secs(2)));
        assert_eq!(wait(3, 0), None);
        let late = pause(&unreachable(false), Repeat::Safe, attempts(1, 30), 0);
        assert_eq!(late, None, "the deadline is over");
    }

    #[test]
    fn what_is_single_use_is_repeated_only_if_it_was_never_sent() {
        let wait = |unsent| pause(&unreachable(unsent), Repeat::IfUnsent, attempts(1, 0), 0);
        assert!(wait(true).is_some());
        assert_eq!(wait(false), None);
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        let error = Error::Credential("no file".into());
        assert_eq!(pause(&error, Repeat::Safe, attempts(1, 0), 0), None);
    }
}
