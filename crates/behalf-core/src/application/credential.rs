//! Credentials of an application: secrets and certificates.

use serde::{Deserialize, Serialize};

use crate::{id::CredentialId, secret::SecretHash, time::Timestamp};

/// How a client authenticated; decides `appidacr`/`azpacr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A shared secret, in the body or by Basic.
    Secret,
    /// An assertion signed with a registered certificate's key (RFC 7523).
    Certificate,
}

impl Method {
    /// Its name in manifests, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
        }
    }

    /// `appidacr` / `azpacr` (protocol 2.2).
    pub fn acr(self) -> &'static str {
        match self {
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// A secret (Graph `passwordCredential`). Its value is shown once and never kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretCredential {
    /// `keyId`. Not secret: people paste it by mistake.
    pub id: CredentialId,
    /// Unique among the application's secrets when it came from a manifest.
    pub name: String,
    /// First characters after the prefix.
    pub hint: String,
    /// What is kept of the value.
    pub hash: SecretHash,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused (7000222).
    pub expires: Timestamp,
}

/// A certificate (Graph `keyCredential`), kept whole: only key, thumbprints and dates are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateCredential {
    /// `keyId`.
    pub id: CredentialId,
    /// Unique among the application's certificates when it came from a manifest.
    pub name: String,
    /// The certificate, DER, base64 in JSON.
    #[serde(with = "der_base64")]
    pub der: Vec<u8>,
    /// When it was registered.
    pub created: Timestamp,
}

mod der_base64 {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(der: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(der))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
