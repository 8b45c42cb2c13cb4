use super::*;

const EXCHANGE: &str =
    "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

fn form(body: &str) -> TokenForm<'_> {
    TokenForm::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap()
}

fn refused<T: std::fmt::Debug>(parsed: Parsed<T>) -> (GrantParameterError, u32, &'static str) {
    let error = parsed.unwrap_err();
    (error, error.aadsts().code(), error.aadsts().oauth().as_str())
}

fn missing(name: &'static str) -> (GrantParameterError, u32, &'static str) {
    (GrantParameterError::Missing { name }, 900_144, "invalid_request")
}

#[test]
fn a_code_with_all_that_belongs_to_it() {
    let verifier = "a".repeat(43);
    let body = format!("code=c&redirect_uri=https://app/cb&code_verifier={verifier}");
    let form = form(&body);
    let request = AuthorizationCodeRequest::of(&form).unwrap();
    assert_eq!((request.code.expose(), request.redirect_uri), ("c", Some("https://app/cb")));
    assert!(request.code_verifier.is_some());
}

#[test]
fn a_code_alone_and_none() {
    let alone = form("code=c");
    let request = AuthorizationCodeRequest::of(&alone).unwrap();
    assert!(request.code_verifier.is_none() && request.redirect_uri.is_none());
    assert_eq!(refused(AuthorizationCodeRequest::of(&form("device_code=c"))), missing("code"));
    let short = form("code=c&code_verifier=short");
    assert_eq!(refused(AuthorizationCodeRequest::of(&short)).1, 501_481);
}

#[test]
fn what_the_simple_grants_need() {
    let sent = form("refresh_token=r&username=ada@acme.test&password=+p+&device_code=d");
    assert_eq!(RefreshTokenRequest::of(&sent).unwrap().refresh_token.expose(), "r");
    assert_eq!(DeviceCodeRequest::of(&sent).unwrap().device_code.expose(), "d");
    let password = PasswordRequest::of(&sent).unwrap();
    assert_eq!((password.username, password.password.expose()), ("ada@acme.test", " p "));

    let nothing = form("refresh_token=&password=p");
    assert_eq!(refused(RefreshTokenRequest::of(&nothing)), missing("refresh_token"));
    assert_eq!(refused(DeviceCodeRequest::of(&nothing)), missing("device_code"));
    assert_eq!(refused(PasswordRequest::of(&nothing)), missing("username"));
    assert_eq!(refused(PasswordRequest::of(&form("username=u"))), missing("password"));
}

#[test]
fn a_device_code_by_either_name() {
    let both = form("code=d&device_code=d&x-client-SKU=MSAL.Python");
    let request = DeviceCodeRequest::of(&both).unwrap();
    assert!(request.device_code.expose() == "d" && request.msal_telemetry);
    let adal = form("code=d");
    let request = DeviceCodeRequest::of(&adal).unwrap();
    assert!(request.device_code.expose() == "d" && !request.msal_telemetry);
}

#[test]
fn on_behalf_of_says_so() {
    let good = "assertion=j&requested_token_use=on_behalf_of";
    assert_eq!(OnBehalfOfRequest::of(&form(good)).unwrap().assertion.expose(), "j");
    for (body, expected) in [
        ("requested_token_use=on_behalf_of", missing("assertion")),
        ("assertion=j", (GrantParameterError::TokenUse, 900_144, "invalid_request")),
        (
            "assertion=j&requested_token_use=on_behalf",
            (GrantParameterError::TokenUse, 900_144, "invalid_request"),
        ),
        (
            "assertion=j&requested_token_use=on_behalf_of\
             &requested_token_type=urn:ietf:params:oauth:token-type:saml2",
            (
                GrantParameterError::TokenType { name: "requested_token_type" },
                90_100,
                "invalid_request",
            ),
        ),
    ] {
        assert_eq!(refused(OnBehalfOfRequest::of(&form(body))), expected, "{body}");
    }
    assert!(GrantParameterError::TokenUse.to_string().contains("on_behalf_of"));
}

#[test]
fn an_exchange_has_one_target_by_any_name() {
    for (target, expected) in [
        ("resource=api://b", "api://b"),
        ("audience=api://b", "api://b"),
        ("scope=api://b/.default", "api://b"),
        ("scope=api://b/Read+openid", "api://b"),
        ("resource=api://b&scope=openid+offline_access", "api://b"),
    ] {
        let body = format!("{EXCHANGE}&{target}");
        let form = form(&body);
        let request = TokenExchangeRequest::of(&form).unwrap();
        assert_eq!(request.scopes.sole().unwrap().resource.as_str(), expected, "{target}");
        assert_eq!(request.scopes.oidc.openid(), target.contains("openid"));
    }
}

#[test]
fn an_exchange_of_anything_else_is_refused() {
    let kind = |name| (GrantParameterError::TokenType { name }, 90_100, "invalid_request");
    let target = (GrantParameterError::Target, 28_000, "invalid_target");
    let actor = (GrantParameterError::ActorToken, 90_100, "invalid_request");
    let with = |rest: &str| format!("{EXCHANGE}&{rest}");
    for (body, expected) in [
        (String::new(), missing("subject_token")),
        ("subject_token=t".to_owned(), missing("subject_token_type")),
        (
            "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:id_token"
                .to_owned(),
            kind("subject_token_type"),
        ),
        (
            with("requested_token_type=urn:ietf:params:oauth:token-type:refresh_token&resource=b"),
            kind("requested_token_type"),
        ),
        (with("actor_token=a&resource=b"), actor),
        (with("actor_token_type=a&resource=b"), actor),
        (with("requested_token_type="), target),
        (with("scope=openid"), target),
        (with("resource=a&audience=b"), target),
        (with("resource=a&scope=b/Read"), target),
        (with("scope=a/Read+b/Read"), target),
    ] {
        assert_eq!(refused(TokenExchangeRequest::of(&form(&body))), expected, "{body}");
    }
    let malformed = with("audience=%C3%A9");
    assert_eq!(refused(TokenExchangeRequest::of(&form(&malformed))).1, 500_011);
}

#[test]
fn a_target_that_may_be_left_out() {
    let optional =
        |resource, scope| RequestedScopes::optional(EndpointVersion::V2, resource, scope);
    assert_eq!(optional(None, None), Ok(None));
    assert!(optional(None, Some("a/Read")).unwrap().is_some());
    assert_eq!(optional(Some("a"), None), Err(TargetError::ResourceNotSupported));
}
