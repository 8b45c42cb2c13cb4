use crate::EndpointVersion;
use crate::token::request::{OidcScopes, ResourceIdentifier};

/// The value of `scope` in an answer on behalf of a user.
#[derive(Debug, Clone, Copy)]
pub struct GrantedScope<'a> {
    /// The resource as the client spelt it, by which its cache finds the token again.
    pub resource: ResourceIdentifier<'a>,
    /// The granted scopes by value.
    pub granted: &'a [&'a str],
    /// Whether `.default` was asked for. It is then listed too: without it MSAL Node takes every
    /// call to the network.
    pub default: bool,
    /// Of Microsoft Graph only: the OpenID Connect scopes that were granted. Scopes of Graph are
    /// written without a resource.
    pub graph: Option<OidcScopes>,
}

impl GrantedScope<'_> {
    /// The list, separated by spaces: `api://b/Read api://b/.default` on v2.0, the values alone
    /// (`Read`) on v1. `offline_access` is never listed.
    pub fn to_text(&self, version: EndpointVersion) -> String {
        let qualified = version == EndpointVersion::V2 && self.graph.is_none();
        let mut out = String::new();
        let mut push = |qualified: bool, value: &str| {
            if !out.is_empty() {
                out.push(' ');
            }
            if qualified {
                out.push_str(self.resource.as_str());
                out.push('/');
            }
            out.push_str(value);
        };
        for scope in self.granted {
            push(qualified, scope);
        }
        let oidc = self.graph.unwrap_or_default();
        for scope in oidc.iter().filter(|name| *name != "offline_access") {
            push(false, scope);
        }
        if self.default && version == EndpointVersion::V2 {
            push(true, ".default");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted<'a>(resource: &'a str, scopes: &'a [&'a str], default: bool) -> GrantedScope<'a> {
        let resource = ResourceIdentifier::parse(resource).unwrap();
        GrantedScope { resource, granted: scopes, default, graph: None }
    }

    #[test]
    fn each_scope_carries_its_resource_and_default_comes_last() {
        for (resource, scopes, default, expected) in [
            (
                "api://b",
                ["Read", "Write"].as_slice(),
                true,
                "api://b/Read api://b/Write api://b/.default",
            ),
            ("api://b", &["Read"], false, "api://b/Read"),
            (
                "https://h/",
                &["user_impersonation"],
                true,
                "https://h//user_impersonation https://h//.default",
            ),
            ("api://b", &[], false, ""),
        ] {
            let granted = granted(resource, scopes, default);
            assert_eq!(granted.to_text(EndpointVersion::V2), expected);
        }
        let granted = granted("api://b", &["Read", "Write"], true);
        assert_eq!(granted.to_text(EndpointVersion::V1), "Read Write");
    }

    #[test]
    fn graphs_scopes_are_short_and_stand_beside_those_of_openid() {
        let oidc = OidcScopes::from_iter(["offline_access", "openid", "profile"]);
        let short = granted("https://graph.test", &["User.Read"], false);
        let short = GrantedScope { graph: Some(oidc), ..short };
        assert_eq!(short.to_text(EndpointVersion::V2), "User.Read openid profile");
        let all = GrantedScope { default: true, ..short };
        assert_eq!(
            all.to_text(EndpointVersion::V2),
            "User.Read openid profile https://graph.test/.default"
        );
    }
}
