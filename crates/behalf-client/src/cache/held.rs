use crate::account::Account;
use crate::secret::Secret;

/// Entra gives app-only tokens of an hour, and such that can be revoked of a day.
const LONG_LIFE: u64 = 2 * 3600;
/// The end of a life in which a token is not handed out, in seconds: the call it is for must still
/// arrive.
const LAST_MOMENTS: u64 = 60;

/// How far a clock may be corrected backwards before what it measured is forgotten, in seconds.
const SKEW: u64 = 300;

/// A token in the cache.
pub(crate) struct Held {
    pub(crate) token: Secret,
    pub(crate) scopes: String,
    /// Who signed in for it, in a public client.
    pub(crate) account: Option<Account>,
    /// Seconds since 1970, as are the next three.
    received: u64,
    pub(crate) expires: u64,
    /// From here on a new one is fetched while this one serves on.
    pub(crate) renew_at: u64,
    /// From here on it is not handed out.
    stale_at: u64,
}

impl Held {
    /// A token that was received at `now` and lives for `life` seconds. It is renewed when the
    /// service says (`refresh_in`), else after three quarters of its life, of a long one after
    /// half; up to a tenth earlier by `jitter` (any number), so that a fleet does not renew at once.
    pub(crate) fn new(
        token: Secret,
        scopes: String,
        now: u64,
        life: u64,
        refresh_in: Option<u64>,
        jitter: u64,
    ) -> Self {
        let expires = now.saturating_add(life);
        let stale_at = expires.saturating_sub(LAST_MOMENTS.min(life / 10));
        let usual = if life >= LONG_LIFE { life / 2 } else { life / 4 * 3 };
        let wait = refresh_in.unwrap_or(usual).min(life);
        let early = jitter.checked_rem(wait / 10).unwrap_or(0);
        let renew_at = now.saturating_add(wait - early);
        Self { token, scopes, account: None, received: now, expires, renew_at, stale_at }
    }

    pub(crate) fn of_account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// Whether it can be handed out. Where the clock was set back, its age is not known any more.
    pub(crate) fn is_usable(&self, now: u64) -> bool {
        now.saturating_add(SKEW) >= self.received && now < self.stale_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(life: u64, refresh_in: Option<u64>, jitter: u64) -> Held {
        Held::new("t".into(), String::new(), 1000, life, refresh_in, jitter)
    }

    #[test]
    fn a_token_is_renewed_ahead_of_its_end() {
        for (life, refresh_in, renewed_after, served_for) in [
            (3600, None, 2700, 3540),
            (86_400, None, 43_200, 86_340),
            (3600, Some(600), 600, 3540),
            (300, None, 225, 270),
            (0, None, 0, 0),
        ] {
            let held = held(life, refresh_in, 0);
            assert_eq!(held.renew_at - 1000, renewed_after, "{life}");
            assert!(served_for == 0 || held.is_usable(1000 + served_for - 1));
            assert!(!held.is_usable(1000 + served_for));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_ends_a_token() {
        let held = held(3600, None, 0);
        assert!(held.is_usable(1000 - SKEW));
        assert!(!held.is_usable(1000 - SKEW - 1));
    }

    #[test]
    fn jitter_makes_renewal_at_most_a_tenth_earlier() {
        let renewed = |jitter| held(3600, None, jitter).renew_at - 1000;
        assert_eq!((renewed(0), renewed(269), renewed(270)), (2700, 2431, 2700));
    }

    proptest! {
        #[test]
        fn no_number_of_the_server_overflows(life: u64, refresh_in: Option<u64>, jitter: u64) {
            let held = held(life, refresh_in, jitter);
            prop_assert!(held.renew_at <= held.expires);
            prop_assert!(!held.is_usable(held.expires));
        }
    }
}
