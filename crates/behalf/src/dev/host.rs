//! Which `Host` a dev instance answers to. A web page elsewhere can make a browser send requests to
//! this machine under a name of its own (DNS rebinding); such a name is refused.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};

/// Which addresses are called by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Loopback ones only.
    Loopback,
    /// Any: the instance listens beyond loopback. Names are held to the same list all the same.
    Any,
}

/// Answers 421 (RFC 9110 15.5.20) unless the request names this machine.
pub(crate) async fn check(
    State(numbers): State<Numbers>,
    request: Request,
    next: Next,
) -> Response {
    let named = request.uri().authority().map(http::uri::Authority::as_str);
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok(),
        // HTTP/2 names it in the target.
        None => named,
    };
    if host.is_some_and(|host| allowed(host, numbers)) {
        let mut answer = next.run(request).await;
        // A browser that trusts the dev CA would hold every other server on localhost to TLS, on
        // any port, for a year (RFC 6797 8.3).
        answer.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
        return answer;
    }
    let body = serde_json::json!({
        "error": "invalid_request",
        "error_description": "This development server answers to localhost, *.localhost, *.test \
            and loopback addresses only. Use one of them, or behalf serve for other names.",
    });
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (StatusCode::MISDIRECTED_REQUEST, kind, body.to_string()).into_response()
}

/// Whether `host` (`name[:port]`) names this machine.
fn allowed(host: &str, numbers: Numbers) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port(port) => address,
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    match name.parse::<IpAddr>() {
        Ok(address) => numbers == Numbers::Any || address.is_loopback(),
        Err(_) => is_local_name(name),
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

/// `localhost`, `*.localhost` or `*.test`: names that the public DNS never has (RFC 2606).
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let below = |zone: &str| {
        name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
    };
    name == "localhost" || below("localhost") || below("test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_names_only() {
        for host in [
            "localhost",
            "localhost:8443",
            "LocalHost:1",
            "acme.localhost",
            "login.acme.test:8443",
            "acme.test.",
            "127.0.0.1",
            "127.9.9.9:8443",
            "[::1]:8443",
            "[::1]",
        ] {
            assert!(allowed(host, Numbers::Loopback), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "test",
            ".test",
            "notlocalhost",
            "atest",
            "10.0.0.1:8443",
            "0.0.0.0",
            "[fe80::1]",
            "[::1",
            "[::1]x",
            "localhost:x",
            "evil.com#.test:1a",
            "::1",
        ] {
            assert!(!allowed(host, Numbers::Loopback), "{host}");
        }
        assert!(allowed("10.0.0.1:8443", Numbers::Any));
        assert!(!allowed("example.com", Numbers::Any));
    }
}
