//! A server in this process: real store, real keys, real journal, its clock in our hand.

pub(crate) mod assertion;
pub(crate) mod nodes;
pub(crate) mod users;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use behalf_core::{
    application::{
        AppKind, AppRole, Application, IdentifierUri, MemberType, SecretCredential, SignInAudience,
        TokenVersion,
    },
    event::SignInEvent,
    id::{AppId, CredentialId, ObjectId, PermissionId, RequestId, TenantId},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::{DomainName, Tenant, TenantSegment},
    time::Timestamp,
};
use behalf_server::{
    boot::{self, Data, Settings},
    clock::FrozenClock,
    entropy::SeededEntropy,
    journal::Record,
    keys::{self, MasterKey},
    router,
    state::Server,
};
use behalf_store::{Backend, Expect, WriteSet, records};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use uuid::{Uuid, uuid};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);
pub(crate) const BASE: &str = "https://localhost:8443";
pub(crate) const ACME: TenantId = TenantId(uuid!("ac3e0000-0000-4000-8000-000000000001"));
pub(crate) const GLOBEX: TenantId = TenantId(uuid!("610be000-0000-4000-8000-000000000002"));
pub(crate) const DAEMON: AppId = AppId(uuid!("dae00000-0000-4000-8000-000000000001"));
pub(crate) const LEDGER: AppId = AppId(uuid!("a9200000-0000-4000-8000-000000000004"));
pub(crate) const OLD_LEDGER: AppId = AppId(uuid!("a9200000-0000-4000-8000-000000000014"));
pub(crate) const TREND: AppId = AppId(uuid!("7e4d0000-0000-4000-8000-000000000005"));
pub(crate) const SECRET: &str = "behalf-dev-invoice-daemon";
pub(crate) const ROLE: PermissionId = PermissionId(uuid!("90150000-0000-4000-8000-000000000001"));

/// A server with the world of two tenants: `invoice-daemon` (a secret and an expired one) may use
/// `Entries.Read.All` of `ledger-api` (v2.0 tokens) and of `old-ledger` (v1.0); `trend-report` is
/// Globex's, multi-tenant, and not in Acme.
pub(crate) struct TestServer {
    pub(crate) clock: Arc<FrozenClock>,
    pub(crate) server: Arc<Server>,
    router: router::Public,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    /// Status, `error` and the AADSTS number, as the error table writes them.
    pub(crate) fn refusal(&self) -> (u16, String, u64) {
        let json = self.json();
        let error = json["error"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), error, json["error_codes"][0].as_u64().unwrap_or_default())
    }

    /// Header and claims of the access token.
    pub(crate) fn token(&self) -> (Value, Value) {
        let json = self.json();
        let token = json["access_token"].as_str().unwrap_or_else(|| panic!("no token: {json}"));
        let part = |n: usize| {
            let bytes = behalf_jose::base64url::decode(token.split('.').nth(n).unwrap()).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        (part(0), part(1))
    }
}

/// A node in memory.
pub(crate) fn settings() -> Settings {
    Settings { default_tenant: Some(TenantSegment::Id(ACME)), ..Settings::in_memory(BASE) }
}

/// A schema of its own in the database that `BEHALF_TEST_POSTGRES` names; `None`: it names none, and
/// the directory is in memory.
#[cfg(feature = "postgres")]
async fn database() -> Option<Arc<dyn Backend>> {
    use std::sync::atomic::{AtomicU32, Ordering};

    use behalf_store::postgres::{Options, Postgres};

    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "how ./test names its cluster")]
    let url = std::env::var("BEHALF_TEST_POSTGRES").ok()?;
    let (process, number) = (std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
    let options = Options::parse(&format!("{url}?schema=flow_{process}_{number}")).unwrap();
    Some(Arc::new(Postgres::open(&options).await.unwrap()))
}

