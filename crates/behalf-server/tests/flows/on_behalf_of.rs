//! An API calls the next one on behalf of its user (protocol 3; V15–V20, V34; OB-01 … OB-20).

use behalf_core::{
    event::{Grant, Mark, Step},
    grant::GrantedFor,
    id::RequestId,
};
use serde_json::json;

use crate::common::{
    ACME, BASE, LEDGER, NOW, TestServer, principal_id,
    users::{ADA, API_SECRET, ARCHIVE, CLI, JWT_BEARER, ORDERS, V1, grant},
};

const READ: &str = "api://ledger/Entries.Read";

#[tokio::test]
async fn v15_v2_the_answer_and_its_tokens() {
    let server = TestServer::with_users().await;
    let token_a = server.token_for_orders().await;
    let orders = ORDERS.to_string();
    let form = [
        ("grant_type", JWT_BEARER),
        ("client_id", orders.as_str()),
        ("client_secret", API_SECRET),
        ("assertion", token_a.as_str()),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "api://ledger/.default openid profile offline_access"),
        ("client_info", "1"),
    ];
    let answer = server.post("/acme.test/oauth2/v2.0/token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let json = answer.json();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "access_token",
            "client_info",
            "expires_in",
            "ext_expires_in",
            "id_token",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(json["scope"], "api://ledger/Entries.Read api://ledger/.default");
    let (header, b) = answer.token();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    let now = NOW.unix_seconds();
    assert_eq!(
        b,
        json!({
            "aud": LEDGER.to_string(), "iss": format!("{BASE}/{ACME}/v2.0"),
            "iat": now - 300, "nbf": now - 300, "exp": now + 3600,
            "azp": ORDERS.to_string(), "azpacr": "1", "scp": "Entries.Read",
            "oid": ADA.to_string(), "tid": ACME.to_string(), "sub": b["sub"],
            "name": "Ada Lovelace", "preferred_username": "ada@acme.test",
            "aio": b["aio"], "uti": b["uti"], "ver": "2.0",
        })
    );
    let a = claims(&token_a);
    let id_token = claims(json["id_token"].as_str().unwrap());
    assert_ne!(a["sub"], b["sub"]);
    assert_eq!((&id_token["sub"], &id_token["aud"]), (&a["sub"], &json!(ORDERS.to_string())));
    assert_eq!(id_token["uti"], b["uti"]);
}

#[tokio::test]
async fn v15_v1_is_all_strings_with_a_refresh_token_unasked() {
    let server = TestServer::with_users().await;
    let token_a = server.token_for_orders().await;
    let orders = ORDERS.to_string();
    let form = [
        ("grant_type", JWT_BEARER),
        ("client_id", orders.as_str()),
        ("client_secret", API_SECRET),
        ("assertion", token_a.as_str()),
        ("requested_token_use", "on_behalf_of"),
        ("resource", "api://ledger"),
        ("scope", "openid"),
    ];
    let answer = server.post(V1, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let json = answer.json();
    assert!(json.as_object().unwrap().values().all(serde_json::Value::is_string), "{json}");
    assert_eq!(
        (&json["resource"], &json["scope"]),
        (&json!("api://ledger"), &json!("Entries.Read"))
    );
    assert!(json["refresh_token"].is_string());
    let id_token = claims(json["id_token"].as_str().unwrap());
    assert_eq!((&id_token["ver"], &id_token["upn"]), (&json!("1.0"), &json!("ada@acme.test")));
    assert_eq!(answer.token().1["ver"], "2.0", "the format is the resource's choice");
}

#[tokio::test]
async fn v1_names_scopes_in_full_where_the_request_does() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let orders = ORDERS.to_string();
    for (target, expected) in [
        (&[("scope", READ)][..], READ),
        (&[("scope", "openid"), ("resource", "api://ledger")], "Entries.Read"),
    ] {
        let mut form = vec![
            ("grant_type", JWT_BEARER),
            ("client_id", orders.as_str()),
            ("client_secret", API_SECRET),
            ("assertion", token.as_str()),
            ("requested_token_use", "on_behalf_of"),
        ];
        form.extend(target);
        let answer = server.post("/adfs/oauth2/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["scope"], expected);
    }
}

#[tokio::test]
async fn v16_assertions_that_are_not_taken() {
    let server = TestServer::with_users().await;
    let answer = server.signed_in().await;
    let token = answer.text_of("access_token");
    let refusal = async |assertion: &str| server.obo(ORDERS, assertion, READ).await.refusal();
    let (head, tail) = token.split_at(token.len() - 20);
    let other = if tail.starts_with('A') { 'B' } else { 'A' };
    let flipped = format!("{head}{other}{}", &tail[1..]);
    assert_eq!(refusal(&flipped).await, (400, "invalid_grant".into(), 50_013));
    let refresh_token = answer.text_of("refresh_token");
    assert_eq!(refusal(&refresh_token).await, (400, "invalid_request".into(), 50_027));
    let id_token = answer.text_of("id_token");
    assert_eq!(refusal(&id_token).await, (400, "invalid_grant".into(), 500_131));
    let wrong_caller = server.obo(LEDGER, &token, "api://archive/.default").await;
    assert_eq!(wrong_caller.refusal(), (400, "invalid_grant".into(), 500_131));
    server.clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(refusal(&token).await, (400, "invalid_grant".into(), 500_133));
}

#[tokio::test]
async fn v16_an_id_token_of_its_own_and_an_app_only_token() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let answer = server.obo(ORDERS, &token, "api://ledger/Entries.Read openid").await;
    let own = server.obo(ORDERS, &answer.text_of("id_token"), READ).await;
    assert_eq!(own.refusal(), (400, "invalid_request".into(), 240_002));
    let orders = ORDERS.to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", orders.as_str()),
        ("client_secret", API_SECRET),
        ("scope", "api://orders/.default"),
    ];
    let app_only = server.post("/acme.test/oauth2/v2.0/token", &form).await;
    let refused = server.obo(ORDERS, &app_only.text_of("access_token"), READ).await;
    assert_eq!(refused.refusal(), (400, "unauthorized_client".into(), 7_000_114));
}

