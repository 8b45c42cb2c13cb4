//! A small directory: the tenant Acme, where `invoice-daemon` asks for a token for `ledger`.

pub(crate) mod assertion;
pub(crate) mod world;

use std::{sync::Arc, time::Duration};

use behalf_core::{
    application::{
        AppKind, AppRole, Application, CertificateCredential, IdentifierUri, MemberType,
        SecretCredential, TokenAlg, TokenVersion, identifier_uri::name_key,
    },
    claims::{Issuers, Validity, app_token},
    event::{Mark, Step, Trail},
    id::{AppId, CredentialId, ObjectId, PermissionId, RequestId, TenantId, parse_guid},
    secret::Pepper,
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::{DomainName, Tenant},
    time::Timestamp,
    token::{
        ClientFacts, Refusal, ResourceFacts, SingleUse,
        assertion::{Addressees, UnverifiedAssertion},
        client_auth::{Judge, Presented, verify},
        client_credentials::decide,
    },
};
use serde_json::Value;
use uuid::Uuid;

/// 2026-11-22 12:42:20Z.
pub(crate) const NOW: i64 = 1_795_351_340;
pub(crate) const BASE: &str = "https://login.acme.test";
pub(crate) const ACME: &str = "ac3e0000-0000-4000-8000-000000000001";
pub(crate) const GLOBEX: &str = "610be000-0000-4000-8000-000000000002";
pub(crate) const DAEMON: &str = "dae00000-0000-4000-8000-00000000000a";
pub(crate) const DAEMON_PRINCIPAL: &str = "dae00000-0000-4000-8000-0000000000f1";
pub(crate) const LEDGER: &str = "a9200000-0000-4000-8000-000000000004";
pub(crate) const LEDGER_PRINCIPAL: &str = "a9200000-0000-4000-8000-0000000000f2";
pub(crate) const READ_ALL: &str = "40e00000-0000-4000-8000-000000000001";
pub(crate) const SECRET: &str = "behalf-dev-invoice-daemon";

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no id"))
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

pub(crate) fn pepper() -> Pepper {
    Pepper::new(1, &[7; 32])
}

/// Everything the server would have looked up for one request.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) tenant: Tenant,
    pub(crate) client: Application,
    pub(crate) client_home_disabled: bool,
    pub(crate) client_principal: Option<ServicePrincipal>,
    pub(crate) resource: Application,
    pub(crate) resource_home_disabled: bool,
    pub(crate) resource_principal: ServicePrincipal,
    pub(crate) assignments: Vec<AppRoleAssignment>,
}

/// A token that was granted, as data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Granted {
    pub(crate) claims: Value,
    pub(crate) credential: CredentialId,
    pub(crate) single_use: Option<SingleUse>,
    pub(crate) alg: TokenAlg,
    pub(crate) lifetime: Option<Duration>,
}

