//! The one table from refusals to the wire (implementation.md 5, protocol 4.2; V5 … V14), with the
//! texts as people read them.

#[path = "error_table_users.rs"]
mod users;

use std::fmt::Write as _;

use behalf_core::{
    application::credential::Method,
    event::Step,
    token::{Refusal, SecretHint, assertion::AssertionRefusal},
};
use behalf_protocol::token::{
    UnsupportedGrantType,
    request::{ClientAuthenticationError, FormError, TargetError},
};

use crate::common::{ACME, DAEMON, LEDGER, id};

/// One of each. A variant that is missing here fails [`name`] to compile first, the snapshot then.
fn every_refusal() -> Vec<Refusal> {
    let mut all = of_the_request();
    all.extend(of_the_client());
    all.extend(of_the_assertion().into_iter().map(Refusal::Assertion));
    all.extend(of_the_grant());
    all.extend(users::every_refusal().into_iter().map(Refusal::Grant));
    all
}

fn of_the_request() -> Vec<Refusal> {
    let form = [
        FormError::WrongContentType,
        FormError::TooLarge,
        FormError::BadEncoding,
        FormError::TooManyFields,
        FormError::Repeated { name: "scope" },
    ];
    let authentication = [
        ClientAuthenticationError::TwoMethods,
        ClientAuthenticationError::ClientIdsDiffer,
        ClientAuthenticationError::Missing { name: "client_id" },
        ClientAuthenticationError::UnknownAssertionType,
    ];
    let target = [
        TargetError::Missing { name: "scope" },
        TargetError::ResourceNotSupported,
        TargetError::WithoutDefault,
        TargetError::SeveralResources,
        TargetError::DefaultAndMore,
        TargetError::TooLong,
        TargetError::MalformedScope,
        TargetError::MalformedResource,
    ];
    [
        Refusal::TenantMalformed,
        Refusal::TenantUnknown { segment: "globex.test".into() },
        Refusal::TenantRequired { segment: "common".into() },
    ]
    .into_iter()
    .chain(form.map(Refusal::Form))
    .chain([Refusal::BasicMalformed])
    .chain(authentication.map(Refusal::ClientAuthentication))
    .chain([
        Refusal::Missing { name: "grant_type" },
        Refusal::GrantUnsupported(UnsupportedGrantType),
    ])
    .chain(target.map(Refusal::Target))
    .collect()
}

fn of_the_client() -> Vec<Refusal> {
    let (client, tenant) = (id(DAEMON), id(ACME));
    let display_name = || "Invoices".to_owned();
    let mut all = vec![
        Refusal::ClientNil,
        Refusal::ClientMalformed { length: 25, tenant },
        Refusal::ClientUnknown { client, tenant },
        Refusal::ClientNowhere,
        Refusal::SingleTenant { client },
        Refusal::CredentialMissing,
        Refusal::PublicClient { client },
        Refusal::SecretExpired {
            client,
            display_name: display_name(),
            name: "main".into(),
            expired: "2026-11-22 12:42:20Z".into(),
        },
        Refusal::ClientDisabled { client, display_name: display_name(), here: false },
        Refusal::ClientDisabled { client, display_name: display_name(), here: true },
        Refusal::ServicePrincipalMissing { client, display_name: display_name(), tenant },
    ];
    for hint in [SecretHint::Id, SecretHint::Damaged, SecretHint::None] {
        all.push(Refusal::SecretWrong { client, hint });
    }
    for method in [Method::Secret, Method::Certificate] {
        all.push(Refusal::MethodNotAllowed { client, method });
    }
    all
}

fn of_the_assertion() -> Vec<AssertionRefusal> {
    let client = id(DAEMON);
    let time = |text: &str| format!("2026-11-22 {text}Z");
    let thumbprint = || Some("cBIZ5VWv4F3Kv7eGKcGrqBzYu9o".to_owned());
    let audience = |strict| AssertionRefusal::Audience { tenant: ACME.into(), strict };
    let mut all = vec![
        AssertionRefusal::Malformed("the token does not have three parts".into()),
        AssertionRefusal::Algorithm,
        AssertionRefusal::KeyUnknown { client, thumbprint: thumbprint() },
        AssertionRefusal::KeyUnknown { client, thumbprint: None },
        AssertionRefusal::Signature { thumbprint: thumbprint() },
        AssertionRefusal::Issuer { client },
        AssertionRefusal::Subject { client },
        audience(false),
        audience(true),
        AssertionRefusal::CertificateTime {
            now: time("12:42:20"),
            from: "2024-01-01 00:00:00Z".into(),
            until: "2025-01-01 00:00:00Z".into(),
        },
        AssertionRefusal::Replayed { client },
    ];
    for too_long in [false, true] {
        all.push(AssertionRefusal::Time {
            now: time("12:42:20"),
            from: "1970-01-01 00:00:00Z".into(),
            until: time("12:31:00"),
            too_long,
        });
    }
    all
}

