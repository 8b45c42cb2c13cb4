use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use behalf_protocol::EndpointVersion;
use behalf_protocol::authority::{Authority, tenant_id};

/// A metadata document that cannot be trusted or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not JSON, or without `issuer` or `token_endpoint`.
    #[error("{url} is no OpenID configuration: {reason}")]
    Malformed {
        /// Where it came from.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The document is about another issuer (OpenID Connect Discovery 1.0 section 4.3).
    #[error("{url} names the issuer {found:?}: expected {expected}")]
    Issuer {
        /// Where it came from.
        url: String,
        /// What it names.
        found: String,
        /// What it should name.
        expected: String,
    },
    /// An endpoint is elsewhere, so a credential would go to somebody else.
    #[error("{url} names {name} {found:?}: expected an address of the same tenant below {base}/")]
    Endpoint {
        /// Where it came from.
        url: String,
        /// The member.
        name: &'static str,
        /// What it names.
        found: String,
        /// The authority's origin.
        base: String,
    },
}

/// The endpoints of one authority, checked to be its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// `iss` of what this authority issues; with `{tenantid}` where it is for many tenants.
    pub(crate) issuer: String,
    /// The tenant, where the authority is for one.
    pub(crate) tenant: Option<Uuid>,
    pub(crate) token: String,
    pub(crate) authorization: Option<String>,
    pub(crate) device_authorization: Option<String>,
    /// RFC 9207: `iss` is in every authorization response.
    pub(crate) response_names_issuer: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    token_endpoint: String,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Endpoints {
    /// Reads the document that was fetched from `authority.metadata_url(EndpointVersion::V2)`. Issuer and endpoints
    /// must be the authority's own: whoever could name another address would be sent the
    /// credentials (the audience injection of 2025).
    pub(crate) fn parse(authority: &Authority, body: &[u8]) -> Result<Self, MetadataError> {
        let url = authority.metadata_url(EndpointVersion::V2);
        let malformed = |error: serde_json::Error| MetadataError::Malformed {
            url: url.clone(),
            reason: error.to_string(),
        };
        let document: Document = serde_json::from_slice(body).map_err(malformed)?;
        let tenant = issuer_tenant(authority, &document.issuer).map_err(|expected| {
            MetadataError::Issuer { url: url.clone(), found: document.issuer.clone(), expected }
        })?;
        let own = |name, text: String| {
            if is_own(authority, tenant, &text) {
                return Ok(text);
            }
            let (url, base) = (url.clone(), authority.base().to_owned());
            Err(MetadataError::Endpoint { url, name, found: text, base })
        };
        Ok(Self {
            token: own("token_endpoint", document.token_endpoint)?,
            authorization: document
                .authorization_endpoint
                .map(|text| own("authorization_endpoint", text))
                .transpose()?,
            device_authorization: document
                .device_authorization_endpoint
                .map(|text| own("device_authorization_endpoint", text))
                .transpose()?,
            issuer: document.issuer,
            tenant,
            response_names_issuer: document.authorization_response_iss_parameter_supported,
        })
    }

    /// Whether an authorization response that names `issuer` comes from this authority: RFC 9207
    /// section 2.4 wants the metadata's own text, so `{tenantid}` too where that is a template.
    pub(crate) fn answers_as(&self, issuer: &str) -> bool {
        self.issuer == issuer || self.is_issuer(issuer)
    }

    /// Whether `issuer` may be this authority's: equal, or equal once the template's `{tenantid}`
    /// is filled with an id.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        match self.issuer.split_once(TEMPLATE) {
            None => self.issuer == issuer,
            Some((before, after)) => issuer
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|tenant| tenant_id(tenant).is_some()),
        }
    }
}

const TEMPLATE: &str = "{tenantid}";

/// The tenant in an issuer `{base}/{tenant}/v2.0`, or what was expected instead.
fn issuer_tenant(authority: &Authority, issuer: &str) -> Result<Option<Uuid>, String> {
    let expected = || {
        let tenant = authority.tenant_id().map_or_else(
            || if authority.is_many() { TEMPLATE } else { "{the tenant's id}" }.to_owned(),
            |id| id.to_string(),
        );
        format!("{}/{tenant}/v2.0", authority.base())
    };
    let named = issuer
        .strip_prefix(authority.base())
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix("/v2.0"))
        .ok_or_else(expected)?;
    match (tenant_id(named), authority.tenant_id()) {
        (None, _) if authority.is_many() && named == TEMPLATE => Ok(None),
        (Some(named), Some(asked)) if named == asked => Ok(Some(named)),
        (Some(named), None) if !authority.is_many() => Ok(Some(named)),
        _ => Err(expected()),
    }
}