impl Granted {
    pub(crate) fn roles(&self) -> Vec<&str> {
        let roles = self.claims.get("roles").and_then(Value::as_array);
        roles.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// A credential as a client presents it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential<'a> {
    Nothing,
    Secret(&'a str),
    Assertion(&'a str),
}

impl Directory {
    /// One secret, one certificate, one assigned role; nothing disabled.
    pub(crate) fn acme() -> Self {
        let tenant =
            Tenant::new(id(ACME), "Acme", vec![DomainName::parse("acme.test").unwrap()], at(0));
        let mut client = application(DAEMON, "invoice-daemon", AppKind::Daemon);
        client.secrets = vec![secret(1, "main", SECRET, NOW + 86_400)];
        client.certificates = vec![certificate(2, assertion::KEY.certificate)];
        let mut resource = application(LEDGER, "ledger", AppKind::Api);
        resource.identifier_uris = vec![
            IdentifierUri::register("api://Ledger", resource.app_id, &tenant, resource.audience)
                .unwrap(),
        ];
        resource.requested_access_token_version = Some(TokenVersion::V2);
        resource.roles = vec![role(READ_ALL, "Entries.Read.All", &[MemberType::App])];
        Self {
            client_principal: Some(principal(DAEMON_PRINCIPAL, &client)),
            resource_principal: principal(LEDGER_PRINCIPAL, &resource),
            assignments: vec![assignment(READ_ALL)],
            tenant,
            client,
            client_home_disabled: false,
            resource,
            resource_home_disabled: false,
        }
    }

    /// Acme with one thing changed.
    pub(crate) fn acme_but(change: impl FnOnce(&mut Self)) -> Self {
        let mut directory = Self::acme();
        change(&mut directory);
        directory
    }

    /// The good request: the right secret, `api://ledger`, now.
    pub(crate) fn ask(&self) -> Result<Granted, Refusal> {
        self.ask_with(Credential::Secret(SECRET))
    }

    pub(crate) fn ask_with(&self, credential: Credential<'_>) -> Result<Granted, Refusal> {
        self.request(credential, "api://ledger", NOW).0
    }

    pub(crate) fn ask_for(&self, resource: &str) -> Result<Granted, Refusal> {
        self.request(Credential::Secret(SECRET), resource, NOW).0
    }

    pub(crate) fn ask_at(
        &self,
        credential: Credential<'_>,
        seconds: i64,
    ) -> Result<Granted, Refusal> {
        self.request(credential, "api://ledger", seconds).0
    }

    /// A request from the look-up of the client to the claims, with its checks.
    pub(crate) fn request(
        &self,
        credential: Credential<'_>,
        resource: &str,
        seconds: i64,
    ) -> (Result<Granted, Refusal>, Vec<(Step, Mark)>) {
        let mut trail = Trail::default();
        let outcome = self.decide(credential, resource, seconds, &mut trail);
        (outcome, trail.steps().collect())
    }

    fn decide(
        &self,
        credential: Credential<'_>,
        requested: &str,
        seconds: i64,
        trail: &mut Trail,
    ) -> Result<Granted, Refusal> {
        let facts = ClientFacts::gather(
            Arc::new(self.tenant.clone()),
            &self.client,
            self.client_home_disabled,
            self.client_principal.as_ref(),
        )
        .ok_or(Refusal::ClientUnknown { client: self.client.app_id, tenant: self.tenant.id })?;
        let presented = match credential {
            Credential::Nothing => Presented::None,
            Credential::Secret(text) => Presented::Secret(text),
            Credential::Assertion(text) => {
                Presented::Assertion(Box::new(UnverifiedAssertion::parse(text)))
            }
        };
        let (pepper, bases) = (pepper(), [BASE.to_owned()]);
        let judge = Judge {
            pepper: &pepper,
            addressees: Addressees { bases: &bases, segment: ACME },
            now: at(seconds),
        };
        let client = verify(&presented, &facts, judge, trail)?;
        let resource = self.resolve(requested);
        let issuance = decide(requested, &client, resource.as_ref(), trail)?;
        let lifetime = issuance.lifetime.unwrap_or(Duration::from_hours(1));
        let issuers = Issuers::new(BASE, issuance.tenant);
        let validity = Validity::new(at(seconds), lifetime);
        let json = app_token(&issuance, &issuers, RequestId(Uuid::from_u128(5)), validity).unwrap();
        Ok(Granted {
            claims: serde_json::from_slice(&json).unwrap(),
            credential: client.credential(),
            single_use: client.single_use().cloned(),
            alg: issuance.alg,
            lifetime: issuance.lifetime,
        })
    }

    /// What the store's index of names answers.
    fn resolve(&self, requested: &str) -> Option<ResourceFacts> {
        let by_id = parse_guid(requested).is_ok_and(|guid| guid == self.resource.app_id.0);
        let mut uris = self.resource.identifier_uris.iter();
        let by_name = uris.any(|uri| name_key(uri.as_str()) == name_key(requested));
        (by_id || by_name).then(|| {
            ResourceFacts::gather(
                requested,
                &self.resource,
                &self.resource_principal,
                self.resource_home_disabled,
                &self.assignments,
            )
        })
    }
}

pub(crate) fn application(app_id: &str, name: &str, kind: AppKind) -> Application {
    Application::new(
        ObjectId(Uuid::from_u128(id::<AppId>(app_id).0.as_u128() + 0xf00)),
        id(app_id),
        (id(ACME), name),
        kind,
        at(0),
    )
}

pub(crate) fn principal(object: &str, of: &Application) -> ServicePrincipal {
    ServicePrincipal {
        id: id(object),
        tenant: id(ACME),
        app_id: of.app_id,
        home: of.tenant,
        application: of.id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created: at(0),
    }
}

pub(crate) fn role(role: &str, value: &str, members: &[MemberType]) -> AppRole {
    AppRole {
        id: id(role),
        value: value.into(),
        members: members.iter().copied().collect(),
        text: String::new(),
        disabled: false,
    }
}

/// The daemon is assigned the role of the ledger.
pub(crate) fn assignment(role: &str) -> AppRoleAssignment {
    AppRoleAssignment {
        id: ObjectId(Uuid::from_u128(id::<PermissionId>(role).0.as_u128() + 0xa00)),
        tenant: id::<TenantId>(ACME),
        principal: id(DAEMON_PRINCIPAL),
        resource: id(LEDGER_PRINCIPAL),
        role: id(role),
        granted_by: String::new(),
        created: at(0),
    }
}

pub(crate) fn secret(number: u128, name: &str, text: &str, expires: i64) -> SecretCredential {
    SecretCredential {
        id: credential(number),
        name: name.into(),
        hint: String::new(),
        hash: pepper().hash(text),
        created: at(0),
        expires: at(expires),
    }
}

pub(crate) fn certificate(number: u128, der: &[u8]) -> CertificateCredential {
    CertificateCredential {
        id: credential(number),
        name: format!("certificate {number}"),
        der: der.to_vec(),
        created: at(0),
    }
}

pub(crate) fn credential(number: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(0xc4ed_0000_0000_4000_8000_0000_0000_0000 + number))
}

/// Number, `error` and status of a refusal.
pub(crate) fn wire<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> (u32, &'static str, u16) {
    let row = outcome.unwrap_err().aadsts();
    (row.code(), row.oauth().as_str(), row.status())
}

/// The AADSTS number of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> u32 {
    wire(outcome).0
}
