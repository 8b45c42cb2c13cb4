//! The directory as its administrators use it: what is done, what is refused, what it leaves.

use std::{sync::Arc, time::Duration};

use behalf_core::{
    application::{
        AppKind, AppRole, Application, IdentifierUri, MemberType, Platform, Redirect,
        RequiredResource, SignInAudience,
    },
    id::{AppId, PermissionId, TenantId},
    secret::{Pepper, SecretText, Shape, shape},
    tenant::{DomainName, Tenant},
    time::Timestamp,
};
use behalf_store::{Store, sqlite::Sqlite};
use uuid::Uuid;

mod consent;
mod credentials;
mod principals;
mod users;

use super::*;
use crate::{clock::FrozenClock, entropy::SeededEntropy};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Two tenants and a clock that stands still.
pub(super) struct World {
    pub(super) directory: Directory,
    pub(super) clock: Arc<FrozenClock>,
    pub(super) acme: Tenant,
    globex: Tenant,
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(FrozenClock::at(NOW));
        let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
        let (entropy, pepper) =
            (Arc::new(SeededEntropy::new(1)), Arc::new(Pepper::new(1, &[7; 32])));
        let shared: SharedClock = Arc::clone(&clock) as _;
        let directory = Directory::new(store, shared, entropy, pepper).acted_on_by("test");
        let acme = directory.create_tenant(&new_tenant("Acme", "acme.test")).await.unwrap();
        let globex = directory.create_tenant(&new_tenant("Globex", "globex.test")).await.unwrap();
        Self { directory, clock, acme, globex }
    }

    async fn app(&self, tenant: &Tenant, name: &str, edit: Edit<'_>) -> Result<Created, Refusal> {
        self.directory.create_application(&new_app(tenant, name), edit).await
    }

    async fn names(&self, tenant: &Tenant, name: &str) -> Option<AppId> {
        let reading = self.directory.store.reading();
        let found = reading.service_principal_by_name(tenant.id, name).await.unwrap();
        found.map(|principal| principal.app_id)
    }
}

fn new_tenant(name: &str, domain: &str) -> NewTenant {
    NewTenant { display_name: name.into(), domains: vec![domain.into()], id: None }
}

fn new_app(tenant: &Tenant, name: &str) -> NewApplication {
    NewApplication {
        tenant: tenant.id,
        name: name.into(),
        app_id: None,
        kind: AppKind::Api,
        audience: SignInAudience::Single,
    }
}

fn uri(text: &str) -> IdentifierUri {
    serde_json::from_value(serde_json::json!(text)).unwrap()
}

