//! What a page shows, to whom, and what accepting it changes.

use behalf_core::{
    access::{self, Actor, Denied, Reach},
    application::Consent,
    consent::{self, Accepted, ConsentRefusal, NamedScopes, Request, Required, Wanted},
    directory_role::DirectoryRole,
    grant::GrantedFor,
};

use crate::world::*;

const ORDERS_AT: (u128, u128) = (ACME, ORDERS);
const DESK_AT: (u128, u128) = (ACME, DESK);

#[test]
fn combined_consent_shows_the_chain_and_grants_all_of_it_at_once() {
    let mut world = World::new();
    let asked = default("api://orders");
    let list = dialog(world.required(DESK_AT, &asked, &bob()));
    assert_eq!(told(&list), ["desk > orders: Orders.Read", "orders > ledger: Entries.Read"]);
    let outcome = world.accept(DESK_AT, list, (&bob(), false)).unwrap();
    assert_eq!((outcome.grants.len(), outcome.creates.len(), outcome.roles.len()), (2, 0, 0));
    assert!(outcome.grants.iter().all(|add| add.granted_for == GrantedFor::User(bob().id)));
    assert_eq!(world.scopes(ACME, (DESK, ORDERS), &bob()), ["Orders.Read"]);
    assert_eq!(world.scopes(ACME, (ORDERS, LEDGER), &bob()), ["Entries.Read"]);
    assert_eq!(world.scopes(ACME, (ORDERS, LEDGER), &ada()), [""; 0]);
    assert_eq!(world.required(DESK_AT, &asked, &bob()), Ok(Required::Nothing));
    dialog(world.required(DESK_AT, &asked, &ada()));
}

#[test]
fn combined_consent_takes_both_sides_and_one_home() {
    let alone = ["desk > orders: Orders.Read"];
    let told_by =
        |world: &World| told(&dialog(world.required(DESK_AT, &default("api://orders"), &bob())));
    let not_known = World::new().with(|w| w.edit(ORDERS).known_clients.clear());
    assert_eq!(told_by(&not_known), alone);
    let other_home = World::new().with(|w| {
        let home = w.tenants[1].id;
        w.edit(ORDERS).tenant = home;
        w.edit(ORDERS).audience = behalf_core::application::SignInAudience::Multi;
        w.principal(ACME, ORDERS).home = home;
    });
    assert_eq!(told_by(&other_home), alone);
    // Named scopes of an API that is known here bring nothing along.
    let list = World::new().required(DESK_AT, &named("api://orders", &["Orders.Read"]), &bob());
    assert_eq!(told(&dialog(list)), alone);
    // One level: what the ledger needs is not asked.
    let deep = World::new().with(|w| {
        w.edit(LEDGER).known_clients = vec![app_id(DESK), app_id(ORDERS)];
        w.edit(LEDGER).required_resource_access = vec![requires(ORDERS, &[0x21], &[])];
    });
    assert_eq!(told_by(&deep), ["desk > orders: Orders.Read", "orders > ledger: Entries.Read"]);
}

#[test]
fn default_asks_only_while_there_is_nothing_and_prompt_consent_always() {
    let mut world = World::new().with(|w| {
        w.edit(ORDERS).required_resource_access = vec![requires(LEDGER, &[0x11, 0x12], &[])];
    });
    let list = dialog(world.required(ORDERS_AT, &named("api://ledger", &["Entries.Read"]), &bob()));
    world.accept(ORDERS_AT, list, (&bob(), false)).unwrap();
    let asked = default("api://ledger");
    assert_eq!(world.required(ORDERS_AT, &asked, &bob()), Ok(Required::Nothing));
    let again = Request { prompt: true, ..asked };
    let list = needs_admin(world.required(ORDERS_AT, &again, &bob()));
    assert_eq!(told(&list), ["orders > ledger: Entries.Read Entries.Post"]);
    dialog(world.required(ORDERS_AT, &again, &ada()));
}

