//! Client assertions that are accepted: what Microsoft's clients send (protocol 2.3, 11.1 1–5,
//! clients.md 2; V6).

use behalf_core::{
    application::{TokenVersion, credential::Method},
    token::SingleUse,
};
use behalf_jose::{Algorithm, CERTIFICATE_ALGORITHMS};
use serde_json::json;

use crate::common::{
    ACME, BASE, Credential, DAEMON, Directory, Granted, NOW,
    assertion::{
        Assertion, EXPIRED, FUTURE, KEY, STRANGER, VALID, hex, padded, standard, unpadded,
    },
    at, certificate, code, credential,
};

fn accept(directory: &Directory, assertion: &str) -> Granted {
    directory.ask_with(Credential::Assertion(assertion)).unwrap_or_else(|r| panic!("{r}"))
}

#[test]
fn the_class_of_a_certificate_is_two() {
    let granted = accept(&Directory::acme(), &Assertion::good().sign());
    assert_eq!(granted.claims["azpacr"], "2");
    assert_eq!(granted.credential, credential(2));
    let v1 = Directory::acme_but(|d| {
        d.resource.requested_access_token_version = Some(TokenVersion::V1);
    });
    assert_eq!(accept(&v1, &Assertion::good().sign()).claims["appidacr"], "2");
}

#[test]
fn what_each_client_sends() {
    let good = Assertion::good;
    let (sha1, sha256) = (KEY.sha1(), KEY.sha256());
    let token_endpoint = format!("{BASE}/{ACME}/oauth2/v2.0/token");
    // Fractions, and no nbf: MSAL Python.
    #[expect(clippy::cast_precision_loss, reason = "as Python's time.time() does")]
    let python = |a: Assertion| {
        a.claim("exp", json!(NOW as f64 + 600.245_838_9))
            .claim("iat", json!(NOW as f64 + 0.245_838_9))
            .without("nbf")
    };
    let one = standard(KEY.certificate);
    let lines = one.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap());
    let with_line_breaks = lines.collect::<Vec<_>>().join("\n");
    let aio = good().without("iat").claim("exp", json!(NOW + 1800)).padded();
    for (client, assertion) in [
        ("MSAL Node", good()),
        ("MSAL Node, SHA-1", good().alg(Algorithm::Rs256).named_by("x5t", json!(unpadded(sha1)))),
        ("MSAL Node with x5c", good().header("x5c", json!([one]))),
        (
            "MSAL Python, thumbprint",
            python(good().alg(Algorithm::Rs256).named_by("x5t", json!(padded(sha1)))),
        ),
        (
            "MSAL Python, public certificate",
            python(
                good()
                    .named_by("x5t#S256", json!(padded(sha256)))
                    .header("x5c", json!([with_line_breaks])),
            ),
        ),
        (
            "MSAL Python, both",
            python(
                good()
                    .alg(Algorithm::Rs256)
                    .named_by("x5t", json!(padded(sha1)))
                    .header("x5c", json!([with_line_breaks])),
            ),
        ),
        ("azure-identity aio", aio.clone().named_by("x5t#S256", json!(padded(sha256)))),
        (
            "azure-identity aio, adfs",
            aio.alg(Algorithm::Rs256).named_by("x5t", json!(padded(sha1))),
        ),
        ("MSAL Go", good().named_by("x5t#S256", json!(standard(sha256)))),
        (
            "MSAL Java",
            good()
                .alg(Algorithm::Rs256)
                .named_by("x5t#S256", json!(standard(sha256)))
                .header("x5c", json!([one])),
        ),
        (
            "azure_identity Rust",
            good().alg(Algorithm::Rs256).named_by("x5t", json!(standard(sha1))).without("iat"),
        ),
        (
            "terraform",
            good()
                .alg(Algorithm::Rs256)
                .named_by("kid", json!(padded(sha1)))
                .claim("exp", json!(NOW + 3600)),
        ),
        (
            "MSAL.NET",
            good()
                .header("x5c", json!(one))
                .claim("exp", json!((NOW + 600).to_string()))
                .claim("nbf", json!(NOW.to_string())),
        ),
        ("openid-client", good().claim("aud", json!(format!("{BASE}/{ACME}/v2.0")))),
        ("one audience in a list", good().claim("aud", json!([token_endpoint]))),
        ("upper-case ids", good().claim("iss", json!(DAEMON.to_uppercase()))),
        ("a kid in hex, SHA-1", good().named_by("kid", json!(hex(sha1)))),
        ("a kid in HEX", good().named_by("kid", json!(hex(sha1).to_uppercase()))),
        ("a kid in hex, SHA-256", good().named_by("kid", json!(hex(sha256)))),
        ("the credential's id as kid", good().named_by("kid", json!(credential(2).to_string()))),
        ("no name of the key", good().unnamed()),
        ("no typ", good().header("typ", json!("client-authentication+jwt"))),
        ("no jti", good().without("jti")),
        ("other claims", good().claim("nonsense", json!({"a": [1, {"b": null}]}))),
    ] {
        let outcome = Directory::acme().ask_with(Credential::Assertion(&assertion.sign()));
        assert!(outcome.is_ok(), "{client}: {}", outcome.unwrap_err());
    }
}

