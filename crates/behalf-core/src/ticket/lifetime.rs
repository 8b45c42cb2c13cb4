//! How long tickets live (tickets.md 4, protocol 8.4). Tickets count in whole seconds.

use std::time::Duration;

use crate::{tenant::UserPolicy, time::Timestamp};

/// A refresh token that is not used for so long ends (700082).
pub const REFRESH_IDLE: Duration = Duration::from_hours(90 * 24);
/// A single-page application's refresh tokens end so long after its sign-in (700084).
pub const SPA_LIFETIME: Duration = Duration::from_hours(24);
/// An authorization code.
pub const CODE_LIFETIME: Duration = Duration::from_mins(10);
/// A page that waits for its user: pending sign-in, consent, form.
pub const FORM_LIFETIME: Duration = Duration::from_mins(10);
/// No ticket lives longer from when it was issued; epochs are kept as long behind their end.
pub const LONGEST: Duration = REFRESH_IDLE;

/// `time` without its fraction of a second.
pub const fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds())
}

/// The life of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// `iat`: the true time of issue.
    pub issued: Timestamp,
    /// `exp`: it ends then if it is not used.
    pub expires: Timestamp,
    /// `abs`: it and all that follow end then; `None`: they last as long as they are used.
    pub absolute: Option<Timestamp>,
}

impl Span {
    /// The life of a family's first token. The tenant's cap counts from there, as does the day of
    /// a single-page application.
    pub fn of_root(now: Timestamp, policy: &UserPolicy, spa: bool) -> Self {
        let now = whole_second(now);
        let cap = policy.refresh_absolute_secs.map(|s| Duration::from_secs(u64::from(s)));
        let cap =
            if spa { Some(cap.map_or(SPA_LIFETIME, |cap| cap.min(SPA_LIFETIME))) } else { cap };
        Self::within(now, cap.map(|cap| now.plus(cap)))
    }

    /// The life of a token that follows from others (refreshed, or on behalf of): idle time begins
    /// anew, the absolute end stays the root's.
    pub fn within(now: Timestamp, absolute: Option<Timestamp>) -> Self {
        let issued = whole_second(now);
        Self { issued, expires: issued.plus(REFRESH_IDLE), absolute }
    }

    /// When it ends for certain.
    pub fn ends(&self) -> Timestamp {
        self.absolute.map_or(self.expires, |absolute| absolute.min(self.expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_123);
    const WHOLE: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn ninety_days_idle_and_no_end_unless_the_tenant_sets_one() {
        let open = UserPolicy::default();
        let span = Span::of_root(NOW, &open, false);
        assert_eq!((span.issued, span.expires), (WHOLE, WHOLE.plus(REFRESH_IDLE)));
        assert_eq!((span.absolute, span.ends()), (None, span.expires));
        let capped = UserPolicy { refresh_absolute_secs: Some(3600), ..open };
        let span = Span::of_root(NOW, &capped, false);
        assert_eq!(span.ends(), WHOLE.plus(Duration::from_hours(1)));
    }

    #[test]
    fn a_day_for_single_page_applications_or_less() {
        let open = UserPolicy::default();
        let span = Span::of_root(NOW, &open, true);
        assert_eq!(span.absolute, Some(WHOLE.plus(SPA_LIFETIME)));
        for (cap, expected) in [(60, Duration::from_mins(1)), (1_000_000, SPA_LIFETIME)] {
            let policy = UserPolicy { refresh_absolute_secs: Some(cap), ..open };
            assert_eq!(Span::of_root(NOW, &policy, true).absolute, Some(WHOLE.plus(expected)));
        }
    }

    #[test]
    fn what_follows_slides_but_not_past_the_roots_end() {
        let end = WHOLE.plus(SPA_LIFETIME);
        let later = WHOLE.plus(Duration::from_hours(23));
        let span = Span::within(later, Some(end));
        assert_eq!((span.issued, span.absolute, span.ends()), (later, Some(end), end));
    }
}
