//! What the directory held when a request arrived, prepared for deciding: keys parsed, names
//! resolved, roles picked. Facts are gathered once, cached and shared by many requests.

use std::{collections::BTreeSet, sync::Arc};

use behalf_jose::{Certificate, CertificateError, KeyError, Thumbprint, VerifyingKey};

use crate::{
    application::{
        AppKind, Application, CertificateCredential, MemberType, OptionalClaim, Platform, Redirect,
        SecretCredential, Settings, SignInAudience, TokenAlg, TokenVersion,
        identifier_uri::name_key,
    },
    id::{AppId, CredentialId, ObjectId, TenantId, parse_guid},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::Tenant,
};

/// A client as the asked tenant sees it.
#[derive(Debug)]
pub struct ClientFacts {
    /// The tenant whose endpoint was asked.
    pub tenant: Arc<Tenant>,
    /// Home tenant of the application.
    pub home: TenantId,
    /// `client_id`.
    pub app_id: AppId,
    /// What people call it.
    pub display_name: String,
    /// Whether it may hold credentials.
    pub kind: AppKind,
    /// Disabled at home, or its home tenant is.
    pub disabled: bool,
    /// Its secrets, expired ones too.
    pub secrets: Vec<SecretCredential>,
    /// Its certificates, keys parsed.
    pub certificates: Vec<ClientCertificate>,
    /// Its own settings.
    pub settings: Settings,
    /// Its App ID URIs as names are compared: whom a token that it passes on may be addressed to.
    pub names: Vec<String>,
    /// Whether it has a way of asking without a credential: it is native, falls back to it, or has
    /// a redirect URI of a page or of a program on a device.
    pub public_flows: bool,
    /// Whether it has one where no redirect URI says what it is: with a device code or a password.
    pub fallback_public: bool,
    /// Who may use it.
    pub audience: SignInAudience,
    /// The applications that its registration requires access to.
    pub required: Vec<AppId>,
    /// Redirect URIs of its pages: their script may read answers.
    pub pages: Vec<Redirect>,
    /// What its ID tokens carry besides the usual.
    pub id_token_claims: BTreeSet<OptionalClaim>,
    /// Its service principal in the asked tenant, if there is one.
    pub service_principal: Option<ClientPrincipal>,
}

/// The part of a client's service principal that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientPrincipal {
    /// `oid` and `sub` of its tokens.
    pub id: ObjectId,
    /// `accountEnabled` is false.
    pub disabled: bool,
    /// `srev`: what tickets issued to the client must still equal (tickets.md 5).
    pub revision: u32,
}

impl ClientFacts {
    /// Whether script of that origin may read what the client is answered (decisions.md 25).
    pub fn is_page(&self, origin: &str) -> bool {
        self.pages.iter().any(|page| page.allows_origin(origin))
    }

    /// Gathers the facts, or `None` where the application must look unknown: a single-tenant
    /// application outside its home (700016). `home_disabled` is the home tenant's state. A
    /// principal of another tenant or application counts as none: its id would become `oid`.
    pub fn gather(
        tenant: Arc<Tenant>,
        application: &Application,
        home_disabled: bool,
        principal: Option<&ServicePrincipal>,
    ) -> Option<Self> {
        if application.tenant != tenant.id && application.audience == SignInAudience::Single {
            return None;
        }
        let asked = tenant.id;
        Some(Self {
            tenant,
            home: application.tenant,
            app_id: application.app_id,
            display_name: application.display_name().to_owned(),
            kind: application.kind,
            disabled: application.disabled || home_disabled,
            secrets: application.secrets.clone(),
            // A stored certificate was readable when it was registered; one that is not any more
            // vouches for nobody.
            certificates: application
                .certificates
                .iter()
                .filter_map(|c| ClientCertificate::prepare(c).ok())
                .collect(),
            settings: application.behalf.clone(),
            names: application.identifier_uris.iter().map(|uri| name_key(uri.as_str())).collect(),
            public_flows: application.allows_public_flows()
                || application.redirects.iter().any(|uri| uri.platform != Platform::Web),
            fallback_public: application.allows_public_flows(),
            audience: application.audience,
            required: application.required_resource_access.iter().map(|r| r.app_id).collect(),
            pages: application
                .redirects
                .iter()
                .filter(|uri| uri.platform == Platform::Spa)
                .cloned()
                .collect(),
            id_token_claims: application.optional_claims.id_token.clone(),
            service_principal: principal
                .filter(|p| p.tenant == asked && p.app_id == application.app_id)
                .map(|p| ClientPrincipal { id: p.id, disabled: p.disabled, revision: p.revision }),
        })
    }
}

