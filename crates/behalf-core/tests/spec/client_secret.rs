//! Client secrets (protocol 2.2, V5; security CS-02 … CS-18).

use std::collections::BTreeSet;

use behalf_core::{
    application::{AppKind, SignInAudience, credential::Method},
    secret::{self, SecretText},
    token::Refusal,
};

use crate::common::{
    Credential, Directory, GLOBEX, NOW, SECRET, code, credential, id, secret, wire,
};

const WRONG: (u32, &str, u16) = (7_000_215, "invalid_client", 401);

fn present(directory: &Directory, text: &str) -> Result<(), Refusal> {
    directory.ask_with(Credential::Secret(text)).map(|_| ())
}

#[test]
fn the_right_secret_is_accepted_and_its_class_is_one() {
    let granted = Directory::acme().ask().unwrap();
    assert_eq!(granted.claims["azpacr"], "1");
    assert_eq!(granted.credential, credential(1));
    assert_eq!(granted.single_use, None);
}

#[test]
fn several_secrets_are_live_at_once() {
    let directory = Directory::acme_but(|d| {
        d.client.secrets.push(secret(7, "next", "behalf-dev-next", NOW + 1));
    });
    for (text, number) in [(SECRET, 1), ("behalf-dev-next", 7)] {
        let granted = directory.ask_with(Credential::Secret(text)).unwrap();
        assert_eq!(granted.credential, credential(number), "{text}");
    }
}

#[test]
fn everything_but_the_whole_secret_is_wrong() {
    let directory = Directory::acme();
    let upper = SECRET.to_uppercase();
    let longer = format!("{SECRET}x");
    let (space, newline, nul) =
        (format!("{SECRET} "), format!("{SECRET}\n"), format!("{SECRET}\0"));
    for text in [
        "",
        " ",
        &SECRET[..SECRET.len() - 1],
        &SECRET[1..],
        &longer,
        &space,
        &newline,
        &nul,
        &upper,
        "' OR 1=1 --",
        "*)(uid=*",
        "{\"$ne\":null}",
        "${jndi:ldap://x}",
        "\u{202e}terces",
    ] {
        assert_eq!(wire(present(&directory, text)), WRONG, "{text:?}");
    }
}

#[test]
fn long_secrets_are_compared_whole() {
    let long = format!("{}a", "Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B".repeat(3));
    let other = format!("{}b", &long[..long.len() - 1]);
    let directory =
        Directory::acme_but(|d| d.client.secrets = vec![secret(1, "long", &long, NOW + 1)]);
    assert_eq!(present(&directory, &long), Ok(()));
    assert_eq!(wire(present(&directory, &other)), WRONG, "they differ after 96 bytes");
}

#[test]
fn a_secret_of_a_mebibyte_is_refused_without_being_hashed() {
    let directory = Directory::acme_but(|d| {
        // Even if one were stored: nothing longer than the bound is a secret.
        let huge = "x".repeat(secret::MAX + 1);
        d.client.secrets.push(secret(9, "huge", &huge, NOW + 1));
    });
    assert_eq!(wire(present(&directory, &"x".repeat(secret::MAX + 1))), WRONG);
    assert_eq!(wire(present(&directory, &"x".repeat(1 << 20))), WRONG);
}

#[test]
fn an_expired_secret_says_so_to_those_who_hold_it() {
    let directory = Directory::acme_but(|d| {
        d.client.display_name = Some("Invoices".into());
        d.client.secrets = vec![secret(1, "main", SECRET, NOW)];
    });
    assert_eq!(wire(directory.ask()), (7_000_222, "invalid_client", 401));
    let text = directory.ask().unwrap_err().to_string();
    assert!(text.contains("2026-11-22 12:42:20Z") && text.contains("Invoices"), "{text}");
    assert_eq!(wire(present(&directory, "behalf-dev-guess")), WRONG, "others learn nothing");

    let before = directory.ask_at(Credential::Secret(SECRET), NOW - 1);
    assert!(before.is_ok(), "it counts until the instant of its expiry");
}

#[test]
fn a_live_secret_wins_over_an_expired_one_with_the_same_value() {
    let directory = Directory::acme_but(|d| {
        d.client.secrets =
            vec![secret(1, "old", SECRET, NOW - 9), secret(2, "new", SECRET, NOW + 9)];
    });
    assert_eq!(directory.ask().unwrap().credential, credential(2));
}

#[test]
fn the_text_says_what_the_wrong_secret_looked_like() {
    let directory = Directory::acme();
    let made = SecretText::generate(&[9; 32]);
    let cut = &made.expose()[..made.expose().len() - 1];
    let longer = format!("{}A", made.expose());
    for (text, hint) in [
        ("c4ed0000-0000-4000-8000-000000000001", "is the secret's id"),
        ("C4ED0000-0000-4000-8000-000000000001", "is the secret's id"),
        (cut, "incomplete or mistyped"),
        (longer.as_str(), "incomplete or mistyped"),
        (made.expose(), "not its id"),
        ("behalf-dev-guess", "not its id"),
    ] {
        let refusal = present(&directory, text).unwrap_err();
        assert_eq!(refusal.aadsts().code(), 7_000_215);
        assert!(refusal.to_string().contains(hint), "{refusal}");
    }
}