#[test]
fn every_rsa_algorithm_of_a_certificate_is_accepted() {
    for algorithm in CERTIFICATE_ALGORITHMS {
        accept(&Directory::acme(), &Assertion::good().alg(algorithm).sign());
    }
}

#[test]
fn every_address_of_this_tenants_endpoints_is_an_audience() {
    for segment in [ACME, "acme.test", "ACME.test"] {
        for suffix in ["", "/", "/v2.0", "/oauth2/token", "/oauth2/v2.0/token"] {
            let audience = format!("{BASE}/{segment}{suffix}");
            accept(&Directory::acme(), &Assertion::good().claim("aud", json!(audience)).sign());
        }
    }
}

#[test]
fn one_assertion_may_be_used_again_while_it_lives() {
    let (directory, assertion) = (Directory::acme(), Assertion::good().sign());
    for seconds in [NOW, NOW, NOW + 540] {
        let granted = directory.ask_at(Credential::Assertion(&assertion), seconds).unwrap();
        assert_eq!(granted.single_use, None, "nothing is remembered");
    }
}

#[test]
fn the_allowed_difference_of_clocks_is_exactly_five_minutes() {
    let outcome = |assertion: Assertion| {
        Directory::acme().ask_with(Credential::Assertion(&assertion.sign())).map(|_| ())
    };
    let with = |name, value: i64| outcome(Assertion::good().claim(name, json!(value)));
    assert_eq!(with("exp", NOW - 299), Ok(()), "now < exp + 300");
    assert_eq!(code(with("exp", NOW - 300)), 700_024);
    for name in ["nbf", "iat"] {
        assert_eq!(with(name, NOW + 300), Ok(()), "{name} ≤ now + 300");
        assert_eq!(code(with(name, NOW + 301)), 700_024, "{name}");
    }
    let late = |exp: i64| outcome(Assertion::good().claim("exp", json!(exp)));
    assert_eq!(late(NOW + 86_400 + 300), Ok(()), "a life of 24 hours, by the sender's clock");
    assert_eq!(code(late(NOW + 86_400 + 301)), 700_024);
}

#[test]
fn the_certificates_own_days_count_to_the_second() {
    let ask = |seconds: i64| {
        let assertion = Assertion::good()
            .claim("nbf", json!(seconds))
            .claim("iat", json!(seconds))
            .claim("exp", json!(seconds + 600));
        Directory::acme().ask_at(Credential::Assertion(&assertion.sign()), seconds).map(|_| ())
    };
    // The secret of the directory is of no matter here.
    assert_eq!(code(ask(VALID.0 - 1)), 1_000_502);
    assert_eq!(ask(VALID.0), Ok(()));
    assert_eq!(ask(VALID.1), Ok(()), "inclusive (RFC 5280 4.1.2.5)");
    assert_eq!(code(ask(VALID.1 + 1)), 1_000_502);
}

