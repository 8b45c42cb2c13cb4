use url::Url;
use uuid::Uuid;

/// `https://host[:port]/{tenant}`: whom to ask for tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    /// `https://host[:port]`, no slash at the end.
    pub(crate) base: String,
    /// The tenant: an id, a domain, `common` or the like. Lower case.
    pub(crate) segment: String,
}

impl Authority {
    /// Reads an authority; `/v2.0` and slashes at the end are tolerated, as people paste them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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
    pub(crate) fn of_tenant(&self, tenant: &str) -> Option<Self> {
        let segment = tenant.trim().to_ascii_lowercase();
        is_tenant_name(&segment).then(|| Self { base: self.base.clone(), segment })
    }

    /// Where its metadata is: that of the v2.0 endpoints.
    pub(crate) fn metadata_url(&self) -> String {
        format!("{}/{}/v2.0/.well-known/openid-configuration", self.base, self.segment)
    }

    /// The token endpoint of v1, which the platform has at a fixed place and which takes a `resource`.
    pub(crate) fn v1_token_url(&self) -> String {
        format!("{}/{}/oauth2/token", self.base, self.segment)
    }

    /// The tenant's id, where the authority is spelled with it.
    pub(crate) fn tenant_id(&self) -> Option<Uuid> {
        tenant_id(&self.segment)
    }

    /// Whether it stands for any tenant, so that its issuer is a template.
    pub(crate) fn is_many(&self) -> bool {
        matches!(self.segment.as_str(), "common" | "organizations")
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.segment)
    }
}

/// A GUID or a DNS name; nothing that could change the meaning of a URL's path.
fn is_tenant_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=253).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

/// The id, if `text` is one in the usual spelling with hyphens.
pub(crate) fn tenant_id(text: &str) -> Option<Uuid> {
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
    fn another_tenant_is_on_the_same_server() {
        let acme = Authority::parse("https://login.acme.test/acme.test").unwrap();
        let globex = acme.of_tenant("Globex.test").unwrap();
        assert_eq!(globex.to_string(), "https://login.acme.test/globex.test");
        for odd in ["", "a/b", "..", "a?b", "a@b", "é"] {
            assert_eq!(acme.of_tenant(odd), None, "{odd}");
        }
    }
}
