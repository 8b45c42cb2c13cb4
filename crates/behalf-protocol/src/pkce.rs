//! Proof Key for Code Exchange (RFC 7636): the challenge in the authorization request and the
//! verifier in the token request.
//!
//! Hashing is the caller's (words know no cryptography), and so is comparing in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::AadSts;
use crate::token::SecretText;

/// The shortest verifier (RFC 7636 4.1).
const MIN_BYTES: usize = 43;
/// The longest.
const MAX_BYTES: usize = 128;

/// How a challenge is made of its verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeChallengeMethod {
    /// The verifier itself, also when no method is named.
    Plain,
    /// `BASE64URL(SHA-256(verifier))`.
    S256,
}

impl CodeChallengeMethod {
    /// The value as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::S256 => "S256",
        }
    }
}

/// Why a challenge or a verifier cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// `code_challenge_method` without `code_challenge`.
    #[error("There is a code_challenge_method but no code_challenge. Send both, or neither.")]
    ChallengeMissing,
    /// Neither `plain` nor `S256`.
    #[error("The code_challenge_method is neither S256 nor plain. Use S256.")]
    UnknownMethod,
    /// Not 43 characters of base64url with S256, or not a verifier with plain.
    #[error(
        "The code_challenge has the wrong size or characters. With S256 it is 43 characters of \
         base64url without padding; with plain it is the verifier, 43 to 128 characters."
    )]
    Challenge,
    /// Not 43 to 128 unreserved characters.
    #[error(
        "The code_verifier has the wrong size or characters. It is 43 to 128 letters, digits, or \
         any of - . _ ~."
    )]
    Verifier,
}

impl PkceError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::ChallengeMissing => AadSts::CodeChallengeMissing,
            Self::UnknownMethod | Self::Challenge => AadSts::CodeChallengeInvalid,
            Self::Verifier => AadSts::CodeVerifierMismatch,
        }
    }
}

/// A `code_challenge` with its method. `Debug` shows the method: with plain the rest is the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeChallenge {
    method: CodeChallengeMethod,
    value: Zeroizing<String>,
}

impl CodeChallenge {
    /// Reads both parameters of an authorization request; `None` when there is no challenge.
    ///
    /// Sizes and characters are checked now, for a verifier could never answer a wrong one: S256 is
    /// the base64url of 32 bytes, canonical; plain is a verifier. No method means plain
    /// (RFC 7636 4.3); methods are exact and case-sensitive.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, PkceError> {
        let named = method.is_some();
        let method = match method {
            None | Some("plain") => CodeChallengeMethod::Plain,
            Some("S256") => CodeChallengeMethod::S256,
            Some(_) => return Err(PkceError::UnknownMethod),
        };
        let Some(value) = challenge else {
            return if named { Err(PkceError::ChallengeMissing) } else { Ok(None) };
        };
        let fits = match method {
            CodeChallengeMethod::Plain => is_verifier(value),
            CodeChallengeMethod::S256 => {
                value.len() == MIN_BYTES && URL_SAFE_NO_PAD.decode(value).is_ok()
            }
        };
        let challenge = Self { method, value: Zeroizing::new(value.to_owned()) };
        fits.then_some(Some(challenge)).ok_or(PkceError::Challenge)
    }

    /// How it was made.
    pub const fn method(&self) -> CodeChallengeMethod {
        self.method
    }

    /// The text. Compare it in constant time with [`CodeVerifier::challenge`].
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CodeChallenge").field(&self.method).finish()
    }
}

/// A `code_verifier` of the right size and characters, not compared with anything yet.
#[derive(Debug, Clone, Copy)]
pub struct CodeVerifier<'a>(&'a SecretText<'a>);

impl<'a> CodeVerifier<'a> {
    /// Checks size and characters (RFC 7636 4.1).
    pub fn parse(text: &'a SecretText<'a>) -> Result<Self, PkceError> {
        is_verifier(text.expose()).then_some(Self(text)).ok_or(PkceError::Verifier)
    }

    /// The challenge this verifier answers by that method. `sha256` hashes the verifier's ASCII and
    /// is called for S256 only.
    pub fn challenge(
        self,
        method: CodeChallengeMethod,
        sha256: impl FnOnce(&[u8]) -> [u8; 32],
    ) -> Zeroizing<String> {
        let verifier = self.0.expose();
        Zeroizing::new(match method {
            CodeChallengeMethod::Plain => verifier.to_owned(),
            CodeChallengeMethod::S256 => URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())),
        })
    }
}

