//! A certificate somebody wants to register, in DER or PEM, and the key in it.
#![no_main]

use behalf_jose::{CERTIFICATE_ALGORITHMS, Certificate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(data) {
        assert_eq!(certificate.der(), data);
        read(&certificate);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(certificate) = Certificate::from_pem(text) {
        read(&certificate);
    }
});

fn read(certificate: &Certificate) {
    if let Some(name) = certificate.common_name() {
        assert!(name.chars().count() <= 128 && !name.contains(char::is_control));
    }
    let _ = (certificate.not_before(), certificate.not_after());
    if let Ok(key) = certificate.verifying_key() {
        for algorithm in CERTIFICATE_ALGORITHMS {
            assert!(key.verify(algorithm, b"message", &[1; 256]).is_err(), "a forged signature");
        }
    }
}
