//! What holds for every directory and every sequence of requests.

use std::collections::BTreeSet;

use behalf_core::{
    application::Consent,
    consent::{NamedScopes, Request, Required, Wanted},
    directory_role::DirectoryRole,
    grant::GrantedFor,
    user::User,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};

use crate::world::*;

const APPS: [u128; 5] = [LEDGER, ORDERS, DESK, TREND, REPORT];
const SCOPES: [u128; 6] = [0x11, 0x12, 0x21, 0x31, 0x32, 0x40];

prop_compose! {
    /// Requirements, known clients, pre-authorisations and disabled scopes at random.
    fn any_world()(
        required in vec((0_usize..5, 0_usize..5, subsequence(SCOPES.to_vec(), 0..4)), 0..8),
        known in vec((0_usize..5, 0_usize..5), 0..6),
        pre_authorized in vec((0_usize..5, 0_usize..5, subsequence(SCOPES.to_vec(), 1..3)), 0..3),
        disabled in subsequence(SCOPES.to_vec(), 0..2),
        strict in prop::bool::weighted(0.2),
        provisioned in subsequence(vec![TREND, REPORT], 0..=2),
    ) -> World {
        World::new().with(|w| {
            for (client, resource, scopes) in required {
                let (client, resource) = (APPS[client], APPS[resource]);
                let list = &mut w.edit(client).required_resource_access;
                list.retain(|r| r.app_id != app_id(resource));
                list.push(requires(resource, &scopes, &[0x13]));
            }
            for (resource, client) in known {
                w.edit(APPS[resource]).known_clients.push(app_id(APPS[client]));
            }
            for (resource, client, scopes) in pre_authorized {
                w.pre_authorize(APPS[resource], APPS[client], &scopes);
            }
            for app in &mut w.apps {
                for scope in &mut app.scopes {
                    scope.disabled = disabled.iter().any(|n| scope.id == permission(*n));
                }
            }
            w.tenants[0].users.no_user_consent = strict;
            for app in provisioned {
                w.provision(ACME, app);
            }
        })
    }
}

#[derive(Debug, Clone)]
struct Deed {
    client: usize,
    target: usize,
    values: Vec<&'static str>,
    prompt: bool,
    admin: bool,
    everyone: bool,
    user: usize,
}

prop_compose! {
    fn any_deed()(
        client in 0_usize..5,
        target in 0_usize..5,
        values in subsequence(vec!["Entries.Read", "Entries.Post", "Orders.Read", "Trends.Read", "Trends.Write"], 0..3),
        (prompt, admin, everyone) in any::<(bool, bool, bool)>(),
        user in 0_usize..3,
    ) -> Deed {
        Deed { client, target, values, prompt, admin, everyone, user }
    }
}

fn users() -> [User; 3] {
    [ada(), bob(), user(ACME, 3, &[DirectoryRole::ApplicationDeveloper])]
}

impl Deed {
    fn request(&self) -> Request {
        let target = app_id(APPS[self.target]).to_string();
        let wanted = if self.values.is_empty() {
            Wanted::Registered { target: Some(target) }
        } else {
            let values = self.values.iter().map(|value| (*value).to_owned()).collect();
            Wanted::Named(vec![NamedScopes { resource: target, values }])
        };
        Request { wanted, prompt: self.prompt, admin: self.admin }
    }
}

