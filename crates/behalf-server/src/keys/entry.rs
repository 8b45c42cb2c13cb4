//! One signing key as the store holds it, and what it is at a given time.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use behalf_core::{
    application::TokenAlg,
    time::{CLOCK_SKEW, Timestamp},
};
use behalf_jose::{Algorithm, Certificate, KeyError, Sha1Thumbprint, SigningKey, base64url};
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::master::{MasterKey, Unopened};
use crate::entropy::{self, Entropy};

pub(super) const PURPOSE: &str = "signing key";
/// How long the certificate says it is valid. Nobody checks it; tools show it.
const CERTIFICATE_DAYS: i64 = 3650;

/// Why a signing key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It cannot be unwrapped.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// The crypto library refused.
    #[error("a signing key cannot be made or read: {0}")]
    Key(#[from] KeyError),
    /// The certificate could not be made.
    #[error("a signing key's certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The stored document makes no sense.
    #[error("the stored signing key {kid} is damaged: {cause}; restore it from a backup")]
    Damaged {
        /// Which.
        kid: String,
        /// What was found.
        cause: String,
    },
}

/// What a key is at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Published, so that caches hold it before it is used.
    Announced,
    /// Signs.
    Active,
    /// Published until the last token it signed has expired.
    Retiring,
    /// Neither published nor accepted.
    Retired,
}

impl State {
    /// As people and metrics see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

/// When a key does what. Its state is a function of this, its ring and the time: nothing has to
/// happen for a key to become active, so no node can miss it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// `kid` and `x5t`: base64url of the certificate's SHA-1.
    pub kid: String,
    /// Its one algorithm.
    pub alg: TokenAlg,
    /// When it was made, and so published.
    pub created: Timestamp,
    /// From when on it signs, until a later one of the same algorithm does.
    pub active_from: Timestamp,
    /// The last moment it is published and accepted; unknown while it has no successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_at: Option<Timestamp>,
}

impl Schedule {
    /// When the next key of the same algorithm takes over, as far as `ring` tells.
    fn succeeded_at(&self, ring: &[Self]) -> Option<Timestamp> {
        ring.iter()
            .filter(|other| other.alg == self.alg && other.kid != self.kid)
            .filter(|other| (other.active_from, &other.kid) > (self.active_from, &self.kid))
            .map(|other| other.active_from)
            .min()
    }

    /// What the key is at `now`.
    pub fn state(&self, ring: &[Self], now: Timestamp) -> State {
        if self.retire_at.is_some_and(|retire_at| now > retire_at) {
            State::Retired
        } else if now < self.active_from {
            State::Announced
        } else if self.succeeded_at(ring).is_some_and(|taken_over| now >= taken_over) {
            State::Retiring
        } else {
            State::Active
        }
    }

    /// Whether a token issued at `issued` and presented at `now` may be this key's: only tokens of
    /// its signing interval, give or take the skew, and only until it is retired (decisions.md 14).
    /// A key stolen after its time signs nothing that counts.
    pub fn vouches_for(&self, ring: &[Self], issued: Timestamp, now: Timestamp) -> bool {
        let signs_until = self.succeeded_at(ring);
        self.state(ring, now) != State::Retired
            && issued.plus(CLOCK_SKEW) >= self.active_from
            && issued <= now.plus(CLOCK_SKEW)
            && signs_until.is_none_or(|until| issued <= until.plus(CLOCK_SKEW))
    }
}

/// A key with its schedule, as a document of the store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// When it does what.
    #[serde(flatten)]
    pub(super) schedule: Schedule,
    #[serde(with = "base64_text")]
    certificate: Vec<u8>,
    #[serde(with = "base64_text")]
    sealed: Vec<u8>,
}

