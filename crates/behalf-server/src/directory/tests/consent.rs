//! Consent is given, asked for and taken back: each in one commit.

use std::collections::BTreeSet;

use behalf_core::{
    access::{Actor, Denied},
    application::{Consent, Scope},
    consent::{
        ConsentList, ConsentRefusal, NamedScopes, PermissionKind, Request, Required, Wanted,
    },
    directory_role::DirectoryRole,
    grant::GrantedFor,
    id::ObjectId,
    user::{User, UserPrincipalName, UserRevisions},
};
use behalf_store::{Expect, GrantsOf, Key, Kind as Record, records::user as user_record};

use super::*;

const TREND: u128 = 0x7e46;

fn app_id(n: u128) -> AppId {
    AppId(Uuid::from_u128(n))
}

fn scope(n: u128, value: &str, consent: Consent) -> Scope {
    Scope::new(PermissionId(Uuid::from_u128(n)), value, consent, "")
}

fn requires(resource: u128, scopes: &[u128], roles: &[u128]) -> RequiredResource {
    let ids = |ids: &[u128]| ids.iter().map(|n| PermissionId(Uuid::from_u128(*n))).collect();
    RequiredResource { app_id: app_id(resource), scopes: ids(scopes), roles: ids(roles) }
}

fn user(w: &World, n: u128, roles: &[DirectoryRole]) -> User {
    User {
        id: ObjectId(Uuid::from_u128(n)),
        tenant: w.acme.id,
        name: UserPrincipalName::parse(&format!("u{n}@acme.test")).unwrap(),
        display_name: String::new(),
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

/// A world where Globex offers `report` and its API `trend`.
struct Consenting {
    w: World,
    report: AppId,
    bob: User,
    ada: User,
}

fn default(target: &str) -> Request {
    let wanted = Wanted::Registered { target: Some(target.to_owned()) };
    Request { wanted, prompt: false, admin: false }
}

fn trend() -> String {
    format!("api://{}", app_id(TREND))
}

impl Consenting {
    async fn new() -> Self {
        let w = World::new().await;
        let api = |app: &mut Application| {
            app.audience = SignInAudience::Multi;
            app.identifier_uris = vec![uri(&trend())];
            app.scopes = vec![
                scope(1, "Trends.Read", Consent::User),
                scope(2, "Trends.Write", Consent::Admin),
            ];
            app.roles = vec![role(3, "Trends.Read.All")];
            app.known_clients = vec![app_id(0x7e45)];
            Ok(())
        };
        let new = NewApplication { app_id: Some(app_id(TREND)), ..new_app(&w.globex, "trend") };
        w.directory.create_application(&new, &api).await.unwrap();
        let client = |app: &mut Application| {
            app.audience = SignInAudience::Multi;
            app.required_resource_access = vec![requires(TREND, &[1], &[3])];
            Ok(())
        };
        let report = app_id(0x7e45);
        let new = NewApplication {
            app_id: Some(report),
            kind: AppKind::Web,
            ..new_app(&w.globex, "report")
        };
        w.directory.create_application(&new, &client).await.unwrap();
        let bob = user(&w, 7, &[]);
        let ada = user(&w, 8, &[DirectoryRole::ApplicationAdministrator]);
        let mut set = WriteSet::new();
        for user in [&bob, &ada] {
            user_record::create(&mut set, user);
        }
        w.directory.store.commit(set).await.unwrap();
        Self { w, report, bob, ada }
    }

    fn d(&self) -> &Directory {
        &self.w.directory
    }

    async fn list(&self, request: &Request, user: &User) -> ConsentList {
        match self.d().consent_required((self.w.acme.id, self.report), request, user).await {
            Ok(Required::Dialog(list) | Required::NeedsAdmin(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    async fn accept(
        &self,
        request: &Request,
        (user, for_everyone): (&User, bool),
        (shown, also): (&ConsentList, &WriteSet),
    ) -> Result<Consented, Refusal> {
        let (tenant, client, shown) = (self.w.acme.id, self.report, &shown.digest());
        let user = user.id;
        let acceptance = Acceptance { tenant, client, request, shown, user, for_everyone, also };
        self.d().accept_consent(&acceptance).await
    }

    /// Shown and accepted.
    async fn consent(&self, request: &Request, user: &User, for_everyone: bool) -> Consented {
        let list = self.list(request, user).await;
        self.accept(request, (user, for_everyone), (&list, &WriteSet::new())).await.unwrap()
    }

    async fn principal(&self, app: AppId) -> Option<ObjectId> {
        let reading = self.d().store.reading();
        let found = reading.service_principal_by_app_id(self.w.acme.id, app).await.unwrap();
        found.map(|principal| principal.id)
    }

    /// For whom there are grants of report on trend, with how many scopes.
    async fn grants(&self) -> Vec<(GrantedFor, usize)> {
        let Some(client) = self.principal(self.report).await else { return Vec::new() };
        let all =
            self.d().permission_grants(self.w.acme.id, GrantsOf::Client(client)).await.unwrap();
        let trend = self.principal(app_id(TREND)).await;
        assert!(all.iter().all(|grant| Some(grant.resource) == trend));
        all.iter().map(|grant| (grant.granted_for, grant.scopes.len())).collect()
    }

    async fn audited(&self) -> Vec<String> {
        let reading = self.d().store.reading();
        let log = reading.audit(self.w.acme.id, None, 100).await.unwrap().items;
        log.iter().map(|entry| format!("{}: {}", entry.action, entry.target)).collect()
    }
}

#[tokio::test]
async fn v21_one_commit_makes_both_applications_known_and_grants() {
    let c = Consenting::new().await;
    let before = c.audited().await.len();
    let commits = async || c.d().store.catch_up().await.unwrap().0;
    let first = commits().await;
    assert!(matches!(c.consent(&default(&trend()), &c.bob, false).await, Consented::Granted(_)));
    assert_eq!(commits().await, first + 1, "one commit");
    assert_eq!(c.w.names(&c.w.acme, &trend()).await, Some(app_id(TREND)));
    assert_eq!(c.grants().await, [(GrantedFor::User(c.bob.id), 1)]);
    let expected = [
        "create service principal: report",
        "create service principal: trend",
        "grant consent: report; report trend Trends.Read",
    ];
    assert_eq!(c.audited().await[before..], expected);
    let (place, request) = ((c.w.acme.id, c.report), default(&trend()));
    let required = c.d().consent_required(place, &request, &c.bob).await.unwrap();
    assert_eq!(required, Required::Nothing);
    // The same scopes once more: nothing is written.
    let again = Request { prompt: true, ..default(&trend()) };
    assert!(
        matches!(c.consent(&again, &c.bob, false).await, Consented::Granted(o) if o.is_empty())
    );
    assert_eq!(c.audited().await.len(), before + 3);
}

#[tokio::test]
async fn two_users_who_accept_at_once_make_one_of_each() {
    let c = Consenting::new().await;
    let (request, also) = (default(&trend()), WriteSet::new());
    let list = c.list(&request, &c.bob).await;
    let (one, two) = tokio::join!(
        c.accept(&request, (&c.bob, false), (&list, &also)),
        c.accept(&request, (&c.ada, false), (&list, &also)),
    );
    // Who comes second finds that the page is not true any more, or that he came in time.
    let granted = [one.unwrap(), two.unwrap()];
    let second = granted.iter().filter(|c| matches!(c, Consented::Again(_))).count();
    assert_eq!(c.grants().await.len(), 2 - second);
    assert!(c.principal(app_id(TREND)).await.is_some());
}

#[tokio::test]
async fn cn_02_a_page_counts_once_and_only_for_what_it_showed() {
    let c = Consenting::new().await;
    let request = default(&trend());
    let list = c.list(&request, &c.bob).await;
    let mut also = WriteSet::new();
    let page = Key::new(c.w.acme.id, Record::UsedTicket, vec![1]);
    also.put(page, vec![1], Expect::Absent);
    c.accept(&request, (&c.bob, false), (&list, &also)).await.unwrap();
    let (place, all) = ((c.w.acme.id, c.report), Selection::default());
    let taken = c.d().revoke_consent(place, &all, Actor::User(&c.bob)).await.unwrap();
    assert_eq!(taken, 1);
    let list = c.list(&request, &c.bob).await;
    let replayed = c.accept(&request, (&c.bob, false), (&list, &also)).await.unwrap_err();
    assert_eq!(replayed, Refusal::Contended);
    assert_eq!(c.grants().await, []);

    let louder = |app: &mut Application| {
        app.scopes[0].text = "Delete your trends".into();
        Ok(())
    };
    let edit = ("edit", &louder as Edit<'_>);
    c.d().edit_application(c.w.globex.id, &named("trend"), edit).await.unwrap();
    let again = c.accept(&request, (&c.bob, false), (&list, &WriteSet::new())).await.unwrap();
    let Consented::Again(now) = again else { panic!("{again:?}") };
    assert_eq!(now.parts[0].permissions[0].text, "Delete your trends");
    assert_eq!(c.grants().await, []);
}

#[tokio::test]
async fn what_a_user_may_not_grant_is_not_and_nothing_is_created() {
    let c = Consenting::new().await;
    let names = NamedScopes { resource: trend(), values: vec!["Trends.Write".into()] };
    let write = Request { wanted: Wanted::Named(vec![names]), prompt: false, admin: false };
    let admin = Request { wanted: Wanted::Registered { target: None }, prompt: false, admin: true };
    for request in [&write, &admin] {
        let list = c.list(request, &c.bob).await;
        let denied =
            c.accept(request, (&c.bob, true), (&list, &WriteSet::new())).await.unwrap_err();
        assert!(matches!(denied, Refusal::Denied(Denied::NeedsAdmin(_))), "{denied}");
        assert_eq!(denied.kind(), Kind::Denied);
    }
    assert_eq!(c.principal(c.report).await, None);
    c.consent(&admin, &c.ada, false).await;
    assert_eq!(c.grants().await, [(GrantedFor::Everyone, 1)]);
    let principal = c.principal(c.report).await.unwrap();
    let reading = c.d().store.reading();
    let roles = reading.assignments_of(c.w.acme.id, principal, None).await.unwrap().items;
    assert_eq!(roles.len(), 1, "the app role as well");
}

#[tokio::test]
async fn what_a_user_may_is_what_he_may_when_it_is_committed() {
    let c = Consenting::new().await;
    let request = default(&trend());
    let list = c.list(&request, &c.ada).await;
    let reading = c.d().store.reading();
    let ada = reading.user(c.w.acme.id, c.ada.id).await.unwrap().unwrap();
    let mut set = WriteSet::new();
    user_record::update(&mut set, &ada, &User { roles: [].into(), ..ada.value.clone() });
    c.d().store.commit(set).await.unwrap();
    let also = WriteSet::new();
    let denied = c.accept(&request, (&c.ada, true), (&list, &also)).await.unwrap_err();
    assert!(matches!(denied, Refusal::Denied(Denied::NeedsAdmin(_))), "{denied}");
    let nobody = user(&c.w, 99, &[]);
    let denied = c.accept(&request, (&nobody, false), (&list, &also)).await.unwrap_err();
    assert_eq!(denied, Refusal::Denied(Denied::NoUserHere));
    assert_eq!(c.principal(c.report).await, None);
}

#[tokio::test]
async fn a_name_that_somebody_has_here_is_left_out_and_cannot_be_asked_for() {
    let c = Consenting::new().await;
    let url = "https://trend.globex.test";
    let edit = |app: &mut Application| {
        app.identifier_uris = vec![uri(&trend()), uri(url)];
        Ok(())
    };
    c.d().edit_application(c.w.globex.id, &named("trend"), ("edit", &edit)).await.unwrap();
    let squat = {
        let mut set = WriteSet::new();
        let other = app_id(0x5a);
        behalf_store::records::resource_name::claim(&mut set, c.w.acme.id, url, other, None);
        set
    };
    c.d().store.commit(squat).await.unwrap();
    let place = (c.w.acme.id, c.report);
    let refused = c.d().consent_required(place, &default(url), &c.bob).await.unwrap_err();
    let missing = matches!(refused, Refusal::Consent(ConsentRefusal::ResourceMissing { .. }));
    assert!(missing, "{refused}");
    c.consent(&default(&trend()), &c.bob, false).await;
    assert_eq!(c.w.names(&c.w.acme, &trend()).await, Some(app_id(TREND)));
    assert_eq!(c.w.names(&c.w.acme, url).await, None, "it stays with who has it");
}

#[tokio::test]
async fn an_operator_grants_what_he_names_and_makes_known_what_may_be() {
    let c = Consenting::new().await;
    let d = c.d();
    let granted = d.grant_consent(c.w.acme.id, c.report, &Extent::Combined).await.unwrap();
    let told: Vec<_> = granted.iter().map(|g| (&*g.client, &*g.value, g.kind)).collect();
    let (scope, role) = (PermissionKind::Scope, PermissionKind::Role);
    assert_eq!(told, [("report", "Trends.Read", scope), ("report", "Trends.Read.All", role)]);
    assert!(d.grant_admin_consent(c.w.acme.id, c.report).await.unwrap().is_empty(), "all is there");
    let values = vec!["Trends.Write".into(), "Trends.Read.All".into()];
    let extent = Extent::Named(vec![NamedScopes { resource: trend(), values }]);
    let granted = d.grant_consent(c.w.acme.id, c.report, &extent).await.unwrap();
    assert_eq!(granted.len(), 1, "the role is there already");
    assert_eq!(c.grants().await, [(GrantedFor::Everyone, 2)]);
    let values = vec!["Trends.Burn".into()];
    let extent = Extent::Named(vec![NamedScopes { resource: trend(), values }]);
    let refused = d.grant_consent(c.w.acme.id, c.report, &extent).await.unwrap_err();
    assert!(refused.to_string().contains("Trends.Burn"), "{refused}");
    assert_eq!(d.revoke_admin_consent(c.w.acme.id, c.report).await.unwrap(), 3);
    assert_eq!(c.grants().await, []);
}

#[tokio::test]
async fn cn_15_consent_is_taken_back_by_who_may() {
    let c = Consenting::new().await;
    c.consent(&default(&trend()), &c.bob, false).await;
    let everyone = Request { prompt: true, ..default(&trend()) };
    c.consent(&everyone, &c.ada, true).await;
    let (place, all) = ((c.w.acme.id, c.report), Selection::default());
    assert_eq!(c.grants().await.len(), 2);
    let carl = user(&c.w, 9, &[]);
    let taken = async |actor| c.d().revoke_consent(place, &all, actor).await.unwrap();
    assert_eq!(taken(Actor::User(&carl)).await, 0, "he gave nothing");
    assert_eq!(taken(Actor::User(&c.bob)).await, 1);
    assert_eq!(taken(Actor::User(&c.bob)).await, 0, "what everyone has is not his");
    assert_eq!(c.grants().await, [(GrantedFor::Everyone, 1)]);
    let selection = Selection { resource: Some(app_id(TREND)), granted_for: None };
    let ada = Actor::User(&c.ada);
    assert_eq!(c.d().revoke_consent(place, &selection, ada).await.unwrap(), 1);
    let stranger = User { tenant: c.w.globex.id, ..c.ada.clone() };
    let denied = c.d().revoke_consent(place, &all, Actor::User(&stranger)).await.unwrap_err();
    assert_eq!(denied, Refusal::Denied(Denied::NoUserHere));
}

#[tokio::test]
async fn a_service_principal_takes_its_grants_with_it() {
    let c = Consenting::new().await;
    for gone in [app_id(TREND), c.report] {
        c.consent(&default(&trend()), &c.bob, false).await;
        let client = c.principal(c.report).await.unwrap();
        c.d().delete_service_principal(c.w.acme.id, gone).await.unwrap();
        let left = c.d().permission_grants(c.w.acme.id, GrantsOf::Client(client)).await.unwrap();
        assert_eq!(left, []);
    }
}

#[tokio::test]
async fn a_request_waits_for_an_administrator_and_ends_when_he_consents() {
    let c = Consenting::new().await;
    let d = c.d();
    let admin = Request { wanted: Wanted::Registered { target: None }, prompt: false, admin: true };
    let list = c.list(&admin, &c.bob).await;
    let request = d.request_approval(&c.bob, &list, " I \u{7} need it ").await.unwrap();
    assert_eq!((&*request.reason, request.wanted.len()), ("I   need it", 2));
    d.request_approval(&c.bob, &list, "still").await.unwrap();
    let waiting = async || d.approval_requests(c.w.acme.id, Actor::User(&c.ada)).await.unwrap();
    assert_eq!(waiting().await.len(), 1, "the newest for each client");
    let denied = d.approval_requests(c.w.acme.id, Actor::User(&c.bob)).await.unwrap_err();
    assert_eq!(denied.kind(), Kind::Denied);
    c.consent(&default(&trend()), &c.ada, true).await;
    assert_eq!(waiting().await.len(), 1, "only a part was granted");
    c.consent(&admin, &c.ada, false).await;
    assert_eq!(waiting().await, []);

    d.request_approval(&c.bob, &list, "").await.unwrap();
    let which = (c.bob.id, c.report);
    let ada = Actor::User(&c.ada);
    d.decline_approval(c.w.acme.id, which, Actor::User(&c.bob)).await.unwrap_err();
    d.decline_approval(c.w.acme.id, which, ada).await.unwrap();
    let gone = d.decline_approval(c.w.acme.id, which, ada).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::NotFound);
    d.request_approval(&c.bob, &list, "").await.unwrap();
    c.w.clock.advance(Duration::from_hours(24 * 31));
    assert_eq!(waiting().await, [], "nobody waits for ever");
}

#[tokio::test]
async fn requests_are_bounded_for_each_user() {
    let c = Consenting::new().await;
    let admin = Request { wanted: Wanted::Registered { target: None }, prompt: false, admin: true };
    let mut list = c.list(&admin, &c.bob).await;
    for n in 0..20 {
        list.client.app_id = app_id(n + 1);
        c.d().request_approval(&c.bob, &list, "").await.unwrap();
    }
    c.d().request_approval(&c.bob, &list, "again").await.unwrap();
    list.client.app_id = app_id(99);
    let refused = c.d().request_approval(&c.bob, &list, "").await.unwrap_err();
    assert!(matches!(refused, Refusal::TooMany { most: 20, .. }), "{refused}");
    c.d().request_approval(&c.ada, &list, "").await.unwrap();
    c.w.clock.advance(Duration::from_hours(24 * 31));
    c.d().request_approval(&c.bob, &list, "").await.unwrap();
}
