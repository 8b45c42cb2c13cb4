use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;
use url::Url;

use crate::server::ResourceServer;
use crate::tenants::AcceptedTenants;

/// Where metadata lie (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What an API says about itself (RFC 9728).
#[derive(Debug, Clone)]
pub(crate) struct Description {
    /// Its address, where it was told.
    pub(crate) address: Option<Address>,
    /// Its first App ID URI, or its application id if it has none.
    pub(crate) audience: String,
    /// Its scopes, as an authorization request names them.
    pub(crate) scopes: Vec<String>,
}

/// The https address of an API, its resource identifier (RFC 9728 section 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    origin: String,
    /// Without a slash at the end: empty for a whole host.
    path: String,
}

impl Address {
    /// An https address without query, fragment and user. Its path becomes a route, so a segment
    /// must not begin as axum's patterns do or did.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !url.path().contains("/:")
            && !url.path().contains("/*");
        plain.then(|| Self {
            origin: url.origin().ascii_serialization(),
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }

    fn identifier(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// The well-known string goes between the host and the path (RFC 9728 section 3.1).
    pub(crate) fn metadata_url(&self) -> String {
        format!("{}{WELL_KNOWN}{}", self.origin, self.path)
    }
}

impl ResourceServer {
    /// Serves the API's own metadata (RFC 9728): the token service to go to, and the scopes to ask
    /// for. To be merged into the router, outside of [`layer`](Self::layer): everybody may read it.
    ///
    /// It lies at `/.well-known/oauth-protected-resource`, followed by the path of the address that
    /// [`Builder::address`](crate::Builder::address) was told. `resource` is that address, or the
    /// API's audience if none was told; clients that compare it with where they found the document
    /// (section 3.3) then do without it.
    pub fn metadata_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let path = self.description().address.as_ref().map_or("", |address| &address.path);
        let server = self.clone();
        let document = get(async move || {
            let headers =
                [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
            (headers, server.metadata_document().to_string())
        });
        Router::new().route(&format!("{WELL_KNOWN}{path}"), document)
    }

    fn metadata_document(&self) -> serde_json::Value {
        let Description { address, audience, scopes } = self.description();
        let resource = address.as_ref().map_or_else(|| audience.clone(), Address::identifier);
        let mut document = json!({
            "resource": resource,
            "authorization_servers": self.authorization_servers(),
            "bearer_methods_supported": ["header"],
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        document
    }

    /// The issuers of accepted v2 tokens; the configured authority while they are not known, or
    /// when any tenant will do.
    fn authorization_servers(&self) -> Vec<String> {
        match (self.v2_issuer(), self.accepted_tenants()) {
            (Some(issuer), Some(AcceptedTenants::Listed(ids))) => {
                ids.iter().map(|id| issuer.of(*id)).collect()
            }
            _ => vec![self.authority_v2().to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_string_goes_between_host_and_path() {
        for (address, expected) in [
            ("https://ledger.test", "https://ledger.test/.well-known/oauth-protected-resource"),
            ("https://ledger.test/", "https://ledger.test/.well-known/oauth-protected-resource"),
            (
                "https://Ledger.test:8443/v1/",
                "https://ledger.test:8443/.well-known/oauth-protected-resource/v1",
            ),
        ] {
            assert_eq!(Address::parse(address).unwrap().metadata_url(), expected);
        }
        for address in [
            "",
            "ledger.test",
            "api://ledger",
            "http://ledger.test",
            "https://ledger.test/?x",
            "https://ledger.test/#x",
            "https://u:p@ledger.test/",
            "https://ledger.test/:x",
            "https://ledger.test/v1/*",
        ] {
            assert_eq!(Address::parse(address), None, "{address}");
        }
    }
}
