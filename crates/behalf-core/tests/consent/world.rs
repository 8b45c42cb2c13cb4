//! Acme with `desk` (native), `orders` and `ledger`; Globex with the multi-tenant `report` and
//! `trend`; Ada administers Acme, Bob is a plain user there.

use std::collections::BTreeSet;

use behalf_core::{
    access::{self, Actor, Denied},
    application::{
        AppKind, AppRole, Application, Consent, IdentifierUri, MemberType, PreAuthorized,
        RequiredResource, Scope, SignInAudience,
    },
    consent::{
        self, Accepted, AppInTenant, ConsentFacts, ConsentList, ConsentRefusal, Delegation,
        GrantOutcome, NamedScopes, Request, Required, Wanted,
    },
    directory_role::DirectoryRole,
    grant::PermissionGrant,
    id::{AppId, ObjectId, PermissionId, TenantId},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::{DomainName, Tenant},
    time::Timestamp,
    user::{User, UserPrincipalName, UserRevisions},
};
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp(1_795_351_340_000);
pub(crate) const ACME: u128 = 0xac3e;
pub(crate) const GLOBEX: u128 = 0x610b;
pub(crate) const DESK: u128 = 0xface;
pub(crate) const ORDERS: u128 = 0xa910;
pub(crate) const LEDGER: u128 = 0xa920;
pub(crate) const REPORT: u128 = 0x7e45;
pub(crate) const TREND: u128 = 0x7e46;

pub(crate) fn app_id(n: u128) -> AppId {
    AppId(Uuid::from_u128(n))
}

pub(crate) fn permission(n: u128) -> PermissionId {
    PermissionId(Uuid::from_u128(n))
}

fn tenant_id(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

/// Something that happens to a directory.
pub(crate) type Change = fn(&mut World);

/// Everything there is.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) apps: Vec<Application>,
    pub(crate) principals: Vec<ServicePrincipal>,
    pub(crate) grants: Vec<PermissionGrant>,
    pub(crate) assignments: Vec<AppRoleAssignment>,
}

pub(crate) fn scope(n: u128, value: &str, consent: Consent) -> Scope {
    Scope::new(permission(n), value, consent, format!("{value}, in words"))
}

pub(crate) fn role(n: u128, value: &str) -> AppRole {
    AppRole {
        id: permission(n),
        value: value.to_owned(),
        members: [MemberType::App].into(),
        text: String::new(),
        disabled: false,
    }
}

pub(crate) fn requires(resource: u128, scopes: &[u128], roles: &[u128]) -> RequiredResource {
    let ids = |numbers: &[u128]| numbers.iter().copied().map(permission).collect();
    RequiredResource { app_id: app_id(resource), scopes: ids(scopes), roles: ids(roles) }
}

impl World {
    pub(crate) fn new() -> Self {
        let tenant = |n, name: &str, domain| {
            Tenant::new(tenant_id(n), name, vec![DomainName::parse(domain).unwrap()], NOW)
        };
        let mut world = Self {
            tenants: vec![
                tenant(ACME, "Acme", "acme.test"),
                tenant(GLOBEX, "Globex", "globex.test"),
            ],
            apps: Vec::new(),
            principals: Vec::new(),
            grants: Vec::new(),
            assignments: Vec::new(),
        };
        world.register(ACME, LEDGER, ("ledger", AppKind::Api), |app| {
            app.identifier_uris = vec![uri("api://ledger")];
            app.scopes = vec![
                scope(0x11, "Entries.Read", Consent::User),
                scope(0x12, "Entries.Post", Consent::Admin),
            ];
            app.roles = vec![role(0x13, "Entries.Read.All")];
        });
        world.register(ACME, ORDERS, ("orders", AppKind::Api), |app| {
            app.identifier_uris = vec![uri("api://orders")];
            app.scopes = vec![scope(0x21, "Orders.Read", Consent::User)];
            app.required_resource_access = vec![requires(LEDGER, &[0x11], &[])];
            app.known_clients = vec![app_id(DESK)];
        });
        world.register(ACME, DESK, ("desk", AppKind::Native), |app| {
            app.required_resource_access = vec![requires(ORDERS, &[0x21], &[])];
        });
        world.register(GLOBEX, TREND, ("trend", AppKind::Api), |app| {
            app.audience = SignInAudience::Multi;
            app.identifier_uris = vec![uri(&format!("api://{}", app_id(TREND)))];
            app.scopes = vec![
                scope(0x31, "Trends.Read", Consent::User),
                scope(0x32, "Trends.Write", Consent::Admin),
            ];
            app.roles = vec![role(0x33, "Trends.Read.All")];
            app.known_clients = vec![app_id(REPORT)];
        });
        world.register(GLOBEX, REPORT, ("report", AppKind::Web), |app| {
            app.audience = SignInAudience::Multi;
            app.required_resource_access = vec![requires(TREND, &[0x31], &[])];
        });
        world
    }