fn of_the_grant() -> Vec<Refusal> {
    let (client, resource) = (id(DAEMON), id(LEDGER));
    let display_name = || "Ledger".to_owned();
    vec![
        Refusal::ResourceUnknown { requested: Some("api://leger".into()), tenant: "Acme".into() },
        Refusal::ResourceUnknown { requested: None, tenant: "Acme".into() },
        Refusal::ResourceDisabled { resource, display_name: display_name() },
        Refusal::AssignmentRequired { client, resource, display_name: display_name() },
        Refusal::TokenTooLong { length: 7_300, most: 7_168 },
    ]
}

/// The variant's name. Exhaustive on purpose: a new refusal needs a row in [`every_refusal`].
fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TenantMalformed => "TenantMalformed",
        Refusal::TenantUnknown { .. } => "TenantUnknown",
        Refusal::TenantRequired { .. } => "TenantRequired",
        Refusal::Form(_) => "Form",
        Refusal::BasicMalformed => "BasicMalformed",
        Refusal::ClientAuthentication(_) => "ClientAuthentication",
        Refusal::Missing { .. } => "Missing",
        Refusal::GrantUnsupported(_) => "GrantUnsupported",
        Refusal::Target(_) => "Target",
        Refusal::ClientNil => "ClientNil",
        Refusal::ClientMalformed { .. } => "ClientMalformed",
        Refusal::ClientUnknown { .. } => "ClientUnknown",
        Refusal::ClientNowhere => "ClientNowhere",
        Refusal::SingleTenant { .. } => "SingleTenant",
        Refusal::CredentialMissing => "CredentialMissing",
        Refusal::PublicClient { .. } => "PublicClient",
        Refusal::SecretWrong { .. } => "SecretWrong",
        Refusal::SecretExpired { .. } => "SecretExpired",
        Refusal::MethodNotAllowed { .. } => "MethodNotAllowed",
        Refusal::Assertion(_) => "Assertion",
        Refusal::ClientDisabled { .. } => "ClientDisabled",
        Refusal::ServicePrincipalMissing { .. } => "ServicePrincipalMissing",
        Refusal::ResourceUnknown { .. } => "ResourceUnknown",
        Refusal::ResourceDisabled { .. } => "ResourceDisabled",
        Refusal::AssignmentRequired { .. } => "AssignmentRequired",
        Refusal::TokenTooLong { .. } => "TokenTooLong",
        Refusal::Grant(refusal) => users::name(refusal),
    }
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for refusal in every_refusal() {
        let row = refusal.aadsts();
        let _ = writeln!(
            table,
            "{} | {} {} {} | {}\n    {refusal}",
            name(&refusal),
            row.code(),
            row.oauth().as_str(),
            row.status(),
            refusal.step().as_str(),
        );
    }
    insta::assert_snapshot!(table);
}

#[test]
fn statuses_follow_the_error() {
    for refusal in every_refusal() {
        let row = refusal.aadsts();
        let expected = match (row.oauth().as_str(), row.code()) {
            // Says so of a scope, not of a credential.
            ("invalid_client", 650_053) => 400,
            ("invalid_client", _) => 401,
            (_, 9_002_313) if matches!(refusal, Refusal::Form(FormError::TooLarge)) => 413,
            _ => 400,
        };
        assert_eq!(row.status(), expected, "{refusal:?}");
    }
}

#[test]
fn who_has_not_proved_who_he_is_is_charged_by_address() {
    for refusal in every_refusal() {
        let before = [Step::Tenant, Step::Form, Step::Grant, Step::Target, Step::Client];
        let proved = !before.contains(&refusal.step()) && refusal.step() != Step::Credential;
        assert_eq!(refusal.is_unauthenticated(), !proved, "{refusal:?}");
    }
}

#[test]
fn texts_are_whole_sentences_that_no_client_takes_for_a_demand_of_interaction() {
    for refusal in every_refusal() {
        let text = refusal.to_string();
        assert!(text.ends_with('.') && !text.contains("  "), "{text:?}");
        assert!(text.is_ascii() && !text.contains(char::is_control), "{text:?}");
        for word in ["interaction", "consent_required", "login_required", "bad_token", "_action"] {
            assert!(!text.contains(word), "{text:?}: {word}");
        }
    }
}
