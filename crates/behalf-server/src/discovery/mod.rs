//! Metadata endpoints: everything a client reads before it asks for a token, from memory.

mod answer;
mod endpoint;
mod error_page;
mod tenant;

use behalf_protocol::discovery::Authority;
use http::HeaderValue;

pub(crate) use endpoint::routes;

/// What metadata answers are made of and what never changes while the server runs.
#[derive(Debug)]
pub struct Metadata {
    authority: Authority,
    error_page_policy: HeaderValue,
}

impl Metadata {
    /// Prepares the answers of the server at `authority`.
    pub(crate) fn new(authority: Authority) -> Self {
        let policy = error_page::content_security_policy();
        let error_page_policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { authority, error_page_policy }
    }

    /// The server as addresses and issuers name it.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}