/// On the authority's origin, below the tenant as it was asked for or by its id.
fn is_own(authority: &Authority, tenant: Option<Uuid>, text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let segment = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    let tenant_fits = segment.eq_ignore_ascii_case(authority.segment())
        || (tenant.is_some() && tenant_id(segment) == tenant);
    plain && tenant_fits && url.origin().ascii_serialization() == authority.base()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "ac3e0000-0000-4000-8000-000000000001";

    fn parse(authority: &str, issuer: &str, token: &str) -> Result<Endpoints, MetadataError> {
        let json = serde_json::json!({ "issuer": issuer, "token_endpoint": token, "more": [1] });
        Endpoints::parse(&Authority::parse(authority).unwrap(), json.to_string().as_bytes())
    }

    #[test]
    fn documents_of_the_authority_itself_are_taken() {
        let host = "https://login.acme.test";
        for (segment, tenant, path) in [
            ("acme.test", ACME, ACME),
            ("acme.test", ACME, "acme.test"),
            ("adfs", ACME, "adfs"),
            (ACME, ACME, ACME),
            ("common", "{tenantid}", "common"),
            ("organizations", "{tenantid}", "organizations"),
        ] {
            let issuer = format!("{host}/{tenant}/v2.0");
            let token = format!("{host}/{path}/oauth2/v2.0/token");
            let endpoints = parse(&format!("{host}/{segment}"), &issuer, &token).unwrap();
            assert_eq!(endpoints.token, token);
            assert_eq!(endpoints.tenant, tenant_id(tenant), "{segment}");
        }
    }

    #[test]
    fn another_issuer_is_refused() {
        let host = "https://login.acme.test";
        let token = format!("{host}/acme.test/oauth2/v2.0/token");
        for issuer in [
            format!("https://evil.test/{ACME}/v2.0"),
            format!("https://login.acme.test.evil.test/{ACME}/v2.0"),
            format!("https://login.acme.test:444/{ACME}/v2.0"),
            format!("http://login.acme.test/{ACME}/v2.0"),
            format!("{host}/{ACME}/"),
            format!("{host}/{ACME}/v2.0/"),
            format!("{host}/acme.test/v2.0"),
            format!("{host}/{{tenantid}}/v2.0"),
            String::new(),
        ] {
            let error = parse(&format!("{host}/acme.test"), &issuer, &token).unwrap_err();
            assert!(matches!(error, MetadataError::Issuer { .. }), "{issuer}: {error}");
        }
        let other = format!("{host}/610be000-0000-4000-8000-000000000002/v2.0");
        let error = parse(&format!("{host}/{ACME}"), &other, &token).unwrap_err();
        assert!(error.to_string().contains(&format!("expected {host}/{ACME}/v2.0")), "{error}");
        let own = format!("{host}/{ACME}/v2.0");
        assert!(parse(&format!("{host}/common"), &own, &token).is_err(), "common is a template");
    }

    #[test]
    fn an_endpoint_elsewhere_is_refused() {
        let host = "https://login.acme.test";
        let issuer = format!("{host}/{ACME}/v2.0");
        for token in [
            "https://evil.test/acme.test/oauth2/v2.0/token",
            "http://login.acme.test/acme.test/oauth2/v2.0/token",
            "https://login.acme.test:8443/acme.test/oauth2/v2.0/token",
            "https://login.acme.test@evil.test/acme.test/oauth2/v2.0/token",
            "https://user@login.acme.test/acme.test/oauth2/v2.0/token",
            "https://login.acme.test/globex.test/oauth2/v2.0/token",
            "https://login.acme.test/common/oauth2/v2.0/token",
            "/acme.test/oauth2/v2.0/token",
            "",
        ] {
            let error = parse(&format!("{host}/acme.test"), &issuer, token).unwrap_err();
            assert!(matches!(error, MetadataError::Endpoint { .. }), "{token}: {error}");
        }
    }

    #[test]
    fn a_template_is_filled_with_an_id_only() {
        let host = "https://login.acme.test";
        let many = parse(
            &format!("{host}/common"),
            &format!("{host}/{{tenantid}}/v2.0"),
            &format!("{host}/common/oauth2/v2.0/token"),
        )
        .unwrap();
        assert!(many.is_issuer(&format!("{host}/{ACME}/v2.0")));
        for odd in ["acme.test", "", "{tenantid}", "a/b"] {
            assert!(!many.is_issuer(&format!("{host}/{odd}/v2.0")), "{odd}");
        }
        assert!(!many.is_issuer(&format!("https://evil.test/{ACME}/v2.0")));
    }
}
