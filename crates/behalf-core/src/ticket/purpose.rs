//! What a ticket is for: part of its key, so that no ticket opens as another kind.

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A refresh token.
    RefreshToken,
    /// An authorization code.
    Code,
    /// A signed-in browser's cookie.
    Session,
    /// A sign-in under way: the authorize request and how far it got.
    Flow,
    /// The list that a consent page shows.
    Consent,
    /// What a form must bring along to be this session's own.
    Csrf,
    /// Where the next page of a list begins.
    Cursor,
    /// The chain in a delegated access token (`aio`); not a JWE but sealed the same way.
    Aio,
}

impl Purpose {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::RefreshToken,
        Self::Code,
        Self::Session,
        Self::Flow,
        Self::Consent,
        Self::Csrf,
        Self::Cursor,
        Self::Aio,
    ];

    /// Its word in the derivation of keys, and `typ` without `+jwt`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RefreshToken => "rt",
            Self::Code => "code",
            Self::Session => "sess",
            Self::Flow => "flow",
            Self::Consent => "consent",
            Self::Csrf => "csrf",
            Self::Cursor => "cursor",
            Self::Aio => "aio",
        }
    }

    /// Longest ticket in bytes (decisions.md 19). A pending request holds what the client sent, which
    /// no decision may cut: `state` alone may have 2 KiB.
    pub const fn max_len(self) -> usize {
        match self {
            Self::Code => 1536,
            Self::Flow => 20 * 1024,
            _ => 4096,
        }
    }
}
