use std::fmt;

use crate::EndpointVersion;
use crate::error::AadSts;

/// The longest `scope`, in bytes.
pub const MAX_SCOPE_BYTES: usize = 8 * 1024;

/// The most scopes in one request.
pub const MAX_SCOPES: usize = 100;

/// The longest name of a resource, in bytes.
pub const MAX_RESOURCE_BYTES: usize = 512;

/// Microsoft Graph's application id, which a bare `.default` and other scopes without a resource
/// mean.
pub(super) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

const OIDC_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The name of a resource as the client wrote it: an App ID URI or an application id. At least one
/// and at most [`MAX_RESOURCE_BYTES`] visible ASCII characters, without `"` and `\`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceIdentifier<'a>(&'a str);

impl<'a> ResourceIdentifier<'a> {
    /// Checks the characters and the length; `None` when they cannot be a resource's name.
    pub fn parse(text: &'a str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_RESOURCE_BYTES;
        (fits && text.bytes().all(is_scope_character)).then_some(Self(text))
    }

    /// The text as sent: letter case and a trailing slash are the client's.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for ResourceIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a request names no resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `scope` nor `resource`.
    #[error("The parameter {name} is missing or empty. {}", missing_hint(.name))]
    Missing {
        /// `scope` or `resource`, by endpoint.
        name: &'static str,
    },
    /// `resource` on the v2.0 endpoint.
    #[error(
        "The v2.0 endpoint does not take the parameter resource. Send scope=<App ID URI>/.default, \
         or use the v1 endpoint."
    )]
    ResourceNotSupported,
    /// No scope ends in `/.default`.
    #[error(
        "With client_credentials the scope must be a resource followed by /.default. Send \
         scope=<App ID URI>/.default."
    )]
    WithoutDefault,
    /// `/.default` of two resources.
    #[error("The scope names more than one resource. Ask for one token per resource.")]
    SeveralResources,
    /// `/.default` together with other scopes.
    #[error(
        "/.default cannot be combined with other scopes. With client_credentials send it alone; \
         the token holds every role assigned to the application."
    )]
    DefaultAndMore,
    /// `/.default` together with named scopes of the same resource.
    #[error(
        "/.default cannot be combined with other scopes of the same resource. Send it alone, for \
         everything granted, or name the scopes."
    )]
    DefaultAndNamed,
    /// More than [`MAX_SCOPES`] scopes or [`MAX_SCOPE_BYTES`] bytes.
    #[error("The scope is too long: at most 100 values and 8192 bytes are read.")]
    TooLong,
    /// Characters that RFC 6749 3.3 does not allow in a scope, or no name before `/.default`.
    #[error(
        "The scope holds something that is not a scope: visible ASCII characters other than quotes \
         and backslashes, separated by single spaces, and a resource before /.default."
    )]
    MalformedScope,
    /// The same, in `resource`.
    #[error(
        "The value of resource cannot be the name of a resource. Send the App ID URI or the \
         application id of the API, at most 512 visible ASCII characters."
    )]
    MalformedResource,
}

fn missing_hint(name: &str) -> &'static str {
    if name == "resource" {
        "Send resource=<App ID URI>, or scope=<App ID URI>/.default."
    } else {
        "Send scope=<App ID URI>/.default."
    }
}

impl TargetError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::Missing { .. } => AadSts::MissingParameter,
            Self::ResourceNotSupported => AadSts::ResourceParameterNotSupported,
            Self::WithoutDefault => AadSts::ScopeWithoutDefault,
            Self::SeveralResources => AadSts::SeveralResources,
            Self::DefaultAndMore | Self::DefaultAndNamed | Self::TooLong | Self::MalformedScope => {
                AadSts::InvalidScope
            }
            Self::MalformedResource => AadSts::ResourceNotFound,
        }
    }
}

/// What a request asks access to: v1's `resource` and v2's `scope` become one thing here.
pub struct RequestedAccess;

impl RequestedAccess {
    /// The resource of a `client_credentials` request: exactly one.
    ///
    /// v2 reads `scope` and refuses `resource`. v1 reads `resource`; without it `scope` is read as
    /// v2's (azure-identity with the tenant name `adfs` sends that). `https://host//.default` is
    /// the resource `https://host/`; a bare `.default` is Microsoft Graph. The OIDC scopes
    /// (`openid`, `profile`, `email`, `offline_access`) are ignored, for this grant has no user:
    /// no ID token and no refresh token comes of them (RFC 6749 4.4.3).
    pub fn for_client_credentials<'a>(
        version: EndpointVersion,
        resource: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> Result<ResourceIdentifier<'a>, TargetError> {
        match (version, resource, scope) {
            (EndpointVersion::V2, Some(_), _) => Err(TargetError::ResourceNotSupported),
            (EndpointVersion::V1, Some(resource), _) => {
                ResourceIdentifier::parse(resource).ok_or(TargetError::MalformedResource)
            }
            (_, None, Some(scope)) => default_of_one_resource(scope),
            (EndpointVersion::V1, None, None) => Err(TargetError::Missing { name: "resource" }),
            (EndpointVersion::V2, None, None) => Err(TargetError::Missing { name: "scope" }),
        }
    }
}

