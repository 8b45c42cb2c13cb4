use serde::Deserialize;
use uuid::Uuid;

use behalf_protocol::authority::tenant_id;

/// A metadata document that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not JSON, or without `issuer` or `jwks_uri`.
    #[error("{url} is no OpenID configuration: {reason}")]
    Malformed {
        /// Where it came from.
        url: String,
        /// What is wrong.
        reason: serde_json::Error,
    },
    /// The issuer has neither `{tenantid}` nor a tenant's id in its path.
    #[error("{url} names the issuer {issuer:?}: expected a tenant id or {{tenantid}} in its path")]
    Issuer {
        /// Where it came from.
        url: String,
        /// What it names.
        issuer: String,
    },
    /// Keys would come over an unprotected connection.
    #[error("{url} names the key set {jwks_uri:?}: expected an https address")]
    JwksUri {
        /// Where it came from.
        url: String,
        /// What it names.
        jwks_uri: String,
    },
}

/// The members of an OpenID configuration that are read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: IssuerTemplate,
    pub(crate) jwks_uri: String,
    #[serde(default)]
    pub(crate) cloud_instance_name: Option<String>,
}

impl Metadata {
    pub(crate) fn parse(url: &str, body: &[u8]) -> Result<Self, MetadataError> {
        let url = || url.to_owned();
        let metadata: Self = serde_json::from_slice(body)
            .map_err(|reason| MetadataError::Malformed { url: url(), reason })?;
        if !metadata.jwks_uri.starts_with("https://") {
            return Err(MetadataError::JwksUri { url: url(), jwks_uri: metadata.jwks_uri });
        }
        if !metadata.issuer.is_for_all() && metadata.issuer.tenant().is_none() {
            return Err(MetadataError::Issuer { url: url(), issuer: metadata.issuer.0 });
        }
        Ok(metadata)
    }
}

/// An issuer, possibly with the literal `{tenantid}` in it (`common` and `organizations`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct IssuerTemplate(pub(crate) String);

const PLACEHOLDER: &str = "{tenantid}";

impl IssuerTemplate {
    /// Whether the issuer is a template for all tenants.
    pub(crate) fn is_for_all(&self) -> bool {
        self.0.contains(PLACEHOLDER)
    }

    /// The tenant of an issuer that is no template: the segment of its path that is an id.
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        self.0.split('/').skip(3).find_map(tenant_id)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The issuer of one tenant.
    pub(crate) fn of(&self, tenant: Uuid) -> String {
        self.0.replace(PLACEHOLDER, &tenant.to_string())
    }

    /// Whether the template with `tid` filled in is exactly `issuer`.
    pub(crate) fn fits(&self, issuer: &str, tid: &str) -> bool {
        match self.0.split_once(PLACEHOLDER) {
            Some((before, after)) => issuer
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|between| between == tid),
            None => self.0 == issuer && issuer.split('/').any(|segment| segment == tid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TID: &str = "11111111-1111-4111-8111-111111111111";

    #[test]
    fn a_template_fits_the_issuer_of_the_tenant_alone() {
        let template = IssuerTemplate("https://host/{tenantid}/v2.0".to_owned());
        assert!(template.fits(&format!("https://host/{TID}/v2.0"), TID));
        for issuer in [
            format!("https://host/{TID}/v2.0/"),
            format!("https://host/{TID}/"),
            format!("https://evil/{TID}/v2.0"),
            format!("https://host/{TID}/{TID}/v2.0"),
            "https://host/{tenantid}/v2.0".to_owned(),
            "https://host//v2.0".to_owned(),
            "https://host/v2.0".to_owned(),
            String::new(),
        ] {
            assert!(!template.fits(&issuer, TID), "{issuer}");
        }
        assert!(!template.fits(&format!("https://host/{TID}/v2.0"), "other"));
    }

    #[test]
    fn an_issuer_of_one_tenant_fits_itself_alone() {
        let issuer = format!("https://sts.windows.net/{TID}/");
        let template = IssuerTemplate(issuer.clone());
        assert_eq!(template.tenant().unwrap().to_string(), TID);
        assert!(template.fits(&issuer, TID));
        assert!(!template.fits(&issuer, "22222222-2222-4222-8222-222222222222"));
        assert!(!template.fits("https://sts.windows.net/", TID));
    }

    #[test]
    fn documents_without_issuer_or_safe_keys_are_refused() {
        let good = r#"{"issuer":"https://h/{tenantid}/","jwks_uri":"https://h/keys"}"#;
        assert!(Metadata::parse("u", good.as_bytes()).is_ok());
        for document in [
            "",
            "{}",
            r#"{"issuer":"https://h/{tenantid}/"}"#,
            r#"{"issuer":"https://h/{tenantid}/","jwks_uri":"http://h/keys"}"#,
            r#"{"issuer":"https://h/","jwks_uri":"https://h/keys"}"#,
            r#"{"issuer":1,"jwks_uri":"https://h/keys"}"#,
        ] {
            assert!(Metadata::parse("u", document.as_bytes()).is_err(), "{document}");
        }
    }
}
