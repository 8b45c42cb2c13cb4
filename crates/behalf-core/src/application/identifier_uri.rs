//! App ID URIs: the names by which clients ask for a resource.
//!
//! Whoever owns a name owns the tokens for it, so registration follows a pattern that keeps other
//! people's names out of reach without looking into other tenants (protocol 6.2, decisions.md 1).

use serde::{Deserialize, Serialize};

use crate::{
    application::SignInAudience,
    id::{AppId, TenantId, parse_guid},
    tenant::{DomainName, Tenant},
};

/// Longest App ID URI.
pub const MAX: usize = 255;

/// A well-formed App ID URI, in its registered spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentifierUri(String);

/// Why a URI cannot name an application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriRefusal {
    /// Not an absolute URI of printable ASCII without query and fragment.
    #[error(
        "{0:?} is not an App ID URI: expected scheme://name, such as api://ledger, without a trailing slash"
    )]
    Form(String),
    /// `http`, `urn:ietf` and the like would claim names that are not the registrant's.
    #[error("{0:?}: expected the scheme api or https")]
    Scheme(String),
    /// `https` names belong to the owner of the domain.
    #[error("{uri:?}: {host:?} is not a verified domain of this tenant")]
    Domain {
        /// The URI.
        uri: String,
        /// Its host.
        host: String,
    },
    /// A GUID right after `api://` must be the application's own or its tenant's.
    #[error("{0:?}: the GUID after api:// must be the application's own id or its tenant's")]
    ForeignGuid(String),
    /// A multi-tenant application's names must be unmistakably its own in every tenant.
    #[error(
        "{0:?}: a multi-tenant application's URI must contain its application id or lie on a verified domain of its home tenant"
    )]
    NotOwnEverywhere(String),
}

impl IdentifierUri {
    /// Checks `uri` for an application of `tenant`.
    pub fn register(
        uri: &str,
        app_id: AppId,
        tenant: &Tenant,
        audience: SignInAudience,
    ) -> Result<Self, UriRefusal> {
        let form = || UriRefusal::Form(uri.chars().take(80).collect());
        let printable = uri.len() <= MAX && uri.bytes().all(|b| b.is_ascii_graphic());
        if !printable || uri.ends_with('/') || uri.contains(['?', '#', '"', '<', '>', '\\', '*']) {
            return Err(form());
        }
        let (scheme, rest) = uri.split_once("://").ok_or_else(form)?;
        let first = rest.split('/').next().filter(|f| !f.is_empty()).ok_or_else(form)?;
        let own_guid =
            |text: &str| parse_guid(text).is_ok_and(|guid| guid == app_id.0 || guid == tenant.id.0);
        let own_everywhere = match scheme {
            "api" => {
                if parse_guid(first).is_ok() && !own_guid(first) {
                    return Err(UriRefusal::ForeignGuid(uri.to_owned()));
                }
                rest.split('/').any(own_guid)
            }
            "https" => {
                if !on_verified_domain(first, tenant) {
                    let host = first.to_owned();
                    return Err(UriRefusal::Domain { uri: uri.to_owned(), host });
                }
                true
            }
            _ => return Err(UriRefusal::Scheme(uri.to_owned())),
        };
        if audience == SignInAudience::Multi && !own_everywhere {
            return Err(UriRefusal::NotOwnEverywhere(uri.to_owned()));
        }
        Ok(Self(uri.to_owned()))
    }

    /// The registered spelling, which `aud` repeats.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is safe in other tenants: it contains the application's or home tenant's
    /// id, or lies on a domain only its owner can have. Others stay at home (decisions.md 1).
    pub fn may_travel(&self, app_id: AppId, home: TenantId) -> bool {
        let own = |part: &str| parse_guid(part).is_ok_and(|g| g == app_id.0 || g == home.0);
        self.0.starts_with("https://")
            || self.0.strip_prefix("api://").is_some_and(|rest| rest.split('/').any(own))
    }
}

/// The form under which names are compared and kept unique: letter case and one trailing slash do
/// not tell two resources apart.
pub fn name_key(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase()
}

fn on_verified_domain(host: &str, tenant: &Tenant) -> bool {
    let Ok(host) = DomainName::parse(host) else { return false };
    tenant.domains.iter().any(|domain| {
        host.as_str()
            .strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn acme() -> Tenant {
        Tenant::new(
            "ac3e0000-0000-4000-8000-000000000001".parse().unwrap(),
            "Acme",
            vec![DomainName::parse("acme.test").unwrap()],
            Timestamp(0),
        )
    }

    #[test]
    fn who_may_own_which_name() {
        use SignInAudience::{Multi, Single};
        let app: AppId = "a9200000-0000-4000-8000-000000000004".parse().unwrap();
        let check = |uri: &str, audience| {
            IdentifierUri::register(uri, app, &acme(), audience).map(|_| ()).map_err(|e| match e {
                UriRefusal::Form(_) => "form",
                UriRefusal::Scheme(_) => "scheme",
                UriRefusal::Domain { .. } => "domain",
                UriRefusal::ForeignGuid(_) => "foreign",
                UriRefusal::NotOwnEverywhere(_) => "own",
            })
        };
        for (uri, single, multi) in [
            ("api://ledger", Ok(()), Err("own")),
            ("api://a9200000-0000-4000-8000-000000000004", Ok(()), Ok(())),
            ("api://A9200000-0000-4000-8000-000000000004/x", Ok(()), Ok(())),
            ("api://ac3e0000-0000-4000-8000-000000000001/ledger", Ok(()), Ok(())),
            ("api://ledger/a9200000-0000-4000-8000-000000000004", Ok(()), Ok(())),
            ("api://610be000-0000-4000-8000-000000000002", Err("foreign"), Err("foreign")),
            ("https://acme.test", Ok(()), Ok(())),
            ("https://ledger.acme.test/v1", Ok(()), Ok(())),
            ("https://notacme.test", Err("domain"), Err("domain")),
            ("https://globex.test/x", Err("domain"), Err("domain")),
            ("https://acme.test@globex.test", Err("domain"), Err("domain")),
            ("https://acme.test:444/x", Err("domain"), Err("domain")),
            ("http://acme.test", Err("scheme"), Err("scheme")),
            ("urn://x", Err("scheme"), Err("scheme")),
            ("api://ledger/", Err("form"), Err("form")),
            ("api://*", Err("form"), Err("form")),
            ("ledger", Err("form"), Err("form")),
            ("api://", Err("form"), Err("form")),
            ("api://a b", Err("form"), Err("form")),
            ("", Err("form"), Err("form")),
        ] {
            assert_eq!(check(uri, Single), single, "{uri}");
            assert_eq!(check(uri, Multi), multi, "{uri}");
        }
    }

    #[test]
    fn names_compare_without_case_and_one_slash() {
        assert_eq!(name_key("API://Ledger/"), name_key("api://ledger"));
        assert_ne!(name_key("https://x//"), name_key("https://x"));
    }
}
