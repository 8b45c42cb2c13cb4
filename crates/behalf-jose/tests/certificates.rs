//! Certificates of clients: what carries a usable key is read, whatever its age.

use behalf_jose::{Algorithm, Certificate, CertificateError, KeyError, SigningKey, Thumbprint};

const OLD: &str = include_str!("fixtures/v1-sha1-generalizedtime.pem");
const GOOD: &str = include_str!("fixtures/v3-rsa2048.pem");
const WEAK: &str = include_str!("fixtures/v3-rsa1024.pem");
const ELLIPTIC: &str = include_str!("fixtures/v3-p256.pem");

#[test]
fn version_1_signed_with_sha1_and_generalized_time_is_read() {
    let certificate = Certificate::from_pem(OLD).unwrap();
    assert_eq!(certificate.common_name(), Some("Azure-App-2024"));
    assert_eq!(certificate.not_before(), 1_704_164_645);
    assert_eq!(certificate.not_after(), 2_019_783_845);
    let key = certificate.verifying_key().unwrap();
    for algorithm in Algorithm::ALL {
        assert_eq!(key.allows(algorithm), algorithm.is_rsa(), "{algorithm}");
    }
}

#[test]
fn version_3_across_2050_is_read() {
    let certificate = Certificate::from_pem(GOOD).unwrap();
    assert_eq!(certificate.common_name(), Some("invoice-daemon"));
    assert_eq!(certificate.not_before(), 1_704_067_200);
    assert_eq!(certificate.not_after(), 2_556_144_000);
    assert!(Certificate::from_der(certificate.der()).unwrap() == certificate);
}

#[test]
fn a_file_that_holds_key_and_certificate_gives_both() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let body = base64_std(&key.to_pkcs8().unwrap());
    let file =
        format!("junk\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n{GOOD}");
    assert!(Certificate::from_pem(&file).is_ok());
    let read = SigningKey::from_pem(Algorithm::Es256, &file).unwrap();
    assert_eq!(read.public_jwk(), key.public_jwk());
    assert!(SigningKey::from_pem(Algorithm::Rs256, &file).is_err(), "an EC key signs no RS256");
    assert!(SigningKey::from_pem(Algorithm::Es256, GOOD).is_err(), "no key in there");
}

#[test]
fn weak_and_non_rsa_keys_are_refused_for_client_assertions() {
    let weak = Certificate::from_pem(WEAK).unwrap().verifying_key().unwrap_err();
    assert_eq!(weak, KeyError::RsaSize { bits: 1024 });
    let elliptic = Certificate::from_pem(ELLIPTIC).unwrap().verifying_key().unwrap_err();
    assert_eq!(elliptic, KeyError::Algorithm(Algorithm::Rs256));
}

#[test]
fn what_is_no_certificate_is_refused() {
    let der = Certificate::from_pem(GOOD).unwrap().der().to_vec();
    for length in 0..der.len() {
        assert_eq!(Certificate::from_der(&der[..length]), Err(CertificateError::Malformed));
    }
    let mut longer = der.clone();
    longer.push(0);
    assert_eq!(Certificate::from_der(&longer), Err(CertificateError::Malformed));
    assert_eq!(Certificate::from_der(&vec![0x30; 40_000]), Err(CertificateError::TooLong(40_000)));
    assert_eq!(Certificate::from_pem("no PEM"), Err(CertificateError::NoPemBlock));
    let other = GOOD.replace("CERTIFICATE", "PUBLIC KEY");
    assert_eq!(Certificate::from_pem(&other), Err(CertificateError::NoPemBlock));
    // Any byte may change; the reader may accept or refuse, it does not panic.
    for position in 0..der.len() {
        let mut changed = der.clone();
        changed[position] ^= 0x55;
        let _ = Certificate::from_der(&changed).map(|c| c.verifying_key().map(drop));
    }
}

#[test]
fn a_thumbprint_is_one_thing_in_every_spelling_that_clients_use() {
    let certificate = Certificate::from_pem(GOOD).unwrap();
    let sha1 = certificate.sha1_thumbprint();
    let sha256 = certificate.sha256_thumbprint();
    for (bytes, expected) in
        [(sha1.0.to_vec(), Thumbprint::Sha1(sha1)), (sha256.0.to_vec(), Thumbprint::Sha256(sha256))]
    {
        let url = behalf_jose::base64url::encode(&bytes);
        let standard = base64_std(&bytes);
        let hex = bytes.iter().fold(String::new(), |hex, b| hex + &format!("{b:02x}"));
        let padded = format!("{url}=");
        for spelling in [url, padded, standard, hex.to_uppercase(), hex] {
            assert_eq!(Thumbprint::normalise(&spelling), Ok(expected), "{spelling}");
        }
    }
    let sha1 = sha1.to_base64url();
    let long = "A".repeat(65);
    for text in ["", "=", "AAAA", "../../etc/passwd", "' or 1=1 --", &format!(" {sha1}"), &long] {
        assert!(Thumbprint::normalise(text).is_err(), "{text}");
    }
}

fn base64_std(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
