//! Authorities: how clients and APIs name a tenant's token service.

use std::fmt;

use url::Url;
use uuid::Uuid;

use crate::EndpointVersion;

/// `https://host[:port]/{tenant}`: whom to ask for tokens, and whose tokens to accept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// `https://host[:port]`, no slash at the end.
    base: String,
    /// The tenant: an id, a domain, `common` or the like. Lower case.
    segment: String,
}

impl Authority {
    /// Reads an authority; `/v2.0` and slashes at the end are tolerated, as people paste them.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let plain = url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let mut segments = url.path_segments()?.filter(|segment| !segment.is_empty());
        let segment = segments.next()?;
        let tail = segments.next();
        if !plain || segments.next().is_some() || tail.is_some_and(|tail| tail != "v2.0") {
            return None;
        }
        Self { base: url.origin().ascii_serialization(), segment: String::new() }.of_tenant(segment)
    }

    /// The same token service for another tenant.
    pub fn of_tenant(&self, tenant: &str) -> Option<Self> {
        let segment = tenant.trim().to_ascii_lowercase();
        is_tenant_name(&segment).then(|| Self { base: self.base.clone(), segment })
    }

    /// `https://host[:port]`, no slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The tenant: an id, a domain, `common` or the like. Lower case.
    pub fn segment(&self) -> &str {
        &self.segment
    }

    /// Where the metadata of its v1 or v2.0 endpoints is (OpenID Connect Discovery 4).
    pub fn metadata_url(&self, version: EndpointVersion) -> String {
        let v2 = match version {
            EndpointVersion::V1 => "",
            EndpointVersion::V2 => "/v2.0",
        };
        format!("{self}{v2}/.well-known/openid-configuration")
    }

    /// The v2.0 authorization endpoint, for challenges.
    pub fn authorize_url(&self) -> String {
        format!("{self}/oauth2/v2.0/authorize")
    }

    /// The token endpoint of v1, which the platform has at a fixed place and which takes a `resource`.
    pub fn v1_token_url(&self) -> String {
        format!("{self}/oauth2/token")
    }

    /// The tenant's id, where the authority is spelled with it.
    pub fn tenant_id(&self) -> Option<Uuid> {
        tenant_id(&self.segment)
    }

    /// Whether it stands for any tenant, so that its issuer is a template.
    pub fn is_many(&self) -> bool {
        matches!(self.segment.as_str(), "common" | "organizations")
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.segment)
    }
}

/// A GUID or a DNS name; nothing that could change the meaning of a URL's path.
pub fn is_tenant_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=253).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

/// The id, if `text` is one in the usual spelling with hyphens.
pub fn tenant_id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_an_https_host_and_one_tenant() {
        for (text, base, segment) in [
            ("https://login.acme.test/acme.test", "https://login.acme.test", "acme.test"),
            ("https://login.acme.test:8443/Common/", "https://login.acme.test:8443", "common"),
            ("https://localhost:443/adfs/v2.0", "https://localhost", "adfs"),
            (
                " https://login.acme.test/organizations/v2.0 ",
                "https://login.acme.test",
                "organizations",
            ),
        ] {
            let authority = Authority::parse(text).unwrap();
            assert_eq!((authority.base.as_str(), authority.segment.as_str()), (base, segment));
        }
        for text in [
            "",
            "login.acme.test/common",
            "http://login.acme.test/common",
            "https://login.acme.test",
            "https://login.acme.test/",
            "https://login.acme.test/a/b",
            "https://login.acme.test/common?x=1",
            "https://login.acme.test/common#x",
            "https://user:pw@login.acme.test/common",
            "https://login.acme.test/%2e%2e",
            "https://login.acme.test/a%2fb",
            "file:///common",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_version_has_its_metadata() {
        let acme = Authority::parse("https://login.acme.test/acme.test").unwrap();
        let document = |version| acme.metadata_url(version);
        let root = "https://login.acme.test/acme.test";
        let tail = ".well-known/openid-configuration";
        assert_eq!(document(EndpointVersion::V1), format!("{root}/{tail}"));
        assert_eq!(document(EndpointVersion::V2), format!("{root}/v2.0/{tail}"));
    }

    #[test]
    fn another_tenant_is_on_the_same_server() {
        let acme = Authority::parse("https://login.acme.test/acme.test").unwrap();
        let globex = acme.of_tenant("Globex.test").unwrap();
        assert_eq!(globex.to_string(), "https://login.acme.test/globex.test");
        for odd in ["", "a/b", "..", "a?b", "a@b", "é"] {
            assert_eq!(acme.of_tenant(odd), None, "{odd}");
        }
    }
}
