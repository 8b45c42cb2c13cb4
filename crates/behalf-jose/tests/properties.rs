//! Parsers never panic, and what we write we read back.

use behalf_jose::jwe::{self, Sealed};
use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::jwt::{LenientNumericDate, parse_claims};
use behalf_jose::{
    Algorithm, Certificate, EncodedHeader, JwkSet, SigningKey, Thumbprint, VerifyingKey, base64url,
    sign_compact,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,300}") {
        let _ = Unverified::parse(&text, Profile::Strict, 1024);
        let _ = Unverified::parse(&text, Profile::ClientAssertion, 1024);
        let _ = Sealed::parse(&text, 1024);
        let _ = Thumbprint::normalise(&text);
        let _ = Certificate::from_pem(&text);
        let _ = SigningKey::from_pem(Algorithm::Rs256, &text);
        let _ = JwkSet::parse(text.as_bytes());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::from_der(&bytes);
        let _ = VerifyingKey::from_spki_der(&bytes, &[Algorithm::Rs256]);
        for algorithm in Algorithm::ALL {
            let _ = SigningKey::from_pkcs8(algorithm, &bytes);
        }
        let _ = JwkSet::parse(&bytes);
        let _ = parse_claims::<LenientNumericDate>(&bytes, 1024);
    }

    #[test]
    fn no_header_makes_the_token_parser_panic(header in "\\{(\"(alg|kid|x5c|crit)\":(\"RS256\"|\\[\\]|1|null),?){0,4}\\}") {
        let token = format!("{}.e30.AA", base64url::encode(header));
        let _ = Unverified::parse(&token, Profile::Strict, 1024);
    }

    #[test]
    fn base64url_has_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let text = base64url::encode(&bytes);
        prop_assert_eq!(text.len(), base64url::encoded_len(bytes.len()));
        prop_assert_eq!(base64url::decode(&text).unwrap(), bytes);
    }

    #[test]
    fn decoding_accepts_only_what_encodes_back(text in "[A-Za-z0-9_=+/-]{0,12}") {
        if let Ok(bytes) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(&bytes), text.clone());
        }
        if let Ok(bytes) = base64url::decode_padding_optional(&text) {
            prop_assert_eq!(base64url::encode(&bytes), text.trim_end_matches('='));
        }
    }

    #[test]
    fn tickets_round_trip(
        cek: [u8; 32], iv: [u8; 12], plaintext in prop::collection::vec(any::<u8>(), 0..200),
        flip in any::<prop::sample::Index>(),
    ) {
        let header = br#"{"alg":"dir","enc":"A256GCM","typ":"rt+jwt","kid":"k"}"#;
        let token = jwe::seal(header, &cek, iv, &plaintext).unwrap();
        let opened = Sealed::parse(&token, 4096).unwrap().open(&cek).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());

        let mut changed = token.into_bytes();
        let at = flip.index(changed.len());
        changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let opened = Sealed::parse(&changed, 4096).and_then(|sealed| sealed.open(&cek));
        prop_assert!(opened.is_err());
    }

    #[test]
    fn tokens_round_trip(kid in "\\PC{0,20}", claims in "\\PC{0,100}") {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let header = EncodedHeader::new("JWT", &key, &kid, None);
        let token = sign_compact(&header, claims.as_bytes(), &key).unwrap();
        let parsed = Unverified::parse(&token, Profile::Strict, 4096).unwrap();
        prop_assert_eq!(parsed.unverified_header().kid.as_deref(), Some(kid.as_str()));
        prop_assert_eq!(parsed.verify(key.verifying_key()).unwrap().claims(), claims.as_bytes());
    }
}
