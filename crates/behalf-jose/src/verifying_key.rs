use std::sync::OnceLock;

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::jwk::Jwk;
use crate::{Algorithm, Certificate, base64url};

/// What a client's RSA certificate may sign with (protocol: RS256 and PS256, the longer hashes are
/// harmless).
pub const CERTIFICATE_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Why bytes or members are no key that we use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not readable as a key of the expected form.
    #[error("not a readable key: {0}")]
    Malformed(&'static str),
    /// A key type, curve or algorithm outside RSA, P-256 and Ed25519.
    #[error("a key of type {0} is not supported: use RSA, P-256 or Ed25519")]
    Unsupported(String),
    /// An RSA modulus outside 2048 to 8192 bits (RFC 7518 section 3.3).
    #[error("the RSA key has {bits} bits: use 2048 to 8192")]
    RsaSize {
        /// Bits found.
        bits: usize,
    },
    /// An RSA exponent that is even, below 3 or above 32 bits.
    #[error("the RSA exponent is unusable: it must be odd, at least 3 and at most 32 bits")]
    RsaExponent,
    /// The key cannot be used with the algorithm asked for.
    #[error("the key cannot be used with {0}")]
    Algorithm(Algorithm),
    /// The signature library failed.
    #[error("the signature could not be made")]
    Signing,
}

/// A signature that does not hold, for whatever reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The key is not allowed to vouch for this algorithm (RFC 8725 section 3.2).
    #[error("the key is not for the algorithm that the token names")]
    Algorithm,
    /// The signature does not fit message and key.
    #[error("the signature is wrong")]
    Signature,
}

/// A public key, parsed and checked once, with the algorithms it may vouch for.
#[derive(Debug)]
pub struct VerifyingKey {
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8>, parsed: Vec<(Algorithm, OnceLock<ParsedPublicKey>)> },
    P256 { point: [u8; 65], parsed: Box<ParsedPublicKey> },
    Ed25519 { x: [u8; 32], parsed: Box<ParsedPublicKey> },
}