#[tokio::test]
async fn v17_without_consent_and_after_it() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[])).await;
    let refused = server.obo(ORDERS, &token, READ).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant".into(), 65_001));
    assert_eq!(refused.json()["suberror"], "consent_required");
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2])).await;
    assert_eq!(server.obo(ORDERS, &token, READ).await.status, 200);
}

#[tokio::test]
async fn v18_a_chain_of_three_and_the_log_tells_the_way() {
    let server = TestServer::with_users().await;
    let b = server.obo(ORDERS, &server.token_for_orders().await, READ).await;
    let c = server.obo(LEDGER, &b.text_of("access_token"), "api://archive/Boxes.Read").await;
    let (_, claims) = c.token();
    assert_eq!(
        (&claims["azp"], &claims["scp"]),
        (&json!(LEDGER.to_string()), &json!("Boxes.Read"))
    );
    assert_eq!(claims["oid"], ADA.to_string());

    let id: RequestId = c.header("x-ms-request-id").unwrap().parse().unwrap();
    let event = server.event(id);
    assert_eq!((event.grant, event.user), (Grant::OnBehalfOf, Some(ADA)));
    assert_eq!(event.chain, [principal_id(ACME, CLI), principal_id(ACME, ORDERS)]);
    let checked: Vec<Step> =
        event.trail.steps().filter(|(_, mark)| *mark == Mark::Ok).map(|(step, _)| step).collect();
    assert_eq!(
        checked,
        [
            Step::Tenant,
            Step::Form,
            Step::Grant,
            Step::Target,
            Step::Client,
            Step::Credential,
            Step::Presented,
            Step::User,
            Step::ServicePrincipal,
            Step::Resource,
            Step::Consent,
        ]
    );
}

#[tokio::test]
async fn v19_default_is_the_union_of_both_grants() {
    let server = TestServer::with_users().await;
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::User(ADA), &[3])).await;
    let answer =
        server.obo(ORDERS, &server.token_for_orders().await, "api://ledger/.default").await;
    assert_eq!(answer.token().1["scp"], "Entries.Read Entries.Write");
}

