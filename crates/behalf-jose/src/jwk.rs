use aws_lc_rs::digest::{self, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{KeyError, Sha256Thumbprint, VerifyingKey};

/// The public members of a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037) and the two that
/// the Microsoft identity platform adds. Private members of a parsed key are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// `sig` on keys that check signatures.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// The key's name in a token header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The only algorithm the key is for. Text, because a foreign set may name unknown ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// SHA-1 of the certificate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x5t: Option<String>,
    /// SHA-256 of the certificate, base64url.
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
    /// The certificate chain, each base64 (not url) of DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x5c: Vec<String>,
    /// RSA modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// `P-256` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Whose tokens the key may sign: an issuer, possibly with `{tenantid}` (v2 documents only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The cloud the key belongs to; validators compare it with the metadata's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_instance_name: Option<String>,
}

impl Jwk {
    /// The JWK thumbprint of RFC 7638: SHA-256 over the required members in lexicographic order.
    pub fn thumbprint(&self) -> Result<Sha256Thumbprint, KeyError> {
        // Required members hold base64url or a curve's name; checking that makes escaping moot.
        let member = |value: &Option<String>, name: &'static str| {
            value
                .as_deref()
                .filter(|v| v.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
                .map(str::to_owned)
                .ok_or(KeyError::Malformed(name))
        };
        let canonical = match self.kty.as_str() {
            "RSA" => {
                let (e, n) = (member(&self.e, "e")?, member(&self.n, "n")?);
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
            "EC" => {
                let (crv, x) = (member(&self.crv, "crv")?, member(&self.x, "x")?);
                let y = member(&self.y, "y")?;
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            "OKP" => {
                let (crv, x) = (member(&self.crv, "crv")?, member(&self.x, "x")?);
                format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#)
            }
            other => return Err(KeyError::Unsupported(other.chars().take(40).collect())),
        };
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&SHA256, canonical.as_bytes()).as_ref());
        Ok(Sha256Thumbprint(bytes))
    }

    /// Whether `use` lets the key check signatures: `sig` or absent (RFC 7517 section 4.2).
    pub fn is_for_signatures(&self) -> bool {
        self.key_use.as_deref().is_none_or(|key_use| key_use == "sig")
    }
}

/// A set of public keys (RFC 7517 section 5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys in the order of the document.
    pub keys: Vec<Jwk>,
}

/// A document that is no acceptable key set.
#[derive(Debug, thiserror::Error)]
pub enum JwkSetError {
    /// Longer than [`JwkSet::MAX_BYTES`].
    #[error("the key set has {0} bytes, at most {max} are accepted", max = JwkSet::MAX_BYTES)]
    TooLong(usize),
    /// More entries than [`JwkSet::MAX_KEYS`].
    #[error("the key set has {0} keys, at most {max} are accepted", max = JwkSet::MAX_KEYS)]
    TooManyKeys(usize),
    /// Not a JSON object with an array `keys`.
    #[error("not a JSON Web Key Set: {0}")]
    Invalid(#[from] serde_json::Error),
}

impl JwkSet {
    /// The longest document that is read.
    pub const MAX_BYTES: usize = 1 << 20;
    /// The most entries that are read.
    pub const MAX_KEYS: usize = 256;

    /// Parses a key set. Entries that are unreadable, not for signatures, or of a type, size or
    /// curve that [`VerifyingKey`] refuses are left out (RFC 7517 section 5 asks for that).
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        #[derive(Deserialize)]
        struct Document<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(JwkSetError::TooLong(bytes.len()));
        }
        let document: Document<'_> = serde_json::from_slice(bytes)?;
        if document.keys.len() > Self::MAX_KEYS {
            return Err(JwkSetError::TooManyKeys(document.keys.len()));
        }
        let keys = document
            .keys
            .into_iter()
            .filter_map(|raw| serde_json::from_str::<Jwk>(raw.get()).ok())
            .filter(|jwk| jwk.is_for_signatures() && VerifyingKey::from_jwk(jwk).is_ok())
            .collect();
        Ok(Self { keys })
    }
}
