//! Users: who is made, what ends what, what goes with a user who goes.

use behalf_core::{
    access::{Actor, users::NotAllowed},
    application::MemberType,
    directory_role::DirectoryRole::{
        ApplicationAdministrator, GlobalAdministrator, UserAdministrator,
    },
    grant::{GrantedFor, PermissionGrant},
    tenant::UserPolicy,
    user::{NewPassword, PasswordHash, PresentedPassword, User, UserPrincipalName, UserRevisions},
};
use behalf_store::{Expect, records::permission_grant};

use super::*;
use crate::{
    directory::{Enrolment, NewUser, UserRef, UserRefusal, UserRole},
    keys::MasterKey,
    session::{
        password::{Options, Parameters, Passwords, hash},
        totp::TotpSecret,
    },
};

fn upn(text: &str) -> UserPrincipalName {
    UserPrincipalName::parse(text).unwrap()
}

fn by_name(text: &str) -> UserRef {
    UserRef::Name(upn(text))
}

fn refused(refusal: Refusal) -> UserRefusal {
    match refusal {
        Refusal::User(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn revisions(all: u32, password: u32) -> UserRevisions {
    UserRevisions { all, password }
}

async fn bob(w: &World) -> User {
    let new = NewUser::new(w.acme.id, upn("bob@acme.test"));
    w.directory.create_user(Actor::Operator, &new).await.unwrap()
}

async fn with_roles(
    w: &World,
    name: &str,
    roles: &[behalf_core::directory_role::DirectoryRole],
) -> User {
    let new =
        NewUser { roles: roles.iter().copied().collect(), ..NewUser::new(w.acme.id, upn(name)) };
    w.directory.create_user(Actor::Operator, &new).await.unwrap()
}

#[tokio::test]
async fn a_user_has_a_name_on_a_domain_of_his_tenant_that_nobody_else_has() {
    let w = World::new().await;
    let d = &w.directory;
    let made = bob(&w).await;
    assert_eq!((made.display_name.as_str(), made.disabled), ("bob", false));
    for reference in [by_name("BOB@acme.test"), UserRef::Id(made.id)] {
        assert_eq!(d.user(w.acme.id, &reference).await.unwrap(), made);
        let elsewhere = d.user(w.globex.id, &reference).await.unwrap_err();
        assert_eq!(elsewhere.kind(), Kind::NotFound, "no tenant sees another's users");
    }
    let create = async |tenant, name: &str, display: Option<&str>| {
        let display_name = display.map(str::to_owned);
        let new = NewUser { display_name, ..NewUser::new(tenant, upn(name)) };
        d.create_user(Actor::Operator, &new).await
    };
    let again = refused(create(w.acme.id, "Bob@Acme.Test", None).await.unwrap_err());
    assert_eq!(again, UserRefusal::Exists("bob@acme.test".into()));
    let foreign = create(w.acme.id, "bob@globex.test", None).await.unwrap_err();
    assert_eq!(
        foreign.to_string(),
        "\"bob@globex.test\" lies on no domain of Acme: `behalf tenant add-domain` gives it another"
    );
    let blank = create(w.acme.id, "eve@acme.test", Some(" ")).await.unwrap_err();
    assert!(matches!(blank, Refusal::Text { what: "display name", .. }));
    create(w.globex.id, "bob@globex.test", Some("Bob of Globex")).await.unwrap();
    assert_eq!(d.users(w.acme.id, None).await.unwrap().items.len(), 1);
    // A domain that names somebody stays.
    d.add_domain(w.acme.id, "acme.example").await.unwrap();
    create(w.acme.id, "eve@acme.example", None).await.unwrap();
    let used = refused(d.remove_domain(w.acme.id, "acme.example").await.unwrap_err());
    assert_eq!(used, UserRefusal::DomainInUse("eve@acme.example".into()));
    d.delete_user(Actor::Operator, (w.acme.id, &by_name("eve@acme.example"))).await.unwrap();
    d.remove_domain(w.acme.id, "acme.example").await.unwrap();
}

#[tokio::test]
async fn of_many_who_take_one_name_one_does() {
    let w = World::new().await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (directory, acme) = (w.directory.clone(), w.acme.id);
        racers.spawn(async move {
            directory.create_user(Actor::Operator, &NewUser::new(acme, upn("bob@acme.test"))).await
        });
    }
    let results = racers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test]
async fn each_deed_raises_what_it_ends_once() {
    let w = World::new().await;
    let (d, user) = (&w.directory, by_name("bob@acme.test"));
    let bob = bob(&w).await;
    let (operator, who) = (Actor::Operator, (w.acme.id, &user));
    assert_eq!(bob.revisions, revisions(0, 0));
    let named = d.rename_user(operator, who, "Robert").await.unwrap();
    assert_eq!((named.display_name.as_str(), named.revisions), ("Robert", revisions(0, 0)));
    let roles = |roles: &mut std::collections::BTreeSet<_>| {
        roles.insert(UserAdministrator);
    };
    assert_eq!(d.set_roles(operator, who, &roles).await.unwrap().revisions, revisions(0, 0));
    let hash = PasswordHash("$argon2id$".into());
    let reset = d.reset_password(operator, who, &hash).await.unwrap();
    assert_eq!((reset.password, reset.revisions), (Some(hash), revisions(1, 0)));
    let off = d.set_user_disabled(operator, who, true).await.unwrap();
    assert_eq!((off.disabled, off.revisions), (true, revisions(2, 0)));
    let again = d.set_user_disabled(operator, who, true).await.unwrap();
    assert_eq!(again.revisions, revisions(2, 0), "he is disabled already");
    let on = d.set_user_disabled(operator, who, false).await.unwrap();
    assert_eq!((on.disabled, on.revisions), (false, revisions(2, 0)), "nothing is resurrected");
    let revoked = d.revoke_sign_in_sessions(operator, who).await.unwrap();
    assert_eq!(revoked.revisions, revisions(3, 0));
    let own = d.revoke_sign_in_sessions(Actor::User(&revoked), who).await.unwrap();
    assert_eq!(own.revisions, revisions(4, 0), "his own sessions are his own");

    let tenant = d.revoke_all_sessions(operator, w.acme.id).await.unwrap();
    assert_eq!(tenant.revision, 1);
    let policy = UserPolicy { password_grant: true, ..UserPolicy::default() };
    let tenant = d.set_user_policy(operator, w.acme.id, policy).await.unwrap();
    assert_eq!((tenant.users, tenant.revision), (policy, 1));
    let log = d.store.reading().audit(w.acme.id, None, 100).await.unwrap().items;
    let told: Vec<_> = log.iter().skip(1).map(|e| (&*e.action, &*e.target)).collect();
    let bob = "bob@acme.test";
    assert_eq!(
        told,
        [
            ("create user", bob),
            ("rename user", bob),
            ("set roles of user", bob),
            ("reset password of user", bob),
            ("disable user", bob),
            ("enable user", bob),
            ("revoke sessions of user", bob),
            ("revoke sessions of user", bob),
            ("revoke sessions of all users", "Acme"),
            ("set user policy", "Acme"),
        ]
    );
}

#[tokio::test]
async fn who_may_not_does_nothing() {
    let w = World::new().await;
    let d = &w.directory;
    let plain = bob(&w).await;
    let helper = with_roles(&w, "helper@acme.test", &[UserAdministrator]).await;
    let strong = with_roles(&w, "strong@acme.test", &[ApplicationAdministrator]).await;
    let global = with_roles(&w, "ada@acme.test", &[GlobalAdministrator]).await;
    let disable = async |by: &User, whom: &User| {
        d.set_user_disabled(Actor::User(by), (w.acme.id, &UserRef::Id(whom.id)), true).await
    };
    let needs = NotAllowed::NeedsRole(UserAdministrator);
    assert_eq!(disable(&plain, &helper).await.unwrap_err(), Refusal::from(needs));
    let protected = disable(&helper, &strong).await.unwrap_err();
    assert_eq!(
        (protected.kind(), &protected),
        (Kind::Denied, &Refusal::from(NotAllowed::Protected))
    );
    assert!(!d.user(w.acme.id, &UserRef::Id(strong.id)).await.unwrap().disabled);
    disable(&helper, &plain).await.unwrap();
    disable(&global, &strong).await.unwrap();
    let promoted = NewUser {
        roles: [GlobalAdministrator].into(),
        ..NewUser::new(w.acme.id, upn("eve@acme.test"))
    };
    let promoted = d.create_user(Actor::User(&helper), &promoted).await.unwrap_err();
    assert_eq!(promoted.kind(), Kind::Denied, "nobody gives what is not his");
    let there = NewUser::new(w.globex.id, upn("eve@globex.test"));
    let there = d.create_user(Actor::User(&global), &there).await.unwrap_err();
    assert_eq!(there, Refusal::from(NotAllowed::NoUserHere));
}

#[tokio::test]
async fn a_user_goes_with_all_he_has_and_one_of_his_name_is_another() {
    let w = World::new().await;
    let d = &w.directory;
    let user = bob(&w).await;
    let roles = |app: &mut Application| {
        app.roles = vec![
            AppRole { members: [MemberType::User].into(), ..role(1, "Clerk") },
            role(2, "App"),
        ];
        Ok(())
    };
    let made = w.app(&w.acme, "ledger", &roles).await.unwrap();
    let (app, resource) = (made.application.app_id, made.service_principal.id);
    let (operator, who) = (Actor::Operator, (w.acme.id, &by_name("bob@acme.test")));
    let held = async || {
        let held = d.store.reading().assignments(w.acme.id, user.id, resource).await.unwrap();
        held.map_or(0, |held| held.len())
    };
    let clerk = UserRole { app, role: Some("Clerk") };
    for _ in 0..2 {
        d.assign_user(operator, who, clerk).await.unwrap();
        assert_eq!(held().await, 1);
    }
    for (app, role) in [(app, Some("App")), (app, Some("clerk"))] {
        let refusal = d.assign_user(operator, who, UserRole { app, role }).await.unwrap_err();
        assert!(refusal.to_string().contains("offers no enabled role"), "{refusal}");
    }
    d.assign_user(operator, who, UserRole { app, role: None }).await.unwrap();
    d.unassign_user(operator, who, clerk).await.unwrap();
    assert_eq!(held().await, 1);
    let grant = PermissionGrant {
        id: ObjectId(Uuid::from_u128(99)),
        tenant: w.acme.id,
        client: resource,
        resource,
        granted_for: GrantedFor::User(user.id),
        scopes: [PermissionId(Uuid::from_u128(5))].into(),
        granted_by: user.id,
        created: NOW,
    };
    let mut set = WriteSet::new();
    permission_grant::put(&mut set, &grant, Expect::Absent);
    d.store.commit(set).await.unwrap();
    d.delete_user(operator, who).await.unwrap();
    assert_eq!(held().await, 0);
    let pair = (grant.client, grant.resource);
    let left =
        d.store.reading().permission_grant(w.acme.id, pair, grant.granted_for).await.unwrap();
    assert_eq!(left, None);
    assert_eq!(d.delete_user(operator, who).await.unwrap_err().kind(), Kind::NotFound);
    assert_ne!(bob(&w).await.id, user.id);
}

#[tokio::test]
async fn a_password_is_changed_by_who_proved_the_one_he_has() {
    let w = World::new().await;
    let d = &w.directory;
    let cheap = Parameters { memory: 16, passes: 1 };
    let options = Options { parameters: cheap, ..Options::default() };
    let passwords = Passwords::start(options, &SeededEntropy::new(1)).unwrap();
    let hashed = |text: &str, salt: u8| {
        let password = NewPassword::chosen(text.into(), &upn("bob@acme.test")).unwrap();
        hash(&password, [salt; 16], cheap).unwrap()
    };
    let new = NewUser {
        password: Some(hashed("first of all", 1)),
        ..NewUser::new(w.acme.id, upn("bob@acme.test"))
    };
    let user = d.create_user(Actor::Operator, &new).await.unwrap();
    let presented = PresentedPassword::new("first of all".into()).unwrap();
    let proof = passwords.check(Some(&user), &presented).await.unwrap().unwrap();
    let same = d.rehash_password(&proof, &hashed("first of all", 2)).await.unwrap();
    assert_eq!(same.revisions, revisions(0, 0));
    let stale = refused(d.change_password(&proof, &hashed("second of all", 3)).await.unwrap_err());
    assert_eq!(stale, UserRefusal::PasswordChanged, "the proof was of another hash");
    let proof = passwords.check(Some(&same), &presented).await.unwrap().unwrap();
    let changed = d.change_password(&proof, &hashed("second of all", 3)).await.unwrap();
    assert_eq!(changed.revisions, revisions(0, 1));
    let old = passwords.check(Some(&changed), &presented).await.unwrap();
    assert!(old.is_err());
}

#[tokio::test]
async fn a_code_counts_once_and_a_factor_that_goes_takes_all_with_it() {
    let w = World::new().await;
    let d = &w.directory;
    let user = bob(&w).await;
    let entropy = SeededEntropy::new(4);
    let (master, secret) = (MasterKey::ephemeral(&entropy), TotpSecret::generate(&entropy));
    let who = (w.acme.id, user.id);
    let wrong = Enrolment { user: who, secret: &secret, code: "000000" };
    assert_eq!(
        refused(d.enrol_second_factor(wrong, &master).await.unwrap_err()),
        UserRefusal::WrongCode
    );
    let none = d.use_second_factor(who, "000000", &master).await.unwrap_err();
    assert_eq!(refused(none), UserRefusal::WrongCode, "he has none");
    let code = secret.code_at(NOW);
    let enrolment = Enrolment { user: who, secret: &secret, code: &code };
    assert_eq!(d.enrol_second_factor(enrolment, &master).await.unwrap().of(), who);
    let again = d.use_second_factor(who, &code, &master).await.unwrap_err();
    assert_eq!(refused(again), UserRefusal::WrongCode, "the enrolment used it");
    w.clock.advance(std::time::Duration::from_secs(30));
    let next = secret.code_at(d.now());
    let mut racers = tokio::task::JoinSet::new();
    let master = Arc::new(master);
    for _ in 0..8 {
        let (d, next, master) = (d.clone(), next.clone(), Arc::clone(&master));
        racers.spawn(async move { d.use_second_factor(who, &next, &master).await.is_ok() });
    }
    let won = racers.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1, "of two who saw the same code one signs in");
    let other = MasterKey::ephemeral(&entropy);
    w.clock.advance(std::time::Duration::from_secs(30));
    let unreadable = d.use_second_factor(who, &secret.code_at(d.now()), &other).await.unwrap_err();
    assert_eq!(refused(unreadable), UserRefusal::SecondFactor);
    let user = UserRef::Id(user.id);
    let removed = d.remove_second_factor(Actor::Operator, (w.acme.id, &user)).await.unwrap();
    assert_eq!((removed.totp, removed.revisions), (None, revisions(1, 0)));
}
