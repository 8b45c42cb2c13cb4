//! JSON Web Encryption in compact form (RFC 7516), `dir` with `A256GCM` only: sealed tickets.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::a256gcm::{self, NONCE_LEN, TAG_LEN};
use crate::base64url;
use crate::json::{self, JsonError};

/// Why text is not a JWE that we open. The reason is for logs: answers must not tell cases apart.
#[derive(Debug, thiserror::Error)]
pub enum JweError {
    /// Longer than the caller's bound, or not five parts of canonical base64url.
    #[error("not a compact JWE")]
    Malformed,
    /// A header that is no JSON object with `alg: dir` and `enc: A256GCM`.
    #[error("the header of the JWE is not acceptable: {0}")]
    Header(JsonError),
    /// The header names another algorithm.
    #[error("the JWE is not `dir` with `A256GCM`")]
    Algorithm,
    /// The key does not open it: other key, changed text or changed header.
    #[error("the JWE does not open with this key")]
    Key,
}

/// The members of a JWE header that we read. `zip` and `crit` are refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Header {
    alg: String,
    enc: String,
    /// The purpose of the ticket.
    #[serde(default, deserialize_with = "json::present")]
    pub typ: Option<String>,
    /// Which key opens it.
    #[serde(default, deserialize_with = "json::present")]
    pub kid: Option<String>,
    #[serde(default, rename = "zip", deserialize_with = "json::refused")]
    _zip: (),
    #[serde(default, rename = "crit", deserialize_with = "json::refused")]
    _crit: (),
}

/// Seals `plaintext` under the exact header bytes `header_json`, which must name `dir` and
/// `A256GCM`.
///
/// A pair of `cek` and `iv` must never seal twice: one content key per ticket with a random `iv`
/// sees to that.
pub fn seal(
    header_json: &[u8],
    cek: &[u8; 32],
    iv: [u8; NONCE_LEN],
    plaintext: &[u8],
) -> Result<String, JweError> {
    let header = base64url::encode(header_json);
    let sealed = a256gcm::seal(cek, iv, header.as_bytes(), plaintext).map_err(|_| JweError::Key)?;
    let (ciphertext, tag) = sealed.split_at(plaintext.len());
    let mut token = String::with_capacity(header.len() + 2 * sealed.len() + 64);
    token.push_str(&header);
    token.push_str("..");
    base64url::encode_into(&iv, &mut token);
    token.push('.');
    base64url::encode_into(ciphertext, &mut token);
    token.push('.');
    base64url::encode_into(tag, &mut token);
    Ok(token)
}

/// A JWE that was parsed; its header is not authenticated until it opens.
#[derive(Debug, Clone)]
pub struct Sealed<'a> {
    header_part: &'a str,
    header_json: Vec<u8>,
    header: Header,
    iv: [u8; NONCE_LEN],
    ciphertext_and_tag: Vec<u8>,
}

impl<'a> Sealed<'a> {
    /// Parses a compact JWE of at most `max_len` bytes: five parts, the second empty (`dir`).
    pub fn parse(token: &'a str, max_len: usize) -> Result<Self, JweError> {
        if token.len() > max_len {
            return Err(JweError::Malformed);
        }
        let mut parts = token.splitn(6, '.');
        let mut part = || parts.next().ok_or(JweError::Malformed);
        let (header_part, encrypted_key, iv) = (part()?, part()?, part()?);
        let (ciphertext, tag) = (part()?, part()?);
        if parts.next().is_some() || !encrypted_key.is_empty() {
            return Err(JweError::Malformed);
        }
        let decode = |text| base64url::decode(text).map_err(|_| JweError::Malformed);
        let header_json = decode(header_part)?;
        let header: Header = json::parse_object(&header_json, max_len).map_err(JweError::Header)?;
        if header.alg != "dir" || header.enc != "A256GCM" {
            return Err(JweError::Algorithm);
        }
        let iv = decode(iv)?.try_into().map_err(|_| JweError::Malformed)?;
        let tag = decode(tag)?;
        if tag.len() != TAG_LEN {
            return Err(JweError::Malformed);
        }
        let mut ciphertext_and_tag = decode(ciphertext)?;
        ciphertext_and_tag.extend_from_slice(&tag);
        Ok(Self { header_part, header_json, header, iv, ciphertext_and_tag })
    }

    /// A JWE that no key opens, and that takes as long to be refused as one with `length` bytes of
    /// ciphertext: for a caller who may not tell by time why a text is no ticket.
    pub fn decoy(length: usize) -> Self {
        Self {
            header_part: "",
            header_json: Vec::new(),
            header: Header::default(),
            iv: [0; NONCE_LEN],
            ciphertext_and_tag: vec![0; length + TAG_LEN],
        }
    }

    /// The header, to find the key by; anyone can have written it.
    pub const fn unverified_header(&self) -> &Header {
        &self.header
    }

    /// The header's exact bytes, for a caller that accepts one spelling only.
    pub fn unverified_header_json(&self) -> &[u8] {
        &self.header_json
    }

    /// Opens it; the header as received is the additional authenticated data.
    pub fn open(&self, cek: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, JweError> {
        a256gcm::open(cek, self.iv, self.header_part.as_bytes(), &self.ciphertext_and_tag)
            .map_err(|_| JweError::Key)
    }
}