/// Everything anybody has: client, resource, user, value.
fn effective(world: &World) -> BTreeSet<(u128, u128, u128, String)> {
    let mut all = BTreeSet::new();
    for client in APPS {
        for resource in APPS {
            for user in users() {
                for value in world.scopes(ACME, (client, resource), &user) {
                    all.insert((client, resource, user.id.0.as_u128(), value.to_owned()));
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_effective_that_was_not_consented_or_pre_authorised(
        world in any_world(),
        deeds in vec(any_deed(), 0..8),
    ) {
        let mut world = world;
        let fresh = effective(&world);
        for (_, resource, _, value) in &fresh {
            let scope = world.app(*resource).scopes.iter().find(|s| s.value == *value).unwrap();
            prop_assert!(world.app(*resource).pre_authorized.iter().any(|p| p.scopes.contains(&scope.id)));
        }
        // What each acceptance covered, by whom and for whom.
        let mut consented = fresh;
        for deed in deeds {
            let (client, users) = (APPS[deed.client], users());
            let by = &users[deed.user];
            let before = effective(&world);
            let Ok(required) = world.required((ACME, client), &deed.request(), by) else { continue };
            let (list, denied) = match required {
                Required::Nothing => continue,
                Required::Dialog(list) => (list, false),
                Required::NeedsAdmin(list) => (list, true),
            };
            let outcome = world.accept((ACME, client), list.clone(), (by, deed.everyone));
            if denied {
                prop_assert!(outcome.is_err(), "who needs an administrator cannot accept");
            }
            let Ok(outcome) = outcome else { prop_assert_eq!(effective(&world), before); continue };
            let after = effective(&world);
            prop_assert!(before.is_subset(&after), "granting takes nothing away");
            for add in &outcome.grants {
                let part = list.parts.iter().find(|part| {
                    part.client.app_id == add.client && part.resource.app_id == add.resource
                });
                let shown: BTreeSet<_> = part.unwrap().permissions.iter().map(|p| p.id).collect();
                prop_assert!(add.scopes.is_subset(&shown), "only what was shown");
                let for_everyone = add.granted_for == GrantedFor::Everyone;
                prop_assert_eq!(for_everyone, deed.everyone || deed.admin);
                prop_assert!(!for_everyone || by.id == ada().id);
                let resource = add.resource.0.as_u128();
                for scope in world.app(resource).scopes.iter().filter(|s| add.scopes.contains(&s.id)) {
                    prop_assert!(scope.consent == Consent::User || by.id == ada().id);
                    for user in users.iter().filter(|user| for_everyone || user.id == by.id) {
                        consented.insert((add.client.0.as_u128(), resource, user.id.0.as_u128(), scope.value.clone()));
                    }
                }
            }
            for new in &outcome.creates {
                prop_assert!(list.creates.iter().any(|party| party.app_id == new.app_id));
            }
            prop_assert!(outcome.roles.is_empty() || deed.admin);
        }
        // Pre-authorisation begins to count where a service principal comes to be.
        for entry in effective(&world).difference(&consented) {
            let scope = world.app(entry.1).scopes.iter().find(|s| s.value == entry.3).unwrap();
            let client = app_id(entry.0);
            prop_assert!(world.app(entry.1).pre_authorized.iter().any(|p| p.app_id == client && p.scopes.contains(&scope.id)));
        }
    }

    #[test]
    fn what_is_accepted_is_not_asked_again(world in any_world(), deed in any_deed()) {
        let mut world = world;
        let (client, by) = (APPS[deed.client], ada());
        let request = Request { prompt: false, admin: false, ..deed.request() };
        let Ok(Required::Dialog(list)) = world.required((ACME, client), &request, &by) else { return Ok(()) };
        world.accept((ACME, client), list, (&by, deed.everyone)).unwrap();
        // `.default` asks again where all that it asked for is disabled; nothing else does.
        let again = world.required((ACME, client), &request, &by);
        if let Ok(Required::Dialog(list)) = again {
            prop_assert!(deed.values.is_empty());
            let outcome = world.accept((ACME, client), list, (&by, deed.everyone)).unwrap();
            prop_assert!(outcome.is_empty());
        }
    }

    #[test]
    fn another_tenant_gains_nothing(world in any_world(), deeds in vec(any_deed(), 1..5)) {
        let mut world = world;
        let gus = user(GLOBEX, 9, &[]);
        let there = |world: &World| -> Vec<String> {
            APPS.iter().flat_map(|client| APPS.iter().map(move |resource| (*client, *resource)))
                .flat_map(|pair| world.scopes(GLOBEX, pair, &gus).into_iter().map(str::to_owned).collect::<Vec<_>>())
                .collect()
        };
        let (before, principals) = (there(&world), world.principals.iter().filter(|p| p.tenant == world.tenants[1].id).count());
        for deed in deeds {
            let client = APPS[deed.client];
            if let Ok(Required::Dialog(list)) = world.required((ACME, client), &deed.request(), &ada()) {
                world.accept((ACME, client), list, (&ada(), deed.everyone)).unwrap();
            }
        }
        prop_assert_eq!(there(&world), before);
        prop_assert_eq!(world.principals.iter().filter(|p| p.tenant == world.tenants[1].id).count(), principals);
    }

    #[test]
    fn taking_away_only_narrows(world in any_world(), deeds in vec(any_deed(), 1..6), n: prop::sample::Index) {
        let mut world = world;
        for deed in deeds {
            let client = APPS[deed.client];
            if let Ok(Required::Dialog(list)) = world.required((ACME, client), &deed.request(), &ada()) {
                world.accept((ACME, client), list, (&ada(), deed.everyone)).unwrap();
            }
        }
        let before = effective(&world);
        let mut narrowed = world.clone();
        if !narrowed.grants.is_empty() {
            let n = n.index(narrowed.grants.len());
            narrowed.grants.remove(n);
        }
        prop_assert!(effective(&narrowed).is_subset(&before));
        let mut narrowed = world.clone();
        for app in &mut narrowed.apps {
            app.pre_authorized.clear();
        }
        prop_assert!(effective(&narrowed).is_subset(&before));
        let n = n.index(APPS.len());
        world.edit(APPS[n]).scopes.iter_mut().for_each(|scope| scope.disabled = true);
        let narrowed = effective(&world);
        prop_assert!(narrowed.is_subset(&before));
        prop_assert!(narrowed.iter().all(|entry| entry.1 != APPS[n]));
    }
}
