//! What a client assertion must not get away with, at the level of form and signature
//! (rows CA-01 to CA-37).

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use behalf_jose::jws::{JwsError, Profile, Unverified};
use behalf_jose::{Algorithm, SigningKey, VerifyError, VerifyingKey, base64url};

const MAX: usize = 16 * 1024;
const CLAIMS: &str = r#"{"sub":"a"}"#;

fn token(header: &str, claims: &str, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| base64url::encode(bytes);
    format!("{}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(signature))
}

fn signed(header: &str, key: &SigningKey) -> String {
    let input = token(header, CLAIMS, b"");
    let signature = key.sign(input.trim_end_matches('.').as_bytes()).unwrap();
    format!("{input}{}", base64url::encode(signature))
}

fn parse(token: &str) -> Result<Unverified<'_>, JwsError> {
    Unverified::parse(token, Profile::ClientAssertion, MAX)
}

fn verdict(token: &str, key: &VerifyingKey) -> Result<(), VerifyError> {
    parse(token).unwrap().verify(key).map(drop)
}

/// An RSA key and its public half with all algorithms of a certificate.
fn rsa() -> (SigningKey, VerifyingKey) {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let jwk = key.public_jwk();
    let public =
        VerifyingKey::from_jwk_allowing(&jwk, &behalf_jose::CERTIFICATE_ALGORITHMS).unwrap();
    (key, public)
}