fn default_of_one_resource(scope: &str) -> Result<ResourceIdentifier<'_>, TargetError> {
    if scope.len() > MAX_SCOPE_BYTES {
        return Err(TargetError::TooLong);
    }
    let (mut found, mut several, mut others) = (None, false, false);
    for (count, value) in scope.split(' ').filter(|value| !value.is_empty()).enumerate() {
        if count >= MAX_SCOPES {
            return Err(TargetError::TooLong);
        }
        if !value.bytes().all(is_scope_character) {
            return Err(TargetError::MalformedScope);
        }
        let resource = match value.strip_suffix("/.default") {
            Some(resource) => resource,
            None if value == ".default" => GRAPH,
            None => {
                others |= !OIDC_SCOPES.contains(&value);
                continue;
            }
        };
        let resource = ResourceIdentifier::parse(resource).ok_or(TargetError::MalformedScope)?;
        several |= found.is_some_and(|found| found != resource);
        found = Some(resource);
    }
    match found {
        None => Err(TargetError::WithoutDefault),
        Some(_) if several => Err(TargetError::SeveralResources),
        Some(_) if others => Err(TargetError::DefaultAndMore),
        Some(resource) => Ok(resource),
    }
}

/// RFC 6749 3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
pub(super) fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v1<'a>(resource: Option<&'a str>, scope: Option<&'a str>) -> Result<&'a str, TargetError> {
        RequestedAccess::for_client_credentials(EndpointVersion::V1, resource, scope)
            .map(ResourceIdentifier::as_str)
    }

    fn v2(scope: &str) -> Result<&str, TargetError> {
        RequestedAccess::for_client_credentials(EndpointVersion::V2, None, Some(scope))
            .map(ResourceIdentifier::as_str)
    }

    #[test]
    fn v2_takes_one_default() {
        assert_eq!(v2("api://ledger/.default"), Ok("api://ledger"));
        assert_eq!(v2("https://host//.default"), Ok("https://host/"), "the slash is the name's");
        assert_eq!(v2("https://host/.default"), Ok("https://host"));
        assert_eq!(v2(".default"), Ok(GRAPH));
        assert_eq!(v2(" a/.default  a/.default "), Ok("a"), "the same twice is one");
        assert_eq!(
            v2("api://ledger/.default openid profile email offline_access"),
            Ok("api://ledger")
        );
    }

    #[test]
    fn v2_refuses_every_other_scope() {
        let many = "a/.default ".repeat(MAX_SCOPES + 1);
        let fifty_thousand = "a ".repeat(50_000);
        let long_name = format!("{}/.default", "a".repeat(MAX_RESOURCE_BYTES + 1));
        for (scope, expected, code) in [
            ("api://b/Read", TargetError::WithoutDefault, 1_002_012),
            ("openid", TargetError::WithoutDefault, 1_002_012),
            ("api://b/.DEFAULT", TargetError::WithoutDefault, 1_002_012),
            ("api://a/.default api://b/.default", TargetError::SeveralResources, 28_000),
            ("https://a/.default https://a//.default", TargetError::SeveralResources, 28_000),
            ("api://a/.default api://a/Read", TargetError::DefaultAndMore, 70_011),
            ("/.default", TargetError::MalformedScope, 70_011),
            ("api://a\u{200b}/.default", TargetError::MalformedScope, 70_011),
            ("api://\u{ff41}/.default", TargetError::MalformedScope, 70_011),
            ("\"api://a/.default\"", TargetError::MalformedScope, 70_011),
            ("api://a/.default\tapi://b", TargetError::MalformedScope, 70_011),
            (long_name.as_str(), TargetError::MalformedScope, 70_011),
            (many.as_str(), TargetError::TooLong, 70_011),
            (fifty_thousand.as_str(), TargetError::TooLong, 70_011),
        ] {
            let error = v2(scope).unwrap_err();
            assert_eq!((error, error.aadsts().code()), (expected, code), "{scope:.80}");
        }
    }

    #[test]
    fn v1_takes_resource_and_else_the_scope_of_v2() {
        assert_eq!(v1(Some("https://host/"), None), Ok("https://host/"));
        assert_eq!(v1(Some("api://a"), Some("api://b/.default")), Ok("api://a"));
        assert_eq!(v1(None, Some("api://b/.default")), Ok("api://b"));
        assert_eq!(v1(None, Some("api://b/Read")), Err(TargetError::WithoutDefault));
        assert_eq!(v1(Some("a b"), None), Err(TargetError::MalformedResource));
        assert_eq!(v1(Some("a\u{7f}"), None), Err(TargetError::MalformedResource));
        assert_eq!(TargetError::MalformedResource.aadsts().code(), 500_011);
    }

    #[test]
    fn a_missing_target_is_named_by_the_endpoint_that_was_asked() {
        assert_eq!(v1(None, None), Err(TargetError::Missing { name: "resource" }));
        let v2 =
            |resource| RequestedAccess::for_client_credentials(EndpointVersion::V2, resource, None);
        assert_eq!(v2(None), Err(TargetError::Missing { name: "scope" }));
        assert_eq!(v2(Some("api://a")), Err(TargetError::ResourceNotSupported));
        assert_eq!(TargetError::ResourceNotSupported.aadsts().code(), 901_002);
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_a_name(scope in "[a-z:/. \"\\PC]{0,40}(/\\.default)?") {
            if let Ok(resource) = v2(&scope) {
                prop_assert!(ResourceIdentifier::parse(resource).is_some());
            }
        }
    }
}