#[tokio::test]
async fn v34_its_refresh_token_outlives_the_front_client() {
    let server = TestServer::with_users().await;
    server.put_grant(&grant(ORDERS, ARCHIVE, GrantedFor::User(ADA), &[5])).await;
    let scope = "api://ledger/Entries.Read offline_access";
    let answer = server.obo(ORDERS, &server.token_for_orders().await, scope).await;
    let token = answer.text_of("refresh_token");
    server.put_grant(&grant(CLI, ORDERS, GrantedFor::User(ADA), &[])).await;
    server.edit_principal(CLI, |principal| principal.disabled = true).await;
    let refresh =
        async |scope: &str| server.refresh(ORDERS, Some(API_SECRET), (&token, scope)).await;
    assert_eq!(refresh("").await.token().1["scp"], "Entries.Read");
    assert_eq!(refresh("api://archive/.default").await.token().1["aud"], ARCHIVE.to_string());

    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[])).await;
    assert_eq!(refresh("").await.refusal(), (400, "invalid_grant".into(), 65_001));
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2])).await;
    server.edit_principal(ORDERS, |principal| principal.revision += 1).await;
    assert_eq!(refresh("").await.refusal(), (400, "invalid_grant".into(), 50_173));
    server.edit_principal(ORDERS, |principal| principal.revision -= 1).await;
    server.edit_ada(|ada| ada.revisions.all += 1).await;
    assert_eq!(refresh("").await.refusal(), (400, "invalid_grant".into(), 50_173));
}

#[tokio::test]
async fn ob_12_what_becomes_of_the_user_bites_at_once() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    assert_eq!(server.obo(ORDERS, &token, READ).await.status, 200, "warm");
    server.edit_ada(|ada| ada.disabled = true).await;
    let refused = server.obo(ORDERS, &token, READ).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant".into(), 50_057));
}

#[tokio::test]
async fn ob_14_and_ob_16_only_confidential_clients_that_say_what_they_want() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let (cli, orders) = (CLI.to_string(), ORDERS.to_string());
    let ask = async |client: &str, secret: &str, token_use: &str| {
        let form = [
            ("grant_type", JWT_BEARER),
            ("client_id", client),
            ("client_secret", secret),
            ("assertion", token.as_str()),
            ("requested_token_use", token_use),
            ("scope", READ),
        ];
        server.post("/acme.test/oauth2/v2.0/token", &form).await.refusal()
    };
    assert_eq!(ask(&cli, "", "on_behalf_of").await, (401, "invalid_client".into(), 7_000_218));
    assert_eq!(ask(&orders, "", "on_behalf_of").await, (401, "invalid_client".into(), 7_000_218));
    for token_use in ["", "on_behalf", "ON_BEHALF_OF"] {
        let expected = (400, "invalid_request".into(), 900_144);
        assert_eq!(ask(&orders, API_SECRET, token_use).await, expected, "{token_use}");
    }
}

#[tokio::test]
async fn a_demand_on_the_sign_in_comes_with_its_claims() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    server.edit(LEDGER, |ledger| ledger.require.mfa = true).await;
    let refused = server.obo(ORDERS, &token, READ).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant".into(), 50_076));
    let expected = json!({"access_token": {"capolids": {"essential": true, "values": [LEDGER]}}});
    assert_eq!(refused.json()["claims"], expected.to_string());
    assert_eq!(refused.json()["suberror"], "basic_action");
}

#[tokio::test]
async fn token_exchange_is_the_same_decision() {
    let server = TestServer::with_users().await;
    let token = server.token_for_orders().await;
    let orders = ORDERS.to_string();
    let exchange = async |changed: &[(&str, &str)]| {
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", orders.as_str()),
            ("client_secret", API_SECRET),
            ("subject_token", token.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        form.extend(changed);
        server.post("/acme.test/oauth2/v2.0/token", &form).await
    };
    for target in [("resource", "api://ledger"), ("audience", "api://ledger"), ("scope", READ)] {
        let answer = exchange(&[target]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let access_token = "urn:ietf:params:oauth:token-type:access_token";
        assert_eq!(answer.json()["issued_token_type"], access_token);
        assert_eq!(answer.token().1["scp"], "Entries.Read");
    }
    let none = exchange(&[]).await;
    assert_eq!(none.refusal(), (400, "invalid_target".into(), 28_000));
    let actor = exchange(&[("resource", "api://ledger"), ("actor_token", "x")]).await;
    assert_eq!(actor.refusal().1, "invalid_request");
    let unconsented = exchange(&[("resource", "api://archive")]).await;
    assert_eq!(unconsented.refusal(), (400, "invalid_grant".into(), 65_001));
}

fn claims(token: &str) -> serde_json::Value {
    let payload = behalf_jose::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}