/// `43*128unreserved`.
fn is_verifier(text: &str) -> bool {
    let unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (MIN_BYTES..=MAX_BYTES).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const SHA256: [u8; 32] = [
        19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173,
        109, 241, 68, 86, 110, 225, 137, 74, 203, 112, 249, 195,
    ];

    fn secret(text: &str) -> SecretText<'_> {
        SecretText::new(text.into())
    }

    #[test]
    fn the_vector_of_the_rfc() {
        let challenge = CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap().unwrap();
        let text = secret(VERIFIER);
        let verifier = CodeVerifier::parse(&text).unwrap();
        let answer = verifier.challenge(challenge.method(), |bytes| {
            assert_eq!(bytes, VERIFIER.as_bytes());
            SHA256
        });
        assert_eq!(*answer, challenge.expose());
    }

    #[test]
    fn plain_is_the_verifier_and_the_default() {
        for method in [None, Some("plain")] {
            let challenge = CodeChallenge::parse(Some(VERIFIER), method).unwrap().unwrap();
            assert_eq!(challenge.method().as_str(), "plain");
            let text = secret(VERIFIER);
            let answer = CodeVerifier::parse(&text)
                .unwrap()
                .challenge(challenge.method(), |_| unreachable!("plain hashes nothing"));
            assert_eq!(*answer, challenge.expose());
            assert!(!format!("{challenge:?}").contains("dBj"));
        }
        assert_eq!(CodeChallenge::parse(None, None), Ok(None));
    }

    #[test]
    fn challenges_that_no_verifier_could_answer() {
        let long = "a".repeat(129);
        let twice = "A".repeat(86);
        let padded = format!("{}=", &CHALLENGE[..42]);
        let trailing_bits = format!("{}N", &CHALLENGE[..42]);
        for (challenge, method, expected, code) in [
            (None, Some("S256"), PkceError::ChallengeMissing, 50_147),
            (None, Some("plain"), PkceError::ChallengeMissing, 50_147),
            (Some(CHALLENGE), Some("s256"), PkceError::UnknownMethod, 501_491),
            (Some(CHALLENGE), Some("S512"), PkceError::UnknownMethod, 501_491),
            (None, Some("none"), PkceError::UnknownMethod, 501_491),
            (Some(&CHALLENGE[..42]), Some("S256"), PkceError::Challenge, 501_491),
            (Some(long.as_str()), Some("S256"), PkceError::Challenge, 501_491),
            (Some(long.as_str()), Some("plain"), PkceError::Challenge, 501_491),
            (Some(twice.as_str()), Some("S256"), PkceError::Challenge, 501_491),
            (Some(padded.as_str()), Some("S256"), PkceError::Challenge, 501_491),
            (Some(trailing_bits.as_str()), Some("S256"), PkceError::Challenge, 501_491),
            (Some(&VERIFIER[..42]), None, PkceError::Challenge, 501_491),
            (Some(""), None, PkceError::Challenge, 501_491),
        ] {
            let error = CodeChallenge::parse(challenge, method).unwrap_err();
            assert_eq!(
                (error, error.aadsts().code()),
                (expected, code),
                "{challenge:?} {method:?}"
            );
        }
    }

    #[test]
    fn verifiers_have_43_to_128_unreserved_characters() {
        for good in [VERIFIER, &"~".repeat(128), &"a.-_~".repeat(9)] {
            assert!(CodeVerifier::parse(&secret(good)).is_ok(), "{good}");
        }
        let e_acute = "\u{e9}".repeat(43);
        let blank = format!("{VERIFIER} ");
        for bad in ["", &VERIFIER[..42], &"a".repeat(129), &e_acute, &blank, &"+".repeat(43)] {
            let error = CodeVerifier::parse(&secret(bad)).unwrap_err();
            assert_eq!((error, error.aadsts().code()), (PkceError::Verifier, 501_481), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(challenge in ".{0,130}", method in proptest::option::of("(S256|plain|.{0,8})")) {
            let _ = CodeChallenge::parse(Some(&challenge), method.as_deref());
            let _ = CodeVerifier::parse(&secret(&challenge));
        }
    }
}
