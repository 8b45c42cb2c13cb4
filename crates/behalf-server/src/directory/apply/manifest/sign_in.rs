//! What a manifest says of the sign-in of an application's users.

use std::collections::BTreeSet;

use behalf_core::application::{AppKind, OptionalClaim, OptionalClaims, Platform, Require};
use serde::{Deserialize, Serialize};

use super::Span;

/// A redirect URI: alone, of the platform that goes with the application's type, or by platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a redirect URI or one of {web: URI}, {spa: URI}, {native: URI}")]
pub enum RedirectTo {
    /// `native` for a native application, else `web`.
    Uri(String),
    /// On a platform that is said.
    On(OnPlatform),
}

/// A redirect URI by platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnPlatform {
    /// A web application's server.
    Web(String),
    /// A page of script.
    Spa(String),
    /// A program on a device.
    Native(String),
}

impl RedirectTo {
    /// The URI and its platform, for an application of `kind`.
    pub fn of(&self, kind: AppKind) -> (&str, Platform) {
        match self {
            Self::Uri(uri) if kind.is_public() => (uri, Platform::InstalledClient),
            Self::Uri(uri) | Self::On(OnPlatform::Web(uri)) => (uri, Platform::Web),
            Self::On(OnPlatform::Spa(uri)) => (uri, Platform::Spa),
            Self::On(OnPlatform::Native(uri)) => (uri, Platform::InstalledClient),
        }
    }
}

/// `optional-claims` of an application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Claims {
    /// In access tokens for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub access_token: BTreeSet<OptionalClaim>,
    /// In ID tokens for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<OptionalClaim>,
}

/// `require` of an application or a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Demand {
    /// A second factor was used.
    #[serde(skip_serializing_if = "is_no")]
    pub mfa: bool,
    /// The user signed in at most so long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// Authentication contexts that were all met.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub acrs: BTreeSet<String>,
}

impl From<&Demand> for Require {
    fn from(demand: &Demand) -> Self {
        let seconds = |span: Span| u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX);
        Self {
            mfa: demand.mfa,
            max_age_secs: demand.max_age.map(seconds),
            acrs: demand.acrs.clone(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_no(value: &bool) -> bool {
    !*value
}

impl From<&Claims> for OptionalClaims {
    fn from(claims: &Claims) -> Self {
        Self { access_token: claims.access_token.clone(), id_token: claims.id_token.clone() }
    }
}
