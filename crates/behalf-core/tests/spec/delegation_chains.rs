//! Along a chain of services delegation only narrows: in every directory each hop gets at most what
//! it was itself granted, user and tenant stay who they were, how the user signed in is never raised,
//! and nothing of another tenant gets in.

use std::collections::BTreeSet;

use behalf_core::{
    application::MemberType,
    grant::{GrantedFor, PermissionGrant},
    id::{ObjectId, PermissionId},
    service_principal::AppRoleAssignment,
    ticket::{CHAIN_MAX, RefreshTicket},
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use serde_json::Value;
use uuid::Uuid;

use crate::common::{
    ACME, GLOBEX, id, role,
    world::{
        ADA, ARCHIVE, CLI, LEDGER, ORDERS, World, assigned, claims, for_ada, grant, permission,
        sign_in, sp,
    },
};

/// App id, name, and scopes by number and value.
type Service = (&'static str, &'static str, &'static [(u128, &'static str)]);

/// The services a user's identity travels through, with their names and scopes.
const SERVICES: [Service; 3] = [
    (ORDERS, "api://orders", &[(1, "Orders.Read")]),
    (LEDGER, "api://ledger", &[(2, "Entries.Read"), (3, "Entries.Write"), (4, "Entries.Purge")]),
    (ARCHIVE, "api://archive", &[(5, "Boxes.Read")]),
];
const ROLES: [(u128, &str); 2] = [(9, "Auditor"), (8, "Keeper")];

prop_compose! {
    /// From any service to any, mostly for Ada or everyone here.
    fn any_grant()(
        scopes in subsequence(vec![1, 2, 3, 4, 5], 0..=5),
        (from, to) in (0_usize..3, 0_usize..3),
        whom in 0..5_u8,
        elsewhere in prop::bool::weighted(0.15),
    ) -> PermissionGrant {
        let granted_for = match whom {
            0 | 1 => for_ada(),
            2 | 3 => GrantedFor::Everyone,
            _ => GrantedFor::User(ObjectId(Uuid::from_u128(99))),
        };
        let mut grant = grant(SERVICES[from].0, SERVICES[to].0, granted_for, &scopes);
        if elsewhere {
            grant.tenant = id(GLOBEX);
        }
        grant
    }
}

prop_compose! {
    fn any_assignment()(
        resource in 0_usize..3,
        role in prop::sample::select(vec![9, 8, 7]),
        elsewhere in prop::bool::weighted(0.3),
    ) -> AppRoleAssignment {
        let mut assignment = assigned(SERVICES[resource].0, permission(role));
        if elsewhere {
            assignment.tenant = id(GLOBEX);
        }
        assignment
    }
}

/// What `caller` was granted at `target` for Ada, worked out another way.
fn granted(world: &World, caller: &str, target: &str) -> BTreeSet<PermissionId> {
    let for_her = |grant: &&PermissionGrant| {
        grant.tenant == id(ACME)
            && (grant.client, grant.resource) == (sp(caller), sp(target))
            && [GrantedFor::Everyone, for_ada()].contains(&grant.granted_for)
    };
    world.grants.iter().filter(for_her).flat_map(|grant| grant.scopes.clone()).collect()
}

/// The values of `service`'s scopes that are among `ids`, in the order of registration.
fn values(service: usize, ids: &BTreeSet<PermissionId>) -> Vec<&'static str> {
    let known = SERVICES[service].2.iter().filter(|(n, _)| ids.contains(&permission(*n)));
    known.map(|(_, value)| *value).collect()
}

fn expected_roles(world: &World, service: usize) -> BTreeSet<&'static str> {
    let here = |role: PermissionId| {
        world.assignments.iter().any(|held| {
            held.tenant == id(ACME) && held.resource == sp(SERVICES[service].0) && held.role == role
        })
    };
    ROLES.iter().filter(|(n, _)| here(permission(*n))).map(|(_, value)| *value).collect()
}