    fn register(
        &mut self,
        home: u128,
        id: u128,
        (name, kind): (&str, AppKind),
        complete: impl FnOnce(&mut Application),
    ) {
        let object = ObjectId(Uuid::from_u128(id << 16));
        let mut app = Application::new(object, app_id(id), (tenant_id(home), name), kind, NOW);
        complete(&mut app);
        self.apps.push(app);
        self.provision(home, id);
    }

    /// Makes an application known in a tenant.
    pub(crate) fn provision(&mut self, tenant: u128, app: u128) {
        let application = self.app(app);
        let principal = ServicePrincipal {
            id: ObjectId(Uuid::from_u128((tenant << 64) | app)),
            tenant: tenant_id(tenant),
            app_id: application.app_id,
            home: application.tenant,
            application: application.id,
            disabled: false,
            assignment_required: false,
            revision: 0,
            created: NOW,
        };
        self.principals.push(principal);
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn app(&self, id: u128) -> &Application {
        self.apps.iter().find(|app| app.app_id == app_id(id)).unwrap()
    }

    pub(crate) fn edit(&mut self, id: u128) -> &mut Application {
        self.apps.iter_mut().find(|app| app.app_id == app_id(id)).unwrap()
    }

    pub(crate) fn principal(&mut self, tenant: u128, app: u128) -> &mut ServicePrincipal {
        let here =
            |p: &&mut ServicePrincipal| p.tenant == tenant_id(tenant) && p.app_id == app_id(app);
        self.principals.iter_mut().find(here).unwrap()
    }

    pub(crate) fn knows(&self, tenant: u128, app: u128) -> bool {
        self.principal_of(tenant, app_id(app)).is_some()
    }

    fn principal_of(&self, tenant: u128, app: AppId) -> Option<&ServicePrincipal> {
        self.principals.iter().find(|p| p.tenant == tenant_id(tenant) && p.app_id == app)
    }

    pub(crate) fn pre_authorize(&mut self, resource: u128, client: u128, scopes: &[u128]) {
        let scopes = scopes.iter().copied().map(permission).collect();
        self.edit(resource).pre_authorized.push(PreAuthorized { app_id: app_id(client), scopes });
    }

    /// What the server would gather, and more: facts may hold what does not matter.
    pub(crate) fn facts(&self, tenant: u128, client: u128) -> ConsentFacts {
        let in_tenant = |app: &Application| {
            let principal = self.principal_of(tenant, app.app_id).cloned();
            let home = self.tenants.iter().find(|home| home.id == app.tenant).unwrap();
            let travels = |uri: &&IdentifierUri| {
                app.tenant == tenant_id(tenant) || uri.may_travel(app.app_id, app.tenant)
            };
            let names = app.identifier_uris.iter().filter(travels).cloned().collect();
            AppInTenant {
                application: app.clone(),
                home_name: home.display_name.clone(),
                home_disabled: home.disabled,
                free_names: if principal.is_some() { Vec::new() } else { names },
                principal,
            }
        };
        let others = self.apps.iter().filter(|app| app.app_id != app_id(client));
        ConsentFacts {
            tenant: self.tenants.iter().find(|t| t.id == tenant_id(tenant)).unwrap().clone(),
            client: in_tenant(self.app(client)),
            others: others.map(in_tenant).collect(),
            grants: self.grants.clone(),
            assignments: self.assignments.clone(),
        }
    }

    pub(crate) fn required(
        &self,
        (tenant, client): (u128, u128),
        request: &Request,
        user: &User,
    ) -> Result<Required, ConsentRefusal> {
        consent::required(request, &self.facts(tenant, client), Actor::User(user))
    }

    /// Shows `list` to a user, who accepts it at once.
    pub(crate) fn accept(
        &mut self,
        (tenant, client): (u128, u128),
        list: ConsentList,
        (user, for_everyone): (&User, bool),
    ) -> Result<GrantOutcome, Denied> {
        let accepted = consent::accept(&list.digest(), list).unwrap();
        self.grant((tenant, client), accepted, (Actor::User(user), for_everyone))
    }

    /// Carries an acceptance out.
    pub(crate) fn grant(
        &mut self,
        (tenant, client): (u128, u128),
        accepted: Accepted,
        (actor, for_everyone): (Actor<'_>, bool),
    ) -> Result<GrantOutcome, Denied> {
        let facts = self.facts(tenant, client);
        let permit = access::grant_consent(actor, accepted, for_everyone, &facts)?;
        let outcome = consent::grant(&permit, &facts);
        for new in &outcome.creates {
            self.provision(tenant, new.app_id.0.as_u128());
        }
        for add in &outcome.grants {
            self.grants.push(PermissionGrant {
                id: ObjectId::NIL,
                tenant: tenant_id(tenant),
                client: self.principal_of(tenant, add.client).unwrap().id,
                resource: self.principal_of(tenant, add.resource).unwrap().id,
                granted_for: add.granted_for,
                scopes: add.scopes.clone(),
                granted_by: outcome.granted_by,
                created: NOW,
            });
        }
        for add in &outcome.roles {
            self.assignments.push(AppRoleAssignment {
                id: ObjectId::NIL,
                tenant: tenant_id(tenant),
                principal: self.principal_of(tenant, add.client).unwrap().id,
                resource: self.principal_of(tenant, add.resource).unwrap().id,
                role: add.role,
                granted_by: String::new(),
                created: NOW,
            });
        }
        Ok(outcome)
    }

    /// What `client` may do with `resource` for `user`: what a token would carry.
    pub(crate) fn scopes(&self, tenant: u128, pair: (u128, u128), user: &User) -> Vec<&str> {
        let (client, resource) = pair;
        let principal = |id| self.principal_of(tenant, app_id(id));
        let (Some(own), Some(principal)) = (principal(client), principal(resource)) else {
            return Vec::new();
        };
        let delegation = Delegation {
            client: app_id(client),
            client_principal: own.id,
            resource: self.app(resource),
            principal,
            user: Some(user.id),
        };
        let scopes = consent::effective_scopes(&delegation, &self.grants);
        scopes.into_iter().map(|scope| scope.value.as_str()).collect()
    }
}

pub(crate) fn uri(text: &str) -> IdentifierUri {
    serde_json::from_value(serde_json::json!(text)).unwrap()
}

pub(crate) fn user(tenant: u128, n: u128, roles: &[DirectoryRole]) -> User {
    User {
        id: ObjectId(Uuid::from_u128(n)),
        tenant: tenant_id(tenant),
        name: UserPrincipalName::parse(&format!("u{n}@acme.test")).unwrap(),
        display_name: format!("User {n}"),
        given_name: None,
        surname: None,
        mail: None,
        disabled: false,
        password: None,
        totp: None,
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
        revisions: UserRevisions::default(),
        created: NOW,
    }
}

/// An administrator of Acme.
pub(crate) fn ada() -> User {
    user(ACME, 1, &[DirectoryRole::CloudApplicationAdministrator])
}

/// A plain user of Acme.
pub(crate) fn bob() -> User {
    user(ACME, 2, &[])
}

/// `.default` of a resource.
pub(crate) fn default(target: &str) -> Request {
    let wanted = Wanted::Registered { target: Some(target.to_owned()) };
    Request { wanted, prompt: false, admin: false }
}

/// Scopes by name.
pub(crate) fn named(resource: &str, values: &[&str]) -> Request {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let wanted = Wanted::Named(vec![NamedScopes { resource: resource.to_owned(), values }]);
    Request { wanted, prompt: false, admin: false }
}

/// An adminconsent endpoint without scopes.
pub(crate) fn admin_consent() -> Request {
    let wanted = Wanted::Registered { target: None };
    Request { wanted, prompt: false, admin: true }
}

/// A list as one reads it: `client > resource: values`, and what it creates.
pub(crate) fn told(list: &ConsentList) -> Vec<String> {
    let creates = list.creates.iter().map(|party| format!("+ {}", party.name));
    let parts = list.parts.iter().map(|part| {
        let values: Vec<_> = part.permissions.iter().map(|p| p.value.as_str()).collect();
        format!("{} > {}: {}", part.client.name, part.resource.name, values.join(" "))
    });
    creates.chain(parts).collect()
}

pub(crate) fn dialog(required: Result<Required, ConsentRefusal>) -> ConsentList {
    match required {
        Ok(Required::Dialog(list)) => list,
        other => panic!("no dialog: {other:?}"),
    }
}

pub(crate) fn needs_admin(required: Result<Required, ConsentRefusal>) -> ConsentList {
    match required {
        Ok(Required::NeedsAdmin(list)) => list,
        other => panic!("an administrator is not needed: {other:?}"),
    }
}
