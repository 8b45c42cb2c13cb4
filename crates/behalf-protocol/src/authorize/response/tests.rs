use proptest::prelude::*;

use crate::error::AadSts;

use super::*;

const GRANTED: SuccessResponse<'_> = SuccessResponse {
    code: Some("eyJj.0"),
    id_token: None,
    client_info: None,
    state: Some("a b&c=\"<>#"),
    session_state: Some(Uuid::nil()),
    admin_consent: false,
    iss: "https://host/t/v2.0",
};

fn location(granted: &SuccessResponse<'_>, uri: &str, mode: ResponseMode) -> String {
    match granted.parameters().deliver(uri, mode) {
        Delivery::Location(location) => location,
        Delivery::FormPost { .. } => panic!("not a redirect"),
    }
}

#[test]
fn a_query_ends_in_an_empty_fragment() {
    assert_eq!(
        location(&GRANTED, "https://app.test/cb", ResponseMode::Query),
        "https://app.test/cb?code=eyJj.0&state=a%20b%26c%3D%22%3C%3E%23\
         &session_state=00000000-0000-0000-0000-000000000000\
         &iss=https%3A%2F%2Fhost%2Ft%2Fv2.0#"
    );
}

#[test]
fn a_fragment_carries_the_same() {
    let granted = SuccessResponse {
        id_token: Some("eyJi"),
        client_info: Some("eyJ1"),
        state: None,
        session_state: None,
        admin_consent: true,
        ..GRANTED
    };
    assert_eq!(
        location(&granted, "https://app.test/cb?x=1", ResponseMode::Fragment),
        "https://app.test/cb?x=1#code=eyJj.0&id_token=eyJi&client_info=eyJ1&admin_consent=True\
         &iss=https%3A%2F%2Fhost%2Ft%2Fv2.0"
    );
}

#[test]
fn the_uri_keeps_its_query_and_gets_a_path() {
    let granted =
        SuccessResponse { code: Some("c"), state: None, session_state: None, iss: "i", ..GRANTED };
    for (uri, expected) in [
        ("https://app.test", "https://app.test/?code=c&iss=i#"),
        ("http://localhost:8400", "http://localhost:8400/?code=c&iss=i#"),
        ("https://app.test?x=1", "https://app.test/?x=1&code=c&iss=i#"),
        ("https://app.test/cb?x=1", "https://app.test/cb?x=1&code=c&iss=i#"),
        ("https://app.test/cb?", "https://app.test/cb?code=c&iss=i#"),
        ("msal1c://auth", "msal1c://auth?code=c&iss=i#"),
        ("com.example:/cb", "com.example:/cb?code=c&iss=i#"),
        (
            "https://app.test/caf\u{e9} \r\nX: y",
            "https://app.test/caf%C3%A9%20%0D%0AX:%20y?code=c&iss=i#",
        ),
    ] {
        assert_eq!(location(&granted, uri, ResponseMode::Query), expected);
    }
}

#[test]
fn a_form_is_escaped_inputs_only() {
    let granted =
        SuccessResponse { state: Some("\"><script>'&\r\n"), session_state: None, ..GRANTED };
    let delivery =
        granted.parameters().deliver("https://app.test/cb?a=1&b=\"2", ResponseMode::FormPost);
    let expected = Delivery::FormPost {
        action: "https://app.test/cb?a=1&amp;b=&quot;2".to_owned(),
        inputs: concat!(
            r#"<input type="hidden" name="code" value="eyJj.0">"#,
            r#"<input type="hidden" name="state" value="&quot;&gt;&lt;script&gt;&#39;&amp;&#13;&#10;">"#,
            r#"<input type="hidden" name="iss" value="https://host/t/v2.0">"#,
        )
        .to_owned(),
    };
    assert_eq!(delivery, expected);
}

#[test]
fn an_error_names_itself_its_state_and_its_issuer() {
    let error = ErrorBody {
        kind: AadSts::ConsentDeclined,
        text: "No.",
        trace_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        timestamp: 0,
        authority: "https://host",
    };
    let refused = ErrorResponse { error: &error, cancelled: true, state: Some("s"), iss: "i" };
    let Delivery::Location(location) =
        refused.parameters().deliver("https://app.test/cb", ResponseMode::Query)
    else {
        panic!("not a redirect")
    };
    let start = "https://app.test/cb?error=access_denied&error_subcode=cancel\
                 &error_description=AADSTS65004%3A%20No.%20Trace%20ID%3A%2000000000";
    assert!(location.starts_with(start), "{location}");
    assert!(location.ends_with("&state=s&iss=i#"), "{location}");
    let refused = ErrorResponse { cancelled: false, state: None, ..refused };
    assert_eq!(format!("{:?}", refused.parameters()), r#"["error", "error_description", "iss"]"#);
}

#[test]
fn no_code_is_shown() {
    assert!(!format!("{GRANTED:?} {:?}", GRANTED.parameters()).contains("eyJ"));
}

proptest! {
    #[test]
    fn whatever_the_state_the_header_is_visible_and_the_form_closed(state in ".{0,32}", uri in "https://a\\.test/.{0,16}") {
        let granted = SuccessResponse { state: Some(&state), ..GRANTED };
        for mode in [ResponseMode::Query, ResponseMode::Fragment] {
            let location = location(&granted, &uri, mode);
            prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{}", location);
        }
        let Delivery::FormPost { inputs, action } = granted.parameters().deliver(&uri, ResponseMode::FormPost) else {
            panic!("not a form")
        };
        prop_assert_eq!(inputs.matches('<').count(), 4);
        prop_assert_eq!(inputs.matches('"').count(), 4 * 6);
        prop_assert!(!action.contains(['<', '>', '"', '\'']));
    }
}
