use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::entropy::{self, Entropy, NoEntropy};
use crate::scopes::Scopes;
use behalf_protocol::authority::Authority;

/// What a cached token is for. Everything that distinguishes two tokens is part of it, so that no
/// token is ever handed out for another tenant, client, user or scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) authority: Authority,
    pub(crate) client_id: String,
    pub(crate) owner: Owner,
    pub(crate) scopes: Scopes,
    /// A challenge: such a token is fetched anew, and two callers with one challenge fetch it once.
    pub(crate) claims: Option<String>,
}

/// On whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// The application's own.
    Application,
    /// The user of an incoming token, and the chain of applications it came through: the keyed
    /// hash of that token, which never lies in the cache itself.
    Assertion([u8; 32]),
    /// A user who signed in here: the home account and the tenant.
    Account(String, Uuid),
}

/// Hashes incoming tokens under a key of this process: what leaks of the cache tells nothing.
pub(crate) struct AssertionHasher(hmac::Key);

impl AssertionHasher {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let key = zeroize::Zeroizing::new(entropy::bytes::<32>(entropy)?);
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())))
    }

    pub(crate) fn hash(&self, assertion: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.0, assertion.as_bytes()).as_ref());
        hash
    }
}
