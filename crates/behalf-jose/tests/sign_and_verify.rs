//! Every algorithm signs what its own public half accepts, and nothing else is accepted.

use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, VerifyingKey, sign_compact};

const MAX: usize = 8192;

#[test]
fn each_algorithm_round_trips_through_pkcs8_and_jwk() {
    for alg in Algorithm::ALL {
        let key = SigningKey::generate(alg).unwrap();
        let stored = SigningKey::from_pkcs8(alg, &key.to_pkcs8().unwrap()).unwrap();
        let jwk = key.public_jwk();
        assert_eq!(stored.public_jwk(), jwk, "{alg}");
        assert_eq!(jwk.alg.as_deref(), Some(alg.as_str()));

        let signature = stored.sign(b"message").unwrap();
        assert_eq!(signature.len(), key.signature_len());
        let public = VerifyingKey::from_jwk(&jwk).unwrap();
        assert!(public.verify(alg, b"message", &signature).is_ok(), "{alg}");
        assert!(public.verify(alg, b"massage", &signature).is_err(), "{alg}");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != alg) {
            assert!(public.verify(other, b"message", &signature).is_err(), "{alg} as {other}");
        }
    }
}

#[test]
fn a_compact_token_is_verified_with_the_key_that_signed_it_only() {
    let (key, other) = (
        SigningKey::generate(Algorithm::Es256).unwrap(),
        SigningKey::generate(Algorithm::Es256).unwrap(),
    );
    let header = EncodedHeader::new("JWT", &key, "k1", Some("k1"));
    let token = sign_compact(&header, br#"{"sub":"a"}"#, &key).unwrap();

    let parsed = Unverified::parse(&token, Profile::Strict, MAX).unwrap();
    assert_eq!(parsed.unverified_header().kid.as_deref(), Some("k1"));
    assert_eq!(parsed.unverified_header().x5t.as_deref(), Some("k1"));
    assert_eq!(parsed.verify(key.verifying_key()).unwrap().claims(), br#"{"sub":"a"}"#);
    assert!(parsed.verify(other.verifying_key()).is_err());
}

#[test]
fn debug_of_a_signing_key_shows_its_algorithm_only() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey { algorithm: EdDsa, .. }");
}
