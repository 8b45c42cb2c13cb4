//! What holds for every directory and every assertion.

use std::collections::BTreeSet;

use behalf_core::{
    application::{AppRole, MemberType, TokenVersion},
    event::{Mark, Step},
    id::{ObjectId, PermissionId},
    service_principal::AppRoleAssignment,
    token::assertion::UnverifiedAssertion,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use uuid::Uuid;

use crate::common::{
    ACME, Credential, DAEMON_PRINCIPAL, Directory, GLOBEX, NOW, SECRET,
    assertion::{Assertion, unsigned_texts},
    assignment, id,
};

fn permission(number: u128) -> PermissionId {
    PermissionId(Uuid::from_u128(number))
}

prop_compose! {
    /// Roles with ids 1 to 5, of few different values.
    fn any_role(number: u128)(
        value in "[A-C]\\.Read",
        members in subsequence(vec![MemberType::App, MemberType::User], 0..=2),
        disabled: bool,
    ) -> AppRole {
        AppRole {
            id: permission(number),
            value,
            members: members.into_iter().collect(),
            text: String::new(),
            disabled,
        }
    }
}

prop_compose! {
    /// Of roles that exist, that do not, and of none (0); some on another resource or tenant.
    fn any_assignment()(
        role in 0_u128..8,
        other_resource in prop::bool::weighted(0.2),
        other_tenant in prop::bool::weighted(0.1),
    ) -> AppRoleAssignment {
        let mut assignment = assignment(&permission(role).to_string());
        if other_resource {
            assignment.resource = ObjectId(Uuid::from_u128(77));
        }
        if other_tenant {
            assignment.tenant = id(GLOBEX);
        }
        assignment
    }
}

prop_compose! {
    fn any_directory()(
        roles in (any_role(1), any_role(2), any_role(3), any_role(4), any_role(5)),
        assignments in vec(any_assignment(), 0..6),
        version in prop::option::of(prop_oneof![Just(TokenVersion::V1), Just(TokenVersion::V2)]),
        required: bool,
        wrongs in vec(prop::bool::weighted(0.06), 7),
    ) -> Directory {
        Directory::acme_but(|d| {
            d.resource.roles = vec![roles.0, roles.1, roles.2, roles.3, roles.4];
            d.assignments = assignments;
            d.resource.requested_access_token_version = version;
            d.resource_principal.assignment_required = required;
            d.client.disabled = wrongs[0];
            d.client_home_disabled = wrongs[1];
            d.client_principal.as_mut().unwrap().disabled = wrongs[2];
            d.resource.disabled = wrongs[3];
            d.resource_home_disabled = wrongs[4];
            d.resource_principal.disabled = wrongs[5];
            if wrongs[6] {
                d.client_principal = None;
            }
        })
    }
}

/// What the token may carry, worked out the plain way.
fn deserved(directory: &Directory) -> BTreeSet<&str> {
    let mut values = BTreeSet::new();
    for assignment in &directory.assignments {
        if assignment.resource != directory.resource_principal.id
            || assignment.tenant != directory.tenant.id
        {
            continue;
        }
        for role in &directory.resource.roles {
            let usable = !role.disabled && role.members.contains(&MemberType::App);
            if role.id == assignment.role && usable {
                values.insert(role.value.as_str());
            }
        }
    }
    values
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_token_carries_what_was_assigned_and_nothing_else(directory in any_directory()) {
        let Ok(granted) = directory.ask() else { return Ok(()) };
        let roles: Vec<_> = deserved(&directory).into_iter().collect();
        prop_assert_eq!(granted.roles(), roles);
        prop_assert!(granted.claims.get("scp").is_none());
        prop_assert_eq!(&granted.claims["oid"], DAEMON_PRINCIPAL);
        prop_assert_eq!(&granted.claims["sub"], DAEMON_PRINCIPAL);
        prop_assert_eq!(&granted.claims["tid"], ACME);
    }

    #[test]
    fn nothing_disabled_gets_or_gives_a_token(directory in any_directory()) {
        let disabled = directory.client.disabled
            || directory.client_home_disabled
            || directory.client_principal.as_ref().is_none_or(|p| p.disabled)
            || directory.resource.disabled
            || directory.resource_home_disabled
            || directory.resource_principal.disabled;
        let unassigned = directory.resource_principal.assignment_required
            && !directory.assignments.iter().any(|a| {
                a.resource == directory.resource_principal.id && a.tenant == directory.tenant.id
            });
        prop_assert_eq!(directory.ask().is_err(), disabled || unassigned);
    }

    #[test]
    fn the_same_facts_give_the_same_answer(directory in any_directory()) {
        let ask = || directory.request(Credential::Secret(SECRET), "api://ledger", NOW);
        prop_assert_eq!(ask(), ask());
    }

    #[test]
    fn the_trail_is_in_order_and_ends_with_what_failed(
        directory in any_directory(),
        secret in prop_oneof![4 => Just(SECRET), 1 => Just("guess")],
        resource in prop_oneof![4 => Just("api://ledger"), 1 => Just("api://leger")],
    ) {
        let (outcome, trail) = directory.request(Credential::Secret(secret), resource, NOW);
        let steps: Vec<Step> = trail.iter().map(|(step, _)| *step).collect();
        prop_assert!(steps.is_sorted_by(|a, b| a < b), "{:?}", steps);
        let (last, before) = trail.split_last().unwrap();
        prop_assert!(before.iter().all(|(_, mark)| *mark != Mark::Failed));
        match outcome {
            Ok(_) => prop_assert_ne!(last.1, Mark::Failed),
            Err(refusal) => prop_assert_eq!(*last, (refusal.step(), Mark::Failed)),
        }
    }

    #[test]
    fn reading_an_assertion_never_panics(text in "\\PC{0,200}") {
        let _ = UnverifiedAssertion::parse(&text);
    }

    #[test]
    fn reading_parts_of_anything_never_panics(
        header in "(\\{\"(alg|kid|x5t|x5c|typ)\":[\\PC]{0,20}\\}|\\PC{0,60})",
        claims in "(\\{\"(iss|exp|aud|nbf)\":[\\PC]{0,20}\\}|\\PC{0,60})",
    ) {
        let text = unsigned_texts(&header, &claims);
        let _ = UnverifiedAssertion::parse(&text);
    }

    #[test]
    fn an_assertion_with_any_byte_changed_proves_nothing(
        position: prop::sample::Index,
        byte in 0_u8..128,
    ) {
        let mut bytes = Assertion::good().sign().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(Directory::acme().ask_with(Credential::Assertion(&changed)).is_err());
    }
}
