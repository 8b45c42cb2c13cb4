//! Keys, JWK(S), JWS, JWE, JWT and X.509 thumbprints on aws-lc-rs: bytes in, types out.
//!
//! Everything here is a pure function of its arguments: no clock, no I/O. Names carry the trust
//! level: what was only parsed is [`jws::Unverified`], what a key vouched for is
//! [`jws::Verified`], which nothing else can make.

pub mod a256gcm;
mod algorithm;
pub mod base64url;
mod certificate;
pub mod hkdf;
mod json;
pub mod jwe;
mod jwk;
pub mod jws;
pub mod jwt;
mod pem;
mod signing_key;
mod thumbprint;
mod verifying_key;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use certificate::{Certificate, CertificateError};
pub use json::JsonError;
pub use jwk::{Jwk, JwkSet, JwkSetError};
pub use jwt::{EncodedHeader, sign_compact};
pub use signing_key::SigningKey;
pub use thumbprint::{InvalidThumbprint, Sha1Thumbprint, Sha256Thumbprint, Thumbprint};
pub use verifying_key::{CERTIFICATE_ALGORITHMS, KeyError, VerifyError, VerifyingKey};