/// What must hold of a token whatever the directory.
fn of_ada_here(token: &Value) -> Result<(), TestCaseError> {
    prop_assert_eq!(&token["tid"], &Value::from(ACME));
    prop_assert_eq!(&token["oid"], &Value::from(ADA));
    prop_assert!(!token.to_string().contains(GLOBEX), "nothing of another tenant: {token}");
    Ok(())
}

fn never_raised(ticket: &RefreshTicket, root: &RefreshTicket) -> Result<(), TestCaseError> {
    prop_assert_eq!(&ticket.sign_in, &root.sign_in);
    prop_assert_eq!((ticket.family, ticket.user), (root.family, root.user));
    prop_assert_eq!(ticket.span.absolute, root.span.absolute, "no longer than the root's");
    prop_assert!(ticket.chain.as_slice().len() <= CHAIN_MAX);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_hop_gets_at_most_what_it_was_granted(
        grants in vec(any_grant(), 0..10),
        assignments in vec(any_assignment(), 0..6),
        hops in vec((0_usize..3, subsequence(vec![0_usize, 1, 2], 0..=2)), 1..10),
        cap in prop::option::of(1_u32..2_000),
    ) {
        let world = World::acme().but(|w| {
            w.grants = grants;
            w.grants.push(grant(CLI, ORDERS, for_ada(), &[1]));
            w.assignments = assignments;
            w.tenant.users.refresh_absolute_secs = cap.map(|hours| hours * 3600);
            for (app, _, _) in SERVICES {
                let roles = ROLES.iter().map(|(n, value)| {
                    role(&permission(*n).to_string(), value, &[MemberType::User, MemberType::App])
                });
                w.app(app).roles = roles.collect();
            }
        });
        let first = world.redeem(&world.code(CLI, "api://orders/Orders.Read offline_access"), |_| {});
        let first = first.unwrap();
        let root = first.refresh_ticket().clone();
        prop_assert_eq!(&root.sign_in, &sign_in());
        of_ada_here(&first.access)?;
        let (mut caller, mut token, mut passed) = (0, first.token, vec![sp(CLI)]);
        for (target, asked) in hops {
            let (from, to) = (SERVICES[caller], SERVICES[target]);
            let may = values(target, &granted(&world, from.0, to.0));
            let named: Vec<&str> =
                asked.iter().filter_map(|n| to.2.get(*n)).map(|(_, value)| *value).collect();
            let scope = if named.is_empty() {
                format!("{}/.default", to.1)
            } else {
                named.iter().map(|name| format!("{}/{name}", to.1)).collect::<Vec<_>>().join(" ")
            };
            let wanted = if named.is_empty() { may.clone() } else { named.clone() };
            let possible = !wanted.is_empty()
                && wanted.iter().all(|name| may.contains(name))
                && passed.len() < CHAIN_MAX
                // By its URI nobody gets a token for itself (90009).
                && target != caller;
            let answer = world.obo(from.0, &token, &format!("{scope} offline_access"));
            prop_assert_eq!(answer.is_ok(), possible, "{} -> {}", from.1, scope);
            let Ok(answer) = answer else { continue };
            of_ada_here(&answer.access)?;
            never_raised(answer.refresh_ticket(), &root)?;
            prop_assert_eq!(answer.refresh_ticket().chain.as_slice(), &*passed);
            prop_assert_eq!(&answer.access["scp"], &Value::from(wanted.join(" ")));
            prop_assert_eq!(&answer.access["azp"], &Value::from(from.0));
            let roles: BTreeSet<&str> = answer.access["roles"]
                .as_array()
                .map(|list| list.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            prop_assert_eq!(roles, expected_roles(&world, target));

            // Refreshed, it is no more than it was.
            let secret = Some(crate::common::SECRET);
            let again = world.refresh((from.0, secret), answer.refresh_ticket(), None).unwrap();
            prop_assert_eq!(&again.access["scp"], &answer.access["scp"]);
            of_ada_here(&again.access)?;
            never_raised(again.refresh_ticket(), &root)?;

            passed.push(sp(from.0));
            (caller, token) = (target, answer.token);
            prop_assert!(claims(&token).get("act").is_none(), "unless it is asked for");
        }
    }
}
