//! What a failing check found and what it expected, for the log and for `behalf log`: short,
//! side by side, nothing secret.

mod grant;

use crate::{
    application::credential::Method,
    token::{Refusal, assertion::AssertionRefusal, refusal::SecretHint},
};

impl Refusal {
    /// What was found, and what was expected instead.
    pub fn found_and_expected(&self) -> (String, String) {
        let pair = |found: &str, expected: &str| (found.to_owned(), expected.to_owned());
        match self {
            Self::TenantMalformed => pair("neither a GUID nor a domain", "a tenant id or domain"),
            Self::TenantUnknown { segment } => {
                (segment.clone(), "the id or domain of an enabled tenant".to_owned())
            }
            Self::TenantRequired { segment } => {
                (segment.clone(), "one tenant's id or domain".to_owned())
            }
            Self::Form(error) => (error.to_string(), "a form of single parameters".to_owned()),
            Self::BasicMalformed => pair("an unreadable Authorization header", "Basic"),
            Self::ClientAuthentication(error) => {
                (error.to_string(), "one method of client authentication".to_owned())
            }
            Self::Missing { name } => (format!("no {name}"), (*name).to_owned()),
            Self::GrantUnsupported(_) => pair("another grant type", "one that is served"),
            Self::Target(error) => (error.to_string(), "<App ID URI>/.default".to_owned()),
            Self::ClientNil => pair("the nil GUID", "an application id"),
            Self::ClientMalformed { length, .. } => {
                (format!("{length} characters that are no GUID"), "an application id".to_owned())
            }
            Self::ClientUnknown { client, .. } => {
                (client.to_string(), "an application of this tenant".to_owned())
            }
            Self::ClientNowhere => pair("no such application", "an application of this server"),
            Self::SingleTenant { .. } => {
                pair("an application of one directory", "that directory's address")
            }
            Self::CredentialMissing => pair("no credential", "client_secret or client_assertion"),
            Self::PublicClient { .. } => pair("a public client", "a confidential client"),
            Self::SecretWrong { hint, .. } => {
                let found = match hint {
                    SecretHint::Id => "the id of a secret",
                    SecretHint::Damaged => "a damaged secret",
                    SecretHint::None => "another secret",
                };
                pair(found, "a live secret of the application")
            }
            Self::SecretExpired { name, expired, .. } => {
                (format!("secret {name:?}, expired {expired}"), "a live secret".to_owned())
            }
            Self::MethodNotAllowed { method, .. } => pair(
                match method {
                    Method::Secret => "a secret",
                    Method::Certificate => "a certificate",
                },
                "a method the application allows",
            ),
            Self::Assertion(refusal) => refusal.found_and_expected(),
            Self::ClientDisabled { here, .. } => pair(
                if *here { "a disabled service principal" } else { "a disabled application" },
                "an enabled one",
            ),
            Self::ServicePrincipalMissing { .. } => {
                pair("no service principal in this tenant", "a service principal")
            }
            Self::ResourceUnknown { requested, .. } => (
                requested.clone().unwrap_or_else(|| "a name that is not repeated".to_owned()),
                "a name of a service principal in this tenant".to_owned(),
            ),
            Self::ResourceDisabled { resource, .. } => {
                (format!("{resource}, disabled"), "an enabled resource".to_owned())
            }
            Self::AssignmentRequired { resource, .. } => {
                ("no assignment".to_owned(), format!("an app role assignment on {resource}"))
            }
            Self::TokenTooLong { length, most } => {
                (format!("a token of {length} bytes"), format!("at most {most}"))
            }
            Self::Grant(refusal) => grant::found_and_expected(refusal),
        }
    }
}

impl AssertionRefusal {
    fn found_and_expected(&self) -> (String, String) {
        let named = |thumbprint: &Option<String>| {
            thumbprint.as_ref().map_or_else(|| "no thumbprint".to_owned(), Clone::clone)
        };
        match self {
            Self::Malformed(cause) => (cause.clone(), "a signed JWT (RFC 7523)".to_owned()),
            Self::Algorithm => ("another algorithm".to_owned(), "RS256 or PS256".to_owned()),
            Self::KeyUnknown { thumbprint, .. } => {
                (named(thumbprint), "a registered certificate".to_owned())
            }
            Self::Signature { thumbprint } => {
                (named(thumbprint), "a signature by that certificate's key".to_owned())
            }
            Self::Issuer { client } => {
                ("another issuer".to_owned(), format!("iss = sub = {client}"))
            }
            Self::Subject { client } => {
                ("iss and sub differ".to_owned(), format!("iss = sub = {client}"))
            }
            Self::Audience { tenant, .. } => (
                "another audience".to_owned(),
                format!("the token endpoint or issuer of {tenant}, alone"),
            ),
            Self::Time { now, from, until, .. } => {
                (format!("from {from} until {until}"), format!("a time around {now}"))
            }
            Self::CertificateTime { now, from, until } => {
                (format!("valid {from} until {until}"), format!("valid at {now}"))
            }
            Self::Replayed { .. } => ("a used or missing jti".to_owned(), "a new jti".to_owned()),
        }
    }
}
