//! What a client proves itself with.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use behalf_client::{Credential, CredentialError, Error};
use behalf_jose::{Algorithm, Certificate, SigningKey, base64url};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::world::{ACME, DAEMON, LEDGER, NOW, Service, TestClock};

/// An RSA key and its certificate, as PEM.
fn key_and_certificate() -> (String, String) {
    let key = SigningKey::generate(Algorithm::Ps256).unwrap().to_pkcs8().unwrap();
    let key = KeyPair::try_from(key.as_slice()).unwrap();
    let certificate = CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&key);
    (key.serialize_pem(), certificate.unwrap().pem())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_for_the_token_endpoint() {
    let (key, certificate) = key_and_certificate();
    let mut file = NamedTempFile::new().unwrap();
    write!(file, "{key}{certificate}").unwrap();
    let service = Service::start().await;
    let credential = Credential::certificate_pem_file(file.path()).unwrap();
    assert_eq!(format!("{credential:?}"), "Credential::certificate");
    let app = service.builder(&TestClock::new()).credential(credential).build().unwrap();
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    app.acquire_token_for_client(["api://orders/.default"]).await.unwrap();

    let requests = service.token_requests();
    assert_eq!(
        requests[0].field("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert_eq!(requests[0].field("client_secret"), None);
    let assertion = requests[0].field("client_assertion").unwrap();
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let certificate = Certificate::from_pem(&certificate).unwrap();
    let thumbprint = certificate.sha256_thumbprint().to_base64url();
    assert_eq!(decoded(header), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
    let claims = decoded(claims);
    assert_eq!(
        claims,
        json!({
            "aud": format!("{}/{ACME}/oauth2/v2.0/token", service.server.base),
            "iss": DAEMON,
            "sub": DAEMON,
            "jti": claims["jti"],
            "iat": NOW,
            "nbf": NOW - 60,
            "exp": NOW + 600,
        })
    );
    let signature = base64url::decode(signature).unwrap();
    let public = certificate.verifying_key().unwrap();
    assert!(public.verify(Algorithm::Ps256, message.as_bytes(), &signature).is_ok());

    let next = requests[1].field("client_assertion").unwrap();
    let next = decoded(next.split('.').nth(1).unwrap());
    assert_ne!(next["jti"], claims["jti"], "each assertion has an id of its own");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_and_a_broken_file_changes_nothing() {
    let (first, second) = (key_and_certificate(), key_and_certificate());
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}{}", first.0, first.1)).unwrap();
    let service = Service::start().await;
    let credential = Credential::certificate_pem_file(file.path()).unwrap();
    let app = service.builder(&TestClock::new()).credential(credential).build().unwrap();
    for (content, certificate) in [
        (format!("{}{}", first.0, first.1), &first.1),
        (format!("{}{}", first.0, second.1), &first.1), // half written
        (String::new(), &first.1),
        (format!("{}{}", second.0, second.1), &second.1),
    ] {
        std::fs::write(file.path(), content).unwrap();
        app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap();
        let sent = service.token_requests().pop().unwrap().field("client_assertion").unwrap();
        let thumbprint = Certificate::from_pem(certificate).unwrap().sha256_thumbprint();
        let header = decoded(sent.split('.').next().unwrap());
        assert_eq!(header["x5t#S256"], thumbprint.to_base64url());
    }
}

#[test]
fn a_key_and_a_certificate_that_do_not_belong_together_are_refused() {
    let ((key, certificate), (other, _)) = (key_and_certificate(), key_and_certificate());
    assert!(Credential::certificate_pem(&format!("{certificate}{key}")).is_ok(), "in any order");
    let error = Credential::certificate_pem(&format!("{other}{certificate}")).unwrap_err();
    assert!(matches!(error, CredentialError::Mismatch(_)), "{error}");
    let error = Credential::certificate_pem(&certificate).unwrap_err();
    assert!(error.to_string().contains("not encrypted"), "{error}");
    let error = Credential::certificate_pem(&key).unwrap_err();
    assert!(matches!(error, CredentialError::Certificate { .. }), "{error}");
    let elliptic = KeyPair::generate().unwrap().serialize_pem();
    let error = Credential::certificate_pem(&format!("{elliptic}{certificate}")).unwrap_err();
    assert!(error.to_string().contains("RSA"), "{error}");
    let error = Credential::certificate_pem_file("/nonexistent/daemon.pem").unwrap_err();
    assert!(error.to_string().contains("/nonexistent/daemon.pem"), "{error}");
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_request() {
    let service = Service::start().await;
    let file = NamedTempFile::new().unwrap();
    let app = service
        .builder(&TestClock::new())
        .credential(Credential::federated_file(file.path()))
        .build()
        .unwrap();
    for token in ["eyJ.of.monday", "eyJ.of.tuesday"] {
        std::fs::write(file.path(), format!("{token}\n")).unwrap();
        app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap();
        let sent = service.token_requests().last().unwrap().field("client_assertion");
        assert_eq!(sent.as_deref(), Some(token));
    }
    std::fs::write(file.path(), "\n").unwrap();
    let error = app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap_err();
    assert!(matches!(error, Error::Credential(_)), "{error}");
    let path = file.path().display().to_string();
    file.close().unwrap();
    let error = app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");
    assert_eq!(service.token_requests().len(), 2, "nothing is sent without a credential");
}

#[tokio::test]
async fn an_assertion_can_come_from_a_function() {
    let service = Service::start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let credential = Credential::assertion_fn(move |request| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if number > 0 {
                return Err("the HSM is locked");
            }
            Ok(format!("{} for {}", request.client_id, request.token_endpoint))
        }
    });
    let app = service.builder(&TestClock::new()).credential(credential).build().unwrap();
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    let sent = service.token_requests()[0].field("client_assertion").unwrap();
    let endpoint = format!("{}/{ACME}/oauth2/v2.0/token", service.server.base);
    assert_eq!(sent, format!("{DAEMON} for {endpoint}"));
    let error = app.acquire_token_for_client([LEDGER]).force_refresh().await.unwrap_err();
    assert!(error.to_string().contains("the HSM is locked"), "{error}");
    assert_eq!(calls.load(Ordering::SeqCst), 2, "what fails here is not repeated");
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    app.acquire_token_for_client([LEDGER]).await.unwrap();
    let shown = format!("{app:?} {:?}", app.for_resource(LEDGER).reqwest().unwrap());
    assert!(shown.contains("Credential::secret"), "{shown}");
    assert!(!shown.contains(crate::world::SECRET) && !shown.contains("eyJ"), "{shown}");
}