#[test]
fn named_scopes_ask_for_what_is_missing() {
    let mut world = World::new().with(|w| {
        w.edit(LEDGER).scopes.push(scope(0x14, "Entries.List", Consent::User));
    });
    let one = named("api://ledger", &["Entries.Read"]);
    let list = dialog(world.required(ORDERS_AT, &one, &bob()));
    world.accept(ORDERS_AT, list, (&bob(), false)).unwrap();
    assert_eq!(world.required(ORDERS_AT, &one, &bob()), Ok(Required::Nothing));
    let two = named("API://Ledger/", &["Entries.Read", "Entries.List"]);
    let list = dialog(world.required(ORDERS_AT, &two, &bob()));
    assert_eq!(told(&list), ["orders > ledger: Entries.List"]);
    let outcome = world.accept(ORDERS_AT, list, (&bob(), false)).unwrap();
    assert_eq!(outcome.grants.len(), 1);
    assert_eq!(world.scopes(ACME, (ORDERS, LEDGER), &bob()), ["Entries.Read", "Entries.List"]);
    let sign_in = Request { wanted: Wanted::Named(vec![]), prompt: false, admin: false };
    assert_eq!(world.required(ORDERS_AT, &sign_in, &bob()), Ok(Required::Nothing));
}

#[test]
fn v22_a_scope_for_administrators_waits_for_one_who_may_allow_it_for_everyone() {
    let mut world = World::new();
    let asked = named("api://ledger", &["Entries.Post"]);
    let list = needs_admin(world.required(ORDERS_AT, &asked, &bob()));
    assert!(list.parts[0].permissions[0].admin_only);
    let denied = world.accept(ORDERS_AT, list, (&bob(), false)).unwrap_err();
    assert_eq!(denied, Denied::NeedsAdmin("Entries.Post of ledger".into()));
    let list = dialog(world.required(ORDERS_AT, &asked, &ada()));
    // Without the tick box an administrator consents for himself.
    let mut own = world.clone();
    own.accept(ORDERS_AT, list.clone(), (&ada(), false)).unwrap();
    assert_eq!(own.scopes(ACME, (ORDERS, LEDGER), &ada()), ["Entries.Post"]);
    assert_eq!(own.scopes(ACME, (ORDERS, LEDGER), &bob()), [""; 0]);
    world.accept(ORDERS_AT, list, (&ada(), true)).unwrap();
    assert_eq!(world.scopes(ACME, (ORDERS, LEDGER), &bob()), ["Entries.Post"]);
    assert_eq!(world.required(ORDERS_AT, &asked, &bob()), Ok(Required::Nothing));
}

#[test]
fn what_everyone_has_is_not_written_again_for_a_user() {
    let mut world = World::new().with(|w| {
        w.edit(ORDERS).required_resource_access = vec![requires(LEDGER, &[0x11, 0x12], &[])];
    });
    let post = named("api://ledger", &["Entries.Post"]);
    let list = dialog(world.required(ORDERS_AT, &post, &ada()));
    world.accept(ORDERS_AT, list, (&ada(), true)).unwrap();
    // Bob sees all of it and may accept: only his part is new.
    let again = Request { prompt: true, ..default("api://ledger") };
    let list = dialog(world.required(ORDERS_AT, &again, &bob()));
    assert_eq!(told(&list), ["orders > ledger: Entries.Read Entries.Post"]);
    let outcome = world.accept(ORDERS_AT, list, (&bob(), false)).unwrap();
    assert_eq!(outcome.grants[0].scopes, [permission(0x11)].into());
    world.grants.retain(|grant| grant.granted_for != GrantedFor::Everyone);
    assert_eq!(world.scopes(ACME, (ORDERS, LEDGER), &bob()), ["Entries.Read"]);
}

#[test]
fn where_users_may_not_consent_an_administrator_must() {
    let policy = World::new().with(|w| w.tenants[0].users.no_user_consent = true);
    let assigned = World::new().with(|w| w.principal(ACME, DESK).assignment_required = true);
    for mut world in [policy, assigned] {
        let asked = default("api://orders");
        let list = needs_admin(world.required(DESK_AT, &asked, &bob()));
        world.accept(DESK_AT, list, (&bob(), false)).unwrap_err();
        let developer = user(ACME, 5, &[DirectoryRole::ApplicationDeveloper]);
        dialog(world.required(DESK_AT, &asked, &developer));
        let list = dialog(world.required(DESK_AT, &asked, &ada()));
        world.accept(DESK_AT, list, (&ada(), true)).unwrap();
        assert_eq!(world.required(DESK_AT, &asked, &bob()), Ok(Required::Nothing));
    }
}

