//! How metadata answers: for any origin, cacheable, refusals in the one envelope.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
};
use behalf_core::application::TokenVersion;
use behalf_protocol::error::AadSts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use serde::Serialize;
use url::form_urlencoded;

use crate::{
    error::{ErrorAnswer, standing},
    journal::Shed,
    request::Circumstances,
    state::{Core, Unresolved},
    unserved,
};

use super::{error_page::Page, tenant::NoMetadata};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// One metadata request.
pub(super) struct Asked<'a> {
    core: &'a Core,
    parts: &'a Parts,
    pub(super) circumstances: Circumstances,
}

impl<'a> Asked<'a> {
    pub(super) fn new(core: &'a Core, parts: &'a Parts) -> Self {
        let circumstances = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
        Self { core, parts, circumstances }
    }

    /// A segment of the path as sent, counted from 1; an escaped one names nothing.
    pub(super) fn segment(&self, position: usize) -> &'a str {
        self.parts.uri.path().split('/').nth(position).unwrap_or_default()
    }

    /// The segment that names the tenant: the first, or the third after RFC 8414's two.
    pub(super) fn tenant_segment(&self) -> &'a str {
        match self.segment(1) {
            ".well-known" => self.segment(3),
            tenant => tenant,
        }
    }

    /// The first query parameter of that name, decoded.
    pub(super) fn query(&self, name: &str) -> Option<Cow<'a, str>> {
        let query = self.parts.uri.query()?.as_bytes();
        form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A document that changes only with the configuration.
    pub(super) fn json(&self, document: &impl Serialize) -> Response<Body> {
        match serde_json::to_vec(document) {
            Ok(json) => self.prepared(json.into()),
            Err(error) => self.bug(&error),
        }
    }

    /// A document that changes with the directory.
    pub(super) fn json_uncached(&self, document: &impl Serialize) -> Response<Body> {
        let mut response = self.json(document);
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
        response
    }

    /// A document written before.
    pub(super) fn prepared(&self, json: Bytes) -> Response<Body> {
        let mut response = Response::new(Body::from(json));
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        response.headers_mut().insert(header::CACHE_CONTROL, DAY);
        self.finish(response)
    }

    /// The public keys, or 304 when the caller has them.
    pub(super) fn keys(&self, version: TokenVersion) -> Response<Body> {
        let keys = self.core.server.keys.current();
        let document = keys.jwks(version);
        let mut response = self.prepared(document.body.clone());
        if has_it(&self.parts.headers, &document.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, MINUTE);
        if let Ok(etag) = HeaderValue::from_str(&document.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    /// A page for people.
    pub(super) fn page(&self, page: Page) -> Response<Body> {
        let mut response = Response::new(Body::from(page.html));
        *response.status_mut() = page.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HTML);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            self.core.server.metadata.error_page_policy.clone(),
        );
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        self.finish(response)
    }

    /// A refusal in the envelope.
    pub(super) fn refuse(&self, kind: AadSts, text: &str) -> Response<Body> {
        self.error(&ErrorAnswer::of(kind).saying(text))
    }

    /// No metadata, because there is no such tenant or the directory cannot be read.
    pub(super) fn no_metadata(&self, cause: &NoMetadata) -> Response<Body> {
        match cause {
            NoMetadata::Malformed(refusal) => {
                self.refuse(AadSts::MalformedTenantInMetadata, &refusal.to_string())
            }
            NoMetadata::Unknown(refusal) => {
                self.refuse(AadSts::TenantNotFoundInMetadata, &refusal.to_string())
            }
            NoMetadata::Unresolved(unresolved) => self.unresolved(unresolved),
        }
    }

    /// The tenant could not be looked up.
    pub(super) fn unresolved(&self, unresolved: &Unresolved) -> Response<Body> {
        match unresolved {
            Unresolved::Throttled(wait) => {
                let answer = ErrorAnswer::of(AadSts::Throttled).after(*wait);
                self.finish(self.core.turn_away(Shed::Limited, &answer, &self.circumstances))
            }
            Unresolved::Unreadable(error) => {
                unserved::tell(error, "metadata could not read the directory");
                let answer = self.core.unavailable(Shed::Overload, &self.circumstances);
                self.finish(answer)
            }
        }
    }

    fn bug(&self, error: &serde_json::Error) -> Response<Body> {
        tracing::error!(%error, "a metadata document could not be written");
        self.error(&ErrorAnswer::of(AadSts::InternalError))
    }

    fn error(&self, answer: &ErrorAnswer<'_>) -> Response<Body> {
        self.finish(answer.respond(&self.core.server.public_url, &self.circumstances))
    }

    fn finish(&self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        standing(headers, &self.circumstances);
        response
    }
}

/// Answers what a page's browser asks before a GET with headers of its own.
pub(super) async fn preflight(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ANY);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    asked.finish(response)
}

/// Refuses every other method.
pub(super) async fn wrong_method(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let allow = Some("GET, HEAD, OPTIONS");
    Asked::new(&core, &parts).error(&ErrorAnswer { allow, ..ErrorAnswer::of(AadSts::WrongMethod) })
}

/// RFC 9110 13.1.2: weak comparison with any tag of any `If-None-Match`.
fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_document_is_told_so() {
        let asked = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| HeaderValue::from_str(tag).unwrap());
            has_it(&tags.map(|tag| (header::IF_NONE_MATCH, tag)).collect(), "\"abc\"")
        };
        for tags in
            [&["\"abc\""][..], &["W/\"abc\""], &["\"x\" , \"abc\""], &["*"], &["\"x\"", "\"abc\""]]
        {
            assert!(asked(tags), "{tags:?}");
        }
        for tags in [&[][..], &["\"x\""], &["abc"], &[""], &["\"ABC\""]] {
            assert!(!asked(tags), "{tags:?}");
        }
    }
}
