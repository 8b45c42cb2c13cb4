//! A token request: the first line is the `Authorization` header, the rest is the body.
#![no_main]

use behalf_core::token::client_auth::Presented;
use behalf_protocol::{
    EndpointVersion,
    token::request::{BasicCredentials, PresentedClient, RequestedAccess, TokenForm},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|byte| *byte == b'\n');
    let (header, body) = split.map_or((&b""[..], data), |at| (&data[..at], &data[at + 1..]));
    let basic = std::str::from_utf8(header).ok().and_then(|h| BasicCredentials::parse(h).ok());
    if let Some(basic) = &basic {
        assert!(!basic.client_id.is_empty());
    }
    let content_type = Some("application/x-www-form-urlencoded;charset=utf-8");
    let Ok(form) = TokenForm::parse(content_type, body) else { return };
    let texts = [&form.grant_type, &form.client_id, &form.scope, &form.resource, &form.claims];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && !text.contains('\0'));
    }
    if let Ok(client) = PresentedClient::of(&form, basic.as_ref()) {
        let presented = Presented::parse(client.authentication);
        assert!(client.client_id.is_some() || matches!(presented, Presented::Assertion(_)));
    }
    for version in [EndpointVersion::V1, EndpointVersion::V2] {
        let (resource, scope) = (form.resource.as_deref(), form.scope.as_deref());
        let Ok(target) = RequestedAccess::for_client_credentials(version, resource, scope) else {
            continue;
        };
        assert!((1..=512).contains(&target.as_str().len()));
        assert!(target.as_str().bytes().all(|b| b.is_ascii_graphic()));
    }
});
