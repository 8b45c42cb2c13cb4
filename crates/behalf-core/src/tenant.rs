//! A tenant: one directory, with the domains that name it.

use serde::{Deserialize, Serialize};

use crate::{id::TenantId, time::Timestamp};

/// A directory. Everything but the deployment's keys belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// `tid`.
    pub id: TenantId,
    /// What people call it; appears in error texts of its own requests only.
    pub display_name: String,
    /// Verified domains, lower case; the first is the initial one.
    pub domains: Vec<DomainName>,
    /// A disabled tenant answers as an unknown one (90002) and gets no tokens.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// `trev`: what every ticket of the tenant carries and must still equal (tickets.md 5).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// What users may do, and how long what they are given lasts.
    #[serde(default, skip_serializing_if = "UserPolicy::is_default")]
    pub users: UserPolicy,
    /// No client gets tokens for itself here while the database is away (decisions.md 26).
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_degraded_service: bool,
    /// When it was created.
    pub created: Timestamp,
}

impl Tenant {
    /// A new tenant: enabled, with the default policy.
    pub fn new(
        id: TenantId,
        display_name: impl Into<String>,
        domains: Vec<DomainName>,
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            display_name: display_name.into(),
            domains,
            disabled: false,
            revision: 0,
            users: UserPolicy::default(),
            no_degraded_service: false,
            created,
        }
    }
}

/// A tenant's choices about its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserPolicy {
    /// Users may not consent, not even to scopes of type User: an administrator must (90094).
    #[serde(skip_serializing_if = "is_false")]
    pub no_user_consent: bool,
    /// The password grant may be used, by applications that allow it too (RFC 6749 4.3).
    #[serde(skip_serializing_if = "is_false")]
    pub password_grant: bool,
    /// v1 answers carry a refresh token only when `offline_access` was asked for (decisions.md 17).
    #[serde(skip_serializing_if = "is_false")]
    pub v1_refresh_on_request: bool,
    /// How long a refresh token and all that follow from it may live, in seconds; `None`: for as
    /// long as it is used (700081).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_absolute_secs: Option<u32>,
}

impl UserPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A DNS name in lower case: what may stand in the tenant segment of a URL besides a GUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// Why a text is no domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a domain name: expected labels of letters, digits and hyphens with a dot between, 253 characters at most"
)]
pub struct NotADomain;

impl DomainName {
    /// Parses in any letter case. ASCII only: an internationalised name is written in punycode.
    /// At least one dot, so that no reserved segment (`common`, `adfs`) can be a domain.
    pub fn parse(text: &str) -> Result<Self, NotADomain> {
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let numeric_tail =
            text.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if text.len() > 253 || !text.contains('.') || numeric_tail || !text.split('.').all(label_ok)
        {
            return Err(NotADomain);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DomainName {
    type Error = NotADomain;
    fn try_from(text: String) -> Result<Self, NotADomain> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(domain: DomainName) -> Self {
        domain.0
    }
}

/// What the first path segment of a request names, before anything is looked up (protocol 1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantSegment {
    /// A tenant's GUID.
    Id(TenantId),
    /// A domain, which some tenant may have verified.
    Domain(DomainName),
    /// `common` or `organizations`: any tenant of this deployment, known only after sign-in.
    Any,
    /// The reserved name `adfs`: the deployment's default tenant.
    DefaultTenant,
    /// `consumers`: personal accounts, which behalf has none of; an unknown tenant.
    Consumers,
}

impl TenantSegment {
    /// Reads the segment in any letter case; `None` when it is neither a GUID, a DNS name nor
    /// reserved (90023).
    pub fn parse(segment: &str) -> Option<Self> {
        if segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations") {
            return Some(Self::Any);
        }
        if segment.eq_ignore_ascii_case("adfs") {
            return Some(Self::DefaultTenant);
        }
        if segment.eq_ignore_ascii_case("consumers") {
            return Some(Self::Consumers);
        }
        if let Ok(id) = segment.parse() {
            return Some(Self::Id(id));
        }
        DomainName::parse(segment).ok().map(Self::Domain)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(crate) fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        let parse = TenantSegment::parse;
        assert_eq!(parse("COMMON"), Some(TenantSegment::Any));
        assert_eq!(parse("organizations"), Some(TenantSegment::Any));
        assert_eq!(parse("Adfs"), Some(TenantSegment::DefaultTenant));
        assert_eq!(parse("consumers"), Some(TenantSegment::Consumers));
        assert!(matches!(
            parse("AC3E0000-0000-4000-8000-000000000001"),
            Some(TenantSegment::Id(_))
        ));
        assert_eq!(parse("Acme.Test"), Some(TenantSegment::Domain(DomainName("acme.test".into()))));
        for none in ["", "acme", "a b.test", "a'.test", "-a.test", "a..test", "1.2.3.4", "é.test"]
        {
            assert_eq!(parse(none), None, "{none}");
        }
        assert_eq!(parse(&format!("{}.test", "a".repeat(64))), None);
    }
}
