//! A multi-tenant client and its API become known in another tenant (protocol 6.7).

use behalf_core::{consent::Required, directory_role::DirectoryRole};

use crate::world::*;

const REPORT_AT: (u128, u128) = (ACME, REPORT);

fn trend() -> String {
    format!("api://{}", app_id(TREND))
}

#[test]
fn v21_one_acceptance_makes_both_known_and_grants_both() {
    let mut world = World::new();
    for asked in
        [default(&trend()), named(&trend(), &["Trends.Read"]), default(&app_id(TREND).to_string())]
    {
        let list = dialog(world.required(REPORT_AT, &asked, &bob()));
        assert_eq!(told(&list), ["+ report", "+ trend", "report > trend: Trends.Read"]);
        assert_eq!(list.client.home_name, "Globex");
    }
    let list = dialog(world.required(REPORT_AT, &default(&trend()), &bob()));
    let outcome = world.accept(REPORT_AT, list, (&bob(), false)).unwrap();
    let created: Vec<_> = outcome.creates.iter().map(|new| new.app_id).collect();
    assert_eq!(created, [app_id(REPORT), app_id(TREND)]);
    assert_eq!(outcome.creates[1].names, [uri(&trend())]);
    assert!(world.knows(ACME, REPORT) && world.knows(ACME, TREND));
    assert_eq!(world.scopes(ACME, (REPORT, TREND), &bob()), ["Trends.Read"]);
    assert_eq!(world.required(REPORT_AT, &default(&trend()), &bob()), Ok(Required::Nothing));
    // The next user is asked for himself; nothing is created twice.
    let list = dialog(world.required(REPORT_AT, &default(&trend()), &ada()));
    assert_eq!(told(&list), ["report > trend: Trends.Read"]);
}

#[test]
fn v21_without_a_known_client_the_api_must_be_there_already() {
    let ask = |world: &World| world.required(REPORT_AT, &default(&trend()), &bob());
    let cases: [(&str, Change); 4] = [
        ("not known", |w| w.edit(TREND).known_clients.clear()),
        ("single tenant", |w| {
            w.edit(TREND).audience = behalf_core::application::SignInAudience::Single;
        }),
        ("another home", |w| w.edit(TREND).tenant = w.tenants[0].id),
        ("gone", |w| w.apps.retain(|app| app.app_id != app_id(TREND))),
    ];
    for (what, change) in cases {
        let world = World::new().with(change);
        assert_eq!(ask(&world).unwrap_err().aadsts().code(), 650_052, "{what}");
    }
    let mut offered = World::new().with(|w| w.edit(TREND).known_clients.clear());
    offered.provision(ACME, TREND);
    assert_eq!(told(&dialog(ask(&offered))), ["+ report", "report > trend: Trends.Read"]);
}

#[test]
fn a_resource_of_the_second_level_must_be_there() {
    let needs_ledger = |w: &mut World| {
        w.edit(TREND).required_resource_access = vec![requires(LEDGER, &[0x11], &[])];
    };
    let world = World::new().with(needs_ledger);
    let list = dialog(world.required(REPORT_AT, &default(&trend()), &bob()));
    let expected =
        ["+ report", "+ trend", "report > trend: Trends.Read", "trend > ledger: Entries.Read"];
    assert_eq!(told(&list), expected);
    let gone = world.with(|w| w.principals.retain(|p| p.app_id != app_id(LEDGER)));
    let refused = gone.required(REPORT_AT, &default(&trend()), &bob()).unwrap_err();
    assert_eq!(refused.aadsts().code(), 650_052);
}

#[test]
fn a_user_is_entitled_for_all_parts_or_for_none() {
    let admin_part = World::new().with(|w| {
        w.edit(TREND).required_resource_access = vec![requires(LEDGER, &[0x12], &[])];
    });
    let policy = World::new().with(|w| w.tenants[0].users.no_user_consent = true);
    for mut world in [admin_part, policy] {
        let list = needs_admin(world.required(REPORT_AT, &default(&trend()), &bob()));
        world.accept(REPORT_AT, list.clone(), (&bob(), false)).unwrap_err();
        assert!(!world.knows(ACME, REPORT) && !world.knows(ACME, TREND));
        world.accept(REPORT_AT, list, (&ada(), true)).unwrap();
        assert!(world.knows(ACME, TREND));
        assert_eq!(world.required(REPORT_AT, &default(&trend()), &bob()), Ok(Required::Nothing));
    }
}

#[test]
fn cn_04_admin_consent_by_somebody_who_is_no_administrator_here_creates_nothing() {
    let mut world = World::new();
    let list = needs_admin(world.required(REPORT_AT, &admin_consent(), &bob()));
    for stranger in [bob(), user(GLOBEX, 9, &[DirectoryRole::GlobalAdministrator])] {
        world.accept(REPORT_AT, list.clone(), (&stranger, false)).unwrap_err();
    }
    assert!(!world.knows(ACME, REPORT));
    world.accept(REPORT_AT, list, (&ada(), false)).unwrap();
    assert_eq!(world.scopes(ACME, (REPORT, TREND), &bob()), ["Trends.Read"]);
}

#[test]
fn a_sign_in_alone_makes_the_client_known_with_consent() {
    let mut world = World::new();
    let sign_in = behalf_core::consent::Request {
        wanted: behalf_core::consent::Wanted::Named(vec![]),
        prompt: false,
        admin: false,
    };
    let list = dialog(world.required(REPORT_AT, &sign_in, &bob()));
    assert_eq!(told(&list), ["+ report"]);
    world.accept(REPORT_AT, list, (&bob(), false)).unwrap();
    assert_eq!(world.required(REPORT_AT, &sign_in, &bob()), Ok(Required::Nothing));
    let strict = World::new().with(|w| w.tenants[0].users.no_user_consent = true);
    needs_admin(strict.required(REPORT_AT, &sign_in, &bob()));
}

#[test]
fn a_name_that_is_taken_here_leads_nowhere() {
    let world = World::new();
    let mut facts = world.facts(ACME, REPORT);
    for app in &mut facts.others {
        app.free_names.clear();
    }
    let ask = |request| {
        behalf_core::consent::required(&request, &facts, behalf_core::access::Actor::User(&bob()))
    };
    assert_eq!(
        ask(default(&trend())).unwrap_err().aadsts().code(),
        650_052,
        "it was the requested one"
    );
    let list = dialog(ask(default(&app_id(TREND).to_string())));
    assert_eq!(told(&list), ["+ report", "+ trend", "report > trend: Trends.Read"]);
}
