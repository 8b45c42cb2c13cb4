//! Refusals and failures as HTTP answers: one envelope for all of them (protocol 4.1).

use axum::body::Body;
use behalf_core::time;
use behalf_protocol::error::{AadSts, ErrorBody};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::request::{CLIENT_REQUEST_ID, Circumstances};

/// As many as an answer of the token endpoint has.
const HEADERS: usize = 12;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Headers of every answer of the token endpoint (RFC 6749 5.1, protocol 1.9).
pub(crate) fn no_store(headers: &mut HeaderMap, request: &Circumstances) {
    // The map grows by moving everything: once is enough.
    headers.reserve(HEADERS);
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("-1"));
    standing(headers, request);
}

/// Headers of every answer of the server.
pub(crate) fn standing(headers: &mut HeaderMap, request: &Circumstances) {
    headers.insert(REQUEST_ID, guid(request.id.0));
    headers.insert(
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if request.echo {
        headers.insert(CLIENT_REQUEST_ID, guid(request.correlation));
    }
}

fn guid(id: uuid::Uuid) -> HeaderValue {
    let mut text = uuid::Uuid::encode_buffer();
    HeaderValue::from_str(id.as_hyphenated().encode_lower(&mut text))
        .unwrap_or(HeaderValue::from_static("-"))
}

/// An error answer. `authority` is the server's public URL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorAnswer<'a> {
    /// The catalogue's row.
    pub kind: AadSts,
    /// What happened to this request; the row's own cause when there is nothing to add.
    pub text: Option<&'a str>,
    /// Whole seconds for `Retry-After`: clients read integers only.
    pub retry_after: Option<u64>,
    /// The methods the address takes, for 405.
    pub allow: Option<&'static str>,
    /// What the client must bring back to the authorization endpoint: a claims request as JSON.
    pub claims: Option<&'a str>,
    /// The client used the Authorization header (RFC 6749 5.2: answer 401 with a challenge).
    pub basic: bool,
}

impl<'a> ErrorAnswer<'a> {
    /// An answer with nothing but its row.
    pub(crate) fn of(kind: AadSts) -> Self {
        Self { kind, text: None, retry_after: None, allow: None, claims: None, basic: false }
    }

    /// The same with a text of its own.
    pub(crate) fn saying(self, text: &'a str) -> Self {
        Self { text: Some(text), ..self }
    }

    /// The same with `Retry-After`.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The HTTP answer.
    pub(crate) fn respond(&self, authority: &str, request: &Circumstances) -> Response<Body> {
        let body = ErrorBody {
            kind: self.kind,
            text: self.text.unwrap_or_else(|| self.kind.cause()),
            trace_id: request.id.0,
            correlation_id: request.correlation,
            timestamp: u64::try_from(request.now.unix_seconds()).unwrap_or(0),
            authority,
        };
        let json = match self.claims {
            Some(claims) => body.to_json_with_claims(claims),
            None => body.to_json(),
        };
        let mut response = Response::new(Body::from(json));
        *response.status_mut() =
            StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        no_store(headers, request);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if self.basic && self.kind.status() == 401 {
            let challenge = HeaderValue::from_static(r#"Basic realm="behalf""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What the directory's API (Graph, `/v1.0`) answers until it exists: 404 in Graph's own envelope,
/// because its clients read no other.
pub(crate) fn no_graph(request: &Circumstances) -> Response<Body> {
    let date = time::written(request.now.unix_seconds()).replace(' ', "T");
    let json = serde_json::json!({ "error": {
        "code": "ResourceNotFound",
        "message": "The directory's API is not in this version. Use `behalf apply` on the server's machine.",
        "innerError": {
            "date": date.trim_end_matches('Z'),
            "request-id": request.id.0,
            "client-request-id": request.correlation,
        },
    }});
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    no_store(response.headers_mut(), request);
    response
}
