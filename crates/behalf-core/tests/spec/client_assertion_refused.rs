//! Client assertions that are refused (V7; security CA-01 … CA-45).

use aws_lc_rs::hmac;
use behalf_core::token::assertion::ASSERTION_MAX;
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, sign_compact};
use behalf_protocol::error::AadSts;
use serde_json::json;

use crate::common::{
    ACME, BASE, Credential, DAEMON, Directory, GLOBEX, LEDGER, NOW, SECRET,
    assertion::{Assertion, EXPIRED, KEY, STRANGER, hex, padded, sign_texts, standard, unpadded},
    certificate, code, wire,
};

fn refused(assertion: &str) -> u32 {
    let (number, error, status) =
        wire(Directory::acme().ask_with(Credential::Assertion(assertion)));
    assert_eq!((error, status), ("invalid_client", 401), "{number}");
    number
}

fn refused_each(expected: u32, assertions: impl IntoIterator<Item = (&'static str, Assertion)>) {
    for (case, assertion) in assertions {
        assert_eq!(refused(&assertion.sign()), expected, "{case}");
    }
}

/// A good assertion with another signature.
fn signed_by(header: &str, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let claims = Assertion::good().claims_json();
    let message = format!("{}.{}", unpadded(header), unpadded(claims));
    format!("{message}.{}", unpadded(sign(&message)))
}

#[test]
fn algorithms_that_are_not_of_the_key() {
    let header = |alg: &str| Assertion::good().header("alg", json!(alg)).header_json();
    for alg in ["none", "None", "nOnE", "", "ES256", "EdDSA", "RSA1_5", "rs256"] {
        assert_eq!(refused(&signed_by(&header(alg), |_| Vec::new())), 700_027, "{alg}, unsigned");
        let signature = |message: &str| KEY.sign(Algorithm::Rs256, message);
        assert_eq!(refused(&signed_by(&header(alg), signature)), 700_027, "{alg}, signed");
    }
    let public = KEY.parsed().spki_der().to_vec();
    for key in [SECRET.as_bytes(), b"", KEY.certificate, public.as_slice()] {
        let mac = |message: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
        };
        assert_eq!(refused(&signed_by(&header("HS256"), mac)), 700_027);
    }
    assert_eq!(refused(&signed_by(&header("ES256"), |_| vec![0; 64])), 700_027, "r = s = 0");
}

#[test]
fn signatures_that_do_not_hold() {
    assert_eq!(refused(&Assertion::good().sign_with(&STRANGER)), 700_027, "another key");
    let header = Assertion::good().header("alg", json!("RS256")).header_json();
    let other = signed_by(&header, |message| KEY.sign(Algorithm::Ps256, message));
    assert_eq!(refused(&other), 700_027, "PS256 declared as RS256");
    for length in [0, 1, 255, 257, 1024] {
        let forged = signed_by(&Assertion::good().header_json(), |_| vec![1; length]);
        assert_eq!(refused(&forged), 700_027, "{length} bytes");
    }
}

#[test]
fn keys_that_the_header_brings_along_are_not_used() {
    let attacker = standard(STRANGER.certificate);
    let named = |name: &str, value| Assertion::good().named_by(name, value);
    for (case, assertion) in [
        ("x5c of the attacker alone", named("x5c", json!([attacker]))),
        ("x5c beside a registered thumbprint", Assertion::good().header("x5c", json!([attacker]))),
        ("jwk", Assertion::good().header("jwk", json!({"kty": "RSA", "n": "AQ", "e": "AQAB"}))),
        ("jku", Assertion::good().header("jku", json!("https://evil.example/keys"))),
        ("x5u", Assertion::good().header("x5u", json!("https://evil.example/cert"))),
        ("its thumbprint", named("x5t#S256", json!(unpadded(STRANGER.sha256())))),
        ("its thumbprint in hex", named("kid", json!(hex(STRANGER.sha1())))),
    ] {
        assert_eq!(refused(&assertion.sign_with(&STRANGER)), 700_027, "{case}");
    }
}

