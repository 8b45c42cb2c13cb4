//! JOSE text of strangers: a token as the API's middleware gets it, its claims, a key set.
#![no_main]

use behalf_jose::{
    JwkSet, VerifyingKey, base64url,
    jws::{Profile, Unverified},
    jwt::parse_claims,
};
use behalf_protocol::claims::AccessToken;
use libfuzzer_sys::fuzz_target;

const MAX: usize = 32 * 1024;

fuzz_target!(|data: &[u8]| {
    let _ = parse_claims::<AccessToken>(data, MAX);
    if let Ok(value) = parse_claims::<serde_json::Value>(data, MAX) {
        assert!(value.is_object());
    }
    keys(data);
    if let Ok(text) = std::str::from_utf8(data) {
        token(text);
    }
});

fn token(text: &str) {
    let Ok(strict) = Unverified::parse(text, Profile::Strict, MAX) else { return };
    let claims = strict.unverified_claims();
    let mut parts = text.split('.').skip(1);
    assert_eq!(parts.next(), Some(base64url::encode(claims).as_str()), "one spelling only");
    let lenient = Unverified::parse(text, Profile::ClientAssertion, MAX);
    let lenient = lenient.expect("what is strict is lenient too");
    assert_eq!(lenient.unverified_claims(), claims);
    assert_eq!(lenient.unverified_header(), strict.unverified_header());
    let _ = parse_claims::<AccessToken>(claims, MAX);
}

fn keys(document: &[u8]) {
    let Ok(set) = JwkSet::parse(document) else { return };
    for jwk in &set.keys {
        let key = VerifyingKey::from_jwk(jwk).expect("unusable keys are left out");
        assert!(VerifyingKey::from_jwk(&key.to_jwk()).is_ok(), "what was read can be published");
    }
}
