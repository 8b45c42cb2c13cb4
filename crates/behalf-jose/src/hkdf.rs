//! HKDF with SHA-256 (RFC 5869): one secret into many keys that tell nothing of one another.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

/// The most one key derives: 255 blocks (RFC 5869 2.3).
pub const MAX: usize = 255 * 32;

/// More bytes were asked for than HKDF gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("HKDF gives at most {MAX} bytes from one key")]
pub struct TooMuch;

/// What keys are derived from. Prints nothing, is wiped when dropped.
#[derive(Clone)]
pub struct DerivationKey(Prk);

impl DerivationKey {
    /// HKDF-Extract: a key from a secret of any shape.
    pub fn extract(salt: &[u8], secret: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, salt).extract(secret))
    }

    /// A key that is uniformly random already, such as one that HKDF derived.
    pub fn from_key(key: &[u8; 32]) -> Self {
        Self(Prk::new_less_safe(HKDF_SHA256, key))
    }

    /// HKDF-Expand into `out`; `info` is what its parts give one after another.
    pub fn expand_into(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), TooMuch> {
        let okm = self.0.expand(info, Length(out.len())).map_err(|_| TooMuch)?;
        okm.fill(out).map_err(|_| TooMuch)
    }

    /// HKDF-Expand into a key of 32 bytes: one HMAC.
    pub fn expand(&self, info: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, TooMuch> {
        let mut key = Zeroizing::new([0; 32]);
        self.expand_into(info, key.as_mut_slice())?;
        Ok(key)
    }
}

impl std::fmt::Debug for DerivationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivationKey(…)")
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