#[test]
fn names_of_no_key() {
    let long = "k".repeat(20_000);
    for name in ["kid", "x5t", "x5t#S256"] {
        for value in [
            json!("../../etc/passwd"),
            json!("' OR 1=1 --"),
            json!(""),
            json!(7),
            json!(["a"]),
            json!(null),
            json!(long),
            json!("c4ed0000-0000-4000-8000-0000000000ff"),
            json!(hex(STRANGER.sha256())),
        ] {
            let assertion = Assertion::good().named_by(name, value.clone());
            assert_eq!(refused(&assertion.sign()), 700_027, "{name}: {value:.40}");
        }
    }
    let both = Assertion::good().header("x5t", json!("nonsense"));
    let outcome = Directory::acme().ask_with(Credential::Assertion(&both.sign()));
    assert!(outcome.is_ok(), "x5t#S256 wins, so the others are not looked at");
}

#[test]
fn an_unnamed_key_costs_a_bounded_number_of_checks() {
    let directory = Directory::acme_but(|d| {
        let mut many = vec![certificate(1, STRANGER.certificate); 16];
        many.push(certificate(2, KEY.certificate));
        d.client.certificates = many;
    });
    let unnamed = Assertion::good().unnamed().sign();
    assert_eq!(code(directory.ask_with(Credential::Assertion(&unnamed))), 700_027);
    let named = Assertion::good().sign();
    assert!(directory.ask_with(Credential::Assertion(&named)).is_ok());
}

#[test]
fn a_removed_or_unreadable_certificate_vouches_for_nobody() {
    let assertion = Assertion::good().sign();
    let removed = Directory::acme_but(|d| d.client.certificates.clear());
    assert_eq!(code(removed.ask_with(Credential::Assertion(&assertion))), 700_027);
    let broken = Directory::acme_but(|d| d.client.certificates = vec![certificate(2, b"0")]);
    assert_eq!(code(broken.ask_with(Credential::Assertion(&assertion))), 700_027);
}

#[test]
fn who_it_speaks_of() {
    let good = Assertion::good;
    refused_each(
        50_048,
        [
            ("sub of another", good().claim("sub", json!(LEDGER))),
            ("iss of another", good().claim("iss", json!(LEDGER))),
            ("no sub", good().without("sub")),
            ("no iss", good().without("iss")),
            ("neither", good().without("iss").without("sub")),
            ("an empty sub", good().claim("sub", json!(""))),
            ("a sub with a space", good().claim("sub", json!(format!("{DAEMON} ")))),
            ("a sub in braces", good().claim("sub", json!(format!("{{{DAEMON}}}")))),
        ],
    );
    refused_each(
        AadSts::AssertionIssuerUnknown.code(),
        [
            ("both of another", good().claim("sub", json!(LEDGER)).claim("iss", json!(LEDGER))),
            (
                "a federated issuer",
                good()
                    .claim("iss", json!("https://token.actions.example"))
                    .claim("sub", json!("repo:acme/ledger:ref:refs/heads/main")),
            ),
        ],
    );
    refused_each(
        700_027,
        [
            ("a number", good().claim("sub", json!(1))),
            ("a list", good().claim("iss", json!([DAEMON]))),
        ],
    );
}

#[test]
fn whom_it_speaks_to() {
    let endpoint = format!("{BASE}/{ACME}/oauth2/v2.0/token");
    let to = |text: String| json!(text);
    for audience in [
        json!(""),
        json!([]),
        json!(null),
        json!([endpoint, "https://evil.example"]),
        json!([endpoint, endpoint]),
        to(format!("{endpoint}/")),
        to(format!("{endpoint}?a=b")),
        to(format!("{endpoint}#f")),
        to(format!(" {endpoint}")),
        to(endpoint.replace("https://", "http://")),
        to(endpoint.replace(".test/", ".test:444/")),
        to(endpoint.replace("https://", "https://user@")),
        to(endpoint.replace("https://", "https://evil.example/?u=https://")),
        to(endpoint.replace("login.", "login2.")),
        to(endpoint.replace(ACME, GLOBEX)),
        to(endpoint.replace(ACME, "globex.test")),
        to(endpoint.replace(ACME, "common")),
        to(endpoint.replace("/token", "/authorize")),
        to(endpoint.replace("/token", "/devicecode")),
        to(endpoint.replace("/token", "/introspect")),
        to(endpoint.replace("/oauth2/v2.0/token", "/discovery/v2.0/keys")),
        json!(DAEMON),
        json!("api://AzureADTokenExchange"),
    ] {
        let assertion = Assertion::good().claim("aud", audience.clone()).sign();
        assert_eq!(refused(&assertion), 700_023, "{audience}");
    }
    assert_eq!(refused(&Assertion::good().without("aud").sign()), 700_023);
    for audience in [json!(7), json!({"a": endpoint}), json!([1]), json!([[endpoint]])] {
        let assertion = Assertion::good().claim("aud", audience.clone()).sign();
        assert_eq!(refused(&assertion), 700_027, "{audience}");
    }
}

