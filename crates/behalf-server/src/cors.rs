//! What browsers ask before script of another origin may send a token request (decisions.md 25):
//! allowed is the origin of a page of an application that has a service principal in the tenant.
//! Whether the page reads the answer is said there, and only to the client's own page.

use axum::body::Body;
use behalf_protocol::error::AadSts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};

use crate::{
    error::{ErrorAnswer, standing},
    journal::Shed,
    state::{Core, Unresolved},
    unserved,
};

/// Headers that clients in a browser send along with a form.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, client-request-id, content-type, return-client-request-id, x-anchormailbox, \
     x-app-name, x-app-ver, x-client-cpu, x-client-current-telemetry, x-client-last-telemetry, \
     x-client-os, x-client-sku, x-client-ver, x-ms-lib-capability",
);
const REQUESTED_METHOD: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;

/// Answers `OPTIONS` at an address of the tenant that `segment` names and that takes POST. Never
/// with credentials: no cookie is looked at there.
pub(crate) async fn preflight(core: &Core, segment: &str, parts: &Parts) -> Response<Body> {
    let request = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
    if let Some(wait) = core.server.limits.address_exhausted(request.address, request.now) {
        let answer = ErrorAnswer::of(AadSts::Throttled).after(wait);
        return core.turn_away(Shed::Limited, &answer, &request);
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    standing(headers, &request);
    headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = asked(parts) else { return answer };
    let tenant = match core.tenant(segment, &request).await {
        Ok(Some(tenant)) => tenant.tenant.id,
        Ok(None) => return answer,
        Err(Unresolved::Throttled(wait)) => {
            let answer = ErrorAnswer::of(AadSts::Throttled).after(wait);
            return core.turn_away(Shed::Limited, &answer, &request);
        }
        Err(Unresolved::Unreadable(error)) => {
            unserved::tell(&error, "a preflight could not read the directory");
            return core.unavailable(Shed::Overload, &request);
        }
    };
    let monotonic = core.server.clock.monotonic();
    match core.server.facts.has_page(tenant, origin.1, monotonic).await {
        Ok(true) => {}
        Ok(false) => return answer,
        Err(error) => {
            unserved::tell(&error, "a preflight could not read the directory");
            return core.unavailable(Shed::Overload, &request);
        }
    }
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.0.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}

/// The origin that wants to post, if that is what the browser asks.
fn asked(parts: &Parts) -> Option<(&HeaderValue, &str)> {
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    let method = parts.headers.get(REQUESTED_METHOD)?;
    let posts = method.as_bytes() == Method::POST.as_str().as_bytes();
    origin.to_str().ok().filter(|_| posts).map(|text| (origin, text))
}
