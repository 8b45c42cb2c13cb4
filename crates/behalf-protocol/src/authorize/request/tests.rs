use proptest::prelude::*;

use crate::authorize::{Destination, Prompt};
use crate::query::QueryError;

use super::*;

const CHALLENGE: &str =
    "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn v2(query: &str) -> Result<(), AuthorizeError> {
    AuthorizeParameters::parse(query).unwrap().request(EndpointVersion::V2).map(|_| ())
}

#[test]
fn what_msal_python_sends() {
    let query = format!(
        "client_id=1c&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A8400\
         &scope=api%3A%2F%2Forders%2FRead+openid+profile+offline_access&state=s%2Bt&{CHALLENGE}\
         &nonce=n&client_info=1&haschrome=1&client-request-id=x&x-client-SKU=a&x-client-SKU=b"
    );
    let parameters = AuthorizeParameters::parse(&query).unwrap();
    let destination = parameters.destination(EndpointVersion::V2).unwrap();
    let expected = Destination { client_id: "1c", redirect_uri: Some("http://localhost:8400") };
    assert_eq!(destination, expected);
    let request = parameters.request(EndpointVersion::V2).unwrap();
    assert_eq!(request.response_type, ResponseType::Code);
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.scopes.sole().unwrap().resource.as_str(), "api://orders");
    assert_eq!((request.state, request.nonce), (Some("s+t"), Some("n")));
    assert!(request.client_info && request.challenge.is_some());
    assert_eq!(request.prompts, Prompts::default());
}

#[test]
fn what_adal_sends_to_v1() {
    let query = "response_type=code&client_id=1c&resource=https%3A%2F%2Fhost%2F&state=s\
                 &prompt=admin_consent";
    let parameters = AuthorizeParameters::parse(query).unwrap();
    let destination = parameters.destination(EndpointVersion::V1).unwrap();
    assert_eq!(destination.redirect_uri, None, "the application's own is meant");
    let request = parameters.request(EndpointVersion::V1).unwrap();
    assert!(request.prompts.contains(Prompt::AdminConsent));
    assert_eq!(request.scopes.sole().unwrap().resource.as_str(), "https://host/");

    let later = AuthorizeParameters::parse("client_id=1c&response_type=code").unwrap();
    let request = later.request(EndpointVersion::V1).unwrap();
    assert!(request.scopes.resources.is_empty(), "the token request may name the resource");
}

#[test]
fn without_a_clear_destination_there_is_only_a_page() {
    for (query, version, expected) in [
        ("", EndpointVersion::V2, QueryError::Missing { name: "client_id" }),
        ("client_id=a", EndpointVersion::V2, QueryError::Missing { name: "redirect_uri" }),
        (
            "client_id=a&client_id=b&redirect_uri=c",
            EndpointVersion::V2,
            QueryError::Repeated { name: "client_id" },
        ),
        (
            "client_id=a&redirect_uri=https://good&redirect_uri=https://evil",
            EndpointVersion::V2,
            QueryError::Repeated { name: "redirect_uri" },
        ),
        (
            "client_id=a&redirect_uri=b&redirect_uri=",
            EndpointVersion::V1,
            QueryError::Repeated { name: "redirect_uri" },
        ),
    ] {
        let parameters = AuthorizeParameters::parse(query).unwrap();
        assert_eq!(parameters.destination(version).unwrap_err(), expected, "{query}");
    }
}

