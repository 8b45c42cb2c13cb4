use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::cache::Held;

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The token service answered this call, or one that this call waited with.
    Network,
    /// It was there already.
    Cache,
}

/// An access token. `Debug` shows what it is for and how long it is valid, and nothing of it.
#[derive(Clone)]
pub struct AccessToken {
    held: Arc<Held>,
    left: Duration,
    source: Source,
}

impl AccessToken {
    pub(crate) fn new(held: Arc<Held>, source: Source, now: u64) -> Self {
        let left = Duration::from_secs(held.expires.saturating_sub(now));
        Self { held, left, source }
    }

    /// The token itself, for the header `Authorization: Bearer …`. Never for a log.
    pub fn expose(&self) -> &str {
        self.held.token.expose()
    }

    /// When it expires, in seconds since 1970, by this machine's clock.
    pub fn expires_on(&self) -> u64 {
        self.held.expires
    }

    /// How long it was valid when it was handed out.
    pub const fn valid_for(&self) -> Duration {
        self.left
    }

    /// What was asked for, separated by spaces.
    pub fn scopes(&self) -> &str {
        &self.held.scopes
    }

    /// Who signed in for it; none for an application's own token and for on-behalf-of.
    pub fn account(&self) -> Option<&Account> {
        self.held.account.as_ref()
    }

    /// Where it came from.
    pub const fn source(&self) -> Source {
        self.source
    }
}

impl fmt::Debug for AccessToken {
    /// `AccessToken { api://ledger, 59m, from: Network, "eyJ…redacted" }`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<_> = self
            .scopes()
            .split(' ')
            .map(|scope| scope.strip_suffix("/.default").unwrap_or(scope))
            .collect();
        let start = if self.expose().starts_with("eyJ") { "eyJ" } else { "" };
        write!(
            f,
            "AccessToken {{ {}, {}, from: {:?}, \"{start}…redacted\" }}",
            scopes.join(" "),
            Span(self.left.as_secs()),
            self.source
        )
    }
}

/// Seconds, as people say them.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..60 => write!(f, "{}s", self.0),
            60..7200 => write!(f, "{}m", self.0 / 60),
            _ => write!(f, "{}h", self.0 / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_it_is_and_nothing_of_it() {
        let held = |token: &str, scopes: &str, life| {
            Arc::new(Held::new(token.into(), scopes.to_owned(), 1000, life, None, 0))
        };
        let shown = |held, source, now| format!("{:?}", AccessToken::new(held, source, now));
        assert_eq!(
            shown(held("eyJhbGciOiJ.x.y", "api://ledger/.default", 3599), Source::Network, 1000),
            "AccessToken { api://ledger, 59m, from: Network, \"eyJ…redacted\" }"
        );
        assert_eq!(
            shown(held("opaque-token", "api://a/B api://a/C", 86_400), Source::Cache, 1001),
            "AccessToken { api://a/B api://a/C, 23h, from: Cache, \"…redacted\" }"
        );
        assert_eq!(
            shown(held("eyJ", "s", 10), Source::Cache, 5000),
            "AccessToken { s, 0s, from: Cache, \"eyJ…redacted\" }"
        );
    }
}