#[test]
fn app_roles_are_granted_at_admin_consent_and_by_no_ordinary_dialog() {
    let mut world = World::new().with(|w| {
        w.edit(ORDERS).required_resource_access = vec![requires(LEDGER, &[0x11], &[0x13])];
    });
    let list = dialog(world.required(ORDERS_AT, &default("api://ledger"), &ada()));
    assert_eq!(told(&list), ["orders > ledger: Entries.Read"]);
    world.accept(ORDERS_AT, list, (&ada(), true)).unwrap();
    assert_eq!(world.assignments, []);
    needs_admin(world.required(ORDERS_AT, &admin_consent(), &bob()));
    let list = dialog(world.required(ORDERS_AT, &admin_consent(), &ada()));
    assert_eq!(told(&list), ["orders > ledger: Entries.Read Entries.Read.All"]);
    let outcome = world.accept(ORDERS_AT, list.clone(), (&ada(), false)).unwrap();
    assert_eq!((outcome.grants.len(), outcome.roles.len()), (0, 1), "only what was missing");
    assert_eq!(outcome.granted_by, ada().id);
    assert!(world.accept(ORDERS_AT, list, (&ada(), false)).unwrap().is_empty());
    // With named scopes no app role comes along.
    let scopes = Request { admin: true, ..named("api://ledger", &["Entries.Post"]) };
    let list = dialog(world.required(ORDERS_AT, &scopes, &ada()));
    assert_eq!(told(&list), ["orders > ledger: Entries.Post"]);
}

#[test]
fn a_page_grants_what_it_showed_or_is_shown_again() {
    let changes: [(&str, Change); 5] = [
        ("another text", |w| w.edit(LEDGER).scopes[0].text = "Delete everything".into()),
        ("another name", |w| w.edit(DESK).display_name = Some("Microsoft Graph".into())),
        ("disabled", |w| w.edit(LEDGER).scopes[0].disabled = true),
        ("for administrators", |w| w.edit(LEDGER).scopes[0].consent = Consent::Admin),
        ("one more", |w| {
            w.edit(DESK).required_resource_access.push(requires(LEDGER, &[0x11], &[]));
        }),
    ];
    let asked = default("api://orders");
    for (what, change) in changes {
        let mut world = World::new();
        let shown = dialog(world.required(DESK_AT, &asked, &bob())).digest();
        change(&mut world);
        let now = match world.required(DESK_AT, &asked, &bob()).unwrap() {
            Required::Dialog(list) | Required::NeedsAdmin(list) => list,
            Required::Nothing => panic!("{what}"),
        };
        let again = consent::accept(&shown, now.clone()).unwrap_err();
        assert_eq!(*again, now, "{what}");
    }
}

