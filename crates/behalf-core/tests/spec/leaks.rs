//! What a refusal says repeats no secret and no text that was not filtered (security rule 7).

use behalf_core::{secret::SecretText, token::Refusal};
use serde_json::json;

use crate::common::{
    Credential, Directory, SECRET,
    assertion::{Assertion, sign_texts, unpadded},
};

const CANARY: &str = "hunter2-Canary";

fn assert_silent(case: &str, refusal: &Refusal) {
    let (text, debug) = (refusal.to_string(), format!("{refusal:?}"));
    let (found, expected) = refusal.found_and_expected();
    let logged = format!("{found} {expected}");
    assert!(!logged.to_lowercase().contains("canary"), "{case}: {logged}");
    assert!(!logged.contains(SECRET), "{case}: {logged}");
    assert!(!text.to_lowercase().contains("canary"), "{case}: {text}");
    assert!(!debug.to_lowercase().contains("canary"), "{case}: {debug}");
    assert!(!text.contains(SECRET) && !debug.contains(SECRET), "{case}: {text}");
    assert!(text.len() < 700, "{case}: {} bytes", text.len());
    assert!(text.is_ascii(), "{case}: {text}");
}

#[test]
fn wrong_secrets_are_not_repeated() {
    let directory = Directory::acme();
    let made = SecretText::generate(&[5; 32]);
    for text in [CANARY, "bhs_Canary", &made.expose()[..20], &format!("{SECRET}Canary")] {
        let refusal = directory.ask_with(Credential::Secret(text)).unwrap_err();
        assert_silent(text, &refusal);
        assert!(!refusal.to_string().contains(text));
    }
}

#[test]
fn no_part_of_an_assertion_is_repeated() {
    let directory = Directory::acme();
    let refusal = |text: &str| directory.ask_with(Credential::Assertion(text)).unwrap_err();
    for name in ["alg", "typ", "kid", "x5t", "x5t#S256", "x5c", "crit", "jwk"] {
        for value in [json!(CANARY), json!([CANARY]), json!({CANARY: CANARY})] {
            let assertion = Assertion::good().header(name, value);
            if let Err(refusal) = directory.ask_with(Credential::Assertion(&assertion.sign())) {
                assert_silent(name, &refusal);
            }
        }
    }
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"] {
        for value in [json!(CANARY), json!([CANARY]), json!({CANARY: CANARY}), json!(true)] {
            let assertion = Assertion::good().claim(name, value);
            if let Err(refusal) = directory.ask_with(Credential::Assertion(&assertion.sign())) {
                assert_silent(name, &refusal);
            }
        }
    }
    let (header, claims) = (Assertion::good().header_json(), Assertion::good().claims_json());
    let text = format!("\"{CANARY}\"");
    for (case, assertion) in [
        ("the word itself", CANARY.to_owned()),
        ("a text as header", sign_texts(&text, &claims)),
        ("a text as claims", sign_texts(&header, &text)),
        ("a text with a comma", sign_texts(&header, "\"Canary, expected Canary\"")),
        ("a list of it", sign_texts(&header, &format!("[{text}]"))),
        ("a member twice", sign_texts(&header, &format!("{{{text}:1,{text}:1}}"))),
        ("no JSON", sign_texts(CANARY, CANARY)),
        ("as parts", format!("{0}.{0}.{0}", unpadded(CANARY))),
    ] {
        assert_silent(case, &refusal(&assertion));
    }
}

#[test]
fn only_names_of_resources_are_repeated() {
    for requested in [
        CANARY,
        "bhs_Canary",
        "api://bhs_Canary",
        "https://x.test/eyJCanary",
        "api://behalf-dev-Canary",
        "https://user:Canary@x.test",
        "https://x.test/?secret=Canary",
        "api://<script>Canary</script>",
        "api://Canary\r\nSet-Cookie: a=b",
        "api://Canary\u{202e}",
        &format!("api://{}Canary", "a".repeat(300)),
    ] {
        let refusal = Directory::acme().ask_for(requested).unwrap_err();
        assert_eq!(refusal.aadsts().code(), 500_011);
        assert_silent(requested, &refusal);
    }
}
