//! Client assertions in the shapes clients send, signed for real.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use behalf_jose::{Algorithm, Certificate, SigningKey};
use serde_json::{Value, json};

use super::{ACME, BASE, DAEMON, NOW};

/// The key of the daemon's registered certificate, valid for the year 2026.
pub(crate) const KEY: ClientKey = ClientKey {
    pkcs8: include_bytes!("../fixtures/client.pkcs8.der"),
    certificate: include_bytes!("../fixtures/client-2026.cert.der"),
};
/// A key nobody registered.
pub(crate) const STRANGER: ClientKey = ClientKey {
    pkcs8: include_bytes!("../fixtures/stranger.pkcs8.der"),
    certificate: include_bytes!("../fixtures/stranger-2026.cert.der"),
};
/// A certificate of [`KEY`] for the year 2024.
pub(crate) const EXPIRED: &[u8] = include_bytes!("../fixtures/client-2024.cert.der");
/// A certificate of [`KEY`] for the year 2028.
pub(crate) const FUTURE: &[u8] = include_bytes!("../fixtures/client-2028.cert.der");

/// 2026-01-01 00:00:00Z and 2027-01-01 00:00:00Z: when the certificates are valid.
pub(crate) const VALID: (i64, i64) = (1_767_225_600, 1_798_761_600);

/// An RSA key of these tests alone, with a self-signed certificate.
pub(crate) struct ClientKey {
    pkcs8: &'static [u8],
    pub(crate) certificate: &'static [u8],
}

impl ClientKey {
    pub(crate) fn pkcs8(&self) -> &'static [u8] {
        self.pkcs8
    }

    pub(crate) fn parsed(&self) -> Certificate {
        Certificate::from_der(self.certificate).unwrap()
    }

    /// SHA-1 thumbprint.
    pub(crate) fn sha1(&self) -> [u8; 20] {
        self.parsed().sha1_thumbprint().0
    }

    /// SHA-256 thumbprint.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.parsed().sha256_thumbprint().0
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, message: &str) -> Vec<u8> {
        let key = SigningKey::from_pkcs8(algorithm, self.pkcs8).unwrap();
        key.sign(message.as_bytes()).unwrap()
    }
}

/// An assertion to be changed and signed. As it starts it is MSAL Node's.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    algorithm: Algorithm,
    header: Value,
    claims: Value,
    padded: bool,
}

impl Assertion {
    pub(crate) fn good() -> Self {
        Self {
            algorithm: Algorithm::Ps256,
            header: json!({"alg": "PS256", "typ": "JWT", "x5t#S256": unpadded(KEY.sha256())}),
            claims: json!({
                "aud": format!("{BASE}/{ACME}/oauth2/v2.0/token"),
                "iss": DAEMON,
                "sub": DAEMON,
                "jti": "a7d3bb1c-6f0f-4c7d-9d9a-0a4c1c3c9a10",
                "nbf": NOW - 10,
                "iat": NOW - 10,
                "exp": NOW + 590,
            }),
            padded: false,
        }
    }

    /// Signs with `algorithm` and says so in the header.
    pub(crate) fn alg(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self.header("alg", json!(algorithm.as_str()))
    }

    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    /// Replaces every name of a key by this one.
    pub(crate) fn named_by(mut self, name: &str, value: Value) -> Self {
        self = self.unnamed();
        self.header(name, value)
    }

    /// The header names no key.
    pub(crate) fn unnamed(mut self) -> Self {
        let members = self.header.as_object_mut().unwrap();
        members.retain(|name, _| name == "alg" || name == "typ");
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    /// Every part is padded, as azure-identity's asynchronous client does.
    pub(crate) fn padded(mut self) -> Self {
        self.padded = true;
        self
    }

    pub(crate) fn sign(&self) -> String {
        self.sign_with(&KEY)
    }

    pub(crate) fn sign_with(&self, key: &ClientKey) -> String {
        let encode = |bytes: &[u8]| if self.padded { padded(bytes) } else { unpadded(bytes) };
        let message = format!(
            "{}.{}",
            encode(self.header.to_string().as_bytes()),
            encode(self.claims.to_string().as_bytes())
        );
        format!("{message}.{}", encode(&key.sign(self.algorithm, &message)))
    }

    /// The header's JSON, to be mistreated as text.
    pub(crate) fn header_json(&self) -> String {
        self.header.to_string()
    }

    /// The claims' JSON, to be mistreated as text.
    pub(crate) fn claims_json(&self) -> String {
        self.claims.to_string()
    }
}

/// Signs texts that need not be JSON.
pub(crate) fn sign_texts(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", unpadded(header), unpadded(claims));
    format!("{message}.{}", unpadded(KEY.sign(Algorithm::Ps256, &message)))
}

/// Three parts, the last of them no signature.
pub(crate) fn unsigned_texts(header: &str, claims: &str) -> String {
    format!("{}.{}.AAAA", unpadded(header), unpadded(claims))
}

pub(crate) fn unpadded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn padded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE.encode(bytes)
}

pub(crate) fn standard(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