#[test]
fn when_it_holds() {
    let good = Assertion::good;
    refused_each(
        700_024,
        [
            ("no exp", good().without("exp")),
            ("exp null", good().claim("exp", json!(null))),
            ("expired", good().claim("exp", json!(NOW - 301))),
            ("expired at 0", good().claim("exp", json!(0))),
            ("not yet valid", good().claim("nbf", json!(NOW + 301))),
            ("made tomorrow", good().claim("iat", json!(NOW + 86_400))),
            ("two days", good().claim("exp", json!(NOW + 2 * 86_400))),
            ("the last date there is", good().claim("exp", json!(999_999_999_999_i64))),
            ("in milliseconds", good().claim("exp", json!((NOW + 600) * 1000 / 100))),
        ],
    );
    let text = |name: &str, value: &str| {
        let claims = good().claim(name, json!("@")).claims_json().replace("\"@\"", value);
        refused(&sign_texts(&good().header_json(), &claims))
    };
    for name in ["exp", "nbf", "iat"] {
        for value in [
            "-1",
            "1e400",
            "NaN",
            "true",
            "\"soon\"",
            "\"\"",
            "\" 1795351940\"",
            "\"1795351940.5\"",
            "\"-1\"",
            "\"1795351940000\"",
            "9223372036854775808",
            "18446744073709551616",
            "[1]",
            "{}",
            "1000000000000",
        ] {
            assert_eq!(text(name, value), 700_027, "{name}: {value}");
        }
    }
    let assertion = good().claim("exp", json!(NOW - 400)).sign();
    let outcome = Directory::acme().ask_with(Credential::Assertion(&assertion));
    let text = outcome.unwrap_err().to_string();
    for part in ["2026-11-22 12:42:20Z", "2026-11-22 12:42:10Z", "2026-11-22 12:35:40Z"] {
        assert!(text.contains(part), "now, valid from, expiry: {text}");
    }
}

#[test]
fn an_expired_certificate() {
    let directory = Directory::acme_but(|d| {
        d.client.certificates = vec![certificate(2, EXPIRED)];
    });
    let named = Assertion::good().unnamed().sign();
    let outcome = directory.ask_with(Credential::Assertion(&named));
    assert_eq!(wire(outcome.clone()), (1_000_502, "invalid_client", 401));
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("2024-01-01") && text.contains("2025-01-01"), "{text}");
    let stranger = Assertion::good().unnamed().sign_with(&STRANGER);
    let outcome = directory.ask_with(Credential::Assertion(&stranger));
    assert_eq!(code(outcome), 700_027, "the days are told to the holder of the key only");
}

#[test]
fn what_is_no_jwt() {
    let good = Assertion::good().sign();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let stray = {
        // The last character of 256 bytes holds four unused bits.
        let last = if signature.ends_with('A') { 'B' } else { 'A' };
        format!("{}{last}", &good[..good.len() - 1])
    };
    for (case, text) in [
        ("nothing", String::new()),
        ("a word", "assertion".to_owned()),
        ("two parts", format!("{header}.{claims}")),
        ("an empty signature", format!("{header}.{claims}.")),
        ("four parts", format!("{good}.{signature}")),
        ("five parts", format!("{good}.a.b")),
        ("a million dots", ".".repeat(1_000_000)),
        ("dots within the bound", ".".repeat(ASSERTION_MAX)),
        ("too long", format!("{header}.{claims}.{}", "A".repeat(ASSERTION_MAX))),
        ("white space around", format!(" {good}\n")),
        ("white space within", format!("{header} .{claims}.{signature}")),
        ("stray bits", stray),
        ("the other alphabet", good.replacen(claims, &format!("{claims}+/"), 1)),
        ("JSON serialisation", json!({"payload": claims, "signature": signature}).to_string()),
        ("swapped parts", format!("{claims}.{header}.{signature}")),
    ] {
        assert_eq!(refused(&text), 700_027, "{case}");
    }
}

