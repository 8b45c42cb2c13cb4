//! The admin consent endpoints: `/adminconsent` (v1) and `/v2.0/adminconsent`.
//!
//! Parameters are read as [`AuthorizeParameters`], whose
//! [`destination`](AuthorizeParameters::destination) comes first here too. Answers go into the query
//! of the redirect URI.

use uuid::Uuid;

use crate::EndpointVersion;
use crate::authorize::{AuthorizeError, AuthorizeParameters, ResponseParameters};
use crate::error::{AadSts, ErrorBody};
use crate::token::request::RequestedScopes;

/// What an administrator is asked to consent to.
#[derive(Debug)]
pub struct AdminConsentRequest<'a> {
    /// v2.0: the scopes to grant, `/.default` of a resource for all that the application requires.
    /// v1: `None`, for all that it requires of every resource.
    pub scopes: Option<RequestedScopes<'a>>,
    /// `scope` as sent.
    pub scope: Option<&'a str>,
    /// `state`, to be echoed.
    pub state: Option<&'a str>,
}

impl<'a> AdminConsentRequest<'a> {
    /// The second stage; errors are redirectable. v1 ignores `scope`.
    pub fn of(
        parameters: &'a AuthorizeParameters<'_>,
        version: EndpointVersion,
    ) -> Result<Self, AuthorizeError> {
        if let Some(name) = parameters.repeated() {
            return Err(AuthorizeError::Repeated { name });
        }
        let state = parameters.state();
        if state.is_none() && parameters.get("state").is_some() {
            let limit = crate::authorize::MAX_STATE_BYTES;
            return Err(AuthorizeError::TooLong { name: "state", limit });
        }
        let scope = match version {
            EndpointVersion::V1 => None,
            EndpointVersion::V2 => {
                Some(parameters.get("scope").ok_or(AuthorizeError::Missing { name: "scope" })?)
            }
        };
        let scopes = scope.map(RequestedScopes::of_list).transpose();
        Ok(Self { scopes: scopes.map_err(AuthorizeError::Scope)?, scope, state })
    }
}

/// An answer of the admin consent endpoints.
#[derive(Debug, Clone, Copy)]
pub enum AdminConsentResponse<'a> {
    /// Consent was given. `tenant` tells the application where; it proves nothing.
    Granted {
        /// The tenant's id.
        tenant: Uuid,
        /// v2.0: what was granted, as asked.
        scope: Option<&'a str>,
    },
    /// It was not.
    Refused(&'a ErrorBody<'a>),
}

impl<'a> AdminConsentResponse<'a> {
    /// The row of a cancelled request: `permission_denied` on v1, `consent_required` on v2.0.
    pub const fn cancelled(version: EndpointVersion) -> AadSts {
        match version {
            EndpointVersion::V1 => AadSts::AdminConsentCancelled,
            EndpointVersion::V2 => AadSts::AdminConsentDeclined,
        }
    }

    /// The parameters of the answer, to be delivered by query. v2.0 says `admin_consent=True` even
    /// beside an error, as Entra does.
    pub fn parameters(
        &self,
        version: EndpointVersion,
        state: Option<&'a str>,
    ) -> ResponseParameters<'a> {
        let mut all = ResponseParameters::default();
        match *self {
            Self::Granted { tenant, scope } => {
                all.push("admin_consent", Some("True"));
                all.push("tenant", Some(tenant.to_string()));
                all.push("scope", scope);
            }
            Self::Refused(error) => {
                all.push("admin_consent", (version == EndpointVersion::V2).then_some("True"));
                all.push("error", Some(error.kind.oauth().as_str()));
                all.push("error_description", Some(error.description()));
            }
        }
        all.push("state", state);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::{Delivery, ResponseMode};

    fn location(response: AdminConsentResponse<'_>, version: EndpointVersion) -> String {
        let delivery = response
            .parameters(version, Some("s"))
            .deliver("https://app.test/done", ResponseMode::Query);
        match delivery {
            Delivery::Location(location) => location,
            Delivery::FormPost { .. } => panic!("not a redirect"),
        }
    }

    fn refused(query: &str, version: EndpointVersion) -> u32 {
        let parameters = AuthorizeParameters::parse(query).unwrap();
        AdminConsentRequest::of(&parameters, version).unwrap_err().aadsts().code()
    }

    #[test]
    fn v1_means_everything_and_v2_says_what() {
        let query = "client_id=a&redirect_uri=b&state=s&scope=api://b/.default+openid";
        let parameters = AuthorizeParameters::parse(query).unwrap();
        let request = AdminConsentRequest::of(&parameters, EndpointVersion::V1).unwrap();
        assert!(request.scopes.is_none() && request.state == Some("s"));
        let request = AdminConsentRequest::of(&parameters, EndpointVersion::V2).unwrap();
        let scopes = request.scopes.unwrap();
        assert_eq!(scopes.sole().unwrap().resource.as_str(), "api://b");
    }

    #[test]
    fn what_is_wrong_with_the_request_is_redirectable() {
        let long = format!("scope=a/R&state={}", "x".repeat(5000));
        for (query, version, code) in [
            ("client_id=a", EndpointVersion::V2, 900_144),
            ("scope=a/R&scope=a/R", EndpointVersion::V2, 9_000_411),
            ("state=a&state=b", EndpointVersion::V1, 9_000_411),
            ("scope=/R", EndpointVersion::V2, 70_011),
            (long.as_str(), EndpointVersion::V2, 90_015),
            (long.as_str(), EndpointVersion::V1, 90_015),
        ] {
            assert_eq!(refused(query, version), code, "{query:.40}");
        }
    }

    #[test]
    fn a_grant_names_the_tenant() {
        let granted = AdminConsentResponse::Granted { tenant: Uuid::nil(), scope: None };
        assert_eq!(
            location(granted, EndpointVersion::V1),
            "https://app.test/done?admin_consent=True&tenant=00000000-0000-0000-0000-000000000000\
             &state=s#"
        );
        let scope = Some("api://b/Read");
        let granted = AdminConsentResponse::Granted { tenant: Uuid::nil(), scope };
        assert!(location(granted, EndpointVersion::V2).contains("&scope=api%3A%2F%2Fb%2FRead&"));
    }

    #[test]
    fn a_cancelled_request_by_the_name_of_each_endpoint() {
        for (version, start) in [
            (
                EndpointVersion::V1,
                "https://app.test/done?error=permission_denied&error_description=AADSTS65004%3A",
            ),
            (
                EndpointVersion::V2,
                "https://app.test/done?admin_consent=True&error=consent_required&error_description=AADSTS65004%3A",
            ),
        ] {
            let error = ErrorBody {
                kind: AdminConsentResponse::cancelled(version),
                text: "x",
                trace_id: Uuid::nil(),
                correlation_id: Uuid::nil(),
                timestamp: 0,
                authority: "https://host",
            };
            let location = location(AdminConsentResponse::Refused(&error), version);
            assert!(location.starts_with(start), "{location}");
        }
    }
}