#[cfg(not(feature = "postgres"))]
async fn database() -> Option<Arc<dyn Backend>> {
    None
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(FrozenClock::at(NOW));
        let mut settings = settings();
        adjust(&mut settings);
        let entropy = Arc::new(SeededEntropy::new(1));
        let master = Arc::new(MasterKey::ephemeral(&*entropy));
        let edge = (Arc::clone(&clock) as _, entropy as _);
        let opened = match database().await {
            Some(database) if matches!(settings.data, Data::Memory) => {
                boot::open_on(database, settings, master, edge, 1).await.unwrap()
            }
            _ => boot::open(settings, master, edge, 1).await.unwrap(),
        };
        let core = opened.core(0);
        let server = Arc::clone(&opened.server);
        seed(&server).await;
        let router = router::router(core);
        Self { clock, server, router }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from("192.0.2.7:40000".parse().unwrap(), request).await
    }

    async fn send_from(&self, peer: SocketAddr, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form given as pairs.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_body(path, &encode(form)).await
    }

    pub(crate) async fn post_body(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn post_from(
        &self,
        peer: SocketAddr,
        path: &str,
        form: &[(&str, &str)],
    ) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(encode(form)))
            .unwrap();
        self.send_from(peer, request).await
    }

    /// The event that the sign-in log has of request `id`.
    pub(crate) fn event(&self, id: RequestId) -> SignInEvent {
        match self.server.journal.find(id).unwrap().expect("no event").record {
            Record::SignIn(event) => *event,
            other => panic!("not a sign-in: {other:?}"),
        }
    }

    /// What the node's clock says.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.server.clock.now()
    }

    /// Lets the time pass in which a key is changed for every node at once; none, where this node
    /// alone has the database.
    pub(crate) fn everybody_heard(&self) {
        self.clock.advance(keys::heard(&self.server.store));
    }

    /// Changes an application and commits.
    pub(crate) async fn edit(&self, app: AppId, change: impl FnOnce(&mut Application)) {
        let stored = self.server.store.reading().application_by_app_id(app).await.unwrap().unwrap();
        let mut application = stored.value.clone();
        change(&mut application);
        let mut set = WriteSet::new();
        records::application::update(&mut set, &stored, &application);
        self.server.store.commit(set).await.unwrap();
    }

    /// Changes a tenant and commits.
    pub(crate) async fn edit_tenant(&self, id: TenantId, change: impl FnOnce(&mut Tenant)) {
        let stored = self.server.store.reading().tenant(id).await.unwrap().unwrap();
        let mut tenant = stored.value.clone();
        change(&mut tenant);
        let mut set = WriteSet::new();
        records::tenant::put(&mut set, &tenant, Expect::Version(stored.version));
        self.server.store.commit(set).await.unwrap();
    }

    /// Changes a service principal of Acme and commits.
    pub(crate) async fn edit_principal(
        &self,
        app: AppId,
        change: impl FnOnce(&mut ServicePrincipal),
    ) {
        let reading = self.server.store.reading();
        let stored = reading.service_principal_by_app_id(ACME, app).await.unwrap().unwrap();
        let mut principal = stored.value.clone();
        change(&mut principal);
        let mut set = WriteSet::new();
        records::service_principal::put(&mut set, &principal, Expect::Version(stored.version));
        self.server.store.commit(set).await.unwrap();
    }
}

/// The daemon's good request, v2.
pub(crate) fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", "dae00000-0000-4000-8000-000000000001"),
        ("client_secret", SECRET),
        ("scope", "api://ledger/.default"),
    ]
}

/// The good request with one field changed; an empty value removes it.
pub(crate) fn good_but<'a>(name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    good().into_iter().map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect()
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

pub(crate) fn object(kind: u32, app: AppId) -> ObjectId {
    ObjectId(Uuid::new_v5(&app.0, &kind.to_be_bytes()))
}

pub(crate) fn principal_id(tenant: TenantId, app: AppId) -> ObjectId {
    ObjectId(Uuid::new_v5(&tenant.0, app.0.as_bytes()))
}

pub(crate) fn tenant(id: TenantId, name: &str, domain: &str) -> Tenant {
    Tenant::new(id, name, vec![DomainName::parse(domain).unwrap()], NOW)
}