#[test]
fn json_that_two_readers_could_read_differently() {
    let (header, claims) = (Assertion::good().header_json(), Assertion::good().claims_json());
    let in_claims = |addition: &str| {
        let before = format!("{{{addition},{}", &claims[1..]);
        let after = format!("{},{addition}}}", &claims[..claims.len() - 1]);
        [before, after].map(|claims| sign_texts(&header, &claims))
    };
    for addition in [
        r#""sub":"a9200000-0000-4000-8000-000000000004""#,
        r#""aud":"https://evil.example""#,
        r#""exp":1"#,
        r#""\u0065xp":1"#,
        r#""extra":{"a":1,"a":2}"#,
    ] {
        for assertion in in_claims(addition) {
            assert_eq!(refused(&assertion), 700_027, "{addition}");
        }
    }
    let deep =
        format!("{},\"d\":{}{}}}", &claims[..claims.len() - 1], "[".repeat(9000), "]".repeat(9000));
    for (case, header, claims) in [
        ("alg twice", format!("{{\"alg\":\"none\",{}", &header[1..]), claims.clone()),
        ("crit", format!("{{\"crit\":[\"exp\"],{}", &header[1..]), claims.clone()),
        ("b64", format!("{{\"b64\":false,{}", &header[1..]), claims.clone()),
        ("a byte-order mark", header.clone(), format!("\u{feff}{claims}")),
        ("bytes behind", header.clone(), format!("{claims}x")),
        ("an array", header.clone(), format!("[{claims}]")),
        ("a text", header.clone(), "\"claims\"".to_owned()),
        ("nothing", header.clone(), String::new()),
        ("a lone surrogate", header.clone(), claims.replace(DAEMON, "\\ud800")),
        ("deep nesting", header.clone(), deep),
        ("an empty header", "{}".to_owned(), claims.clone()),
    ] {
        assert_eq!(refused(&sign_texts(&header, &claims)), 700_027, "{case}");
    }
}

#[test]
fn tokens_of_this_server_are_no_client_assertions() {
    let server = SigningKey::generate(Algorithm::Rs256).unwrap();
    let header = EncodedHeader::new("JWT", &server, "server-key", None);
    let access_token = json!({
        "aud": LEDGER, "iss": format!("{BASE}/{ACME}/v2.0"), "exp": NOW + 3600, "nbf": NOW - 300,
        "azp": DAEMON, "oid": "dae00000-0000-4000-8000-0000000000f1",
        "sub": "dae00000-0000-4000-8000-0000000000f1", "tid": ACME, "ver": "2.0",
    });
    let token = sign_compact(&header, access_token.to_string().as_bytes(), &server).unwrap();
    assert_eq!(refused(&token), AadSts::AssertionIssuerUnknown.code(), "an access token");

    let leaked = Assertion::good().claims_json();
    let forged = sign_compact(&header, leaked.as_bytes(), &server).unwrap();
    assert_eq!(refused(&forged), 700_027, "the server's keys are nobody's client keys");
}

#[test]
fn padding_is_tolerated_in_the_bytes_that_were_signed_only() {
    let good = Assertion::good().claim("pad", json!("x")).sign();
    let parts: Vec<_> = good.split('.').collect();
    let repadded = |part: &str| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        padded(URL_SAFE_NO_PAD.decode(part).unwrap())
    };
    let signature_only = format!("{}.{}.{}", parts[0], parts[1], repadded(parts[2]));
    let outcome = Directory::acme().ask_with(Credential::Assertion(&signature_only));
    assert!(outcome.is_ok(), "the signature is not signed");
    for (index, name) in [(0, "header"), (1, "claims")] {
        let mut changed: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
        changed[index] = format!("{}=", changed[index]);
        assert_eq!(refused(&changed.join(".")), 700_027, "{name}");
    }
}
