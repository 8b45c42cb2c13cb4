//! JSON Web Signature in compact form (RFC 7515): parse, then verify with a key.

use serde::{Deserialize, Deserializer};

use crate::json::{self, JsonError};
use crate::verifying_key::VerifyError;
use crate::{Algorithm, VerifyingKey, base64url};

/// How strictly the three parts are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Our own tokens: canonical base64url only, so a token has one spelling.
    Strict,
    /// Client assertions: `=` at the end of a part is tolerated (azure-identity's async client);
    /// the signature is still over the bytes received.
    ClientAssertion,
}

/// Why text is not a JWS that we read.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Longer than the caller's bound, in bytes.
    #[error("the token has {len} bytes, at most {max} are accepted")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// Not exactly three parts between dots.
    #[error("the token does not have the form header.payload.signature")]
    Parts,
    /// A part that is not base64url.
    #[error("the {0} of the token is not base64url")]
    Base64(&'static str),
    /// A header that is no JSON object, names a member twice, or has a member of a wrong type.
    #[error("the header of the token is not acceptable: {0}")]
    Header(JsonError),
}

/// The members of a JOSE header that select key and algorithm. Embedded keys and addresses of keys
/// (`jwk`, `jku`, `x5u`) are not even read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// `alg` as sent. See [`Header::algorithm`].
    pub alg: String,
    /// Media type of the token, `JWT` mostly.
    #[serde(default, deserialize_with = "json::present")]
    pub typ: Option<String>,
    /// Name of the key.
    #[serde(default, deserialize_with = "json::present")]
    pub kid: Option<String>,
    /// SHA-1 thumbprint of the certificate, in the client's spelling.
    #[serde(default, deserialize_with = "json::present")]
    pub x5t: Option<String>,
    /// SHA-256 thumbprint of the certificate, in the client's spelling.
    #[serde(rename = "x5t#S256", default, deserialize_with = "json::present")]
    pub x5t_s256: Option<String>,
    /// Certificate chain, base64 of DER with white space removed. Clients send an array or a sole
    /// string. It may select a registered key and vouches for nothing.
    #[serde(default, deserialize_with = "certificate_chain")]
    pub x5c: Vec<String>,
    #[serde(default, rename = "crit", deserialize_with = "json::refused")]
    _crit: (),
    #[serde(default, rename = "b64", deserialize_with = "json::refused")]
    _b64: (),
}

impl Header {
    /// The algorithm, if it is one that exists here.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.alg.parse().ok()
    }
}

/// The most certificates read from `x5c`.
const MAX_CHAIN: usize = 10;

fn certificate_chain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Chain {
        One(String),
        Many(Vec<String>),
    }
    let chain = match Chain::deserialize(deserializer)? {
        Chain::One(one) => vec![one],
        Chain::Many(many) if many.len() <= MAX_CHAIN => many,
        Chain::Many(_) => return Err(serde::de::Error::custom("x5c holds too many certificates")),
    };
    Ok(chain.into_iter().map(|text| text.split_ascii_whitespace().collect()).collect())
}

/// A JWS that was parsed and that nobody has vouched for yet.
#[derive(Debug, Clone)]
pub struct Unverified<'a> {
    signing_input: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Parses a compact JWS of at most `max_len` bytes. The JSON serialisation, detached payloads
    /// and JWE are refused: exactly three parts, none of them empty but the signature.
    pub fn parse(token: &'a str, profile: Profile, max_len: usize) -> Result<Self, JwsError> {
        if token.len() > max_len {
            return Err(JwsError::TooLong { len: token.len(), max: max_len });
        }
        let mut parts = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Parts);
        };
        let decode = match profile {
            Profile::Strict => base64url::decode,
            Profile::ClientAssertion => base64url::decode_padding_optional,
        };
        let signing_input = &token[..header.len() + 1 + payload.len()];
        let header = decode(header).map_err(|_| JwsError::Base64("header"))?;
        Ok(Self {
            signing_input,
            header: json::parse_object(&header, max_len).map_err(JwsError::Header)?,
            payload: decode(payload).map_err(|_| JwsError::Base64("payload"))?,
            signature: decode(signature).map_err(|_| JwsError::Base64("signature"))?,
        })
    }

    /// The header; anyone can have written it.
    pub const fn unverified_header(&self) -> &Header {
        &self.header
    }

    /// The payload's bytes; anyone can have written them.
    pub fn unverified_claims(&self) -> &[u8] {
        &self.payload
    }

    /// What the signature is over: the first two parts as received (RFC 7515 section 5.2).
    pub const fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    /// Checks the signature with `key`, under the header's algorithm if the key allows that one.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Verified<'_>, VerifyError> {
        let algorithm = self.header.algorithm().ok_or(VerifyError::Algorithm)?;
        key.verify(algorithm, self.signing_input.as_bytes(), &self.signature)?;
        Ok(Verified { header: &self.header, claims: &self.payload })
    }
}

/// A JWS whose signature held. Only [`Unverified::verify`] makes one. Claims are still to be
/// checked: who may say this, to whom, and when.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'t> {
    header: &'t Header,
    claims: &'t [u8],
}

impl<'t> Verified<'t> {
    /// The header.
    pub const fn header(&self) -> &'t Header {
        self.header
    }

    /// The payload's bytes.
    pub const fn claims(&self) -> &'t [u8] {
        self.claims
    }
}
