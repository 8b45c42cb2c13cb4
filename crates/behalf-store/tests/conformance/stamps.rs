use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use behalf_core::{
    application::{AppKind, Application, OptionalClaims, Require, Settings, SignInAudience},
    id::{AppId, CredentialId, ObjectId, PermissionId, TenantId},
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::{DomainName, Tenant},
    time::Timestamp,
};
use behalf_store::{
    Backend, Boxed, ChangeSink, Changes, CommitError, Expect, Find, Key, Page, ReadError, Record,
    Scan, Seq, Snapshot, Store, WriteSet,
    records::{application, assignment, domain, resource_name, service_principal, tenant},
};
use uuid::Uuid;

use crate::support::set;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn guid(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

fn acme() -> Tenant {
    Tenant::new(TenantId(guid(1)), "Acme", vec![DomainName::parse("acme.test").unwrap()], NOW)
}

fn ledger() -> Application {
    Application {
        id: ObjectId(guid(2)),
        app_id: AppId(guid(3)),
        tenant: acme().id,
        name: "ledger".into(),
        display_name: None,
        kind: AppKind::Api,
        audience: SignInAudience::Single,
        identifier_uris: vec![],
        requested_access_token_version: None,
        scopes: vec![],
        roles: vec![],
        required_resource_access: vec![],
        secrets: vec![],
        certificates: vec![],
        redirects: vec![],
        logout_url: None,
        fallback_public_client: false,
        optional_claims: OptionalClaims::default(),
        require: Require::default(),
        known_clients: vec![],
        pre_authorized: vec![],
        disabled: false,
        behalf: Settings::default(),
        created: NOW,
    }
}

fn principal() -> ServicePrincipal {
    ServicePrincipal {
        id: ObjectId(guid(4)),
        tenant: acme().id,
        app_id: ledger().app_id,
        home: acme().id,
        application: ledger().id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created: NOW,
    }
}

fn assigned() -> AppRoleAssignment {
    AppRoleAssignment {
        id: ObjectId(guid(5)),
        tenant: acme().id,
        principal: ObjectId(guid(6)),
        resource: principal().id,
        role: PermissionId(guid(7)),
        granted_by: "admin".into(),
        created: NOW,
    }
}

/// Each record of the model, written.
fn all() -> WriteSet {
    set(|s| {
        tenant::put(s, &acme(), Expect::Absent);
        domain::claim(s, &acme().domains[0], acme().id, None);
        application::create(s, &ledger());
        service_principal::put(s, &principal(), Expect::Absent);
        resource_name::claim(s, acme().id, "api://Ledger", ledger().app_id, None);
        let pair = (assigned().principal, assigned().resource);
        assignment::put(s, acme().id, pair, &[assigned()], Expect::Absent);
    })
}

pub(crate) async fn typed_records_round_trip(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    let domain = &acme().domains[0];
    let before = store.reading();
    assert_eq!(before.tenant_by_domain(domain).await.unwrap(), None);
    assert_eq!(before.application_by_app_id(ledger().app_id).await.unwrap(), None);
    assert_eq!(before.application_by_name(acme().id, "").await.unwrap(), None);
    assert_eq!(before.service_principal_by_name(acme().id, "").await.unwrap(), None);
    store.commit(all()).await.unwrap();
    let reading = store.reading();
    let tid = acme().id;
    assert_eq!(reading.tenant_by_domain(domain).await.unwrap().unwrap().value, acme());
    let app = reading.application_by_app_id(ledger().app_id).await.unwrap().unwrap();
    assert_eq!(app.value, ledger());
    let by_name = reading.application_by_name(tid, "ledger").await.unwrap().unwrap();
    assert_eq!(by_name, app);
    assert_eq!(reading.application_by_name(tid, "Ledger").await.unwrap(), None);
    let by_uri = reading.service_principal_by_name(tid, "API://ledger/").await.unwrap().unwrap();
    assert_eq!(by_uri.value, principal());
    assert_eq!(reading.service_principal(tid, principal().id).await.unwrap().unwrap(), by_uri);
    assert_eq!(
        reading.service_principal(TenantId(guid(9)), principal().id).await.unwrap(),
        None,
        "an object id of another tenant is nobody's"
    );
    let pair = (assigned().principal, assigned().resource);
    let found = reading.assignments(tid, pair.0, pair.1).await.unwrap().unwrap();
    assert_eq!(found.value, [assigned()]);
    let of = reading.assignments_of(tid, pair.0, None).await.unwrap().items;
    assert_eq!(of, std::slice::from_ref(&found));
    assert_eq!(reading.assignments_on(tid, pair.1, None).await.unwrap().items, of);
    let none = set(|s| assignment::put(s, tid, pair, &[], Expect::Version(found.version)));
    store.commit(none).await.unwrap();
    assert_eq!(store.reading().assignments(tid, pair.0, pair.1).await.unwrap(), None);
    // A deleted application's name is free, its client id is not.
    store.commit(set(|s| application::delete(s, &app))).await.unwrap();
    assert_eq!(store.reading().application_by_app_id(ledger().app_id).await.unwrap(), None);
    let again = store.commit(set(|s| application::create(s, &ledger()))).await;
    let home = application::home_key(ledger().app_id);
    assert!(matches!(again, Err(CommitError::Conflict { key, .. }) if key == home));
    let other = Application { app_id: AppId(guid(8)), ..ledger() };
    store.commit(set(|s| application::create(s, &other))).await.unwrap();
}

/// For each thing that can be read: read it, change what it rests on, and the stamp is stale; the
/// same for what was absent and came to be.
pub(crate) async fn a_stamp_is_never_current_after_a_commit_it_depends_on(
    backend: Arc<dyn Backend>,
) {
    let store = Store::open(backend).await.unwrap();
    let tid = acme().id;
    let read = async || {
        let mut stamps = Vec::new();
        macro_rules! stamp {
            ($($call:expr),*) => {$(
                let reading = store.reading();
                let _read = $call(&reading).await.unwrap();
                stamps.push((stringify!($call), reading.stamp()));
            )*};
        }
        stamp!(
            async |r: &behalf_store::Reading<'_>| r.tenant_by_domain(&acme().domains[0]).await,
            async |r: &behalf_store::Reading<'_>| r.application_by_app_id(ledger().app_id).await,
            async |r: &behalf_store::Reading<'_>| r.application_by_name(tid, "ledger").await,
            async |r: &behalf_store::Reading<'_>| r.service_principal(tid, principal().id).await,
            async |r: &behalf_store::Reading<'_>| r
                .service_principal_by_name(tid, "api://ledger")
                .await,
            async |r: &behalf_store::Reading<'_>| r
                .assignments(tid, assigned().principal, assigned().resource)
                .await,
            async |r: &behalf_store::Reading<'_>| r
                .assignments_of(tid, assigned().principal, None)
                .await,
            async |r: &behalf_store::Reading<'_>| r.tenants(None, 10).await
        );
        stamps
    };
    let absent = read().await;
    assert!(absent.iter().all(|(_, stamp)| store.is_current(stamp)));
    store.commit(all()).await.unwrap();
    for (what, stamp) in absent {
        assert!(!store.is_current(&stamp), "absent before: {what}");
    }
    let present = read().await;
    assert!(present.iter().all(|(_, stamp)| store.is_current(stamp)));
    let gone = set(|s| {
        s.delete(tenant::key(tid), Expect::Any);
        s.delete(application::key(tid, ledger().id), Expect::Any);
        s.delete(service_principal::key(tid, ledger().app_id), Expect::Any);
        let pair = (assigned().principal, assigned().resource);
        assignment::put(s, tid, pair, &[], Expect::Any);
    });
    store.commit(gone).await.unwrap();
    for (what, stamp) in present {
        assert!(!store.is_current(&stamp), "present before: {what}");
    }
}

pub(crate) async fn a_stamp_outlives_other_commits(backend: Arc<dyn Backend>) {
    let store = Store::open(backend).await.unwrap();
    store.commit(all()).await.unwrap();
    let reading = store.reading();
    reading.service_principal_by_name(acme().id, "api://ledger").await.unwrap().unwrap();
    let stamp = reading.stamp();
    let elsewhere = Tenant { id: TenantId(guid(99)), ..acme() };
    store.commit(set(|s| tenant::put(s, &elsewhere, Expect::Absent))).await.unwrap();
    assert!(store.is_current(&stamp));
    store.credential_used(acme().id, CredentialId(guid(1)), NOW);
    store.flush_usage(NOW, true).await.unwrap();
    assert!(store.is_current(&stamp));
    let walked = store.reading();
    walked.applications(acme().id, None, 10).await.unwrap();
    let other = Tenant { id: TenantId(guid(98)), ..acme() };
    store.commit(set(|s| tenant::put(s, &other, Expect::Absent))).await.unwrap();
    assert!(!store.is_current(&walked.stamp()), "a list depends on everything");
}

/// The same database as another process sees it: its commits are not announced.
struct Elsewhere {
    backend: Arc<dyn Backend>,
    reads: AtomicU64,
}

impl Backend for Elsewhere {
    fn get<'a>(&'a self, keys: &'a [Key]) -> Boxed<'a, Result<Vec<Option<Record>>, ReadError>> {
        self.backend.get(keys)
    }
    fn find(&self, query: Find) -> Boxed<'_, Result<Page, ReadError>> {
        self.backend.find(query)
    }
    fn scan(&self, query: Scan) -> Boxed<'_, Result<Page, ReadError>> {
        self.backend.scan(query)
    }
    fn commit(&self, set: WriteSet) -> Boxed<'_, Result<Seq, CommitError>> {
        self.backend.commit(set)
    }
    fn changes_since(&self, after: Seq, limit: u32) -> Boxed<'_, Result<Changes, ReadError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.backend.changes_since(after, limit)
    }
    fn snapshot(&self) -> Boxed<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.backend.snapshot()
    }
    fn watch(&self, _sink: Arc<dyn ChangeSink>) {}
    fn transactions(&self) -> u64 {
        self.backend.transactions()
    }
}