/// A registered certificate with its key parsed.
#[derive(Debug)]
pub struct ClientCertificate {
    /// `keyId`.
    pub id: CredentialId,
    /// SHA-1 and SHA-256 of the DER.
    pub thumbprints: [Thumbprint; 2],
    /// Validity, inclusive, unix seconds.
    pub valid: std::ops::RangeInclusive<i64>,
    /// Its key, which allows the RS and PS families.
    pub key: VerifyingKey,
}

/// Why a certificate cannot be a credential.
#[derive(Debug, thiserror::Error)]
pub enum UnusableCertificate {
    /// Not a certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Its key is weak or of a kind client assertions do not use.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl ClientCertificate {
    /// Parses the stored certificate.
    pub fn prepare(credential: &CertificateCredential) -> Result<Self, UnusableCertificate> {
        let certificate = Certificate::from_der(&credential.der)?;
        Ok(Self {
            id: credential.id,
            thumbprints: [
                Thumbprint::Sha1(certificate.sha1_thumbprint()),
                Thumbprint::Sha256(certificate.sha256_thumbprint()),
            ],
            valid: certificate.not_before()..=certificate.not_after(),
            key: certificate.verifying_key()?,
        })
    }
}

/// A resource as the asked tenant knows it, with what one client may do there.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceFacts {
    /// The resource's `appId`.
    pub app_id: AppId,
    /// What people call it.
    pub display_name: String,
    /// Its service principal, application or home tenant is disabled.
    pub disabled: bool,
    /// `aud` of a v1.0 token: the registered spelling, with the trailing slash the request had.
    pub v1_audience: String,
    /// Format of its tokens.
    pub version: TokenVersion,
    /// Algorithm of its tokens.
    pub alg: TokenAlg,
    /// Lifetime of its tokens, where it chose one.
    pub lifetime: Option<std::time::Duration>,
    /// Only assigned clients get tokens.
    pub assignment_required: bool,
    /// Whether whom the token is about is assigned, with a role or without: this client, or the
    /// user.
    pub assigned: bool,
    /// What tokens for it carry besides the usual.
    pub claims: BTreeSet<OptionalClaim>,
    /// Values of its roles, enabled ones, sorted: application roles of the client, or roles of the
    /// user.
    pub roles: Vec<String>,
}

impl ResourceFacts {
    /// Gathers the facts of a client that acts for itself. `requested` is the name it used;
    /// `assignments` are the client's. Those on another resource or tenant do not count: a role's
    /// id is unique only within its application.
    pub fn gather(
        requested: &str,
        application: &Application,
        principal: &ServicePrincipal,
        home_disabled: bool,
        assignments: &[AppRoleAssignment],
    ) -> Self {
        let whose = (MemberType::App, assignments);
        Self::about(requested, application, principal, home_disabled, whose)
    }

    /// The same about whoever has the `assignments` and is a member of that type.
    pub(super) fn about(
        requested: &str,
        application: &Application,
        principal: &ServicePrincipal,
        home_disabled: bool,
        (member, assignments): (MemberType, &[AppRoleAssignment]),
    ) -> Self {
        let mine =
            |a: &&AppRoleAssignment| a.resource == principal.id && a.tenant == principal.tenant;
        let mut roles: Vec<String> = application
            .roles
            .iter()
            .filter(|role| !role.disabled && role.members.contains(&member))
            .filter(|role| assignments.iter().filter(mine).any(|a| a.role == role.id))
            .map(|role| role.value.clone())
            .collect();
        roles.sort_unstable();
        roles.dedup();
        Self {
            app_id: application.app_id,
            display_name: application.display_name().to_owned(),
            disabled: principal.disabled || application.disabled || home_disabled,
            v1_audience: v1_audience(requested, application),
            version: application.token_version(),
            alg: application.behalf.token_alg.unwrap_or_default(),
            lifetime: application.behalf.token_lifetime(),
            assignment_required: principal.assignment_required,
            assigned: assignments.iter().any(|a| mine(&a)),
            claims: application.optional_claims.access_token.clone(),
            roles,
        }
    }
}

/// `aud` of a v1.0 token: the `appId` when asked for by GUID, else the registered spelling of the
/// name, so that letter case cannot make two audiences of one resource. A trailing slash is the
/// client's: `https://x/` and `https://x` are told apart by v1 validators (protocol 2.5). A name
/// the application does not have (any more) never becomes an audience.
fn v1_audience(requested: &str, application: &Application) -> String {
    if parse_guid(requested).is_ok() {
        return application.app_id.to_string();
    }
    let registered = application
        .identifier_uris
        .iter()
        .find(|uri| name_key(uri.as_str()) == name_key(requested));
    match registered {
        Some(uri) if requested.ends_with('/') => format!("{}/", uri.as_str()),
        Some(uri) => uri.as_str().to_owned(),
        None => application.app_id.to_string(),
    }
}
