use proptest::prelude::*;

use super::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn refused(body: &str) -> FormError {
    TokenForm::parse(FORM, body.as_bytes()).unwrap_err()
}

#[test]
fn reads_what_msal_node_sends() {
    let body = "client_id=1c&scope=api%3A%2F%2Fledger%2F.default&grant_type=client_credentials\
                &client_secret=bhs_x&x-client-SKU=msal.js.node&x-client-VER=7.2.1\
                &client-request-id=0190c1de-0000-7000-8000-000000000001&x-client-SKU=again";
    let form =
        TokenForm::parse(Some("application/x-www-form-urlencoded;charset=utf-8"), body.as_bytes())
            .unwrap();
    assert_eq!(form.client_id.as_deref(), Some("1c"));
    assert_eq!(form.scope.as_deref(), Some("api://ledger/.default"));
    assert_eq!(form.grant_type.as_deref(), Some("client_credentials"));
    assert_eq!(form.client_secret.as_ref().map(SecretText::expose), Some("bhs_x"));
    assert_eq!(form.client_request_id, Some(uuid::uuid!("0190c1de-0000-7000-8000-000000000001")));
    assert!(matches!(form.client_id, Some(Cow::Borrowed(_))), "nothing to decode is not copied");
}

#[test]
fn every_parameter_of_the_other_grants_reaches_its_field() {
    let form = TokenForm::parse(
        FORM,
        b"requested_token_use=1&redirect_uri=2&username=3&subject_token_type=4&actor_token_type=5\
          &requested_token_type=6&audience=7&token_type_hint=8&code=a&code_verifier=b\
          &refresh_token=c&assertion=d&password=%20e%20&device_code=f&subject_token=g\
          &actor_token=h&token=i&req_cnf=j&nonce=k&token_type=l",
    )
    .unwrap();
    let plain = [
        &form.requested_token_use,
        &form.redirect_uri,
        &form.username,
        &form.subject_token_type,
        &form.actor_token_type,
        &form.requested_token_type,
        &form.audience,
        &form.token_type_hint,
    ];
    let plain: Vec<_> = plain.map(|value| value.as_deref().unwrap()).into();
    assert_eq!(plain, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    let secret = [
        &form.code,
        &form.code_verifier,
        &form.refresh_token,
        &form.assertion,
        &form.password,
        &form.device_code,
        &form.subject_token,
        &form.actor_token,
        &form.token,
    ];
    let secret: Vec<_> = secret.map(|value| value.as_ref().unwrap().expose()).into();
    assert_eq!(
        secret,
        ["a", "b", "c", "d", " e ", "f", "g", "h", "i"],
        "blanks are the password's"
    );
}

#[test]
fn msal_is_known_by_its_telemetry() {
    let telling =
        |body: &'static str| TokenForm::parse(FORM, body.as_bytes()).unwrap().msal_telemetry;
    assert!(telling("client_id=a&x-client-SKU=msal.js.node"));
    assert!(telling("X-Client-Ver=1"));
    for body in [
        "client_id=a",
        "client-request-id=x",
        "x-client",
        "x-\u{e9}lient-SKU=1",
        "scope=x-client-SKU",
    ] {
        assert!(!telling(body), "{body}");
    }
}

#[test]
fn an_empty_value_is_absent() {
    for body in ["", "grant_type=", "grant_type", "&&", "=x", "grant_type=&claims="] {
        let form = TokenForm::parse(FORM, body.as_bytes()).unwrap();
        assert!(form.grant_type.is_none() && form.claims.is_none(), "{body:?}");
    }
}

#[test]
fn only_a_form_is_read() {
    let body = b"grant_type=client_credentials";
    for content_type in [
        None,
        Some(""),
        Some("application/json"),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
        Some("application/x-www-form-urlencodedx"),
    ] {
        let error = TokenForm::parse(content_type, body).unwrap_err();
        assert_eq!(error, FormError::WrongContentType, "{content_type:?}");
        assert_eq!((error.aadsts().code(), error.aadsts().status()), (9_002_313, 400));
    }
    TokenForm::parse(Some("Application/X-WWW-Form-Urlencoded ; charset=UTF-8"), body).unwrap();
}

#[test]
fn an_oauth_parameter_appears_once() {
    for (body, name) in [
        ("grant_type=client_credentials&grant_type=client_credentials", "grant_type"),
        ("client_id=a&client_id=b", "client_id"),
        ("scope=a&client_id=a&scope=b", "scope"),
        ("client_secret=wrong&client_secret=right", "client_secret"),
        ("client_secret=right&client_secret=wrong", "client_secret"),
        ("client_id=&client_id=b", "client_id"),
        ("client_id=a&client%5Fid=b", "client_id"),
        ("assertion=a&assertion=a", "assertion"),
        ("nonce=a&nonce=a", "nonce"),
    ] {
        assert_eq!(refused(body), FormError::Repeated { name }, "{body}");
    }
    assert_eq!(refused("code=1&code=2").aadsts().code(), 9_000_411);
}

#[test]
fn broken_encoding_is_refused_wherever_it_is() {
    for body in [
        "client_id=%zz",
        "client_id=%",
        "scope=%u0041",
        "client_secret=%ff%fe",
        "x-unknown=%00",
        "%zz=1",
        "client_id=a%0",
    ] {
        assert_eq!(refused(body), FormError::BadEncoding, "{body}");
    }
    let error = TokenForm::parse(FORM, b"client_id=\xff\xfe").unwrap_err();
    assert_eq!(error, FormError::BadEncoding);
    assert_eq!(TokenForm::parse(FORM, b"client_id=a\0").unwrap_err(), FormError::BadEncoding);
}

#[test]
fn size_and_number_of_fields_are_bounded() {
    let fields = |count: usize| vec!["x=1"; count].join("&");
    TokenForm::parse(FORM, fields(MAX_FIELDS).as_bytes()).unwrap();
    assert_eq!(refused(&fields(MAX_FIELDS + 1)), FormError::TooManyFields);
    assert_eq!(refused(&fields(10_000)), FormError::TooManyFields);
    assert_eq!(refused(&"&".repeat(MAX_FIELDS)), FormError::TooManyFields);
    assert_eq!(refused(&"x".repeat(MAX_BODY_BYTES + 1)), FormError::TooLarge);
    assert_eq!(FormError::TooLarge.aadsts().status(), 413);
}

#[test]
fn names_are_exact() {
    let form = TokenForm::parse(FORM, b"Client_Id=a&client_id%20=b&client_id%E2%80%8B=c").unwrap();
    assert!(form.client_id.is_none());
}

#[test]
fn nothing_secret_is_shown() {
    let body = b"client_secret=canary-1&client_assertion=canary%2D2&assertion=canary&code=canary\
                 &refresh_token=canary&code_verifier=canary&password=canary&device_code=canary\
                 &subject_token=canary&actor_token=canary&token=canary";
    let shown = format!("{:?}", TokenForm::parse(FORM, body).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn every_parameter_has_a_bit_of_its_own() {
    assert!(PARAMETERS.len() <= 32);
    for (index, name) in PARAMETERS.iter().enumerate() {
        assert!(!PARAMETERS[index + 1..].contains(name), "{name} is listed twice");
    }
}

proptest! {
    #[test]
    fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = TokenForm::parse(FORM, &body);
    }

    #[test]
    fn never_panics_on_form_like_text(body in "([a-z_]{0,12}=?[%+&=0-9a-f]{0,12}&?){0,20}") {
        let _ = TokenForm::parse(FORM, body.as_bytes());
    }
}
