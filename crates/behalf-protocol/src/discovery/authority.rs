use std::fmt;

use uuid::Uuid;

use crate::EndpointVersion;

/// The server's public address: `https://host` or `https://host:port`, without a path (clients take
/// the first segment of a path for the tenant) and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority(String);

/// A text that is not the address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a public address: expected https://host or https://host:port, without a path, a query or \
     user information"
)]
pub struct NotAnAuthority;

const SCHEME: &str = "https://";

impl Authority {
    /// Reads an address; letter case is lowered, the default port 443 and one trailing slash are
    /// dropped, as browsers and clients do.
    pub fn parse(text: &str) -> Result<Self, NotAnAuthority> {
        let text = text.to_ascii_lowercase();
        let rest = text.strip_prefix(SCHEME).ok_or(NotAnAuthority)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(rest);
        let port_fits = port.is_none_or(|port| {
            !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port != 0)
        });
        if !is_host(host) || !port_fits {
            return Err(NotAnAuthority);
        }
        Ok(Self(format!("{SCHEME}{}", rest.strip_suffix(":443").unwrap_or(rest))))
    }

    /// The address, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `host` or `host:port`.
    pub fn host_and_port(&self) -> &str {
        self.0.strip_prefix(SCHEME).unwrap_or(&self.0)
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        split_port(self.host_and_port()).0
    }

    /// The issuer of a tenant's tokens: `{authority}/{tenant id}/` or `{authority}/{tenant id}/v2.0`.
    pub fn issuer(&self, version: EndpointVersion, tenant: Uuid) -> String {
        match version {
            EndpointVersion::V1 => format!("{self}/{tenant}/"),
            EndpointVersion::V2 => format!("{self}/{tenant}/v2.0"),
        }
    }

    /// The issuer of every tenant: the literal `{tenantid}` stands where the id goes, and
    /// validators put the token's `tid` there.
    pub fn issuer_template(&self, version: EndpointVersion) -> String {
        match version {
            EndpointVersion::V1 => format!("{self}/{{tenantid}}/"),
            EndpointVersion::V2 => format!("{self}/{{tenantid}}/v2.0"),
        }
    }

    /// Whether `host`, with or without a port, is this server. A host without its port is taken,
    /// for MSAL Python leaves the port out.
    pub(super) fn is_own_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").unwrap_or(&host);
        host == self.host_and_port() || host == self.host()
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host part of an `https` URL, port included; `None` for anything else.
pub(super) fn https_host(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // The colons inside an IPv6 address are followed by its closing bracket.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_origins_only() {
        for (text, expected, host) in [
            ("https://Login.Example.Test", "https://login.example.test", "login.example.test"),
            ("https://localhost:8443/", "https://localhost:8443", "localhost"),
            ("https://localhost:443", "https://localhost", "localhost"),
            ("https://127.0.0.1:8443", "https://127.0.0.1:8443", "127.0.0.1"),
            ("https://[::1]:8443", "https://[::1]:8443", "[::1]"),
            ("https://[::1]", "https://[::1]", "[::1]"),
        ] {
            let authority = Authority::parse(text).unwrap();
            assert_eq!((authority.as_str(), authority.host()), (expected, host));
        }
        for text in [
            "",
            "http://host",
            "https://",
            "https:///",
            "https://host/path",
            "https://host//",
            "https://host?q",
            "https://user@host",
            "https://host:",
            "https://host:0",
            "https://host:99999",
            "https://host:+1",
            "https://ho st",
            "https://[::1",
            "https://[zz]",
            "https://a:b:c",
            "https://höst",
        ] {
            assert_eq!(Authority::parse(text), Err(NotAnAuthority), "{text}");
        }
    }

    #[test]
    fn issuers() {
        let authority = Authority::parse("https://host").unwrap();
        let nil = Uuid::nil();
        assert_eq!(
            authority.issuer(EndpointVersion::V1, nil),
            "https://host/00000000-0000-0000-0000-000000000000/"
        );
        assert_eq!(authority.issuer_template(EndpointVersion::V2), "https://host/{tenantid}/v2.0");
    }
}