impl VerifyingKey {
    /// The key of a JWK, pinned to one algorithm: its `alg`, or RS256, ES256 or `EdDSA` by its type.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let algorithm = match (jwk.alg.as_deref(), jwk.kty.as_str()) {
            (Some(alg), _) => {
                alg.parse().map_err(|_| KeyError::Unsupported("an unknown alg".to_owned()))?
            }
            (None, "RSA") => Algorithm::Rs256,
            (None, "EC") => Algorithm::Es256,
            (None, "OKP") => Algorithm::EdDsa,
            (None, _) => return Err(KeyError::Unsupported(bounded(&jwk.kty))),
        };
        Self::from_jwk_allowing(jwk, &[algorithm])
    }

    /// The key of a JWK with the algorithms that the caller allows.
    pub fn from_jwk_allowing(jwk: &Jwk, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let member = |value: &Option<String>, name| {
            let text = value.as_deref().ok_or(KeyError::Malformed(name))?;
            base64url::decode(text).map_err(|_| KeyError::Malformed(name))
        };
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Self::rsa(member(&jwk.n, "n")?, member(&jwk.e, "e")?, algorithms),
            ("EC", Some("P-256")) => {
                let (x, y) = (member(&jwk.x, "x")?, member(&jwk.y, "y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(KeyError::Malformed("x and y must have 32 bytes"));
                }
                let mut point = [4; 65];
                point[1..33].copy_from_slice(&x);
                point[33..].copy_from_slice(&y);
                Self::p256(point, algorithms)
            }
            ("OKP", Some("Ed25519")) => {
                let x = <[u8; 32]>::try_from(member(&jwk.x, "x")?)
                    .map_err(|_| KeyError::Malformed("x must have 32 bytes"))?;
                Self::ed25519(x, algorithms)
            }
            (kty, _) => Err(KeyError::Unsupported(bounded(kty))),
        }
    }

    /// The key of a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
    pub fn from_spki_der(der: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der)
            .map_err(|_| KeyError::Malformed("SubjectPublicKeyInfo"))?;
        if !rest.is_empty() {
            return Err(KeyError::Malformed("bytes after the SubjectPublicKeyInfo"));
        }
        let bits = &spki.subject_public_key.data;
        match spki.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => {
                let key = RsaPublicKey::from_der(bits)
                    .map_err(|_| KeyError::Malformed("RSAPublicKey"))?;
                let n = key.modulus().big_endian_without_leading_zero().to_vec();
                let e = key.exponent().big_endian_without_leading_zero().to_vec();
                Self::rsa(n, e, algorithms)
            }
            "1.2.840.10045.2.1" => {
                let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
                if curve.is_none_or(|oid| oid.to_id_string() != "1.2.840.10045.3.1.7") {
                    return Err(KeyError::Unsupported("EC on another curve than P-256".to_owned()));
                }
                let point = <[u8; 65]>::try_from(bits.as_ref())
                    .map_err(|_| KeyError::Malformed("the EC point must be uncompressed"))?;
                Self::p256(point, algorithms)
            }
            "1.3.101.112" => {
                let x = <[u8; 32]>::try_from(bits.as_ref())
                    .map_err(|_| KeyError::Malformed("Ed25519 key of 32 bytes"))?;
                Self::ed25519(x, algorithms)
            }
            other => Err(KeyError::Unsupported(bounded(other))),
        }
    }

    /// The RSA key of a client's certificate, with [`CERTIFICATE_ALGORITHMS`].
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, KeyError> {
        Self::from_spki_der(certificate.spki_der(), &CERTIFICATE_ALGORITHMS)
    }

    pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        if let Some(alg) = algorithms.iter().find(|alg| !alg.is_rsa()) {
            return Err(KeyError::Algorithm(*alg));
        }
        let bits = match n.first() {
            None | Some(0) => return Err(KeyError::Malformed("n must start with a non-zero byte")),
            Some(first) => n.len() * 8 - first.leading_zeros() as usize,
        };
        if !(2048..=8192).contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        let exponent = match e.as_slice() {
            [first, ..] if *first != 0 && e.len() <= 4 => {
                e.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
            }
            _ => return Err(KeyError::RsaExponent),
        };
        if exponent < 3 || exponent % 2 == 0 {
            return Err(KeyError::RsaExponent);
        }
        // Parsed here once for the check; the other algorithms of a certificate on first use.
        rsa_parsed(&n, &e, Algorithm::Rs256).ok_or(KeyError::Malformed("RSA modulus"))?;
        let parsed = algorithms.iter().map(|alg| (*alg, OnceLock::new())).collect();
        Ok(Self { material: Material::Rsa { n, e, parsed } })
    }

    pub(crate) fn p256(point: [u8; 65], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        only(algorithms, Algorithm::Es256)?;
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| KeyError::Malformed("the point is not on P-256"))?;
        Ok(Self { material: Material::P256 { point, parsed: Box::new(parsed) } })
    }

    pub(crate) fn ed25519(x: [u8; 32], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        only(algorithms, Algorithm::EdDsa)?;
        let parsed = ParsedPublicKey::new(&ED25519, x)
            .map_err(|_| KeyError::Malformed("the point is not on Ed25519"))?;
        Ok(Self { material: Material::Ed25519 { x, parsed: Box::new(parsed) } })
    }

    /// Whether the key may vouch for `algorithm`.
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        match &self.material {
            Material::Rsa { parsed, .. } => parsed.iter().any(|(alg, _)| *alg == algorithm),
            Material::P256 { .. } => algorithm == Algorithm::Es256,
            Material::Ed25519 { .. } => algorithm == Algorithm::EdDsa,
        }
    }

    /// Checks `signature` over `message`. ES256 signatures are r and s of 32 bytes each, never DER.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let key = match &self.material {
            Material::Rsa { n, e, parsed } => {
                let (_, cell) = parsed
                    .iter()
                    .find(|(alg, _)| *alg == algorithm)
                    .ok_or(VerifyError::Algorithm)?;
                if cell.get().is_none() {
                    // A race sets the same key twice; the first one stays.
                    let key = rsa_parsed(n, e, algorithm).ok_or(VerifyError::Algorithm)?;
                    let _ = cell.set(key);
                }
                cell.get().ok_or(VerifyError::Algorithm)?
            }
            Material::P256 { parsed, .. } if algorithm == Algorithm::Es256 => parsed,
            Material::Ed25519 { parsed, .. } if algorithm == Algorithm::EdDsa => parsed,
            Material::P256 { .. } | Material::Ed25519 { .. } => {
                return Err(VerifyError::Algorithm);
            }
        };
        key.verify_sig(message, signature).map_err(|_| VerifyError::Signature)
    }

    /// The public JWK: key members only; `use`, `kid` and the like are the caller's to add. `alg`
    /// is set when the key has exactly one.
    pub fn to_jwk(&self) -> Jwk {
        match &self.material {
            Material::Rsa { n, e, parsed } => Jwk {
                kty: "RSA".to_owned(),
                n: Some(base64url::encode(n)),
                e: Some(base64url::encode(e)),
                alg: match parsed.as_slice() {
                    [(alg, _)] => Some(alg.as_str().to_owned()),
                    _ => None,
                },
                ..Jwk::default()
            },
            Material::P256 { point, .. } => Jwk {
                kty: "EC".to_owned(),
                crv: Some("P-256".to_owned()),
                x: Some(base64url::encode(&point[1..33])),
                y: Some(base64url::encode(&point[33..])),
                alg: Some(Algorithm::Es256.as_str().to_owned()),
                ..Jwk::default()
            },
            Material::Ed25519 { x, .. } => Jwk {
                kty: "OKP".to_owned(),
                crv: Some("Ed25519".to_owned()),
                x: Some(base64url::encode(x)),
                alg: Some(Algorithm::EdDsa.as_str().to_owned()),
                ..Jwk::default()
            },
        }
    }
}

fn only(algorithms: &[Algorithm], allowed: Algorithm) -> Result<(), KeyError> {
    algorithms
        .iter()
        .find(|alg| **alg != allowed)
        .map_or(Ok(()), |alg| Err(KeyError::Algorithm(*alg)))
}

fn rsa_parsed(n: &[u8], e: &[u8], algorithm: Algorithm) -> Option<ParsedPublicKey> {
    let parameters: &'static RsaParameters = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::EdDsa => return None,
    };
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
}

/// Foreign text in an error: its first 40 characters.
fn bounded(text: &str) -> String {
    text.chars().take(40).collect()
}
