//! Which scopes a client has for a user.

use behalf_core::{
    application::Consent,
    grant::{GrantedFor, PermissionGrant},
    id::ObjectId,
};
use uuid::Uuid;

use crate::world::*;

fn grant(world: &mut World, granted_for: GrantedFor, scopes: &[u128]) -> usize {
    let client = world.principal(ACME, ORDERS).id;
    let resource = world.principal(ACME, LEDGER).clone();
    world.grants.push(PermissionGrant {
        id: ObjectId::NIL,
        tenant: resource.tenant,
        client,
        resource: resource.id,
        granted_for,
        scopes: scopes.iter().copied().map(permission).collect(),
        granted_by: ObjectId::NIL,
        created: NOW,
    });
    world.grants.len() - 1
}

fn ledger_for(world: &World, user: &behalf_core::user::User) -> Vec<String> {
    let scopes = world.scopes(ACME, (ORDERS, LEDGER), user);
    scopes.into_iter().map(str::to_owned).collect()
}

#[test]
fn v19_what_everyone_has_and_what_the_user_gave_are_joined() {
    let mut world = World::new();
    assert_eq!(ledger_for(&world, &bob()), [""; 0]);
    grant(&mut world, GrantedFor::Everyone, &[0x12]);
    grant(&mut world, GrantedFor::User(bob().id), &[0x11]);
    assert_eq!(ledger_for(&world, &bob()), ["Entries.Read", "Entries.Post"]);
    assert_eq!(ledger_for(&world, &ada()), ["Entries.Post"], "Bob's grant is Bob's");
}

#[test]
fn v20_a_pre_authorised_client_needs_no_grant() {
    let world = World::new().with(|w| w.pre_authorize(LEDGER, ORDERS, &[0x11, 0x12]));
    assert_eq!(ledger_for(&world, &bob()), ["Entries.Read", "Entries.Post"]);
    assert_eq!(world.scopes(ACME, (DESK, LEDGER), &bob()), [""; 0], "others are not");
}

#[test]
fn pre_authorisation_gives_admin_scopes_at_home_only() {
    let mut world = World::new().with(|w| w.pre_authorize(TREND, REPORT, &[0x31, 0x32]));
    for app in [TREND, REPORT] {
        world.provision(ACME, app);
    }
    assert_eq!(world.scopes(ACME, (REPORT, TREND), &bob()), ["Trends.Read"]);
    let gus = user(GLOBEX, 3, &[]);
    assert_eq!(world.scopes(GLOBEX, (REPORT, TREND), &gus), ["Trends.Read", "Trends.Write"]);
}

#[test]
fn a_grant_is_of_ids_and_never_maps_to_another_scope_of_the_same_name() {
    let mut world = World::new();
    grant(&mut world, GrantedFor::Everyone, &[0x11]);
    world.pre_authorize(LEDGER, ORDERS, &[0x12]);
    let renamed = world.clone().with(|w| w.edit(LEDGER).scopes[0].value = "Other".to_owned());
    assert_eq!(ledger_for(&renamed, &bob()), ["Other", "Entries.Post"]);
    let disabled = world.clone().with(|w| {
        for scope in &mut w.edit(LEDGER).scopes {
            scope.disabled = true;
        }
    });
    assert_eq!(ledger_for(&disabled, &bob()), [""; 0]);
    let again = world.with(|w| {
        w.edit(LEDGER).scopes = vec![
            scope(0x99, "Entries.Read", Consent::User),
            scope(0x98, "Entries.Post", Consent::Admin),
        ];
    });
    assert_eq!(ledger_for(&again, &bob()), [""; 0]);
}

#[test]
fn grants_of_another_pair_or_tenant_do_not_count() {
    for wrong in 0..3 {
        let mut world = World::new();
        let n = grant(&mut world, GrantedFor::Everyone, &[0x11]);
        match wrong {
            0 => world.grants[n].tenant = world.tenants[1].id,
            1 => world.grants[n].client = ObjectId(Uuid::from_u128(7)),
            _ => world.grants[n].resource = ObjectId(Uuid::from_u128(7)),
        }
        assert_eq!(ledger_for(&world, &bob()), [""; 0], "{wrong}");
    }
    // A service principal that stands for another application proves nothing.
    let mut world = World::new();
    grant(&mut world, GrantedFor::Everyone, &[0x11]);
    world.principal(ACME, LEDGER).home = world.tenants[1].id;
    assert_eq!(ledger_for(&world, &bob()), [""; 0]);
}