#[test]
fn a_user_accepts_only_what_was_shown_to_him_in_his_own_tenant() {
    let mut world = World::new();
    let list = dialog(world.required(DESK_AT, &default("api://orders"), &bob()));
    let unseen = Accepted::named(list.clone());
    let denied = world.grant(DESK_AT, unseen.clone(), (Actor::User(&ada()), true)).unwrap_err();
    assert_eq!(denied, Denied::NotShown);
    for stranger in [user(GLOBEX, 2, &[DirectoryRole::GlobalAdministrator]), {
        let mut gone = ada();
        gone.disabled = true;
        gone
    }] {
        let denied = world.accept(DESK_AT, list.clone(), (&stranger, false)).unwrap_err();
        assert_eq!(denied, Denied::NoUserHere);
        needs_admin(world.required(DESK_AT, &default("api://orders"), &stranger));
    }
    // Another client's list.
    let denied = world.accept(ORDERS_AT, list, (&bob(), false)).unwrap_err();
    assert_eq!(denied, Denied::NotShown);
    assert_eq!(world.grants, []);
    world.grant(DESK_AT, unseen, (Actor::Operator, false)).unwrap();
    assert_eq!(world.grants[0].granted_for, GrantedFor::Everyone, "an operator is nobody himself");
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_number() {
    let ask = |world: &World, request: &Request| world.required(ORDERS_AT, request, &bob());
    let world = World::new();
    let refused = |refusal: Result<Required, ConsentRefusal>| refusal.unwrap_err().aadsts().code();
    assert_eq!(refused(ask(&world, &default("api://nowhere"))), 650_052);
    assert_eq!(refused(ask(&world, &default(&app_id(TREND).to_string()))), 650_057);
    assert_eq!(refused(ask(&world, &default("api://orders"))), 650_057, "not in its registration");
    assert_eq!(refused(ask(&world, &named("api://ledger", &["Entries.Burn"]))), 70_011);
    let disabled = world.clone().with(|w| w.edit(LEDGER).scopes[0].disabled = true);
    assert_eq!(refused(ask(&disabled, &named("api://ledger", &["Entries.Read"]))), 70_011);
    let disabled = world.clone().with(|w| w.edit(LEDGER).disabled = true);
    assert_eq!(refused(ask(&disabled, &default("api://ledger"))), 500_014);
    let disabled = world.clone().with(|w| w.principal(ACME, ORDERS).disabled = true);
    assert_eq!(refused(ask(&disabled, &default("api://ledger"))), 7_000_112);
    let elsewhere = world.required((GLOBEX, ORDERS), &default("api://ledger"), &bob());
    assert_eq!(refused(elsewhere), 700_016);
    // Pre-authorised scopes need no entry in the registration.
    let known = world.with(|w| w.pre_authorize(ORDERS, ORDERS, &[0x21]));
    assert_eq!(ask(&known, &default("api://orders")), Ok(Required::Nothing));
}

#[test]
fn default_stands_alone() {
    let read = |pairs: &[(&str, &str)]| Wanted::from_scopes(pairs.iter().copied());
    let target = Some("api://a".to_owned());
    assert_eq!(read(&[("api://a", ".default")]), Ok(Wanted::Registered { target: target.clone() }));
    assert_eq!(read(&[("api://a", ".default"); 2]), Ok(Wanted::Registered { target }));
    assert_eq!(read(&[]), Ok(Wanted::Named(vec![])));
    let named = |resource: &str, values: &[&str]| NamedScopes {
        resource: resource.into(),
        values: values.iter().map(|value| (*value).into()).collect(),
    };
    let several = [("api://a", "One"), ("api://b", "Two"), ("api://a", "Two"), ("api://a", "One")];
    let expected = vec![named("api://a", &["One", "Two"]), named("api://b", &["Two"])];
    assert_eq!(read(&several), Ok(Wanted::Named(expected)));
    for mixed in [
        [("api://a", ".default"), ("api://a", "One")],
        [("api://a", "One"), ("api://b", ".default")],
        [("api://a", ".default"), ("api://b", ".default")],
    ] {
        assert_eq!(read(&mixed).unwrap_err().aadsts().code(), 70_011);
    }
}

#[test]
fn a_user_takes_back_his_own_and_an_administrator_everything() {
    let mut world = World::new();
    let list = dialog(world.required(DESK_AT, &default("api://orders"), &bob()));
    world.accept(DESK_AT, list.clone(), (&bob(), false)).unwrap();
    world.accept(DESK_AT, list, (&ada(), true)).unwrap();
    let reached = |actor| {
        let permit = access::revoke_consent(actor, &world.tenants[0]).unwrap();
        consent::revocable(&permit, &world.grants)
            .map(|grant| grant.granted_for)
            .collect::<Vec<_>>()
    };
    let (ada, bob) = (ada(), bob());
    assert_eq!(reached(Actor::User(&bob)), [GrantedFor::User(bob.id); 2]);
    assert_eq!(reached(Actor::User(&ada)).len(), 4);
    assert_eq!(reached(Actor::Operator).len(), 4);
    let eve = user(GLOBEX, 2, &[DirectoryRole::GlobalAdministrator]);
    access::revoke_consent(Actor::User(&eve), &world.tenants[0]).unwrap_err();
    let permit = access::revoke_consent(Actor::User(&ada), &world.tenants[0]).unwrap();
    assert_eq!(permit.deed().reach, Reach::Everything);
    access::resolve_approvals(Actor::User(&ada), &world.tenants[0]).unwrap();
    access::resolve_approvals(Actor::User(&bob), &world.tenants[0]).unwrap_err();
}
