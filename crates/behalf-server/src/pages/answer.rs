//! A page as an HTTP answer.

use std::fmt::Write as _;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, StatusCode, header};

use super::{STYLE, SUBMIT};
use crate::{error::standing, request::Circumstances};

/// A page on its way out.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    status: StatusCode,
    script: bool,
    form_action: Option<&'a str>,
    frames: Vec<&'a str>,
}

impl<'a> Page<'a> {
    /// A page with `status`, whose forms go nowhere but here.
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, script: false, form_action: None, frames: Vec::new() }
    }

    /// Its form may lead to `uri`, and to where the application there sends its user on: browsers
    /// hold the policy against every redirect that follows a form (CSP 3, 6.4.2).
    pub(crate) fn leading_to(mut self, uri: &'a str) -> Self {
        self.form_action = Some(uri);
        self
    }

    /// Its form sends itself.
    pub(crate) fn sending_itself(mut self) -> Self {
        self.script = true;
        self
    }

    /// It loads `uris` in frames: front-channel sign-out.
    pub(crate) fn framing(mut self, uris: impl IntoIterator<Item = &'a str>) -> Self {
        self.frames.extend(uris);
        self
    }

    /// Renders `template` and answers with it.
    pub(crate) fn answer(
        self,
        template: &impl Template,
        request: &Circumstances,
    ) -> Response<Body> {
        let html = match template.render() {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                return response;
            }
        };
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let policy = HeaderValue::from_str(&self.policy())
            .unwrap_or(HeaderValue::from_static("default-src 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        closed(headers, request);
        if self.script {
            // The application may ask where the form comes from; the host is no secret, and with
            // `same-origin` browsers would say `Origin: null`.
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("origin"));
        }
        response
    }

    fn policy(&self) -> String {
        // A few microseconds a page: less than what is hashed takes to send.
        let [style, script] =
            [STYLE, SUBMIT].map(|text| STANDARD.encode(digest(&SHA256, text.as_bytes())));
        let mut policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'"
        );
        if self.script {
            let _ = write!(policy, "; script-src 'sha256-{script}'");
        }
        policy.push_str("; form-action 'self'");
        if let Some(sources) = self.form_action.and_then(destinations) {
            let _ = write!(policy, " {sources}");
        }
        let frames: Vec<String> = self.frames.iter().filter_map(|uri| source(uri)).collect();
        if !frames.is_empty() {
            let _ = write!(policy, "; frame-src {}", frames.join(" "));
        }
        policy
    }
}

/// A redirect after a form or to the application: 303, so that no body travels on (RFC 9700 4.12).
pub(crate) fn redirect(location: &str, request: &Circumstances) -> Option<Response<Body>> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(location).ok()?);
    closed(headers, request);
    Some(response)
}

/// What every answer to a browser carries: kept nowhere, framed nowhere, told to nobody.
fn closed(headers: &mut http::HeaderMap, request: &Circumstances) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Not `no-referrer`: browsers would then send forms to us with `Origin: null` (Fetch 3.1).
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    standing(headers, request);
}

/// The source expressions of an application's `uri` and of whatever it redirects to in turn, which
/// nobody here knows: any https address; on this device other ports too; for an application's own
/// scheme that alone. `None` for what has no place in a policy.
fn destinations(uri: &str) -> Option<String> {
    let uri = url::Url::parse(uri).ok()?;
    match (uri.scheme(), uri.host()) {
        ("https", _) => Some("https:".to_owned()),
        // A policy has no words for an IPv6 address (CSP 3, 2.3.1).
        ("http", Some(url::Host::Ipv6(_))) => Some("http: https:".to_owned()),
        ("http", _) => Some("http://localhost:* http://127.0.0.1:* https:".to_owned()),
        (own, _) => Some(format!("{own}:")),
    }
}

/// The source expression of a URI's origin (CSP 3, 2.3.1): scheme and host for the web, the scheme
/// alone for an application's own. `None` for what has no place in a policy.
fn source(uri: &str) -> Option<String> {
    let uri = url::Url::parse(uri).ok()?;
    match uri.scheme() {
        "http" | "https" => Some(uri.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_what_the_page_needs_and_nothing_else() {
        let policy = Page::new(StatusCode::OK).policy();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.ends_with("; form-action 'self'"), "{policy}");
        assert!(!policy.contains("script-src") && !policy.contains("unsafe"));

        for (uri, sources) in [
            ("https://app.test/cb?a=b", "https:"),
            ("http://localhost:4000/cb", "http://localhost:* http://127.0.0.1:* https:"),
            ("http://[::1]:4000/cb", "http: https:"),
            ("myapp://auth", "myapp:"),
        ] {
            let policy = Page::new(StatusCode::OK).leading_to(uri).policy();
            assert!(policy.ends_with(&format!("; form-action 'self' {sources}")), "{policy}");
        }
        let policy = Page::new(StatusCode::OK).sending_itself().policy();
        assert!(policy.contains("; script-src 'sha256-"), "{policy}");
        let policy = Page::new(StatusCode::OK).framing(["https://a.test/out"]).policy();
        assert!(policy.ends_with("; frame-src https://a.test"), "{policy}");
    }

    #[test]
    fn nothing_can_be_added_to_the_policy() {
        for hostile in ["not a uri", "https://x.test; script-src *", "//x"] {
            let policy = Page::new(StatusCode::OK).leading_to(hostile).policy();
            assert!(!policy.contains('*') && policy.matches(';').count() == 4, "{policy}");
        }
    }
}
