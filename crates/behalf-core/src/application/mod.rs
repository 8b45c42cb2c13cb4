//! An application: what is registered once, in its home tenant.

pub mod credential;
mod graph;
pub mod identifier_uri;
pub mod optional_claims;
pub mod permission;
pub mod redirect;
pub mod require;

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

pub use credential::{CertificateCredential, SecretCredential};
pub use graph::graph;
pub use identifier_uri::IdentifierUri;
pub use optional_claims::{OptionalClaim, OptionalClaims};
pub use permission::{AppRole, Consent, MemberType, RequiredResource, Scope};
pub use redirect::{Platform, Redirect};
pub use require::Require;

use crate::{
    id::{AppId, ObjectId, PermissionId, TenantId},
    tenant::is_false,
    time::Timestamp,
};

/// The application object (Graph `application`, protocol 6.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Object id, in the home tenant.
    pub id: ObjectId,
    /// `client_id`.
    pub app_id: AppId,
    /// Home tenant.
    pub tenant: TenantId,
    /// Unique in the home tenant; what a manifest and the command line name it by.
    pub name: String,
    /// What people see; `name` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What kind of program it is; decides whether it may hold credentials.
    pub kind: AppKind,
    /// Who may use it.
    #[serde(default, skip_serializing_if = "SignInAudience::is_single")]
    pub audience: SignInAudience,
    /// App ID URIs, as registered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifier_uris: Vec<IdentifierUri>,
    /// `requestedAccessTokenVersion`: the format of tokens *for* this application. `None` is v1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_access_token_version: Option<TokenVersion>,
    /// Delegated permissions it exposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Application permissions (and users' roles) it exposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<AppRole>,
    /// What it needs of other applications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_resource_access: Vec<RequiredResource>,
    /// Secrets; several may be live at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretCredential>,
    /// Certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateCredential>,
    /// Where its users may be sent back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Redirect>,
    /// `logoutUrl`: what a browser loads when the user signs out elsewhere (front channel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_url: Option<String>,
    /// `isFallbackPublicClient`: it is a public client where no redirect URI says what it is
    /// (device code, password).
    #[serde(default, skip_serializing_if = "is_false")]
    pub fallback_public_client: bool,
    /// `optionalClaims`.
    #[serde(default, skip_serializing_if = "OptionalClaims::is_default")]
    pub optional_claims: OptionalClaims,
    /// What it demands of the sign-in behind any token of a user for it.
    #[serde(default, skip_serializing_if = "Require::is_empty")]
    pub require: Require,
    /// `knownClientApplications`: clients whose consent page covers what this application needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_clients: Vec<AppId>,
    /// `preAuthorizedApplications`: clients that need no consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_authorized: Vec<PreAuthorized>,
    /// Disabled everywhere, in every tenant.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Settings Graph has no word for.
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    pub behalf: Settings,
    /// When it was created.
    pub created: Timestamp,
}

impl Application {
    /// A new application: single tenant, nothing offered, nothing needed, no credential, v1.0
    /// tokens as Graph's default is.
    pub fn new(
        id: ObjectId,
        app_id: AppId,
        (tenant, name): (TenantId, impl Into<String>),
        kind: AppKind,
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            app_id,
            tenant,
            name: name.into(),
            display_name: None,
            kind,
            audience: SignInAudience::Single,
            identifier_uris: Vec::new(),
            requested_access_token_version: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            required_resource_access: Vec::new(),
            secrets: Vec::new(),
            certificates: Vec::new(),
            redirects: Vec::new(),
            logout_url: None,
            fallback_public_client: false,
            optional_claims: OptionalClaims::default(),
            require: Require::default(),
            known_clients: Vec::new(),
            pre_authorized: Vec::new(),
            disabled: false,
            behalf: Settings::default(),
            created,
        }
    }

    /// What people see.
    pub fn display_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.name)
    }

    /// Whether it may act without a credential where no redirect URI says what it is: a native
    /// application, or one registered as falling back to it.
    pub fn allows_public_flows(&self) -> bool {
        self.kind.is_public() || self.fallback_public_client
    }

    /// The scope with this id, if it is enabled.
    pub fn enabled_scope(&self, id: PermissionId) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.id == id && !scope.disabled)
    }

    /// The format of tokens for this application: absent means v1.0 (protocol 5.1).
    pub fn token_version(&self) -> TokenVersion {
        self.requested_access_token_version.unwrap_or(TokenVersion::V1)
    }
}

/// What kind of program an application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppKind {
    /// A web API.
    Api,
    /// A service that acts as itself.
    Daemon,
    /// A program on somebody's device: public, keeps no credential.
    Native,
    /// A web application with a server.
    Web,
}

impl AppKind {
    /// Whether it is a public client (RFC 6749 2.1), which must not present a credential.
    pub fn is_public(self) -> bool {
        self == Self::Native
    }
}

/// `signInAudience`: whose directory may use the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SignInAudience {
    /// `AzureADMyOrg`: its home tenant only.
    #[default]
    #[serde(rename = "AzureADMyOrg")]
    Single,
    /// `AzureADMultipleOrgs`: every tenant that has a service principal for it.
    #[serde(rename = "AzureADMultipleOrgs")]
    Multi,
}

impl SignInAudience {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_single(&self) -> bool {
        *self == Self::Single
    }
}

/// Token format versions, chosen by the resource and never by the endpoint (protocol 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenVersion {
    /// `ver` = `1.0`.
    V1,
    /// `ver` = `2.0`.
    V2,
}

impl Serialize for TokenVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::V1 => 1,
            Self::V2 => 2,
        })
    }
}

impl<'de> Deserialize<'de> for TokenVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            other => {
                Err(serde::de::Error::custom(format!("token version {other}, expected 1 or 2")))
            }
        }
    }
}

/// One entry of `preAuthorizedApplications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreAuthorized {
    /// The client.
    pub app_id: AppId,
    /// The scopes it needs no consent for, by id: a re-created scope is another one.
    pub scopes: BTreeSet<PermissionId>,
}

/// What an application may choose that Graph has no word for (implementation.md 6).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Algorithm of tokens for this application; `None` is RS256, which every client understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_alg: Option<TokenAlg>,
    /// Lifetime of tokens for this application in seconds; `None` is the deployment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_lifetime_secs: Option<u32>,
    /// Client assertions must name the issuer as audience and a `jti` counts once (RFC 7523bis).
    #[serde(skip_serializing_if = "is_false")]
    pub strict_assertions: bool,
    /// Credential methods this client may use; empty means every one it has a credential for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_methods: BTreeSet<credential::Method>,
    /// It may use the password grant where the tenant allows that too (RFC 6749 4.3).
    #[serde(skip_serializing_if = "is_false")]
    pub password_grant: bool,
    /// It gets no tokens for itself while the database is away (decisions.md 26).
    #[serde(skip_serializing_if = "is_false")]
    pub no_degraded_service: bool,
}

impl Settings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The lifetime asked for, if any.
    pub fn token_lifetime(&self) -> Option<Duration> {
        self.token_lifetime_secs.map(|s| Duration::from_secs(s.into()))
    }
}

/// Algorithms behalf signs tokens with.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum TokenAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what Microsoft's clients and validators expect.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256: sixteen times cheaper to sign; the API must understand it.
    #[serde(rename = "ES256")]
    Es256,
}
