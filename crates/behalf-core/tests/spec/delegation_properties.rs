//! What holds for delegation in every directory: nothing is issued that was not consented, and each
//! hop only narrows.

use std::collections::BTreeSet;

use behalf_core::{
    application::PreAuthorized,
    event::Mark,
    grant::{GrantedFor, PermissionGrant},
    id::{ObjectId, PermissionId},
    ticket::Standing,
    token::Refusal,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use uuid::Uuid;

use crate::common::{
    GLOBEX, id,
    world::{ADA, CLI, LEDGER, ORDERS, World, claims, for_ada, grant, permission},
};

/// Ids of the scopes of `ledger`, with their values.
const SCOPES: [(u128, &str); 3] = [(2, "Entries.Read"), (3, "Entries.Write"), (4, "Entries.Purge")];

prop_compose! {
    /// Of this client or another, on this resource or another, for Ada, everyone or somebody else.
    fn any_grant()(
        scopes in subsequence(vec![1, 2, 3, 4, 5], 0..=5),
        client in prop_oneof![3 => Just(ORDERS), 1 => Just(CLI)],
        resource in prop_oneof![3 => Just(LEDGER), 1 => Just(ORDERS)],
        whom in 0..3_u8,
        elsewhere in prop::bool::weighted(0.1),
    ) -> PermissionGrant {
        let granted_for = match whom {
            0 => for_ada(),
            1 => GrantedFor::Everyone,
            _ => GrantedFor::User(ObjectId(Uuid::from_u128(99))),
        };
        let mut grant = grant(client, resource, granted_for, &scopes);
        if elsewhere {
            grant.tenant = id(GLOBEX);
        }
        grant
    }
}

/// What a directory says that `orders` may do at `ledger` for Ada, worked out another way.
fn allowed(world: &World, disabled: &[u128], pre: &[u128]) -> BTreeSet<PermissionId> {
    let granted = world.grants.iter().filter(|grant| {
        grant.tenant == world.tenant.id
            && grant.client == crate::common::world::sp(ORDERS)
            && grant.resource == crate::common::world::sp(LEDGER)
            && [GrantedFor::Everyone, GrantedFor::User(id(ADA))].contains(&grant.granted_for)
    });
    let mut all: BTreeSet<_> = granted.flat_map(|grant| grant.scopes.clone()).collect();
    all.extend(pre.iter().copied().map(permission));
    all.retain(|scope| disabled.iter().all(|other| permission(*other) != *scope));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_token_carries_a_scope_that_was_neither_consented_nor_preauthorised(
        grants in vec(any_grant(), 0..6),
        disabled in subsequence(vec![2, 3, 4], 0..=2),
        pre in subsequence(vec![2, 3, 4], 0..=1),
        asked in subsequence(SCOPES.to_vec(), 0..=3),
        disabled_user in prop::bool::weighted(0.1),
        ended in prop::bool::weighted(0.1),
    ) {
        let token = World::acme().token_for_orders();
        let world = World::acme().but(|w| {
            w.grants.clone_from(&grants);
            for scope in &mut w.app(LEDGER).scopes {
                scope.disabled = disabled.iter().any(|n| permission(*n) == scope.id);
            }
            let scopes = pre.iter().copied().map(permission).collect();
            w.app(LEDGER).pre_authorized = vec![PreAuthorized { app_id: id(ORDERS), scopes }];
            w.user().disabled = disabled_user;
            w.family = if ended { Standing::Ended } else { Standing::Live };
        });
        let scope = match asked.as_slice() {
            [] => "api://ledger/.default".to_owned(),
            named => {
                let whole = named.iter().map(|(_, name)| format!("api://ledger/{name}"));
                whole.collect::<Vec<_>>().join(" ")
            }
        };
        let allowed = allowed(&world, &disabled, &pre);
        let wanted: BTreeSet<_> = match asked.as_slice() {
            [] => allowed.clone(),
            named => named.iter().map(|(n, _)| permission(*n)).collect(),
        };
        let wanted: BTreeSet<_> =
            wanted.into_iter().filter(|n| SCOPES.iter().any(|(m, _)| permission(*m) == *n)).collect();
        let possible = !disabled_user && !ended && !wanted.is_empty() && wanted.is_subset(&allowed);
        let (before, outcome) = (claims(&token), world.obo(ORDERS, &token, &scope));
        prop_assert_eq!(outcome.is_ok(), possible, "{:?}", outcome.map(|a| a.scope));
        if let Ok(answer) = world.obo(ORDERS, &token, &scope) {
            let scp = answer.access["scp"].as_str().unwrap();
            let issued: BTreeSet<_> = scp
                .split(' ')
                .map(|name| SCOPES.iter().find(|(_, known)| *known == name).unwrap().0)
                .map(permission)
                .collect();
            prop_assert_eq!(issued, wanted);
            for constant in ["tid", "oid"] {
                prop_assert_eq!(&answer.access[constant], &before[constant]);
            }
            prop_assert!(answer.trail.iter().all(|(_, mark)| *mark != Mark::Failed));
        }
    }

    #[test]
    fn a_text_that_is_no_token_is_refused_and_nothing_panics(text in "[A-Za-z0-9._-]{0,200}") {
        let refused = World::acme().obo(ORDERS, &text, "api://ledger/.default");
        prop_assert!(matches!(refused, Err(Refusal::Grant(_))));
    }
}