#[test]
fn ca_01_and_03_none_and_hs256_have_no_key() {
    let (_, public) = rsa();
    for alg in ["none", "None", "nOnE", "HS256", "HS512", "rs256", "RS256 ", "", "ES384"] {
        let token = token(&format!(r#"{{"alg":"{alg}"}}"#), CLAIMS, b"");
        assert_eq!(verdict(&token, &public), Err(VerifyError::Algorithm), "{alg}");
    }
}

#[test]
fn ca_04_and_07_the_signature_must_be_of_this_key_and_this_algorithm() {
    let (key, public) = rsa();
    let (other, _) = rsa();
    let rs256 = r#"{"alg":"RS256"}"#;
    assert_eq!(verdict(&signed(rs256, &key), &public), Ok(()));
    assert_eq!(verdict(&signed(rs256, &other), &public), Err(VerifyError::Signature));
    assert_eq!(verdict(&signed(r#"{"alg":"ES256"}"#, &key), &public), Err(VerifyError::Algorithm));
    for alg in ["PS256", "RS384", "RS512"] {
        let token = signed(&format!(r#"{{"alg":"{alg}"}}"#), &key);
        assert_eq!(verdict(&token, &public), Err(VerifyError::Signature), "{alg}");
    }
    let pss = SigningKey::from_pkcs8(Algorithm::Ps256, &key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(verdict(&signed(r#"{"alg":"PS256"}"#, &pss), &public), Ok(()));
    assert_eq!(verdict(&signed(rs256, &pss), &public), Err(VerifyError::Signature));
}

#[test]
fn ca_06_es256_signatures_out_of_range_or_in_der_are_refused() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let header = r#"{"alg":"ES256"}"#;
    let good = key.sign(token(header, CLAIMS, b"").trim_end_matches('.').as_bytes()).unwrap();
    let n: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (r, s) = good.split_at(32);
    let mut der = vec![0x30, 0x46, 2, 0x21, 0];
    der.extend(r);
    der.extend([2, 0x21, 0]);
    der.extend(s);
    let bad = [
        vec![0; 64],
        [&n[..], s].concat(),
        [r, &n[..]].concat(),
        [&[0; 32], s].concat(),
        [r, &[0; 32]].concat(),
        vec![0xff; 64],
        good[..63].to_vec(),
        [&good[..], &[0]].concat(),
        Vec::new(),
        der,
    ];
    for signature in bad {
        let token = token(header, CLAIMS, &signature);
        assert_eq!(verdict(&token, key.verifying_key()), Err(VerifyError::Signature));
    }
    assert_eq!(verdict(&token(header, CLAIMS, &good), key.verifying_key()), Ok(()));
}

#[test]
fn ca_13_header_members_of_a_wrong_type_are_refused() {
    for member in ["alg", "kid", "typ", "x5t", "x5t#S256"] {
        for value in ["1", "null", "[]", "[\"a\"]", "{}", "true"] {
            let alg = if member == "alg" { "" } else { r#""alg":"RS256","# };
            let header = format!(r#"{{{alg}"{member}":{value}}}"#);
            let token = token(&header, CLAIMS, b"s");
            assert!(matches!(parse(&token), Err(JwsError::Header(_))), "{header}");
        }
    }
    let refused = [
        r#"{"kid":"no alg"}"#,
        r#"{"alg":"RS256","x5c":1}"#,
        r#"{"alg":"RS256","x5c":[1]}"#,
        r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","b64":true}"#,
        r#"{"alg":"RS256","b64":false}"#,
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"RS256","x":1,"x":1}"#,
        r#"{"alg":"RS256","\u0061lg":"none"}"#,
        r#"{"alg":"RS256","deep":{"a":1,"a":2}}"#,
    ];
    for header in refused {
        assert!(
            matches!(parse(&token(header, CLAIMS, b"s")), Err(JwsError::Header(_))),
            "{header}"
        );
    }
    // Odd text is only text; it finds no key.
    let odd = token(r#"{"alg":"RS256","kid":"../../etc/passwd' or 1=1"}"#, CLAIMS, b"s");
    assert_eq!(
        parse(&odd).unwrap().unverified_header().kid.as_deref(),
        Some("../../etc/passwd' or 1=1")
    );
    let long = token(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(65_536)), CLAIMS, b"s");
    assert!(matches!(parse(&long), Err(JwsError::TooLong { .. })));
}

#[test]
fn x5c_may_be_a_string_or_an_array_with_line_breaks() {
    for (x5c, expected) in [
        (r#""MIIB""#, vec!["MIIB"]),
        (r#"["MIIB","MIIC"]"#, vec!["MIIB", "MIIC"]),
        (r#"["MI\nIB\n"]"#, vec!["MIIB"]),
    ] {
        let token = token(&format!(r#"{{"alg":"RS256","x5c":{x5c}}}"#), CLAIMS, b"s");
        assert_eq!(parse(&token).unwrap().unverified_header().x5c, expected, "{x5c}");
    }
}

#[test]
fn ca_35_json_that_is_deep_broken_or_followed_by_more_is_refused() {
    let deep = format!(r#"{{"alg":"RS256","a":{}"#, "[".repeat(100_000));
    let closed = format!(r#"{{"alg":"RS256","a":{}{}}}"#, "[".repeat(20), "]".repeat(20));
    let headers =
        [&deep, &closed, "\u{feff}{\"alg\":\"RS256\"}", "{\"alg\":\"RS256\"} x", "[]", "7", ""];
    for header in headers {
        let token = token(header, CLAIMS, b"s");
        let parsed = Unverified::parse(&token, Profile::ClientAssertion, 1 << 20);
        assert!(matches!(parsed, Err(JwsError::Header(_))), "{}", &header[..header.len().min(40)]);
    }
    let surrogate = token(r#"{"alg":"RS256","kid":"\ud800"}"#, CLAIMS, b"s");
    assert!(matches!(parse(&surrogate), Err(JwsError::Header(_))));
    let latin1 = format!("{}.e30.c2ln", base64url::encode(b"{\"alg\":\"\xff\"}"));
    assert!(matches!(parse(&latin1), Err(JwsError::Header(_))));
}

#[test]
fn ca_36_anything_but_three_parts_is_refused() {
    let part = base64url::encode(r#"{"alg":"RS256"}"#);
    let dots = ".".repeat(1_000_000);
    for text in ["", ".", "..", "....", &part, &format!("{part}.e30"), &format!("{part}.e30.a.b")] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(matches!(parse(&dots), Err(JwsError::TooLong { .. })));
    assert!(matches!(Unverified::parse(&dots, Profile::Strict, usize::MAX), Err(JwsError::Parts)));
    assert!(matches!(parse(&format!("{part}.e30.a.b.c")), Err(JwsError::Parts)), "a JWE");
    assert!(parse(r#"{"payload":"e30","signatures":[]}"#).is_err(), "the JSON serialisation");
}

#[test]
fn ca_37_padding_is_optional_for_clients_and_other_spellings_are_refused() {
    let (key, public) = rsa();
    // Sizes chosen so that every part needs padding.
    let (header, claims) = (r#"{"alg":"RS256" }"#, r#"{"sub":"ab"}   "#);
    let pad = |part: String| {
        let missing = (4 - part.len() % 4) % 4;
        part + &"=".repeat(missing)
    };
    let input =
        format!("{}.{}", pad(base64url::encode(header)), pad(base64url::encode(&claims[..13])));
    assert!(input.contains("=.") && input.ends_with('='), "{input}");
    let signature = pad(base64url::encode(key.sign(input.as_bytes()).unwrap()));
    let padded = format!("{input}.{signature}");
    assert_eq!(verdict(&padded, &public), Ok(()), "the signature is over the bytes received");
    assert!(Unverified::parse(&padded, Profile::Strict, MAX).is_err(), "our own tokens are strict");

    let good = signed(r#"{"alg":"RS256"}"#, &key);
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let last = signature.chars().last().unwrap();
    let stray: String = signature[..signature.len() - 1].to_owned() + &next(last).to_string();
    let bad = [
        format!("{rest}.{stray}"),
        format!("{rest}.+{}", &signature[1..]),
        format!("{rest}./{}", &signature[1..]),
        format!("{rest}. {signature}"),
        format!("{rest}.{signature}\n"),
        format!(" {good}"),
        format!("{rest}.{signature}==="),
    ];
    for spelling in bad {
        for profile in [Profile::ClientAssertion, Profile::Strict] {
            assert!(Unverified::parse(&spelling, profile, MAX).is_err(), "{spelling}");
        }
    }
}

/// The next letter of the alphabet: of a canonical last letter it sets a stray bit.
fn next(letter: char) -> char {
    match letter {
        'A'..='Y' | 'a'..='y' | '0'..='8' => char::from(letter as u8 + 1),
        'Z' => 'a',
        'z' => '0',
        _ => '_',
    }
}