impl Entry {
    /// Certifies and wraps `key`, which signs from `active_from` on.
    pub(super) fn new(
        key: &SigningKey,
        alg: TokenAlg,
        (created, active_from): (Timestamp, Timestamp),
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntryError> {
        let pkcs8 = key.to_pkcs8()?;
        let certificate = certify(&pkcs8, alg, created, entropy)?;
        let kid = Sha1Thumbprint::of(&certificate).to_base64url();
        let sealed = master.wrap((PURPOSE, &kid), &pkcs8, entropy)?;
        let schedule = Schedule { kid, alg, created, active_from, retire_at: None };
        Ok(Self { schedule, certificate, sealed })
    }

    /// Reads a document.
    pub(super) fn from_document(kid: &str, document: &[u8]) -> Result<Self, EntryError> {
        let damaged = |cause: String| EntryError::Damaged { kid: kid.to_owned(), cause };
        let entry: Self = serde_json::from_slice(document).map_err(|e| damaged(e.to_string()))?;
        let thumbprint = Sha1Thumbprint::of(&entry.certificate).to_base64url();
        if entry.schedule.kid != kid || thumbprint != kid {
            return Err(damaged("its certificate is another key's".to_owned()));
        }
        Ok(entry)
    }

    /// The document.
    pub(super) fn to_document(&self) -> Vec<u8> {
        // A struct of texts and numbers always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The certificate as JWKS members show it: `x5c`'s base64.
    pub(super) fn x5c(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// The public half.
    pub(super) fn public_key(&self) -> Result<behalf_jose::VerifyingKey, EntryError> {
        let kid = || self.schedule.kid.clone();
        let certificate = Certificate::from_der(&self.certificate)
            .map_err(|e| EntryError::Damaged { kid: kid(), cause: e.to_string() })?;
        let algorithms = [algorithm(self.schedule.alg)];
        Ok(behalf_jose::VerifyingKey::from_spki_der(certificate.spki_der(), &algorithms)?)
    }

    /// The private key, and whether the master key's first line had wrapped it.
    pub(super) fn open(&self, master: &MasterKey) -> Result<(SigningKey, bool), EntryError> {
        let opened = master.unwrap((PURPOSE, &self.schedule.kid), &self.sealed)?;
        let key = SigningKey::from_pkcs8(algorithm(self.schedule.alg), &opened.secret)?;
        Ok((key, opened.current))
    }

    /// Wraps the key again, with the master key's first line.
    pub(super) fn rewrap(
        &mut self,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<(), EntryError> {
        let place = (PURPOSE, self.schedule.kid.as_str());
        let opened = master.unwrap(place, &self.sealed)?;
        self.sealed = master.wrap(place, &opened.secret, entropy)?;
        Ok(())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// The JOSE algorithm of a token algorithm.
pub(super) fn algorithm(alg: TokenAlg) -> Algorithm {
    match alg {
        TokenAlg::Rs256 => Algorithm::Rs256,
        TokenAlg::Es256 => Algorithm::Es256,
    }
}

fn certify(
    pkcs8: &Zeroizing<Vec<u8>>,
    alg: TokenAlg,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EntryError> {
    let algorithm = match alg {
        TokenAlg::Rs256 => &rcgen::PKCS_RSA_SHA256,
        TokenAlg::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
    };
    let der = PrivatePkcs8KeyDer::from(pkcs8.as_slice());
    let mut pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm)?;
    let begin = time::OffsetDateTime::from_unix_timestamp(now.unix_seconds())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let mut params = CertificateParams::default();
    params.not_before = begin;
    params.not_after = begin.saturating_add(time::Duration::days(CERTIFICATE_DAYS));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "behalf token signing");
    let mut serial = entropy::random::<16>(entropy);
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let certificate = params.self_signed(&pair);
    pair.zeroize();
    Ok(certificate?.der().to_vec())
}

/// A strong validator for a document (RFC 9110 8.8.3).
pub(super) fn etag(document: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, document);
    format!("\"{}\"", base64url::encode(&hash.as_ref()[..16]))
}

mod base64_text {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
