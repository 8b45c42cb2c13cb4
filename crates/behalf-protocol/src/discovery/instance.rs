use serde::Serialize;

use super::Authority;
use super::authority::https_host;

/// The answer of instance discovery: where the metadata is, and under which names the server is
/// known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceDiscovery {
    tenant_discovery_endpoint: String,
    #[serde(rename = "api-version")]
    api_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<[InstanceMetadata; 1]>,
}

/// The names of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceMetadata {
    preferred_network: String,
    preferred_cache: String,
    aliases: Vec<String>,
}

/// The authorize address asked about is not of this server, or not an address (50049).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The authorization_endpoint asked about is not of this server. Configure the client with this \
     server's own address, or switch its instance discovery off."
)]
pub struct UnknownInstance;

impl InstanceDiscovery {
    /// Answers for the address of an authorize endpoint: `https://{host}/{tenant}/oauth2/[v2.0/]authorize`.
    ///
    /// `api_version` is the query parameter: `1.1` gets the aliases, anything else is read as
    /// `1.0`, which has none. The discovery address is built from `authority`, because MSAL Python
    /// leaves the port out of what it asks; the tenant is repeated if it is spelled like one.
    pub fn answer(
        authority: &Authority,
        api_version: Option<&str>,
        authorization_endpoint: &str,
    ) -> Result<Self, UnknownInstance> {
        let (host, path) = https_host(authorization_endpoint).ok_or(UnknownInstance)?;
        if !authority.is_own_host(host) {
            return Err(UnknownInstance);
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.split('/').skip(1);
        let tenant = segments.next().filter(|tenant| !tenant.is_empty()).unwrap_or("common");
        if !is_tenant_like(tenant) {
            return Err(UnknownInstance);
        }
        let v2 = segments.any(|segment| segment.eq_ignore_ascii_case("v2.0"));
        let version = if v2 { "/v2.0" } else { "" };
        let with_metadata = api_version == Some("1.1");
        Ok(Self {
            tenant_discovery_endpoint: format!(
                "{authority}/{tenant}{version}/.well-known/openid-configuration"
            ),
            api_version: if with_metadata { "1.1" } else { "1.0" },
            metadata: with_metadata.then(|| [InstanceMetadata::of(authority)]),
        })
    }
}

impl InstanceMetadata {
    fn of(authority: &Authority) -> Self {
        let name = authority.host_and_port().to_owned();
        let mut aliases = vec![name.clone()];
        if authority.host() != name {
            aliases.push(authority.host().to_owned());
        }
        Self { preferred_network: name.clone(), preferred_cache: name, aliases }
    }
}

fn is_tenant_like(segment: &str) -> bool {
    segment.len() <= 253
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ask(version: Option<&str>, url: &str) -> Result<serde_json::Value, UnknownInstance> {
        let authority = Authority::parse("https://login.example.test:8443").unwrap();
        InstanceDiscovery::answer(&authority, version, url)
            .map(|answer| serde_json::to_value(answer).unwrap())
    }

    #[test]
    fn own_hosts_are_answered_by_the_form_that_was_asked() {
        assert_eq!(
            ask(
                Some("1.1"),
                "https://LOGIN.example.test:8443/acme.test/oauth2/v2.0/authorize?x=https://evil"
            )
            .unwrap(),
            json!({
                "tenant_discovery_endpoint":
                    "https://login.example.test:8443/acme.test/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{
                    "preferred_network": "login.example.test:8443",
                    "preferred_cache": "login.example.test:8443",
                    "aliases": ["login.example.test:8443", "login.example.test"],
                }],
            })
        );
        assert_eq!(
            ask(Some("1.0"), "https://login.example.test/common/oauth2/authorize").unwrap(),
            json!({
                "tenant_discovery_endpoint":
                    "https://login.example.test:8443/common/.well-known/openid-configuration",
                "api-version": "1.0",
            }),
            "the port comes from the server's own address"
        );
    }

    #[test]
    fn no_other_host_becomes_an_alias() {
        for url in [
            "https://evil.example/common/oauth2/v2.0/authorize",
            "https://login.example.test@evil.example/common/oauth2/authorize",
            "https://login.example.test:8443@evil.example/common",
            "https://login.example.test.evil.example/common",
            "https://login.example.test:9999/common/oauth2/authorize",
            "https://evil.example?https://login.example.test:8443/",
            "http://login.example.test:8443/common/oauth2/authorize",
            "//login.example.test:8443/common",
            "https://login.example.test:8443/a\"b/oauth2/authorize",
            "https://login.example.test:8443/%2e%2e/oauth2/authorize",
            "",
            "https:/",
            "é",
        ] {
            assert_eq!(ask(Some("1.1"), url), Err(UnknownInstance), "{url}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_answer_leads_to_this_server(
            url in "(https://)?(login.example.test|\\PC{0,20})(:8443)?[/?#@]?\\PC{0,30}",
        ) {
            if let Ok(answer) = ask(Some("1.1"), &url) {
                let endpoint = answer["tenant_discovery_endpoint"].as_str().unwrap();
                prop_assert!(endpoint.starts_with("https://login.example.test:8443/"));
                let aliases = json!(["login.example.test:8443", "login.example.test"]);
                prop_assert_eq!(&answer["metadata"][0]["aliases"], &aliases);
            }
            let _ = Authority::parse(&url);
        }
    }
}
