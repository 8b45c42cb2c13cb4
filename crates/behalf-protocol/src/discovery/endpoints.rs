use serde::Serialize;

use super::Authority;

/// The cloud's metadata for tools that configure themselves from one address: `terraform`
/// (`metadata_host`) reads it at `/metadata/endpoints`, `az cloud register` below its resource
/// manager. One document serves both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataEndpoints<'a> {
    name: &'static str,
    portal: &'a str,
    resource_manager: &'a str,
    microsoft_graph_resource_id: &'a str,
    graph_audience: &'a str,
    authentication: Authentication<'a>,
    suffixes: Suffixes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Authentication<'a> {
    login_endpoint: &'a str,
    audiences: [&'a str; 1],
    tenant: &'static str,
    identity_provider: &'static str,
}

/// No service of Azure has a host here, so there is no suffix; `az` wants the member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Suffixes {}

impl<'a> MetadataEndpoints<'a> {
    /// The document; every address is the server's own.
    pub fn new(authority: &'a Authority) -> Self {
        let own = authority.as_str();
        Self {
            name: "behalf",
            portal: own,
            resource_manager: own,
            microsoft_graph_resource_id: own,
            graph_audience: own,
            authentication: Authentication {
                login_endpoint: own,
                audiences: [own],
                tenant: "common",
                identity_provider: "AAD",
            },
            suffixes: Suffixes {},
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_address_is_our_own() {
        let authority = Authority::parse("https://login.example.test").unwrap();
        let own = "https://login.example.test";
        assert_eq!(
            serde_json::to_value(MetadataEndpoints::new(&authority)).unwrap(),
            json!({
                "name": "behalf",
                "portal": own,
                "resourceManager": own,
                "microsoftGraphResourceId": own,
                "graphAudience": own,
                "authentication": {
                    "loginEndpoint": own,
                    "audiences": [own],
                    "tenant": "common",
                    "identityProvider": "AAD",
                },
                "suffixes": {},
            })
        );
    }
}
