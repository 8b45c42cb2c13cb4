//! A manifest is applied: what it says it will do, what it does, and what it refuses.

use std::time::Duration;

use behalf_core::{application::AppKind, id::AppId};
use serde_json::{Value, json};

use super::*;
use crate::directory::{AppRef, Kind, tests::World};

mod delegation;

const CERTIFICATE: &str = include_str!("../../../../behalf-jose/tests/fixtures/v3-rsa2048.pem");
const WEAK: &str = include_str!("../../../../behalf-jose/tests/fixtures/v3-rsa1024.pem");
const SECRET: &str = "Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B";

fn manifest(mut value: Value) -> Manifest {
    value["apiVersion"] = json!("behalf/v1");
    value["tenant"] = json!("acme.test");
    serde_json::from_value(value).unwrap()
}

/// An API with a role and a daemon that is granted it.
fn world() -> Value {
    json!({
        "apps": [
            {
                "name": "invoice-daemon",
                "id": "dae00000-0000-4000-8000-000000000001",
                "calls": { "ledger-api": { "as-app": ["Entries.Read.All"] } },
                "allowed-methods": ["certificate"],
                "credentials": [
                    { "secret": "generate", "expires": "30d" },
                    { "certificate": CERTIFICATE, "name": "ci" },
                ],
            },
            {
                "name": "ledger-api",
                "uri": "api://ledger",
                "token": { "version": 1, "alg": "ES256", "lifetime": "1h" },
                "assignment-required": true,
                "offers": {
                    "scopes": { "Entries.Read": { "consent": "user", "text": "Read entries" } },
                    "roles": { "Entries.Read.All": { "for": ["app"] } },
                },
            },
        ],
        "grants": { "admin-consent": ["invoice-daemon"] },
    })
}

