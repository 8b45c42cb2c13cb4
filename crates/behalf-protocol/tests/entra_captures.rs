//! Answers compared with what the live service was seen to send: member names, their order, status
//! and codes. The fixture names its source.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read fails the test")]

use behalf_protocol::EndpointVersion;
use behalf_protocol::claims::{ClientAuthenticationClass, TokenId, v2};
use behalf_protocol::discovery::{Authority, MetadataTenant, OpenIdConfiguration};
use behalf_protocol::error::{AadSts, ErrorBody};
use behalf_protocol::token::TokenResponse;
use serde_json::Value;
use uuid::Uuid;

fn captures() -> Value {
    serde_json::from_str(include_str!("fixtures/entra-captures.json")).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// The member names of a flat JSON object in the order written. A name is what stands between
/// quotes before a colon; no value of these answers looks so.
fn members(json: &str) -> Vec<&str> {
    json.split("\":")
        .filter_map(|before| before.rsplit_once('"').map(|(_, name)| name))
        .take(json.matches("\":").count())
        .collect()
}

#[test]
fn each_captured_error_has_its_row_and_its_members() {
    let captures = captures();
    for case in captures["errors"].as_array().unwrap() {
        let code = u32::try_from(case["codes"][0].as_u64().unwrap()).unwrap();
        let kind = AadSts::by_code(code).next().unwrap();
        assert_eq!(u64::from(kind.status()), case["status"].as_u64().unwrap(), "{case}");
        assert_eq!(kind.oauth().as_str(), case["error"], "{case}");
        assert_eq!(kind.has_error_uri(), case["error_uri"].as_bool().unwrap(), "{case}");

        let json = ErrorBody {
            kind,
            text: kind.cause(),
            trace_id: Uuid::from_u128(1),
            correlation_id: Uuid::from_u128(2),
            timestamp: 1_795_351_340,
            authority: "https://login.example.test",
        }
        .to_json();
        let mut expected = strings(&captures["error_body_fields"]);
        expected.retain(|name| *name != "error_uri" || kind.has_error_uri());
        assert_eq!(members(&json), expected);

        let body: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(body["error_codes"], case["codes"]);
        let layout = captures["error_description_layout"].as_str().unwrap();
        let described = layout
            .replace("<code>", &code.to_string())
            .replace("<text>", kind.cause())
            .replacen("<guid>", body["trace_id"].as_str().unwrap(), 1)
            .replacen("<guid>", body["correlation_id"].as_str().unwrap(), 1)
            .replace("<YYYY-MM-DD HH:MM:SSZ>", body["timestamp"].as_str().unwrap());
        assert_eq!(body["error_description"], described);
    }
}

#[test]
fn a_v2_answer_has_the_captured_members_and_no_other() {
    let captures = captures();
    let json = TokenResponse {
        access_token: "a.b.c",
        expires_in: 3599,
        expires_on: 2,
        not_before: 1,
        resource: "api://ledger",
    }
    .to_json(EndpointVersion::V2);
    let expected = &captures["client_credentials_response"];
    assert_eq!(members(&json), strings(&expected["fields"]));
}

#[test]
fn a_v2_token_has_the_captured_claims_but_for_the_allowed_ones() {
    let captures = captures();
    let expected = &captures["client_credentials_v2_token"];
    let omitted = strings(&expected["omitted_by_behalf"]);
    let token = v2::AppToken {
        aud: Uuid::from_u128(1),
        iss: "https://login.example.test/t/v2.0",
        iat: 1,
        nbf: 1,
        exp: 2,
        azp: Uuid::from_u128(2),
        azpacr: ClientAuthenticationClass::Secret,
        idtyp: None,
        oid: Uuid::from_u128(3),
        roles: &[],
        sub: Uuid::from_u128(3),
        tid: Uuid::from_u128(4),
        uti: TokenId(Uuid::from_u128(5)),
        ver: v2::Version::V2,
        xms_cc: &[],
    };
    let written = serde_json::to_value(&token).unwrap();
    let mut names: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut claims = strings(&expected["claims"]);
    claims.retain(|name| !omitted.contains(name));
    assert_eq!(names, claims);
    assert_eq!(written["ver"], "2.0");
}

#[test]
fn the_discovery_document_of_common_has_the_captured_members() {
    let captures = captures();
    let expected = &captures["discovery_common_v2"];
    let authority = Authority::parse("https://login.example.test").unwrap();
    let document = serde_json::to_value(OpenIdConfiguration::new(
        &authority,
        EndpointVersion::V2,
        MetadataTenant::Common,
        &["PS256", "RS256"],
    ))
    .unwrap();
    for (member, value) in expected["booleans"].as_object().unwrap() {
        assert_eq!(&document[member], value, "{member}");
    }
    let methods = "token_endpoint_auth_methods_supported";
    assert_eq!(document[methods], expected[methods]);
    for member in strings(&expected["has"]) {
        assert!(document.get(member).is_some(), "{member}");
    }
    for member in strings(&expected["served_only_with_the_feature"]) {
        assert!(document.get(member).is_none(), "{member}");
    }
}
