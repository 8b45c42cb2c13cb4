use std::fmt;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::base64url;

/// The SHA-1 digest of a certificate's DER: the header `x5t` (RFC 7515 section 4.1.7). It names a
/// key and vouches for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha1Thumbprint(pub [u8; 20]);

/// The SHA-256 digest of a certificate's DER: the header `x5t#S256` (RFC 7515 section 4.1.8). Also
/// the form of a JWK thumbprint (RFC 7638).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Thumbprint(pub [u8; 32]);

/// A certificate thumbprint of either length, as clients write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thumbprint {
    /// 20 bytes.
    Sha1(Sha1Thumbprint),
    /// 32 bytes.
    Sha256(Sha256Thumbprint),
}

/// Text that is no thumbprint in any of the accepted spellings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate thumbprint: expected 20 or 32 bytes in base64url, base64 or hex")]
pub struct InvalidThumbprint;

/// The longest accepted spelling: 32 bytes in hex.
const MAX_TEXT: usize = 64;

impl Sha1Thumbprint {
    /// Digests `der`.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
        Self(bytes)
    }

    /// 27 characters of base64url.
    pub fn to_base64url(self) -> String {
        base64url::encode(self.0)
    }
}

impl Sha256Thumbprint {
    /// Digests `der`.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&SHA256, der).as_ref());
        Self(bytes)
    }

    /// 43 characters of base64url.
    pub fn to_base64url(self) -> String {
        base64url::encode(self.0)
    }
}

impl fmt::Display for Sha1Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

impl fmt::Display for Sha256Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

impl Thumbprint {
    /// Reads a thumbprint in any spelling that Microsoft's clients use: base64url without padding
    /// (.NET, Node), with padding (Python), standard base64 (Go, Java, Rust), or hex in `kid`.
    pub fn normalise(text: &str) -> Result<Self, InvalidThumbprint> {
        if text.len() > MAX_TEXT {
            return Err(InvalidThumbprint);
        }
        let bytes = match text.len() {
            40 | 64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => from_hex(text),
            _ => {
                let mapped: String = text
                    .trim_end_matches('=')
                    .chars()
                    .map(|c| match c {
                        '+' => '-',
                        '/' => '_',
                        other => other,
                    })
                    .collect();
                base64url::decode(&mapped).map_err(|_| InvalidThumbprint)?
            }
        };
        if let Ok(bytes) = <[u8; 20]>::try_from(bytes.as_slice()) {
            return Ok(Self::Sha1(Sha1Thumbprint(bytes)));
        }
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(|bytes| Self::Sha256(Sha256Thumbprint(bytes)))
            .map_err(|_| InvalidThumbprint)
    }
}

/// `text` holds hex digits only and an even number of them.
fn from_hex(text: &str) -> Vec<u8> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => b - b'0',
        b'a'..=b'f' => b - b'a' + 10,
        _ => b - b'A' + 10,
    };
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