fn lines(lines: &[Line]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

async fn apply(w: &World, value: Value) -> Applied {
    let applied = w.directory.apply(&manifest(value)).await.unwrap();
    assert_eq!(applied.failure, None);
    applied
}

async fn problems(w: &World, value: Value) -> Vec<String> {
    match w.directory.apply(&manifest(value)).await {
        Err(ApplyError::Problems(problems)) => problems,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_manifest_makes_what_it_says_and_applying_it_again_changes_nothing() {
    let w = World::new().await;
    let planned = w.directory.plan(&manifest(world())).await.unwrap();
    let expected = [
        "+ app invoice-daemon: daemon, single tenant",
        "~ invoice-daemon: allowed methods all -> certificate",
        "+ invoice-daemon: call ledger-api",
        "+ app ledger-api: api, single tenant",
        "~ ledger-api: token version 2 -> 1",
        "~ ledger-api: token algorithm RS256 -> ES256",
        "~ ledger-api: token lifetime the server's -> 1h",
        "+ ledger-api: uri api://ledger",
        "+ ledger-api: scope Entries.Read",
        "+ ledger-api: role Entries.Read.All",
        "~ ledger-api: assignment not required -> required",
        "+ invoice-daemon: secret initial (generated, until 2027-02-14)",
        "+ invoice-daemon: certificate ci (until 2051-01-01)",
        "+ grant invoice-daemon: ledger-api Entries.Read.All",
    ];
    assert_eq!(lines(&planned.lines), expected);
    let untouched = w.directory.application(w.acme.id, &AppRef::Name("ledger-api".into())).await;
    assert_eq!(untouched.unwrap_err().kind(), Kind::NotFound, "a plan changes nothing");

    let applied = apply(&w, world()).await;
    assert_eq!(lines(&applied.lines), expected);
    let secret = &applied.secrets[0];
    assert_eq!((&*secret.app, &*secret.name), ("invoice-daemon", "initial"));
    let id: AppId = "dae00000-0000-4000-8000-000000000001".parse().unwrap();
    assert_eq!(secret.app_id, id);
    let daemon = w.directory.application(w.acme.id, &AppRef::AppId(id)).await.unwrap();
    assert_eq!(daemon.kind, AppKind::Daemon);
    assert_eq!(daemon.secrets[0].hash, w.directory.pepper.hash(secret.value.expose()));
    let reading = w.directory.store.reading();
    let daemon = reading.service_principal_by_app_id(w.acme.id, id).await.unwrap().unwrap();
    let held = reading.assignments_of(w.acme.id, daemon.id, None).await.unwrap().items;
    assert_eq!(held.len(), 1);
    let api = reading.service_principal_by_name(w.acme.id, "api://ledger").await.unwrap().unwrap();
    assert!(api.assignment_required);

    let commits = || async { w.directory.store.catch_up().await.unwrap() };
    let before = commits().await;
    let again = apply(&w, world()).await;
    assert_eq!((lines(&again.lines), again.secrets.len()), (vec![], 0));
    assert_eq!(commits().await, before, "nothing was written");
}

#[tokio::test]
async fn what_is_absent_is_not_managed_and_what_is_empty_is_emptied() {
    let w = World::new().await;
    apply(&w, world()).await;
    let bare = json!({ "apps": [{ "name": "invoice-daemon" }, { "name": "ledger-api" }] });
    assert_eq!(lines(&apply(&w, bare).await.lines), [""; 0]);
    assert_eq!(lines(&apply(&w, json!({})).await.lines), [""; 0]);
    let emptied = json!({
        "apps": [
            { "name": "invoice-daemon", "calls": {}, "credentials": [], "allowed-methods": [] },
            { "name": "ledger-api", "uri": [], "offers": { "scopes": {} } },
        ],
        "grants": { "admin-consent": [] },
    });
    let expected = [
        "~ invoice-daemon: allowed methods certificate -> all",
        "- invoice-daemon: call ledger-api",
        "- ledger-api: uri api://ledger",
        "- ledger-api: scope Entries.Read",
        "- invoice-daemon: secret initial",
        "- invoice-daemon: certificate ci",
        "- grant invoice-daemon: all of its 1 permissions",
    ];
    assert_eq!(lines(&apply(&w, emptied.clone()).await.lines), expected);
    assert_eq!(lines(&apply(&w, emptied).await.lines), [""; 0]);
    // Back to where it was, but for the URI's reservation, which is its own.
    let back = apply(&w, world()).await;
    assert!(lines(&back.lines).contains(&"+ ledger-api: uri api://ledger".to_owned()));
    assert_eq!(back.secrets.len(), 1);
}

#[tokio::test]
async fn changes_are_told_one_by_one() {
    let w = World::new().await;
    apply(&w, world()).await;
    let mut changed = world();
    let api = &mut changed["apps"][1];
    api["display"] = json!("Ledger");
    api["type"] = json!("web");
    api["disabled"] = json!(true);
    api["uri"] = json!(["api://ledger", "https://ledger.acme.test"]);
    api["assignment-required"] = json!(false);
    api["strict-assertions"] = json!(true);
    api["allowed-methods"] = json!(["secret", "certificate"]);
    api["offers"]["roles"] = json!({
        "Entries.Read.All": { "for": ["app", "user"] },
        "Entries.Write.All": { "for": ["app"], "enabled": false },
    });
    let expected = [
        "~ ledger-api: kind api -> web",
        "~ ledger-api: display name ledger-api -> Ledger",
        "~ ledger-api: state enabled -> disabled",
        "~ ledger-api: assertions compatible -> strict",
        "~ ledger-api: allowed methods all -> secret, certificate",
        "+ ledger-api: uri https://ledger.acme.test",
        "~ ledger-api: role Entries.Read.All",
        "+ ledger-api: role Entries.Write.All",
        "~ ledger-api: assignment required -> not required",
    ];
    let before = w.directory.application(w.acme.id, &AppRef::Name("ledger-api".into())).await;
    assert_eq!(lines(&apply(&w, changed).await.lines), expected);
    let after = w.directory.application(w.acme.id, &AppRef::Name("ledger-api".into())).await;
    let (before, after) = (before.unwrap(), after.unwrap());
    assert_eq!(before.roles[0].id, after.roles[0].id, "a role keeps its id as long as its value");
}

#[tokio::test]
async fn secrets_that_are_given_are_compared_and_replaced() {
    let w = World::new().await;
    let with = |secret: &str| {
        json!({ "apps": [{
            "name": "daemon",
            "credentials": [{ "secret": { "value": secret }, "name": "vault" }],
        }] })
    };
    apply(&w, with(SECRET)).await;
    let daemon = AppRef::Name("daemon".into());
    let first = w.directory.application(w.acme.id, &daemon).await.unwrap().secrets.remove(0);
    assert_eq!(lines(&apply(&w, with(SECRET)).await.lines), [""; 0]);
    let other: String = SECRET.chars().rev().collect();
    let changed = apply(&w, with(&other)).await;
    assert_eq!(lines(&changed.lines), ["~ daemon: secret vault (given, until 2027-07-14)"]);
    assert_eq!(changed.secrets.len(), 0, "what was given is not shown");
    let secrets = w.directory.application(w.acme.id, &daemon).await.unwrap().secrets;
    assert_eq!(secrets.len(), 1);
    assert_ne!(secrets[0].hash, first.hash);

    let weak: Result<Manifest, _> = serde_json::from_value(json!({
        "apiVersion": "behalf/v1", "tenant": "acme.test",
        "apps": [{ "name": "daemon", "credentials": [{ "secret": { "value": "hunter2" } }] }],
    }));
    let error = weak.unwrap_err().to_string();
    assert!(error.contains("7 characters, expected at least 32"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_done() {
    let w = World::new().await;
    let wrong = json!({
        "apps": [
            { "name": "twice" },
            { "name": "twice" },
            { "name": "api", "uri": "https://globex.test", "offers": { "roles": {
                "A": { "for": ["app"] }, "B": { "for": ["user"] }, "C": { "for": [] },
            } } },
            { "name": "client",
              "calls": { "api": { "as-app": ["B", "D"] }, "nobody": {} },
              "combined-consent-for": ["nobody"],
              "pre-authorized": { "nobody": [] } },
            { "name": "phone", "type": "native", "credentials": [{ "secret": "generate" }] },
            { "name": "tablet", "type": "native", "allowed-methods": ["secret"] },
            { "name": "daemon", "credentials": [
                { "secret": "generate" },
                { "secret": "generate", "name": "initial" },
                { "certificate": WEAK, "name": "weak" },
                { "certificate": "./daemon.pem", "name": "path" },
                { "name": "neither" },
                { "secret": "generate", "certificate": CERTIFICATE, "name": "both" },
                { "certificate": CERTIFICATE, "expires": "1d", "name": "ends" },
                { "secret": "generate", "expires": "0s", "name": "ended" },
                { "secret": { "from-env": "X" }, "name": "unread" },
            ] },
        ],
        "grants": { "admin-consent": ["client", "stranger"] },
    });
    let found = problems(&w, wrong).await;
    let expected = [
        "apps: \"twice\" is there twice",
        "api: uri: \"https://globex.test\": \"globex.test\" is not a verified domain",
        "api: the role \"C\" is for nobody",
        "client: calls: api offers no role \"D\", but A, B, C",
        "client: calls: there is no application \"nobody\"",
        "client: combined-consent-for: there is no application \"nobody\"",
        "client: pre-authorized: there is no application \"nobody\"",
        "phone: credentials: \"phone\" is a native application",
        "tablet: \"tablet\" is a native application",
        "daemon: credentials: \"initial\" is there twice",
        "daemon: credential \"weak\": the certificate \"weak\" cannot be used: the RSA key has 1024",
        "daemon: credential \"path\": the bytes are not one X.509 certificate",
        "daemon: credential \"neither\": expected `secret` or `certificate`",
        "daemon: credential \"both\": expected `secret` or `certificate`",
        "daemon: credential \"ends\": `expires` is for secrets",
        "daemon: credential \"ended\": `expires: 0s`",
        "daemon: credential \"unread\": its value was not read",
        "grants: admin-consent: client: \"api\" offers no enabled app role B",
        "grants: admin-consent: there is no application \"stranger\"",
    ];
    for expected in expected {
        assert!(found.iter().any(|p| p.starts_with(expected)), "{expected}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    assert_eq!(
        w.directory.store.reading().applications(w.acme.id, None, 9).await.unwrap().items,
        []
    );

    let mut nowhere = manifest(world());
    nowhere.tenant = "nowhere.test".into();
    let refused = w.directory.apply(&nowhere).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Refusal(Refusal::NoTenant(_))), "{refused}");
}

#[tokio::test]
async fn an_id_never_changes_and_a_taken_one_stops_the_plan_where_it_is() {
    let w = World::new().await;
    apply(&w, world()).await;
    let mut other = world();
    other["apps"][0]["id"] = json!("dae00000-0000-4000-8000-000000000002");
    let found = problems(&w, other).await;
    assert_eq!(
        found,
        [
            "invoice-daemon: id: it has the id dae00000-0000-4000-8000-000000000001 already, which never changes"
        ]
    );
    // What cannot be seen beforehand stops it midway; what was done stays and is told.
    let taken = json!({ "apps": [
        { "name": "one", "credentials": [{ "secret": "generate" }] },
        { "name": "two", "uri": "api://LEDGER" },
    ] });
    let applied = w.directory.apply(&manifest(taken)).await.unwrap();
    assert_eq!(applied.failure, Some(Refusal::UriTaken("api://LEDGER".into())));
    w.directory.application(w.acme.id, &AppRef::Name("one".into())).await.unwrap();
}

#[tokio::test]
async fn a_client_may_be_granted_what_another_manifest_offers() {
    let w = World::new().await;
    let mut api = world();
    let daemon = api["apps"].as_array_mut().unwrap().remove(0);
    api["grants"] = Value::Null;
    apply(&w, api).await;
    let mut client = json!({ "apps": [daemon], "grants": { "admin-consent": ["invoice-daemon"] } });
    for reference in ["ledger-api", "api://Ledger/"] {
        client["apps"][0]["calls"] = json!({ reference: { "as-app": ["Entries.Read.All"] } });
        let told = lines(&apply(&w, client.clone()).await.lines);
        if reference == "ledger-api" {
            let grant = "+ grant invoice-daemon: ledger-api Entries.Read.All".to_owned();
            assert!(told.contains(&grant), "{told:?}");
        } else {
            assert_eq!(told, [""; 0], "the same resource by another name");
        }
    }
    // Consent alone, for a client of another manifest.
    let alone = json!({ "grants": { "admin-consent": ["invoice-daemon"] } });
    assert_eq!(lines(&apply(&w, alone).await.lines), [""; 0]);
}

#[tokio::test]
async fn a_secret_that_was_generated_once_stays_and_one_that_is_gone_comes_again() {
    let w = World::new().await;
    apply(&w, world()).await;
    w.clock.advance(Duration::from_hours(24 * 365));
    assert_eq!(apply(&w, world()).await.secrets.len(), 0);
    let daemon = AppRef::Name("invoice-daemon".into());
    let id = w.directory.application(w.acme.id, &daemon).await.unwrap().secrets[0].id;
    w.directory.remove_credential(w.acme.id, &daemon, id).await.unwrap();
    assert_eq!(apply(&w, world()).await.secrets.len(), 1);
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    for value in [
        json!({ "apps": [], "uzers": [] }),
        json!({ "apps": [{ "name": "a", "urii": "x" }] }),
        json!({ "apps": [{ "name": "a", "token": { "versoin": 1 } }] }),
        json!({ "apps": [{ "name": "a", "offers": { "rolls": {} } }] }),
        json!({ "apps": [{ "name": "a", "offers": { "roles": { "A": { "for": [], "x": 1 } } } }] }),
        json!({ "apps": [{ "name": "a", "calls": { "b": { "as-usr": [] } } }] }),
        json!({ "apps": [{ "name": "a", "credentials": [{ "federated": {} }] }] }),
        json!({ "grants": { "admin_consent": [] } }),
    ] {
        let mut whole = value.clone();
        whole["apiVersion"] = json!("behalf/v1");
        whole["tenant"] = json!("acme.test");
        let error = serde_json::from_value::<Manifest>(whole).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{value}: {error}");
    }
}
