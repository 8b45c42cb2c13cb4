use aws_lc_rs::digest::{SHA256, digest};
use behalf_jose::base64url;

use crate::entropy::{self, Entropy, NoEntropy};
use crate::secret::Secret;

/// Proof Key for Code Exchange (RFC 7636), method S256.
pub(crate) struct Pkce {
    pub(crate) verifier: Secret,
    pub(crate) challenge: String,
}

impl Pkce {
    /// A verifier of 32 random bytes: 43 characters (section 4.1).
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Ok(Self::of(base64url::encode(entropy::bytes::<32>(entropy)?)))
    }

    fn of(verifier: String) -> Self {
        let challenge = base64url::encode(digest(&SHA256, verifier.as_bytes()));
        Self { verifier: Secret::from(verifier), challenge }
    }
}

/// A value that nobody can guess: `state` and `nonce`.
pub(crate) fn unguessable(entropy: &dyn Entropy) -> Result<String, NoEntropy> {
    Ok(base64url::encode(entropy::bytes::<32>(entropy)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let pkce = Pkce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
