use url::Url;
use uuid::Uuid;

/// The tenant part of an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantSegment {
    /// One tenant, by its id or by a domain.
    One(String),
    /// `common` or `organizations`: any tenant.
    Many,
}

/// `https://host[:port]/{tenant}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// `https://host[:port]`, no slash at the end.
    pub(crate) base: String,
    pub(crate) segment: String,
    pub(crate) tenant: TenantSegment,
}

impl Authority {
    /// Reads an authority; `/v2.0` and slashes at the end are tolerated, as people paste them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let mut segments = url.path_segments()?.filter(|segment| !segment.is_empty());
        let segment = segments.next()?.to_ascii_lowercase();
        let tail = segments.next();
        if !plain || segments.next().is_some() || tail.is_some_and(|tail| tail != "v2.0") {
            return None;
        }
        if !is_tenant_name(&segment) {
            return None;
        }
        let tenant = match segment.as_str() {
            "common" | "organizations" => TenantSegment::Many,
            _ => TenantSegment::One(segment.clone()),
        };
        Some(Self { base: url.origin().ascii_serialization(), segment, tenant })
    }

    /// The address of a tenant's v1 or v2 metadata.
    pub(crate) fn metadata_url(&self, segment: &str, version: Version) -> String {
        let v2 = match version {
            Version::V1 => "",
            Version::V2 => "/v2.0",
        };
        format!("{}/{segment}{v2}/.well-known/openid-configuration", self.base)
    }

    /// The authorization endpoint, for challenges.
    pub(crate) fn authorize_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/authorize", self.base, self.segment)
    }
}

/// A GUID or a DNS name; nothing that could change the meaning of a URL's path.
pub(crate) fn is_tenant_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=253).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

/// The id, if `text` is one in the usual spelling with hyphens.
pub(crate) fn tenant_id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Which of the two token and metadata formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

impl Version {
    /// An issuer's suffix tells the version, whichever authority was configured.
    pub(crate) fn of_issuer(issuer: &str) -> Self {
        if issuer.ends_with("/v2.0") { Self::V2 } else { Self::V1 }
    }

    /// The value of `ver`.
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_an_https_host_and_one_tenant() {
        for (text, base, segment) in [
            ("https://login.acme.test/acme.test", "https://login.acme.test", "acme.test"),
            ("https://login.acme.test:8443/Common/", "https://login.acme.test:8443", "common"),
            (
                "https://login.acme.test/organizations/v2.0",
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
    fn the_suffix_of_the_issuer_tells_the_version() {
        assert_eq!(Version::of_issuer("https://host/t/v2.0"), Version::V2);
        assert_eq!(Version::of_issuer("https://host/t/"), Version::V1);
        assert_eq!(Version::of_issuer("https://host/t/v2.0/"), Version::V1);
    }
}
