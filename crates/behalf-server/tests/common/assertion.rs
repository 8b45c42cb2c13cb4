//! A client assertion of the daemon and who may sign it.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use behalf_core::{application::CertificateCredential, id::CredentialId};
use behalf_jose::{Algorithm, Certificate, SigningKey};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ACME, Answer, BASE, DAEMON, NOW, TestServer};

pub(crate) const PATH: &str = "/acme.test/oauth2/v2.0/token";
/// Refused, whatever was wrong with the assertion's form, key or signature.
pub(crate) const NOT_SIGNED: (u16, &str, u64) = (401, "invalid_client", 700_027);

/// The registered certificate, of the year 2026, and its key.
pub(crate) const CERTIFICATE: &[u8] =
    include_bytes!("../../../behalf-core/tests/spec/fixtures/client-2026.cert.der");
const KEY: &[u8] = include_bytes!("../../../behalf-core/tests/spec/fixtures/client.pkcs8.der");
/// A key nobody registered.
const STRANGER: &[u8] =
    include_bytes!("../../../behalf-core/tests/spec/fixtures/stranger.pkcs8.der");

/// A server whose daemon has a certificate beside its secret.
pub(crate) async fn server() -> TestServer {
    let server = TestServer::start().await;
    register(&server).await;
    server
}

/// Registers the certificate for the daemon.
pub(crate) async fn register(server: &TestServer) {
    let certificate = CertificateCredential {
        id: CredentialId(Uuid::from_u128(0xce)),
        name: "2026".to_owned(),
        der: CERTIFICATE.to_vec(),
        created: NOW,
    };
    server.edit(DAEMON, |app| app.certificates.push(certificate)).await;
}

pub(crate) fn header() -> Value {
    let thumbprint = Certificate::from_der(CERTIFICATE).unwrap().sha256_thumbprint();
    json!({ "alg": "RS256", "typ": "JWT", "x5t#S256": encoded(thumbprint.0) })
}

pub(crate) fn claims() -> Value {
    let now = NOW.unix_seconds();
    json!({
        "aud": format!("{BASE}/{ACME}/oauth2/v2.0/token"),
        "iss": DAEMON.to_string(), "sub": DAEMON.to_string(), "jti": "one",
        "nbf": now - 10, "iat": now - 10, "exp": now + 590,
    })
}

/// `value` with one member changed.
pub(crate) fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Header and claims, with whatever `sign` makes of them.
pub(crate) fn compact(header: &Value, claims: &Value, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    format!("{message}.{}", encoded(sign(&message)))
}

/// Signed by the daemon.
pub(crate) fn signed(header: &Value, claims: &Value) -> String {
    compact(header, claims, rsa(KEY))
}

/// Signed by somebody else.
pub(crate) fn signed_by_stranger(header: &Value, claims: &Value) -> String {
    compact(header, claims, rsa(STRANGER))
}

fn rsa(key: &'static [u8]) -> impl Fn(&str) -> Vec<u8> {
    move |message| {
        SigningKey::from_pkcs8(Algorithm::Rs256, key).unwrap().sign(message.as_bytes()).unwrap()
    }
}

/// An HMAC under `key`, as HS256 has it.
pub(crate) fn hs256(key: &[u8]) -> impl Fn(&str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    move |message| hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

/// The stranger's public key as JWK.
pub(crate) fn stranger_jwk() -> Value {
    let key = SigningKey::from_pkcs8(Algorithm::Rs256, STRANGER).unwrap();
    serde_json::to_value(key.verifying_key().to_jwk()).unwrap()
}

pub(crate) const FORM: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", "dae00000-0000-4000-8000-000000000001"),
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ("scope", "api://ledger/.default"),
];

pub(crate) async fn present(server: &TestServer, assertion: &str) -> Answer {
    let form: Vec<_> = FORM.into_iter().chain([("client_assertion", assertion)]).collect();
    server.post(PATH, &form).await
}

pub(crate) async fn refused(server: &TestServer, assertion: &str, expected: (u16, &str, u64)) {
    let answer = present(server, assertion).await;
    let shown: String = assertion.chars().take(60).collect();
    let expected = (expected.0, expected.1.to_owned(), expected.2);
    assert_eq!(answer.refusal(), expected, "{shown}: {}", answer.text);
}