pub(crate) fn application(
    home: &Tenant,
    app: AppId,
    name: &str,
    kind: AppKind,
    uri: Option<&str>,
) -> Application {
    let audience = if app == TREND { SignInAudience::Multi } else { SignInAudience::Single };
    let uris = uri.map(|u| IdentifierUri::register(u, app, home, audience).unwrap());
    Application {
        audience,
        identifier_uris: uris.into_iter().collect(),
        requested_access_token_version: Some(TokenVersion::V2),
        ..Application::new(object(1, app), app, (home.id, name.to_owned()), kind, NOW)
    }
}

pub(crate) fn secret(
    server: &Server,
    name: &str,
    value: &str,
    expires: Timestamp,
) -> SecretCredential {
    SecretCredential {
        id: CredentialId(Uuid::new_v5(&DAEMON.0, name.as_bytes())),
        name: name.to_owned(),
        hint: value.chars().take(3).collect(),
        hash: server.pepper.hash(value),
        created: NOW,
        expires,
    }
}

async fn seed(server: &Server) {
    let (acme, globex) =
        (tenant(ACME, "Acme", "acme.test"), tenant(GLOBEX, "Globex", "globex.test"));
    let role = AppRole {
        id: ROLE,
        value: "Entries.Read.All".to_owned(),
        members: [MemberType::App].into(),
        text: String::new(),
        disabled: false,
    };
    let mut daemon = application(&acme, DAEMON, "invoice-daemon", AppKind::Daemon, None);
    daemon.secrets = vec![
        secret(server, "dev", SECRET, NOW.plus(Duration::from_hours(24))),
        secret(server, "old", "an-expired-secret-of-some-length", NOW),
    ];
    let mut ledger = application(&acme, LEDGER, "ledger-api", AppKind::Api, Some("api://ledger"));
    ledger.roles = vec![role.clone()];
    let mut old =
        application(&acme, OLD_LEDGER, "old-ledger", AppKind::Api, Some("api://Old-Ledger"));
    old.requested_access_token_version = None;
    old.roles = vec![AppRole { id: PermissionId(Uuid::from_u128(2)), ..role }];
    let mut trend = application(&globex, TREND, "trend-report", AppKind::Daemon, None);
    trend.secrets =
        vec![secret(server, "dev", "behalf-dev-trend-report", NOW.plus(Duration::from_hours(24)))];

    let mut set = WriteSet::new();
    for tenant in [&acme, &globex] {
        records::tenant::put(&mut set, tenant, Expect::Absent);
        for domain in &tenant.domains {
            records::domain::claim(&mut set, domain, tenant.id, None);
        }
    }
    for application in [&daemon, &ledger, &old, &trend] {
        register(&mut set, application);
    }
    for (resource, role) in [(LEDGER, ROLE), (OLD_LEDGER, PermissionId(Uuid::from_u128(2)))] {
        let assignment = AppRoleAssignment {
            id: object(3, resource),
            tenant: ACME,
            principal: principal_id(ACME, DAEMON),
            resource: principal_id(ACME, resource),
            role,
            granted_by: "ada@acme.test".to_owned(),
            created: NOW,
        };
        let (principal, on) = (assignment.principal, assignment.resource);
        records::assignment::put(&mut set, ACME, (principal, on), &[assignment], Expect::Absent);
    }
    server.store.commit(set).await.unwrap();
}

pub(crate) fn register(set: &mut WriteSet, application: &Application) {
    records::application::create(set, application);
    let principal = ServicePrincipal {
        id: principal_id(application.tenant, application.app_id),
        tenant: application.tenant,
        app_id: application.app_id,
        home: application.tenant,
        application: application.id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created: NOW,
    };
    records::service_principal::put(set, &principal, Expect::Absent);
    for uri in &application.identifier_uris {
        records::resource_name::claim(
            set,
            application.tenant,
            uri.as_str(),
            application.app_id,
            None,
        );
    }
}
