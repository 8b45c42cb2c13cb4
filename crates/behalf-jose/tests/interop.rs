//! Tokens and tickets made by two other libraries (fixtures/README.md names them).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use behalf_jose::jwe::{self, JweError, Sealed};
use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::{Algorithm, Jwk, VerifyError, VerifyingKey, base64url};
use serde_json::Value;

const FIXTURES: [&str; 2] =
    [include_str!("fixtures/jwcrypto.json"), include_str!("fixtures/node-jose.json")];

fn signed(fixture: &Value, name: &str) -> Option<(Jwk, String)> {
    let entry = fixture.get(name)?;
    let jwk = serde_json::from_value(entry["jwk"].clone()).unwrap();
    Some((jwk, entry["token"].as_str().unwrap().to_owned()))
}

#[test]
fn their_signatures_verify_and_only_as_what_they_are() {
    let mut checked = 0;
    for fixture in FIXTURES {
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        let algorithms = [
            ("ps256", Algorithm::Ps256),
            ("ps512", Algorithm::Ps512),
            ("es256", Algorithm::Es256),
            ("eddsa", Algorithm::EdDsa),
        ];
        for (name, algorithm) in algorithms {
            let Some((jwk, token)) = signed(&fixture, name) else { continue };
            let token = Unverified::parse(&token, Profile::Strict, 4096).unwrap();
            let key = VerifyingKey::from_jwk_allowing(&jwk, &[algorithm]).unwrap();
            assert_eq!(token.verify(&key).unwrap().claims(), br#"{"sub":"fixture"}"#, "{name}");
            if algorithm.is_rsa() {
                let rs256 = VerifyingKey::from_jwk(&Jwk { alg: None, ..jwk }).unwrap();
                assert_eq!(token.verify(&rs256).unwrap_err(), VerifyError::Algorithm, "{name}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 5);
}

#[test]
fn a_forged_signature_under_exponent_3_is_refused() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/forged-e3.json")).unwrap();
    let jwk: Jwk = serde_json::from_value(fixture["jwk"].clone()).unwrap();
    let token =
        Unverified::parse(fixture["token"].as_str().unwrap(), Profile::Strict, 4096).unwrap();
    let key = VerifyingKey::from_jwk(&jwk).unwrap();
    assert_eq!(token.verify(&key).unwrap_err(), VerifyError::Signature);
}

#[test]
fn their_tickets_open_and_any_change_keeps_them_shut() {
    for fixture in FIXTURES {
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        let entry = &fixture["jwe"];
        let cek: [u8; 32] =
            base64url::decode(entry["cek"].as_str().unwrap()).unwrap().try_into().unwrap();
        let token = entry["token"].as_str().unwrap();
        let sealed = Sealed::parse(token, 4096).unwrap();
        assert_eq!(sealed.unverified_header().typ.as_deref(), Some("rt+jwt"));
        assert_eq!(sealed.unverified_header().kid.as_deref(), Some("1.tenant.n"));
        assert_eq!(sealed.open(&cek).unwrap().as_slice(), b"sealed text");
        assert!(matches!(sealed.open(&[7; 32]), Err(JweError::Key)));

        // The same header with another order of members, so only the authenticated bytes differ.
        let (_, rest) = token.split_once('.').unwrap();
        let header =
            base64url::encode(r#"{"enc":"A256GCM","alg":"dir","typ":"rt+jwt","kid":"1.tenant.n"}"#);
        let changed = format!("{header}.{rest}");
        assert!(matches!(Sealed::parse(&changed, 4096).unwrap().open(&cek), Err(JweError::Key)));
    }
}

#[test]
fn our_tickets_have_the_stated_form_and_round_trip() {
    let header = br#"{"alg":"dir","enc":"A256GCM","typ":"rt+jwt","kid":"1.t.n"}"#;
    let token = jwe::seal(header, &[1; 32], [2; 12], b"claims").unwrap();
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 5);
    assert_eq!((parts[1], parts[2]), ("", "AgICAgICAgICAgIC"));
    let sealed = Sealed::parse(&token, 4096).unwrap();
    assert_eq!(sealed.unverified_header_json(), header);
    assert_eq!(sealed.open(&[1; 32]).unwrap().as_slice(), b"claims");
}

#[test]
fn other_forms_of_jwe_are_refused() {
    let seal = |header: &str| jwe::seal(header.as_bytes(), &[1; 32], [2; 12], b"claims").unwrap();
    let headers = [
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A128GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#,
        r#"{"alg":"dir","alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":1}"#,
        r#"{"enc":"A256GCM"}"#,
        "null",
    ];
    for header in headers {
        assert!(Sealed::parse(&seal(header), 4096).is_err(), "{header}");
    }
    let good = seal(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let parts: Vec<_> = good.split('.').collect();
    let shapes = [
        String::new(),
        "....".to_owned(),
        good.replace("..", ".AA."),
        format!("{good}."),
        format!("{good}="),
        parts[..4].join("."),
        format!("{}..{}.{}.AAAA", parts[0], parts[2], parts[3]),
        format!("{}..AAAA.{}.{}", parts[0], parts[3], parts[4]),
    ];
    for shape in shapes {
        assert!(Sealed::parse(&shape, 4096).is_err(), "{shape}");
    }
    assert!(Sealed::parse(&good, good.len() - 1).is_err());
}