#[test]
fn a_generated_secret_works_and_its_prefix_does_not() {
    let made = SecretText::generate(&[3; 32]);
    let directory = Directory::acme_but(|d| {
        d.client.secrets = vec![secret(1, "main", made.expose(), NOW + 1)];
    });
    assert_eq!(present(&directory, made.expose()), Ok(()));
    for end in 1..made.expose().len() {
        assert_eq!(code(present(&directory, &made.expose()[..end])), 7_000_215, "{end}");
    }
}

#[test]
fn a_secret_of_another_application_is_wrong() {
    let directory = Directory::acme_but(|d| {
        d.resource.secrets = vec![secret(3, "ledger", "behalf-dev-ledger", NOW + 1)];
    });
    assert_eq!(wire(present(&directory, "behalf-dev-ledger")), WRONG);
}

#[test]
fn a_removed_secret_is_wrong() {
    let directory = Directory::acme_but(|d| d.client.secrets.clear());
    assert_eq!(wire(directory.ask()), WRONG);
}

#[test]
fn a_credential_is_needed() {
    let nothing = Directory::acme().ask_with(Credential::Nothing);
    assert_eq!(wire(nothing), (7_000_216, "invalid_client", 401));
}

#[test]
fn public_clients_hold_no_credential() {
    let directory = Directory::acme_but(|d| d.client.kind = AppKind::Native);
    assert_eq!(wire(directory.ask()), (700_025, "invalid_client", 401));
    assert_eq!(code(present(&directory, "guess")), 700_025);
    assert_eq!(code(directory.ask_with(Credential::Assertion("a.b.c"))), 700_025);
    assert_eq!(code(directory.ask_with(Credential::Nothing)), 7_000_216, "and get no token");
    for kind in [AppKind::Api, AppKind::Web, AppKind::Daemon] {
        assert!(Directory::acme_but(|d| d.client.kind = kind).ask().is_ok(), "{kind:?}");
    }
}

#[test]
fn an_application_may_forbid_its_secrets() {
    let only = |methods: &[Method]| {
        let methods: BTreeSet<_> = methods.iter().copied().collect();
        Directory::acme_but(|d| d.client.behalf.allowed_methods = methods)
    };
    assert!(only(&[Method::Secret]).ask().is_ok());
    assert!(only(&[Method::Secret, Method::Certificate]).ask().is_ok());

    let certificate_only = only(&[Method::Certificate]);
    let refusal = certificate_only.ask().unwrap_err();
    assert!(matches!(refusal, Refusal::MethodNotAllowed { .. }), "{refusal}");
    assert_eq!(wire(certificate_only.ask()), WRONG);
    let guess = present(&certificate_only, "behalf-dev-guess").unwrap_err();
    assert!(
        matches!(guess, Refusal::SecretWrong { .. }),
        "who does not hold the secret learns nothing of the setting: {guess}"
    );
}

#[test]
fn disabling_and_missing_principals_are_said_to_those_only_who_proved_who_they_are() {
    type Change = fn(&mut Directory);
    let changes: [(Change, u32); 4] = [
        (|d| d.client.disabled = true, 7_000_112),
        (|d| d.client_home_disabled = true, 7_000_112),
        (|d| d.client_principal.as_mut().unwrap().disabled = true, 7_000_112),
        (|d| d.client_principal = None, 7_000_229),
    ];
    for (change, after) in changes {
        let directory = Directory::acme_but(change);
        assert_eq!(code(directory.ask()), after);
        assert_eq!(wire(present(&directory, "behalf-dev-guess")), WRONG);
        assert_eq!(code(directory.ask_with(Credential::Nothing)), 7_000_216);
        assert_eq!(code(directory.ask_with(Credential::Assertion("a.b.c"))), 700_027);
    }
}

#[test]
fn a_single_tenant_application_is_unknown_elsewhere_whatever_it_presents() {
    let abroad = Directory::acme_but(|d| d.client.tenant = id(GLOBEX));
    assert_eq!(wire(abroad.ask()), (700_016, "unauthorized_client", 400));
    assert_eq!(code(present(&abroad, "guess")), 700_016);

    let multi = Directory::acme_but(|d| {
        d.client.tenant = id(GLOBEX);
        d.client.audience = SignInAudience::Multi;
    });
    assert!(multi.ask().is_ok());
    let without = Directory::acme_but(|d| {
        d.client.tenant = id(GLOBEX);
        d.client.audience = SignInAudience::Multi;
        d.client_principal = None;
    });
    assert_eq!(wire(without.ask()), (7_000_229, "invalid_client", 401));
}
