use std::collections::BTreeMap;

use behalf_core::id::parse_guid;
use behalf_jose::JwkSet;

/// What an API accepts, and what its server publishes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApiFacts {
    /// What people call the API.
    pub(crate) name: String,
    /// The server's origin without a trailing slash; issuers are `{base}/{tid}/` and
    /// `{base}/{tid}/v2.0`.
    pub(crate) issuer_base: String,
    /// Ids of the tenants whose tokens the API accepts, in lower case; empty for every tenant.
    pub(crate) tenants: Vec<String>,
    /// The values of `aud` that name the API: its application id and App ID URIs.
    pub(crate) audiences: Vec<String>,
    /// A user's token needs one of these scopes; empty when any will do.
    pub(crate) scopes: Vec<String>,
    /// An application's token needs one of these roles; empty when any will do.
    pub(crate) roles: Vec<String>,
    /// The server's key set.
    pub(crate) keys: JwkSet,
    /// What people call applications and tenants, by their ids in lower case.
    pub(crate) names: BTreeMap<String, String>,
}

impl ApiFacts {
    /// What people call the thing with this id or name.
    pub(crate) fn name_of(&self, id: &str) -> Option<&str> {
        if self.audiences.iter().any(|own| own.eq_ignore_ascii_case(id)) {
            return Some(&self.name);
        }
        self.names.get(&id.to_ascii_lowercase()).map(String::as_str)
    }

    /// Whether `aud` names the API: exactly, but for a slash at the end, and `api://{id}` names the
    /// application with that id.
    pub(super) fn answers_to(&self, aud: &str) -> bool {
        self.audiences.iter().any(|own| {
            let own = own.trim_end_matches('/');
            let aud = aud.strip_suffix('/').unwrap_or(aud);
            match parse_guid(own) {
                Ok(id) => aud.strip_prefix("api://").unwrap_or(aud) == id.to_string(),
                Err(_) => aud == own,
            }
        })
    }

    /// By which name to ask for the API: its App ID URI, or its id when it has none.
    pub(super) fn resource(&self) -> &str {
        let uri = self.audiences.iter().find(|audience| audience.contains("://"));
        uri.or(self.audiences.first()).map_or("<App ID URI>", String::as_str)
    }
}
