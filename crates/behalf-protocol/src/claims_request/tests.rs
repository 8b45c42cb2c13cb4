use proptest::prelude::*;

use super::*;

fn parsed(json: &str) -> ClaimsRequest {
    ClaimsRequest::parse(json).unwrap()
}

#[test]
fn what_clients_send_for_their_capabilities() {
    for json in [
        r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#,
        r#"{"access_token": {"xms_cc": {"values": ["CP1"]}}}"#,
        r#"{"access_token":{"xms_cc":{"values":["cp2","cp1"]},"other":null},"userinfo":{"x":null}}"#,
        r#"{"access_token":{"xms_cc":{"value":"cp1"}}}"#,
    ] {
        assert!(parsed(json).handles_challenges(), "{json}");
    }
    for json in [
        "{}",
        r#"{"access_token":{}}"#,
        r#"{"access_token":{"xms_cc":null}}"#,
        r#"{"access_token":{"xms_cc":{"values":["cp11", 1, ["cp1"], {"cp1":1}]}}}"#,
        r#"{"id_token":{"xms_cc":{"values":["cp1"]}}}"#,
    ] {
        assert!(!parsed(json).handles_challenges(), "{json}");
    }
}

#[test]
fn challenges_are_read_back_as_written() {
    let context = parsed(&ClaimsChallenge::AuthenticationContext("c1").to_json());
    assert_eq!(context.authentication_contexts().collect::<Vec<_>>(), ["c1"]);
    assert!(context.access_token.get("acrs").unwrap().essential);
    assert_eq!(
        parsed(&ClaimsChallenge::NotBefore(1_700_000_000).to_json()).not_before(),
        Some(1_700_000_000)
    );
    assert_eq!(
        ClaimsChallenge::Policy(Uuid::nil()).to_json(),
        concat!(
            r#"{"access_token":{"capolids":{"essential":true,"#,
            r#""values":["00000000-0000-0000-0000-000000000000"]}}}"#
        )
    );
    assert_eq!(
        ClaimsChallenge::AuthenticationContext("c1\"}").to_json(),
        r#"{"access_token":{"acrs":{"essential":true,"value":"c1\"}"}}}"#
    );
}

#[test]
fn a_time_is_a_number_or_its_digits() {
    let nbf = |value: &str| {
        parsed(&format!(r#"{{"access_token":{{"nbf":{{"essential":true,"value":{value}}}}}}}"#))
            .not_before()
    };
    assert_eq!(nbf(r#""17""#), Some(17));
    assert_eq!(nbf("17"), Some(17));
    for other in ["-1", r#""-1""#, "1.5", "true", r#""x""#, "null"] {
        assert_eq!(nbf(other), None, "{other}");
    }
}

#[test]
fn capability_and_challenge_merge() {
    let mut request = parsed(
        r#"{"access_token":{"xms_cc":{"values":["cp1"]},"acrs":{"value":"c1"},"sid":null}}"#,
    );
    request.merge(parsed(
        r#"{"access_token":{"acrs":{"essential":true,"value":"c2"},"xms_cc":{"values":["cp1","cp2"]},
            "nbf":{"value":"5"}},"id_token":{"email":null}}"#,
    ));
    assert!(request.handles_challenges());
    assert_eq!(request.access_token.texts("xms_cc").collect::<Vec<_>>(), ["cp1", "cp2"]);
    assert_eq!(request.authentication_contexts().collect::<Vec<_>>(), ["c2"]);
    assert!(request.access_token.get("acrs").unwrap().essential);
    assert_eq!(request.not_before(), Some(5));
    request.merge(parsed(r#"{"access_token":{"acrs":{"values":["c3"]}}}"#));
    let acrs = request.access_token.get("acrs").unwrap();
    assert!(acrs.essential, "what was essential stays so");
    assert_eq!(request.authentication_contexts().collect::<Vec<_>>(), ["c2", "c3"]);
    assert!(request.id_token.asks_for("email") && request.access_token.asks_for("sid"));
}

#[test]
fn what_is_no_claims_request_is_refused() {
    let deep = format!(
        "{{\"access_token\":{{\"x\":{{\"value\":{}1{}}}}}}}",
        "[".repeat(500),
        "]".repeat(500)
    );
    let wide = format!("{{\"x\":\"{}\"}}", "a".repeat(MAX_CLAIMS_BYTES));
    let names: Vec<_> = (0..=MAX_CLAIMS).map(|n| format!("\"c{n}\":null")).collect();
    let many = format!("{{\"access_token\":{{{}}}}}", names.join(","));
    for (json, expected) in [
        ("", ClaimsRequestError::Malformed),
        ("null", ClaimsRequestError::Malformed),
        ("1", ClaimsRequestError::Malformed),
        (r#"{"access_token":[1]}"#, ClaimsRequestError::Malformed),
        (r#"{"access_token":{"x":1}}"#, ClaimsRequestError::Malformed),
        (r#"{"access_token":{"x":{"essential":"yes"}}}"#, ClaimsRequestError::Malformed),
        (r#"{"access_token":{"x":{"values":"cp1"}}}"#, ClaimsRequestError::Malformed),
        (r#"{"access_token":{}} x"#, ClaimsRequestError::Malformed),
        (deep.as_str(), ClaimsRequestError::Malformed),
        (wide.as_str(), ClaimsRequestError::TooLong),
        (many.as_str(), ClaimsRequestError::TooLong),
    ] {
        let error = ClaimsRequest::parse(json).unwrap_err();
        assert_eq!((error, error.aadsts().code()), (expected, 90_100), "{json:.60}");
    }
}

proptest! {
    #[test]
    fn never_panics(json in "[\\[\\]{}\":,a-z0-9._ -]{0,80}") {
        let _ = ClaimsRequest::parse(&json);
    }

    #[test]
    fn merging_into_nothing_changes_nothing(names in proptest::collection::vec("[a-d]", 0..6)) {
        let members: BTreeMap<_, _> = names.iter().map(|name| (name, serde_json::json!({"values": [name]}))).collect();
        let request = parsed(&serde_json::json!({ "access_token": members }).to_string());
        let mut merged = ClaimsRequest::default();
        merged.merge(request.clone());
        prop_assert_eq!(merged, request);
    }
}