#[test]
fn what_is_wrong_with_the_rest_is_redirectable() {
    let long =
        |name, length: usize| format!("{name}={}&response_type=code&scope=a/R", "x".repeat(length));
    for (query, code, error) in [
        ("scope=a/R".to_owned(), 900_144, "invalid_request"),
        ("response_type=code".to_owned(), 900_144, "invalid_request"),
        ("response_type=foo&scope=a/R".to_owned(), 70_005, "unsupported_response_type"),
        ("response_type=code&response_mode=jwt&scope=a/R".to_owned(), 70_007, "invalid_request"),
        (
            "response_type=id_token&response_mode=query&nonce=n&scope=openid".to_owned(),
            70_007,
            "invalid_request",
        ),
        ("response_type=id_token&scope=openid".to_owned(), 900_144, "invalid_request"),
        ("response_type=code&scope=a/R&scope=b/R".to_owned(), 9_000_411, "invalid_request"),
        ("response_type=code&scope=a/R&state=1&state=2".to_owned(), 9_000_411, "invalid_request"),
        ("response_type=code&scope=a/R&resource=a".to_owned(), 901_002, "invalid_request"),
        ("response_type=code&scope=a/R+a/.default".to_owned(), 70_011, "invalid_scope"),
        ("response_type=code&scope=a/R&prompt=none+login".to_owned(), 90_100, "invalid_request"),
        ("response_type=code&scope=a/R&max_age=-1".to_owned(), 90_100, "invalid_request"),
        ("response_type=code&scope=a/R&max_age=1.5".to_owned(), 90_100, "invalid_request"),
        ("response_type=code&scope=a/R&claims=%7B".to_owned(), 90_100, "invalid_request"),
        ("response_type=code&scope=a/R&request=eyJ".to_owned(), 90_100, "request_not_supported"),
        (
            "response_type=code&scope=a/R&request_uri=http://169.254.169.254/".to_owned(),
            90_100,
            "request_uri_not_supported",
        ),
        ("response_type=code&scope=a/R&code_challenge=x".to_owned(), 501_491, "invalid_request"),
        (
            "response_type=code&scope=a/R&code_challenge_method=S256".to_owned(),
            50_147,
            "invalid_request",
        ),
        (long("state", MAX_STATE_BYTES + 1), 90_015, "invalid_request"),
        (long("nonce", 513), 90_015, "invalid_request"),
        (long("login_hint", 513), 90_015, "invalid_request"),
        (long("domain_hint", 254), 90_015, "invalid_request"),
    ] {
        let kind = v2(&query).unwrap_err().aadsts();
        assert_eq!((kind.code(), kind.oauth().as_str()), (code, error), "{query:.60}");
    }
    assert_eq!(v2(&long("state", MAX_STATE_BYTES)), Ok(()));
}

#[test]
fn an_age_is_a_number_of_seconds() {
    for (text, expected) in [("0", 0), ("3600", 3600), ("99999999999", u32::MAX)] {
        let query = format!("response_type=code&scope=a/R&max_age={text}");
        let parameters = AuthorizeParameters::parse(&query).unwrap();
        assert_eq!(parameters.request(EndpointVersion::V2).unwrap().max_age, Some(expected));
    }
}

#[test]
fn an_error_finds_its_way_back_even_when_the_way_is_wrong() {
    for (query, expected) in [
        ("response_type=code&response_mode=jwt", ResponseMode::Query),
        ("response_type=id_token&response_mode=query", ResponseMode::Fragment),
        ("response_type=foo", ResponseMode::Query),
        ("response_mode=form_post", ResponseMode::FormPost),
        ("response_mode=form_post&response_mode=query", ResponseMode::Query),
    ] {
        let parameters = AuthorizeParameters::parse(query).unwrap();
        assert_eq!(parameters.error_response_mode(), expected, "{query}");
    }
    let state = |query: &str| AuthorizeParameters::parse(query).unwrap().state().map(str::to_owned);
    assert_eq!(state("state=%3Cb%3E%0D%0A").as_deref(), Some("<b>\r\n"));
    assert_eq!(state("state=a&state=a"), None);
    assert_eq!(state(&format!("state={}", "x".repeat(MAX_STATE_BYTES + 1))), None);
}

#[test]
fn a_language_is_the_first_wish() {
    let locale =
        |query: &str| AuthorizeParameters::parse(query).unwrap().locale().map(str::to_owned);
    assert_eq!(locale("ui_locales=de-AT+en").as_deref(), Some("de-AT"));
    assert_eq!(locale("mkt=fr-FR").as_deref(), Some("fr-FR"));
    assert_eq!(locale(&format!("ui_locales={}", "x".repeat(64_00))), None);
}

proptest! {
    #[test]
    fn never_panics(query in "((client_id|redirect_uri|scope|state|prompt|max_age|claims|nonce|response_type|code_challenge|resource)=[a-z0-9%+/.:{}\"-]{0,12}&){0,8}") {
        if let Ok(parameters) = AuthorizeParameters::parse(&query) {
            for version in [EndpointVersion::V1, EndpointVersion::V2] {
                let _ = parameters.destination(version);
                let _ = parameters.request(version);
            }
            let _ = parameters.error_response_mode();
        }
    }
}
