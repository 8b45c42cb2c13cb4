//! Who may grant what: every role against every sort of permission (protocol 6.6).

use std::fmt::Write as _;

use behalf_core::{
    access::{self, Actor, GRAPH},
    consent::{Request, Required, Wanted, required},
    directory_role::DirectoryRole,
    user::User,
};

use crate::world::*;

/// A directory where `orders` requires one permission, and what it is called.
fn cases() -> Vec<(&'static str, World)> {
    let needs = |scopes: &'static [u128], roles: &'static [u128]| {
        move |w: &mut World| {
            w.edit(ORDERS).required_resource_access = vec![requires(LEDGER, scopes, roles)];
        }
    };
    let strict = |w: &mut World| w.tenants[0].users.no_user_consent = true;
    let graph = |w: &mut World| {
        w.edit(ORDERS).required_resource_access[0].app_id = GRAPH;
        w.edit(LEDGER).app_id = GRAPH;
        w.principal(ACME, LEDGER).app_id = GRAPH;
    };
    vec![
        ("user scope", World::new().with(needs(&[0x11], &[]))),
        ("user scope, restricted", World::new().with(needs(&[0x11], &[])).with(strict)),
        ("admin scope", World::new().with(needs(&[0x12], &[]))),
        ("app role", World::new().with(needs(&[], &[0x13]))),
        ("app role of Graph", World::new().with(needs(&[], &[0x13])).with(graph)),
    ]
}

fn cell(world: &World, user: &User, for_everyone: bool) -> &'static str {
    let wanted = Wanted::Registered { target: None };
    let facts = world.facts(ACME, ORDERS);
    let request = Request { wanted, prompt: false, admin: for_everyone };
    let Ok(Required::Dialog(list) | Required::NeedsAdmin(list)) =
        required(&request, &facts, Actor::User(user))
    else {
        return "-";
    };
    match access::may_consent(Actor::User(user), &list, for_everyone, &facts) {
        Ok(()) => "yes",
        Err(_) => "no",
    }
}

#[test]
fn who_may_grant_what() {
    let roles: Vec<(&str, Vec<DirectoryRole>)> = [("(none)", vec![])]
        .into_iter()
        .chain(DirectoryRole::ALL.into_iter().map(|role| (role.as_str(), vec![role])))
        .collect();
    let mut table = format!("{:<32}", "himself / everyone");
    for (name, _) in cases() {
        write!(table, "{name:<24}").unwrap();
    }
    table.push('\n');
    for (name, roles) in &roles {
        write!(table, "{name:<32}").unwrap();
        for (_, world) in cases() {
            let user = user(ACME, 7, roles);
            let pair = format!("{} / {}", cell(&world, &user, false), cell(&world, &user, true));
            write!(table, "{pair:<24}").unwrap();
        }
        table.push('\n');
    }
    let table: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    insta::assert_snapshot!(table);
}