fn uris(texts: &[&str]) -> impl Fn(&mut Application) -> Result<(), Refusal> + Send + Sync + use<> {
    let uris: Vec<_> = texts.iter().map(|text| uri(text)).collect();
    move |app| {
        app.identifier_uris.clone_from(&uris);
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is an edit")]
fn untouched(_app: &mut Application) -> Result<(), Refusal> {
    Ok(())
}

fn named(name: &str) -> AppRef {
    AppRef::Name(name.into())
}

fn role(n: u128, value: &str) -> AppRole {
    AppRole {
        id: PermissionId(Uuid::from_u128(n)),
        value: value.into(),
        members: [MemberType::App].into(),
        text: String::new(),
        disabled: false,
    }
}

#[tokio::test]
async fn a_removed_domain_names_nobody_for_a_day_and_only_its_last_owner_may_have_it_back() {
    let w = World::new().await;
    let d = &w.directory;
    d.add_domain(w.acme.id, "acme.example").await.unwrap();
    let left = d.remove_domain(w.acme.id, "Acme.Example").await.unwrap();
    assert_eq!(left, w.acme);
    assert!(matches!(d.find_tenant("acme.example").await, Err(Refusal::NoTenant(_))));
    let taken = Err(Refusal::DomainTaken("acme.example".into()));
    assert_eq!(d.add_domain(w.globex.id, "acme.example").await, taken);
    d.add_domain(w.acme.id, "acme.example").await.unwrap();
    d.remove_domain(w.acme.id, "acme.example").await.unwrap();
    w.clock.advance(Duration::from_hours(24));
    let globex = d.add_domain(w.globex.id, "acme.example").await.unwrap();
    assert_eq!(d.find_tenant("acme.example").await.unwrap().value, globex);
}

#[tokio::test]
async fn a_domain_that_is_needed_stays() {
    let w = World::new().await;
    let d = &w.directory;
    let last = d.remove_domain(w.acme.id, "acme.test").await.unwrap_err();
    assert_eq!(last, Refusal::LastDomain("acme.test".into()));
    let foreign = d.remove_domain(w.acme.id, "globex.test").await.unwrap_err();
    assert!(matches!(foreign, Refusal::NoDomain { .. }), "{foreign}");
    assert!(matches!(d.remove_domain(w.acme.id, "no domain").await, Err(Refusal::NotADomain(_))));
    d.add_domain(w.acme.id, "acme.example").await.unwrap();
    let made = w.app(&w.acme, "ledger", &uris(&["https://api.acme.example/ledger"])).await.unwrap();
    let used = d.remove_domain(w.acme.id, "acme.example").await.unwrap_err();
    assert_eq!(
        used.to_string(),
        "the App ID URI \"https://api.acme.example/ledger\" of \"ledger\" lies on \
         \"acme.example\": give the application another first"
    );
    let (tenant, name) = (w.acme.id, named(&made.application.name));
    d.edit_application(tenant, &name, ("test", &uris(&["api://ledger"]))).await.unwrap();
    assert_eq!(d.remove_domain(w.acme.id, "acme.example").await.unwrap(), w.acme);
}

#[tokio::test]
async fn tenants_have_domains_that_nobody_else_has() {
    let w = World::new().await;
    let d = &w.directory;
    for name in ["acme.test", "ACME.test", &w.acme.id.to_string()] {
        assert_eq!(d.find_tenant(name).await.unwrap().value, w.acme, "{name}");
    }
    for name in ["initech.test", "acme", "common", "adfs", ""] {
        assert_eq!(d.find_tenant(name).await.unwrap_err(), Refusal::NoTenant(name.into()));
    }
    let refused = async |name, domains: &[&str]| {
        let domains = domains.iter().map(|d| (*d).to_owned()).collect();
        let new = NewTenant { display_name: String::from(name), domains, id: None };
        d.create_tenant(&new).await.unwrap_err()
    };
    assert_eq!(
        refused("X", &["x.test", "Acme.Test"]).await,
        Refusal::DomainTaken("acme.test".into())
    );
    assert!(d.find_tenant("x.test").await.is_err(), "nothing of it was done");
    assert_eq!(refused("X", &["localhost"]).await, Refusal::NotADomain("localhost".into()));
    assert_eq!(refused("X", &[]).await, Refusal::NotADomain(String::new()));
    assert!(matches!(refused(" X", &["x.test"]).await, Refusal::Text { .. }));
    let again = NewTenant { id: Some(w.acme.id), ..new_tenant("Y", "y.test") };
    let exists = Refusal::TenantExists(w.acme.id.to_string());
    assert_eq!(d.create_tenant(&again).await.unwrap_err(), exists);

    let more = d.add_domain(w.acme.id, "Acme.Example").await.unwrap();
    assert_eq!(more.domains.last(), DomainName::parse("acme.example").ok().as_ref());
    assert_eq!(d.add_domain(w.acme.id, "acme.example").await.unwrap(), more);
    let taken = d.add_domain(w.globex.id, "acme.example").await.unwrap_err();
    assert_eq!(taken, Refusal::DomainTaken("acme.example".into()));
    assert!(d.set_tenant_disabled(w.globex.id, true).await.unwrap().disabled);
    let enabled = d.set_tenant_disabled(w.globex.id, false).await.unwrap();
    assert!(!enabled.disabled);
    assert_eq!(enabled.revision, w.globex.revision + 1, "what its users had stays ended");
    assert_eq!(d.tenants(None).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn an_application_comes_with_its_service_principal_and_names() {
    let w = World::new().await;
    let made = w.app(&w.acme, "ledger", &uris(&["api://ledger"])).await.unwrap();
    let (app, principal) = (made.application, made.service_principal);
    assert_ne!(app.id, principal.id);
    assert_eq!((principal.app_id, principal.home), (app.app_id, w.acme.id));
    assert_eq!(w.names(&w.acme, "API://Ledger/").await, Some(app.app_id));
    assert_eq!(w.names(&w.globex, "api://ledger").await, None);
    for reference in [named("ledger"), AppRef::AppId(app.app_id), AppRef::Object(app.id)] {
        let d = &w.directory;
        assert_eq!(d.application(w.acme.id, &reference).await.unwrap(), app);
        let elsewhere = d.application(w.globex.id, &reference).await.unwrap_err();
        assert_eq!(elsewhere.kind(), Kind::NotFound, "no tenant sees another's applications");
    }
}

#[tokio::test]
async fn names_and_ids_are_taken_once() {
    let w = World::new().await;
    let first = w.app(&w.acme, "ledger", &uris(&["api://ledger"])).await.unwrap().application;
    let refused = async |new: NewApplication, edit: Edit<'_>| {
        w.directory.create_application(&new, edit).await.unwrap_err()
    };
    let same_name = refused(new_app(&w.acme, "ledger"), &untouched).await;
    assert_eq!(same_name, Refusal::NameTaken("ledger".into()));
    let same_id = NewApplication { app_id: Some(first.app_id), ..new_app(&w.globex, "x") };
    assert_eq!(refused(same_id.clone(), &untouched).await, Refusal::AppIdTaken(first.app_id));
    let nil = NewApplication { app_id: Some(AppId::NIL), ..new_app(&w.acme, "x") };
    assert_eq!(refused(nil, &untouched).await, Refusal::AppIdTaken(AppId::NIL));
    let same_uri = refused(new_app(&w.acme, "x"), &uris(&["api://LEDGER"])).await;
    assert_eq!(same_uri, Refusal::UriTaken("api://LEDGER".into()));
    let twice = refused(new_app(&w.acme, "x"), &uris(&["api://x", "api://X"])).await;
    assert_eq!(twice, Refusal::UriTaken("api://X".into()));
    let nowhere = Tenant { id: TenantId(Uuid::from_u128(9)), ..w.acme.clone() };
    assert_eq!(refused(new_app(&nowhere, "x"), &untouched).await.kind(), Kind::NotFound);
    // Another tenant has names of its own, and an id stays taken when its application is gone.
    w.app(&w.globex, "ledger", &uris(&["api://ledger"])).await.unwrap();
    w.directory.delete_application(w.acme.id, &named("ledger")).await.unwrap();
    assert_eq!(refused(same_id, &untouched).await, Refusal::AppIdTaken(first.app_id));
}

#[tokio::test]
async fn of_many_who_register_one_name_one_does() {
    let w = World::new().await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (directory, acme) = (w.directory.clone(), w.acme.clone());
        racers.spawn(async move {
            let edit = uris(&["api://contended"]);
            directory.create_application(&new_app(&acme, &format!("app-{n}")), &edit).await
        });
    }
    let results = racers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let taken = Refusal::UriTaken("api://contended".into());
    assert!(results.into_iter().filter_map(Result::err).all(|refusal| refusal == taken));
}

#[tokio::test]
async fn a_uri_that_was_given_up_is_reserved_for_a_day() {
    let w = World::new().await;
    let d = &w.directory;
    let old = w.app(&w.acme, "old", &uris(&["api://ledger"])).await.unwrap().application;
    let edit =
        async |uris: Edit<'_>| d.edit_application(w.acme.id, &named("old"), ("edit", uris)).await;
    edit(&uris(&[])).await.unwrap();
    assert_eq!(w.names(&w.acme, "api://ledger").await, None);
    let until = NOW.plus(Duration::from_hours(24));
    let reserved = Refusal::UriReserved { uri: "api://ledger".into(), until };
    let refused = w.app(&w.acme, "new", &uris(&["api://ledger"])).await.unwrap_err();
    assert_eq!(refused, reserved);
    // Its last owner may have it back, in another spelling too.
    edit(&uris(&["api://Ledger"])).await.unwrap();
    assert_eq!(w.names(&w.acme, "api://ledger").await, Some(old.app_id));
    edit(&uris(&["api://LEDGER", "api://more"])).await.unwrap();
    assert_eq!(w.names(&w.acme, "api://ledger").await, Some(old.app_id));
    d.delete_application(w.acme.id, &named("old")).await.unwrap();
    assert!(w.app(&w.acme, "new", &uris(&["api://ledger"])).await.is_err());
    w.clock.advance(Duration::from_hours(24));
    let new = w.app(&w.acme, "new", &uris(&["api://ledger"])).await.unwrap().application;
    assert_eq!(w.names(&w.acme, "api://ledger").await, Some(new.app_id));
}

#[tokio::test]
async fn what_an_application_must_be_like() {
    let w = World::new().await;
    let refused = async |edit: Edit<'_>| w.app(&w.acme, "app", edit).await.unwrap_err();
    macro_rules! with {
        ($app:ident => $body:expr) => {
            &|$app: &mut Application| {
                $body;
                Ok(())
            }
        };
    }
    assert!(matches!(refused(&uris(&["https://globex.test/x"])).await, Refusal::Uri(_)));
    let multi = with!(a => {
        a.audience = SignInAudience::Multi;
        a.identifier_uris = vec![uri("api://ledger")];
    });
    assert!(matches!(refused(multi).await, Refusal::Uri(_)));
    let native = with!(a => {
        a.kind = AppKind::Native;
        a.identifier_uris = vec![uri("api://x")];
    });
    assert_eq!(refused(native).await, Refusal::Public("app".into(), "App ID URI"));
    let permission = |refusal| match refusal {
        Refusal::Permission(text) => text,
        other => panic!("{other:?}"),
    };
    for (edit, expected) in [
        (with!(a => a.roles = vec![role(1, "a b")]) as Edit<'_>, "without spaces"),
        (with!(a => a.roles = vec![role(1, "A"), role(2, "A")]), "value is used twice"),
        (with!(a => a.roles = vec![role(1, "A"), role(1, "B")]), "id is used twice"),
        (with!(a => a.roles = vec![role(0, "A")]), "all zero"),
        (
            with!(a => a.roles = vec![AppRole { members: [].into(), ..role(1, "A") }]),
            "is for nobody",
        ),
        (with!(a => a.behalf.token_lifetime_secs = Some(1)), "expected 300 to 86400"),
    ] {
        let text = permission(refused(edit).await);
        assert!(text.contains(expected), "{text}");
    }
    let local = Redirect::register("http://localhost", Platform::Web).unwrap();
    let twice = permission(refused(with!(a => a.redirects = vec![local.clone(); 2])).await);
    assert!(twice.contains("is there twice"), "{twice}");
    let many = refused(with!(a => a.redirects = vec![local.clone(); 257])).await;
    assert!(matches!(many, Refusal::TooMany { found: 257, most: 256, .. }));
    let many = with!(a => {
        a.required_resource_access = (1..=51)
            .map(|n| RequiredResource {
                app_id: AppId(Uuid::from_u128(n)),
                scopes: [].into(),
                roles: [].into(),
            })
            .collect();
    });
    assert!(matches!(refused(many).await, Refusal::TooMany { found: 51, most: 50, .. }));
    for name in ["", " a", "a\n", &"a".repeat(121)] {
        let new = new_app(&w.acme, name);
        let refusal = w.directory.create_application(&new, &untouched).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Text { what: "name", .. }), "{name:?}");
    }
    let ids = with!(a => {
        a.id = ObjectId::NIL;
        a.app_id = AppId::NIL;
        a.tenant = TenantId::NIL;
    });
    let made = w.app(&w.acme, "app", ids).await.unwrap().application;
    assert_eq!(made.tenant, w.acme.id, "no edit changes whose it is");
    assert_ne!(made.app_id, AppId::NIL);
}

#[tokio::test]
async fn every_deed_is_in_the_audit_log_of_its_tenant() {
    let w = World::new().await;
    w.app(&w.acme, "ledger", &untouched).await.unwrap();
    w.app(&w.acme, "ledger", &untouched).await.unwrap_err();
    let edit = ("rename", &untouched as Edit<'_>);
    w.directory.edit_application(w.acme.id, &named("ledger"), edit).await.unwrap();
    let log = w.directory.store.reading().audit(w.acme.id, None, 10).await.unwrap().items;
    let told: Vec<_> = log.iter().map(|e| (&*e.actor, &*e.action, &*e.target)).collect();
    let expected = [("test", "create tenant", "Acme"), ("test", "create application", "ledger")];
    assert_eq!(told, expected, "refusals and edits that change nothing leave no entry");
}

#[tokio::test]
async fn derived_ids_are_the_same_in_every_world() {
    let ids = async || {
        let w = World::new().await;
        let d = w.directory.with_object_ids(ObjectIds::Derived);
        let tenant =
            NewTenant { id: Some(TenantId(Uuid::from_u128(5))), ..new_tenant("D", "d.test") };
        let tenant = d.create_tenant(&tenant).await.unwrap();
        let made = d.create_application(&new_app(&tenant, "ledger"), &untouched).await.unwrap();
        (made.application.id, made.service_principal.id)
    };
    let first = ids().await;
    assert_eq!(ids().await, first);
    assert_ne!(first.0, first.1);
}