pub(crate) async fn another_process_is_followed(backend: Arc<dyn Backend>) {
    let here = Store::open(Arc::clone(&backend)).await.unwrap();
    let elsewhere = Arc::new(Elsewhere { backend, reads: AtomicU64::new(0) });
    let there = Store::open(Arc::clone(&elsewhere) as _).await.unwrap();
    here.commit(all()).await.unwrap();
    there.catch_up().await.unwrap();
    let reading = there.reading();
    reading.application_by_app_id(ledger().app_id).await.unwrap().unwrap();
    let touched = reading.stamp();
    let walked = there.reading();
    walked.tenants(None, 1).await.unwrap();
    let other = Tenant { id: TenantId(guid(99)), ..acme() };
    here.commit(set(|s| tenant::put(s, &other, Expect::Absent))).await.unwrap();
    assert!(there.is_current(&walked.stamp()), "it has not heard of it yet");
    assert_eq!(there.catch_up().await.unwrap(), Seq(2));
    assert!(!there.is_current(&walked.stamp()));
    assert!(there.is_current(&touched));
    // 10,001 commits behind: it starts anew instead of following.
    let rename = |n: usize| Tenant { display_name: n.to_string(), ..other.clone() };
    let mut writers = tokio::task::JoinSet::new();
    for worker in 0..64 {
        let (here, rename) = (here.clone(), rename(worker));
        writers.spawn(async move {
            for _ in 0..157 {
                let put = set(|s| tenant::put(s, &rename, Expect::Any));
                here.commit(put).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(here.writes(), 2 + 64 * 157);
    assert!(here.transactions() < here.writes(), "what is written at once shares a transaction");
    let before = elsewhere.reads.load(Ordering::Relaxed);
    assert_eq!(there.catch_up().await.unwrap(), Seq(2 + 64 * 157));
    assert_eq!(elsewhere.reads.load(Ordering::Relaxed) - before, 1);
    assert!(!there.is_current(&touched));
}

pub(crate) async fn usage_is_written_at_most_once_a_minute(backend: Arc<dyn Backend>) {
    let store = Store::open(Arc::clone(&backend)).await.unwrap();
    let (home, credential) = (acme().id, CredentialId(guid(1)));
    let written = async || {
        // Another store has no part in this one's memory.
        let other = Store::open(Arc::clone(&backend)).await.unwrap();
        other.reading().credential_last_used(home, credential).await.unwrap()
    };
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    store.credential_used(home, credential, at(0));
    assert_eq!(store.reading().credential_last_used(home, credential).await.unwrap(), Some(at(0)));
    assert_eq!(written().await, None);
    store.flush_usage(at(1), false).await.unwrap();
    assert_eq!(written().await, Some(at(0)));
    store.credential_used(home, credential, at(20));
    store.credential_used(home, credential, at(10));
    store.flush_usage(at(60), false).await.unwrap();
    assert_eq!(written().await, Some(at(0)));
    store.flush_usage(at(61), false).await.unwrap();
    assert_eq!(written().await, Some(at(20)));
    store.credential_used(home, credential, at(62));
    store.flush_usage(at(63), true).await.unwrap();
    assert_eq!(written().await, Some(at(62)));
}
