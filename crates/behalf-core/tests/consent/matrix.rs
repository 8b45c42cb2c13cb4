//! Who may grant what: every role against every sort of permission (protocol 6.6).

use std::fmt::Write as _;

use behalf_core::{
    access::{self, Actor, Denied, GRAPH},
    consent::{Request, Required, Wanted, required, revocable},
    directory_role::DirectoryRole,
    grant::{GrantedFor, PermissionGrant},
    id::{ObjectId, TenantId},
    time::Timestamp,
    user::User,
};
use uuid::Uuid;

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

/// Every role alone, and none.
fn roles() -> Vec<(&'static str, Vec<DirectoryRole>)> {
    let each = DirectoryRole::ALL.into_iter().map(|role| (role.as_str(), vec![role]));
    [("(none)", vec![])].into_iter().chain(each).collect()
}

/// A grant of `orders` on `ledger`.
fn grant(tenant: TenantId, granted_for: GrantedFor) -> PermissionGrant {
    PermissionGrant {
        id: ObjectId(Uuid::from_u128(1)),
        tenant,
        client: ObjectId(Uuid::from_u128(2)),
        resource: ObjectId(Uuid::from_u128(3)),
        granted_for,
        scopes: [].into(),
        granted_by: ObjectId::NIL,
        created: Timestamp(0),
    }
}

#[test]
fn who_may_take_back_and_decide() {
    let tenant = &World::new().tenants[0];
    let mut table =
        String::from("role                            own  another's  everyone's  requests\n");
    for (name, roles) in &roles() {
        let user = user(ACME, 7, roles);
        let yes = |may: bool| if may { "yes" } else { "no" };
        let permit = access::revoke_consent(Actor::User(&user), tenant).unwrap();
        let takes = |whom| yes(revocable(&permit, [&grant(tenant.id, whom)]).next().is_some());
        writeln!(
            table,
            "{name:<32}{:<5}{:<11}{:<12}{}",
            takes(GrantedFor::User(user.id)),
            takes(GrantedFor::User(ObjectId(Uuid::from_u128(99)))),
            takes(GrantedFor::Everyone),
            yes(access::resolve_approvals(Actor::User(&user), tenant).is_ok())
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn nobody_takes_back_in_another_directory() {
    let world = World::new();
    let (acme, globex) = (&world.tenants[0], &world.tenants[1]);
    let admin = user(ACME, 7, &[DirectoryRole::GlobalAdministrator]);
    assert_eq!(access::revoke_consent(Actor::User(&admin), globex), Err(Denied::NoUserHere));
    assert_eq!(access::resolve_approvals(Actor::User(&admin), globex), Err(Denied::NoUserHere));
    let gone = User { disabled: true, ..admin };
    assert_eq!(access::revoke_consent(Actor::User(&gone), acme), Err(Denied::NoUserHere));
}

#[test]
fn who_may_grant_what() {
    let roles = roles();
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