#[test]
fn each_of_several_certificates_vouches_for_itself() {
    let directory = Directory::acme_but(|d| {
        d.client.certificates.push(certificate(3, STRANGER.certificate));
    });
    let second = Assertion::good().named_by("x5t#S256", json!(unpadded(STRANGER.sha256())));
    assert_eq!(accept(&directory, &second.sign_with(&STRANGER)).credential, credential(3));
    assert_eq!(accept(&directory, &Assertion::good().sign()).credential, credential(2));
    let unnamed = Assertion::good().unnamed();
    assert_eq!(accept(&directory, &unnamed.sign_with(&STRANGER)).credential, credential(3));
    let crossed = directory.ask_with(Credential::Assertion(&second.sign()));
    assert_eq!(code(crossed), 700_027, "named one, signed with the other");
}

#[test]
fn of_two_certificates_of_one_key_the_current_one_counts() {
    let directory = Directory::acme_but(|d| {
        d.client.certificates =
            vec![certificate(1, EXPIRED), certificate(2, KEY.certificate), certificate(3, FUTURE)];
    });
    let granted = accept(&directory, &Assertion::good().unnamed().sign());
    assert_eq!(granted.credential, credential(2));
    let named = Assertion::good().named_by("kid", json!(credential(1).to_string()));
    let refused = directory.ask_with(Credential::Assertion(&named.sign()));
    assert_eq!(code(refused), 1_000_502, "a named certificate is taken at its name");
}

fn strict() -> Directory {
    Directory::acme_but(|d| d.client.behalf.strict_assertions = true)
}

#[test]
fn a_strict_application_names_the_issuer_and_a_jti_that_is_remembered() {
    for issuer in [format!("{BASE}/{ACME}/v2.0"), format!("{BASE}/{ACME}/")] {
        let assertion = Assertion::good().claim("aud", json!(issuer)).sign();
        let granted = accept(&strict(), &assertion);
        let expected = SingleUse {
            jti: "a7d3bb1c-6f0f-4c7d-9d9a-0a4c1c3c9a10".into(),
            from: Some(at(NOW - 10)),
            until: at(NOW + 590 + 300),
        };
        assert_eq!(granted.single_use, Some(expected), "until no clock accepts it any more");
    }
}

#[test]
fn a_strict_application_accepts_nothing_else() {
    let issuer = json!(format!("{BASE}/{ACME}/v2.0"));
    let refused =
        |assertion: Assertion| code(strict().ask_with(Credential::Assertion(&assertion.sign())));
    for audience in ["/oauth2/v2.0/token", "/oauth2/token", ""] {
        let audience = format!("{BASE}/{ACME}{audience}");
        assert_eq!(refused(Assertion::good().claim("aud", json!(audience))), 700_023);
    }
    let by_domain = json!(format!("{BASE}/acme.test/v2.0"));
    assert_eq!(refused(Assertion::good().claim("aud", by_domain)), 700_023);
    let to_issuer = || Assertion::good().claim("aud", issuer.clone());
    assert_eq!(refused(to_issuer().without("jti")), 700_027);
    assert_eq!(refused(to_issuer().claim("jti", json!(""))), 700_027);
    assert_eq!(refused(to_issuer().claim("jti", json!("x".repeat(129)))), 700_027);
    let longest = to_issuer().claim("jti", json!("x".repeat(128))).sign();
    accept(&strict(), &longest);
}

#[test]
fn an_application_may_forbid_its_certificates() {
    let directory = Directory::acme_but(|d| {
        d.client.behalf.allowed_methods = [Method::Secret].into();
    });
    let assertion = Assertion::good().sign();
    assert_eq!(code(directory.ask_with(Credential::Assertion(&assertion))), 700_027);
}
