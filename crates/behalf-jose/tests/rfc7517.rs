//! The key set of RFC 7517 appendix A.1, the thumbprint of RFC 7638 section 3.1, and the sets that
//! are refused or thinned out.

use behalf_jose::{Jwk, JwkSet, JwkSetError, KeyError, VerifyingKey};

const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;

fn rsa(kid: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","alg":"RS256","kid":"{kid}"}}"#)
}

#[test]
fn a1_keeps_the_signature_key_and_leaves_out_the_encryption_key() {
    let set = format!(r#"{{"keys":[{EC},{}]}}"#, rsa("2011-04-29"));
    let kids: Vec<_> = JwkSet::parse(set.as_bytes())
        .unwrap()
        .keys
        .into_iter()
        .map(|key| key.kid.unwrap())
        .collect();
    assert_eq!(kids, ["2011-04-29"]);
}

#[test]
fn rfc7638_thumbprints() {
    let key: Jwk = serde_json::from_str(&rsa("2011-04-29")).unwrap();
    let thumbprint = key.thumbprint().unwrap().to_base64url();
    assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let key: Jwk = serde_json::from_str(EC).unwrap();
    let thumbprint = key.thumbprint().unwrap().to_base64url();
    assert_eq!(thumbprint, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}

#[test]
fn private_members_are_neither_kept_nor_written() {
    let key: Jwk =
        serde_json::from_str(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"secret"}"#)
            .unwrap();
    assert!(!serde_json::to_string(&key).unwrap().contains("secret"));
}

#[test]
fn unusable_keys_are_left_out_of_a_set() {
    let unusable = [
        r#"{"kty":"oct","k":"AAAA"}"#.to_owned(),
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
        format!(r#"{{"kty":"RSA","n":"{N}","e":"AQ"}}"#),
        format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","alg":"ES256"}}"#),
        format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","alg":"HS256"}}"#),
        format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","alg":"none"}}"#),
        format!(r#"{{"kty":"RSA","n":["{N}"],"e":"AQAB"}}"#),
        // Not on the curve; on another curve.
        r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}"#.to_owned(),
        r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#.to_owned(),
        "null".to_owned(),
        "7".to_owned(),
    ];
    for entry in unusable {
        let set = format!(r#"{{"keys":[{entry},{}]}}"#, rsa("good"));
        assert_eq!(JwkSet::parse(set.as_bytes()).unwrap().keys.len(), 1, "{entry}");
    }
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    for document in ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}x"#] {
        assert!(JwkSet::parse(document.as_bytes()).is_err(), "{document}");
    }
    let many = format!(r#"{{"keys":[{}1]}}"#, "1,".repeat(JwkSet::MAX_KEYS));
    assert!(matches!(JwkSet::parse(many.as_bytes()), Err(JwkSetError::TooManyKeys(257))));
    let long = vec![b' '; JwkSet::MAX_BYTES + 1];
    assert!(matches!(JwkSet::parse(&long), Err(JwkSetError::TooLong(_))));
}

#[test]
fn weak_rsa_keys_are_refused_with_the_reason() {
    let key = |n: &[u8], e: &[u8]| {
        VerifyingKey::from_jwk(&Jwk {
            kty: "RSA".into(),
            n: Some(behalf_jose::base64url::encode(n)),
            e: Some(behalf_jose::base64url::encode(e)),
            ..Jwk::default()
        })
        .map(drop)
    };
    let mut modulus = vec![0xff; 256];
    modulus[255] = 0xfd;
    assert_eq!(key(&modulus[..255], &[1, 0, 1]), Err(KeyError::RsaSize { bits: 2040 }));
    assert_eq!(key(&vec![0xff; 1025], &[1, 0, 1]), Err(KeyError::RsaSize { bits: 8200 }));
    for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[0, 3], &[1, 0, 0, 0, 1]] {
        assert_eq!(key(&modulus, exponent), Err(KeyError::RsaExponent), "{exponent:?}");
    }
    let mut padded = vec![0];
    padded.extend(&modulus);
    assert!(matches!(key(&padded, &[1, 0, 1]), Err(KeyError::Malformed(_))));
}
