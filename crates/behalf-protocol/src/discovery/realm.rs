use serde::Serialize;

use super::Authority;
use super::authority::https_host;

/// The answer of user realm discovery. It depends on the domain alone: nothing tells whether a user
/// exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRealm<'a> {
    ver: &'static str,
    account_type: &'static str,
    domain_name: &'a str,
    cloud_instance_name: &'a str,
    cloud_audience_urn: &'static str,
}

impl<'a> UserRealm<'a> {
    /// `domain` is the part after the last `@`, `known` whether a tenant here has it. MSAL Go wants
    /// every member filled and the letter case of `Managed` as it is.
    pub fn new(authority: &'a Authority, domain: &'a str, known: bool) -> Self {
        Self {
            ver: "1.0",
            account_type: if known { "Managed" } else { "Unknown" },
            domain_name: domain,
            cloud_instance_name: authority.host_and_port(),
            cloud_audience_urn: "urn:federation:MicrosoftOnline",
        }
    }
}

/// The relation by which MSAL.NET checks an AD FS authority.
pub const TRUSTED_REALM: &str = "http://schemas.microsoft.com/rel/trusted-realm";

/// The answer of webfinger (RFC 7033) to MSAL.NET with the tenant name `adfs`: the server vouches
/// for itself and for nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Webfinger<'a> {
    subject: &'a str,
    links: [WebfingerLink<'a>; 1],
}

/// The only link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebfingerLink<'a> {
    rel: &'static str,
    href: &'a str,
}

impl<'a> Webfinger<'a> {
    /// Answers for this server's own address in `resource`, repeated letter for letter as MSAL.NET
    /// compares it; `None` for every other.
    pub fn answer(authority: &Authority, resource: &'a str) -> Option<Self> {
        let (host, path) = https_host(resource)?;
        let own = authority.is_own_host(host) && matches!(path, "" | "/");
        own.then_some(Self {
            subject: resource,
            links: [WebfingerLink { rel: TRUSTED_REALM, href: resource }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn realms() {
        let authority = Authority::parse("https://login.example.test").unwrap();
        assert_eq!(
            serde_json::to_value(UserRealm::new(&authority, "acme.test", true)).unwrap(),
            json!({
                "ver": "1.0",
                "account_type": "Managed",
                "domain_name": "acme.test",
                "cloud_instance_name": "login.example.test",
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            })
        );
        let unknown = serde_json::to_value(UserRealm::new(&authority, "x.test", false)).unwrap();
        assert_eq!(unknown["account_type"], "Unknown");
    }

    #[test]
    fn webfinger_vouches_for_itself_only() {
        let authority = Authority::parse("https://login.example.test").unwrap();
        let answer = Webfinger::answer(&authority, "https://Login.Example.test").unwrap();
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({
                "subject": "https://Login.Example.test",
                "links": [{"rel": TRUSTED_REALM, "href": "https://Login.Example.test"}],
            })
        );
        for other in [
            "https://evil.example",
            "acct:a@login.example.test",
            "",
            "https://login.example.test/x",
        ] {
            assert_eq!(Webfinger::answer(&authority, other), None, "{other}");
        }
    }
}
