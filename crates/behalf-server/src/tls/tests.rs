use std::{fs, time::Duration};

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A self-signed certificate for `name`: DER, PEM and the key's PEM.
fn issue(name: &str) -> (CertificateDer<'static>, String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().clone(), certificate.pem(), key.serialize_pem())
}

struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    fn put(&self, certificate: &str, key: &str) {
        fs::write(self.certificate(), certificate).unwrap();
        fs::write(self.key(), key).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn tls(&self) -> Result<Tls, TlsError> {
        Tls::from_files(self.certificate(), self.key())
    }
}

fn presented(tls: &Tls) -> CertificateDer<'static> {
    tls.current.0.load().end_entity_cert().unwrap().clone().into_owned()
}

#[test]
fn f17_a_new_pair_is_taken_over_and_a_bad_one_is_not() {
    let folder = Folder::new();
    let (first, first_pem, first_key) = issue("first.test");
    let (second, second_pem, second_key) = issue("second.test");
    folder.put(&first_pem, &first_key);
    let tls = folder.tls().unwrap();
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged);

    // A tool has replaced one of the two files so far.
    folder.put(&second_pem, &first_key);
    assert!(matches!(tls.reload(), Err(TlsError::Mismatch)));
    assert_eq!(presented(&tls), first);
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged, "judged once");

    folder.put(&second_pem, &second_key);
    assert_eq!(tls.reload().unwrap(), Reloaded::Changed);
    assert_eq!(presented(&tls), second);

    fs::remove_file(folder.key()).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Unreadable { .. })));
    assert_eq!(presented(&tls), second);

    let samples = tls.samples();
    let values: Vec<_> =
        samples.iter().map(|s| (s.label.map_or(s.name, |l| l.1), s.value)).collect();
    assert_eq!(values[..2], [("changed", 1.0), ("failed", 2.0)]);
    // What the issuing library gives when nothing is asked for: 4096-01-01.
    assert_eq!(values[2..], [("tls_certificate_not_after_seconds", 67_090_118_400.0)]);
}

#[test]
fn what_is_no_pair_is_refused_with_the_file_that_is_wrong() {
    let folder = Folder::new();
    let (_, certificate, key) = issue("a.test");
    let (_, _, other_key) = issue("b.test");
    let damaged = certificate.replace("-----END", "AAAA-----END");
    let cases: [(&str, &str, &str); 6] = [
        ("", &key, "cert.pem holds no certificate"),
        (&key, &key, "cert.pem holds no certificate"),
        (&certificate, "", "key.pem holds no private key"),
        (&certificate, &certificate, "key.pem holds no private key"),
        (&certificate, &other_key, "the private key is not the certificate's"),
        (&damaged, &key, ""),
    ];
    for (certificate, key, expected) in cases {
        folder.put(certificate, key);
        let error = folder.tls().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("PRIVATE KEY-----\nM"), "no key material: {error}");
    }
    folder.put(&certificate, &" ".repeat(1024 * 1024 + 1));
    assert!(matches!(folder.tls(), Err(TlsError::TooLarge { .. })));
}

#[test]
fn a_leaf_in_memory_never_changes() {
    let (der, _, _) = issue("localhost");
    let key = KeyPair::generate().unwrap();
    let wrong = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    assert!(matches!(Tls::from_der(vec![der], wrong), Err(TlsError::Mismatch)));

    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = params.self_signed(&key).unwrap();
    let right = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let tls = Tls::from_der(vec![own.der().clone()], right).unwrap();
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged);
    assert_eq!(presented(&tls), *own.der());
    assert_eq!(tls.config().alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}

#[test]
fn nothing_of_the_key_is_printed() {
    let folder = Folder::new();
    let (_, certificate, key) = issue("a.test");
    folder.put(&certificate, &key);
    let printed = format!("{:?}", folder.tls().unwrap());
    assert!(printed.contains("key.pem") && !printed.contains("BEGIN"), "{printed}");
}

#[tokio::test]
async fn the_files_are_looked_at_again_and_again() {
    let folder = Folder::new();
    let (_, certificate, key) = issue("first.test");
    folder.put(&certificate, &key);
    let tls = Arc::new(folder.tls().unwrap());
    let every = Duration::from_millis(1);
    let watching = tokio::spawn(Arc::clone(&tls).watch(every));
    let (second, certificate, key) = issue("second.test");
    folder.put(&certificate, &key);
    let taken_over = async {
        while presented(&tls) != second {
            tokio::time::sleep(every).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taken_over).await.unwrap();
    watching.abort();
}
