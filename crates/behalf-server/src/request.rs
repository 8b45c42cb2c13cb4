//! What every request brings along besides its own parameters: who called, and under which ids.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::extract::ConnectInfo;
use behalf_core::{
    id::{RequestId, parse_guid},
    time::Timestamp,
};
use http::{Extensions, HeaderMap, Uri, header::HeaderName};
use uuid::Uuid;

/// The client's own id of a request: MSAL sends it as a header, MSAL Node as query and form field.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("return-client-request-id");

/// One request's circumstances.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// `trace_id`, `x-ms-request-id`, `uti`.
    pub id: RequestId,
    /// When it arrived, by the time of day.
    pub now: Timestamp,
    /// When it arrived, by the monotonic clock.
    pub arrived: Duration,
    /// The caller's address; absent in process.
    pub address: Option<IpAddr>,
    /// The client's id of the request, or one of ours.
    pub correlation: Uuid,
    /// Answer with the client's id too.
    pub echo: bool,
}

impl Circumstances {
    /// Reads header, then query. `own` is used when the client sent no id.
    pub(crate) fn of(
        id: RequestId,
        (now, arrived): (Timestamp, Duration),
        own: Uuid,
        (uri, headers, extensions): (&Uri, &HeaderMap, &Extensions),
    ) -> Self {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
        let sent = text(CLIENT_REQUEST_ID).and_then(guid).or_else(|| in_query(uri.query()?));
        Self {
            id,
            now,
            arrived,
            address: extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|peer| peer.0.ip().to_canonical()),
            correlation: sent.unwrap_or(own),
            echo: text(RETURN_CLIENT_REQUEST_ID).is_some_and(|v| v.eq_ignore_ascii_case("true")),
        }
    }
}

fn guid(text: &str) -> Option<Uuid> {
    parse_guid(text).ok()
}

/// The only thing a query string is ever read for at the token endpoint.
fn in_query(query: &str) -> Option<Uuid> {
    query.split('&').find_map(|pair| guid(pair.strip_prefix("client-request-id=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_id_is_taken_from_header_then_query_and_only_if_it_is_a_guid() {
        let own = Uuid::from_u128(1);
        let sent = "0190c1de-0000-4000-8000-000000000001";
        let correlation = |uri: &str, header: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert(CLIENT_REQUEST_ID, header.parse().unwrap());
            }
            let uri = uri.parse().unwrap();
            let parts = (&uri, &headers, &Extensions::new());
            Circumstances::of(RequestId::NIL, (Timestamp(0), Duration::ZERO), own, parts)
                .correlation
        };
        let with = format!("/t?api-version=1.0&client-request-id={sent}");
        assert_eq!(correlation("/t", Some(sent)).to_string(), sent);
        assert_eq!(correlation(&with, None).to_string(), sent);
        assert_eq!(correlation(&with, Some("nonsense")).to_string(), sent);
        assert_eq!(correlation("/t?client-request-id=%3Cscript%3E", Some("x")), own);
    }
}
