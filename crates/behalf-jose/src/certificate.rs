use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::{KeyError, Sha1Thumbprint, Sha256Thumbprint, VerifyingKey, pem};

/// The longest certificate accepted, in bytes of DER.
const MAX_DER: usize = 32 * 1024;
/// The longest common name kept, in characters; X.520 allows 64.
const MAX_NAME: usize = 128;

/// Bytes that are no X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Over 32 KiB.
    #[error("the certificate has {0} bytes, at most 32768 are accepted")]
    TooLong(usize),
    /// No `CERTIFICATE` block in the PEM text.
    #[error("the text holds no PEM block named CERTIFICATE")]
    NoPemBlock,
    /// Not DER of a certificate.
    #[error("the bytes are not one X.509 certificate in DER")]
    Malformed,
}

/// A client's certificate as a carrier of a public key. Chain, extensions and the signature on it
/// mean nothing here: trust comes from its registration, so versions 1 to 3 and any signature
/// algorithm (SHA-1 too) are read.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    spki: Vec<u8>,
    not_before: i64,
    not_after: i64,
    common_name: Option<String>,
}

impl Certificate {
    /// Reads one certificate; bytes after it are refused.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_DER {
            return Err(CertificateError::TooLong(der.len()));
        }
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed);
        }
        let common_name = parsed
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .map(|name| name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect());
        Ok(Self {
            spki: parsed.public_key().raw.to_vec(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            common_name,
            der: der.to_vec(),
        })
    }

    /// Reads the first `CERTIFICATE` block of a PEM text; a private key in it is passed over.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let (_, der) =
            pem::first_block(text, &["CERTIFICATE"]).ok_or(CertificateError::NoPemBlock)?;
        Self::from_der(&der)
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its `SubjectPublicKeyInfo` in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Start of validity, inclusive, in seconds since 1970.
    pub const fn not_before(&self) -> i64 {
        self.not_before
    }

    /// End of validity, inclusive (RFC 5280 section 4.1.2.5), in seconds since 1970.
    pub const fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The first common name of the subject, for display: at most 128 characters, no controls.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// SHA-1 of the DER: `x5t`.
    pub fn sha1_thumbprint(&self) -> Sha1Thumbprint {
        Sha1Thumbprint::of(&self.der)
    }

    /// SHA-256 of the DER: `x5t#S256`.
    pub fn sha256_thumbprint(&self) -> Sha256Thumbprint {
        Sha256Thumbprint::of(&self.der)
    }

    /// The key for checking client assertions: RSA only, with the RS and PS families.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        VerifyingKey::from_certificate(self)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("common_name", &self.common_name)
            .field("sha1_thumbprint", &self.sha1_thumbprint())
            .finish_non_exhaustive()
    }
}
