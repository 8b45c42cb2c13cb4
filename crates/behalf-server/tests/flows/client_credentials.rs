//! A daemon gets a token as itself (RFC 6749 4.4): vectors V1–V4 and the recorded answer of Entra.

use behalf_core::{
    application::{AppRole, MemberType},
    event::{Outcome, Step},
    id::{ObjectId, PermissionId},
    service_principal::AppRoleAssignment,
};
use behalf_store::{Expect, WriteSet, records};
use serde_json::json;
use uuid::Uuid;

use crate::common::{ACME, BASE, DAEMON, LEDGER, NOW, TestServer, good, good_but, principal_id};

const V2: &str = "/acme.test/oauth2/v2.0/token";
const V1: &str = "/acme.test/oauth2/token";

#[tokio::test]
async fn v2_answers_numbers_and_nothing_a_cache_would_trip_over() {
    let server = TestServer::start().await;
    let answer = server.post(V2, &good()).await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "expires_in", "ext_expires_in", "token_type"]);
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!((&json["expires_in"], &json["ext_expires_in"]), (&json!(3599), &json!(3599)));

    let (header, claims) = answer.token();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert!(header["kid"].is_string() && header.get("x5t").is_none(), "v2.0: kid and no x5t");
    let subject = principal_id(ACME, DAEMON).to_string();
    let now = NOW.unix_seconds();
    assert_eq!(
        claims,
        json!({
            "aud": LEDGER.to_string(), "iss": format!("{BASE}/{ACME}/v2.0"),
            "iat": now - 300, "nbf": now - 300, "exp": now + 3600,
            "azp": DAEMON.to_string(), "azpacr": "1", "oid": subject, "sub": subject,
            "roles": ["Entries.Read.All"], "tid": ACME.to_string(), "uti": claims["uti"], "ver": "2.0",
        })
    );
    assert_eq!(claims["uti"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn v1_answers_strings_and_repeats_the_resource() {
    let server = TestServer::start().await;
    let mut form = good_but("scope", "");
    form.push(("resource", "api://ledger"));
    let answer = server.post(V1, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let json = answer.json();
    assert!(json.as_object().unwrap().values().all(serde_json::Value::is_string), "{json}");
    assert_eq!((&json["resource"], &json["expires_in"]), (&json!("api://ledger"), &json!("3599")));
    let seconds = |name: &str| json[name].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(seconds("expires_on") - seconds("not_before"), seconds("expires_in") + 301);
    assert_eq!(answer.token().1["ver"], "2.0", "the format is the resource's choice");
}

#[tokio::test]
async fn the_resource_alone_chooses_the_format() {
    let server = TestServer::start().await;
    for (path, resource, version) in [
        (V2, "api://ledger", "2.0"),
        (V1, "api://ledger", "2.0"),
        (V2, "api://old-ledger", "1.0"),
        (V1, "api://old-ledger", "1.0"),
    ] {
        let scope = format!("{resource}/.default");
        let answer = server.post(path, &good_but("scope", &scope)).await;
        let (header, claims) = answer.token();
        assert_eq!(claims["ver"], version, "{path} {resource}");
        let (client, issuer) = if version == "1.0" {
            ("appid", format!("{BASE}/{ACME}/"))
        } else {
            ("azp", format!("{BASE}/{ACME}/v2.0"))
        };
        assert_eq!(claims[client], DAEMON.to_string());
        assert_eq!(claims["iss"], issuer);
        assert_eq!(header.get("x5t").is_some(), version == "1.0");
    }
}

#[tokio::test]
async fn v1_tokens_name_the_resource_as_registered_or_by_its_guid() {
    let server = TestServer::start().await;
    for (requested, aud) in [
        ("api://old-ledger", "api://Old-Ledger"),
        ("API://OLD-LEDGER", "api://Old-Ledger"),
        ("api://old-ledger/", "api://Old-Ledger/"),
        ("A9200000-0000-4000-8000-000000000014", "a9200000-0000-4000-8000-000000000014"),
        ("spn:a9200000-0000-4000-8000-000000000014", "a9200000-0000-4000-8000-000000000014"),
    ] {
        let scope = format!("{requested}/.default");
        let answer = server.post(V2, &good_but("scope", &scope)).await;
        assert_eq!(answer.token().1["aud"], aud, "{requested}");
    }
}

#[tokio::test]
async fn tenants_are_named_by_guid_domain_or_adfs_in_any_case() {
    let server = TestServer::start().await;
    for segment in [
        "acme.test",
        "ACME.Test",
        "ac3e0000-0000-4000-8000-000000000001",
        "AC3E0000-0000-4000-8000-000000000001",
        "adfs",
        "ADFS",
    ] {
        let answer = server.post(&format!("/{segment}/oauth2/v2.0/token"), &good()).await;
        let (_, claims) = answer.token();
        assert_eq!(claims["tid"], ACME.to_string(), "{segment}");
        assert_eq!(claims["iss"], format!("{BASE}/{ACME}/v2.0"), "texts hold the GUID");
    }
}

#[tokio::test]
async fn a_resource_that_requires_assignment_refuses_strangers() {
    let server = TestServer::start().await;
    server.edit_principal(LEDGER, |p| p.assignment_required = true).await;
    let (_, claims) = server.post(V2, &good()).await.token();
    assert_eq!(claims["roles"], json!(["Entries.Read.All"]), "assigned: a token with its roles");

    let reading = server.server.store.reading();
    let pair = (principal_id(ACME, DAEMON), principal_id(ACME, LEDGER));
    let stored = reading.assignments(ACME, pair.0, pair.1).await.unwrap().unwrap();
    let mut set = behalf_store::WriteSet::new();
    let expect = behalf_store::Expect::Version(stored.version);
    behalf_store::records::assignment::put(&mut set, ACME, pair, &[], expect);
    server.server.store.commit(set).await.unwrap();
    let answer = server.post(V2, &good()).await;
    assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned(), 501_051));

    server.edit_principal(LEDGER, |p| p.assignment_required = false).await;
    let (_, claims) = server.post(V2, &good()).await.token();
    assert!(claims.get("roles").is_none(), "no roles: absent, not empty");
    assert!(claims.get("scp").is_none());
}

#[tokio::test]
async fn extra_fields_of_real_clients_are_ignored() {
    let server = TestServer::start().await;
    let mut form = good();
    form.extend([
        ("client_info", "1"),
        ("x-client-SKU", "msal.js.node"),
        ("x-client-SKU", "again"),
        ("x-ms-lib-capability", "retry-after, h429"),
        ("claims", r#"{"access_token": {"xms_cc": {"values": ["cp1"]}}}"#),
    ]);
    let json = server.post(V2, &form).await.json();
    assert!(json["access_token"].is_string());
    assert!(json.get("client_info").is_none() && json.get("scope").is_none());
    assert!(json.get("refresh_token").is_none() && json.get("id_token").is_none());
}

#[tokio::test]
async fn a_client_may_ask_for_itself() {
    let server = TestServer::start().await;
    let scope = format!("{DAEMON}/.default");
    let answer = server.post(V2, &good_but("scope", &scope)).await;
    assert_eq!(answer.token().1["aud"], DAEMON.to_string());
}

#[tokio::test]
async fn an_es256_resource_gets_es256_tokens() {
    let server = TestServer::start().await;
    let es256 = Some(behalf_core::application::TokenAlg::Es256);
    server.edit(LEDGER, |app| app.behalf.token_alg = es256).await;
    assert_eq!(server.post(V2, &good()).await.token().0["alg"], "ES256");
}

/// Assigns so many roles of 100 characters to the daemon, in place of those it has.
async fn assign(server: &TestServer, count: u128) {
    let ids = (1..=count).map(|n| PermissionId(Uuid::from_u128(n)));
    let role = |id: PermissionId| AppRole {
        id,
        value: format!("{:x<100}", id.0.as_u128()),
        members: [MemberType::App].into(),
        text: String::new(),
        disabled: false,
    };
    server.edit(LEDGER, |ledger| ledger.roles = ids.clone().map(role).collect()).await;
    let (principal, resource) = (principal_id(ACME, DAEMON), principal_id(ACME, LEDGER));
    let assignment = |role: PermissionId| AppRoleAssignment {
        id: ObjectId(role.0),
        tenant: ACME,
        principal,
        resource,
        role,
        granted_by: "ada@acme.test".to_owned(),
        created: NOW,
    };
    let mut set = WriteSet::new();
    let assigned: Vec<_> = ids.map(assignment).collect();
    records::assignment::put(&mut set, ACME, (principal, resource), &assigned, Expect::Any);
    server.server.store.commit(set).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_too_long_to_be_used_is_refused() {
    let server = TestServer::start().await;
    let mut longest = 0;
    let refused = loop {
        assign(&server, longest + 1).await;
        let answer = server.post(V2, &good()).await;
        if answer.status != 200 {
            break answer;
        }
        let length = answer.json()["access_token"].as_str().unwrap().len();
        assert!(length <= 7 * 1024, "{length}");
        longest += 1;
    };
    assert_eq!(longest, 45, "one more is 103 characters of JSON");
    assert_eq!(refused.refusal(), (400, "invalid_scope".to_owned(), 70_011));
    let text = refused.json()["error_description"].as_str().unwrap().to_owned();
    assert!(
        text.contains(
            "The token would have 7300 bytes, and at most 7168 are issued. Ask for fewer scopes, or \
             have an administrator assign fewer roles of this resource."
        ),
        "{text}"
    );
    let id: Uuid = refused.header("x-ms-request-id").unwrap().parse().unwrap();
    let event = server.event(id.into());
    assert_eq!(event.trail.first_failed(), Some(Step::Assignment));
    let Outcome::Refused { found, expected, .. } = event.outcome else { panic!("issued") };
    assert_eq!((&*found, &*expected), ("a token of 7300 bytes", "at most 7168"));
}
