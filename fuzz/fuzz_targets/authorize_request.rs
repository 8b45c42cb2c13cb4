//! Authorization requests in their two stages: nobody is trusted but the client that is registered,
//! at a redirect URI that is registered; and whatever is then answered, it goes there and nowhere
//! else, with `state` as it was sent.
#![no_main]

use std::sync::LazyLock;

use behalf_core::{
    application::{AppKind, Application, Platform, Redirect},
    authorize::destination,
    id::{AppId, ObjectId, TenantId},
    time::Timestamp,
};
use behalf_protocol::{
    EndpointVersion,
    admin_consent::AdminConsentRequest,
    authorize::{AuthorizeParameters, Delivery, Prompt, ResponseMode, SuccessResponse},
};
use libfuzzer_sys::fuzz_target;

const CLIENT: &str = "de540000-0000-4000-8000-000000000002";
const TENANT: TenantId = TenantId::NIL;

static APPLICATION: LazyLock<Application> = LazyLock::new(|| {
    let client = CLIENT.parse::<AppId>().expect("a GUID");
    let home = (TENANT, "desk-app");
    let mut app = Application::new(ObjectId::NIL, client, home, AppKind::Web, Timestamp(0));
    let uris = [
        ("https://app.test/cb?a=1", Platform::Web),
        ("http://localhost/cb", Platform::InstalledClient),
    ];
    let registered = uris.into_iter().map(|(uri, platform)| Redirect::register(uri, platform));
    app.redirects = registered.collect::<Result<_, _>>().expect("both can be registered");
    app
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(parameters) = AuthorizeParameters::parse(text) else { return };
    for version in [EndpointVersion::V1, EndpointVersion::V2] {
        one(&parameters, version);
    }
});

fn one(parameters: &AuthorizeParameters<'_>, version: EndpointVersion) {
    let Ok(asked) = parameters.destination(version) else { return };
    assert!(!asked.client_id.is_empty());
    let mode = parameters.error_response_mode();
    if let Ok(request) = parameters.request(version) {
        assert_eq!(request.state, parameters.state());
        assert!(request.state.is_none_or(|state| state.len() <= 2048));
        assert!(request.scopes.resources.len() <= 100);
        let alone = !request.prompts.contains(Prompt::None)
            || !(request.prompts.contains(Prompt::Login) || request.prompts.contains(Prompt::Consent));
        assert!(alone, "prompt=none stands alone");
    }
    let _ = AdminConsentRequest::of(parameters, version);
    let Ok(trusted) = destination(&asked, Some(&APPLICATION), Some(TENANT)) else { return };
    assert!(asked.client_id.eq_ignore_ascii_case(CLIENT));
    let own = APPLICATION.redirects.iter().any(|redirect| redirect.uri == trusted.uri());
    assert!(own || is_loopback(trusted.uri()), "{}", trusted.uri());
    let state = parameters.state();
    answered(trusted.uri(), state, mode);
}

/// `http://localhost` with a port, and the registered path.
fn is_loopback(uri: &str) -> bool {
    let port = uri.strip_prefix("http://localhost:").and_then(|rest| rest.strip_suffix("/cb"));
    port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn answered(uri: &str, state: Option<&str>, mode: ResponseMode) {
    let answer = SuccessResponse {
        code: Some("code"),
        id_token: None,
        client_info: None,
        state,
        session_state: None,
        admin_consent: false,
        iss: "https://login.acme.test/",
    };
    match answer.parameters().deliver(uri, mode) {
        Delivery::Location(location) => {
            assert!(location.starts_with(uri), "{location}");
            assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        }
        Delivery::FormPost { action, inputs } => {
            let quotes = |text: &str| text.contains("<script") || text.contains("\"><");
            assert!(!action.contains('"') && !quotes(&inputs.replace("\"><input", "\" ><input")));
        }
    }
}
