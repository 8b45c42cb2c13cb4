//! What a client gets for itself (protocol 2.5, V1, V3, V4; security CC-05 … CC-16).

use std::time::Duration;

use behalf_core::{
    application::{IdentifierUri, MemberType, SignInAudience, TokenAlg, TokenVersion},
    event::{Mark, Step},
    id::{ObjectId, PermissionId},
    token::ResourceFacts,
};
use uuid::Uuid;

use crate::common::{
    Credential, Directory, GLOBEX, LEDGER, NOW, READ_ALL, SECRET, assignment, code, id, role, wire,
};

const OTHER: &str = "40e00000-0000-4000-8000-000000000002";
const UNKNOWN: (u32, &str, u16) = (500_011, "invalid_resource", 400);

#[test]
fn an_assigned_role_is_in_the_token() {
    assert_eq!(Directory::acme().ask().unwrap().roles(), ["Entries.Read.All"]);
}

#[test]
fn no_role_is_needed_for_a_token_without_roles() {
    let granted = Directory::acme_but(|d| d.assignments.clear()).ask().unwrap();
    assert_eq!(granted.claims.get("roles"), None, "absent, not empty");
}

#[test]
fn the_resource_is_found_by_id_and_by_name_in_any_letter_case_with_or_without_a_slash() {
    for version in [TokenVersion::V1, TokenVersion::V2] {
        let directory =
            Directory::acme_but(|d| d.resource.requested_access_token_version = Some(version));
        for (requested, v1_audience) in [
            (LEDGER, LEDGER),
            ("A9200000-0000-4000-8000-000000000004", LEDGER),
            ("api://Ledger", "api://Ledger"),
            ("api://ledger", "api://Ledger"),
            ("API://LEDGER", "api://Ledger"),
            ("api://Ledger/", "api://Ledger/"),
            ("api://ledger/", "api://Ledger/"),
        ] {
            let granted = directory.ask_for(requested).unwrap();
            let expected = if version == TokenVersion::V1 { v1_audience } else { LEDGER };
            assert_eq!(granted.claims["aud"], expected, "{version:?} {requested}");
        }
    }
}

#[test]
fn other_names_are_unknown_resources() {
    for requested in [
        "api://ledge",
        "api://ledger2",
        "api://ledger//",
        "api://ledger/x",
        "https://ledger",
        "ledger",
        "spn:api://ledger",
        "{a9200000-0000-4000-8000-000000000004}",
        "a9200000000040008000000000000004",
        "610be000-0000-4000-8000-000000000002",
    ] {
        assert_eq!(wire(Directory::acme().ask_for(requested)), UNKNOWN, "{requested}");
    }
}

#[test]
fn a_second_name_of_the_resource_is_its_own_v1_audience() {
    let directory = Directory::acme_but(|d| {
        d.resource.requested_access_token_version = None;
        let second = IdentifierUri::register(
            "https://ledger.acme.test",
            d.resource.app_id,
            &d.tenant,
            SignInAudience::Single,
        );
        d.resource.identifier_uris.push(second.unwrap());
    });
    let audience = |requested| directory.ask_for(requested).unwrap().claims["aud"].clone();
    assert_eq!(audience("https://ledger.acme.test/"), "https://ledger.acme.test/");
    assert_eq!(audience("https://LEDGER.acme.test"), "https://ledger.acme.test");
    assert_eq!(audience("api://ledger"), "api://Ledger");
}

#[test]
fn a_name_that_is_not_registered_never_becomes_an_audience() {
    let d = Directory::acme();
    for requested in ["api://globex", "api://ledger//", "https://evil.example", ""] {
        let facts = ResourceFacts::gather(
            requested,
            &d.resource,
            &d.resource_principal,
            false,
            &d.assignments,
        );
        assert_eq!(facts.v1_audience, LEDGER, "{requested}");
    }
}

#[test]
fn format_algorithm_and_life_are_the_resources_choice() {
    for (chosen, ver) in
        [(None, "1.0"), (Some(TokenVersion::V1), "1.0"), (Some(TokenVersion::V2), "2.0")]
    {
        let directory = Directory::acme_but(|d| d.resource.requested_access_token_version = chosen);
        assert_eq!(directory.ask().unwrap().claims["ver"], ver, "{chosen:?}");
    }
    let directory = Directory::acme_but(|d| {
        // The client's own settings are for tokens *for* the client.
        d.client.requested_access_token_version = Some(TokenVersion::V1);
        d.client.behalf.token_lifetime_secs = Some(60);
        d.resource.behalf.token_alg = Some(TokenAlg::Es256);
        d.resource.behalf.token_lifetime_secs = Some(600);
    });
    let granted = directory.ask().unwrap();
    assert_eq!(granted.claims["ver"], "2.0");
    assert_eq!(granted.alg, TokenAlg::Es256);
    assert_eq!(granted.lifetime, Some(Duration::from_mins(10)));
    assert_eq!(granted.claims["exp"], NOW + 600);
    let plain = Directory::acme().ask().unwrap();
    assert_eq!((plain.alg, plain.lifetime), (TokenAlg::Rs256, None));
}

#[test]
fn only_enabled_application_roles_of_this_resource_are_issued() {
    let both = [MemberType::App, MemberType::User];
    let directory = Directory::acme_but(|d| {
        let numbered = |n: u128| PermissionId(Uuid::from_u128(n)).to_string();
        let mut disabled = role(&numbered(1), "Disabled", &both);
        disabled.disabled = true;
        d.resource.roles = vec![
            role(READ_ALL, "Zeta", &[MemberType::App]),
            role(&numbered(2), "Alpha", &both),
            role(&numbered(3), "UserOnly", &[MemberType::User]),
            role(&numbered(4), "Unassigned", &[MemberType::App]),
            role(&numbered(5), "Nobody", &[]),
            disabled,
        ];
        d.assignments = [1, 2, 3, 5, 99]
            .map(|n| assignment(&numbered(n)))
            .into_iter()
            .chain([assignment(READ_ALL), assignment(READ_ALL)])
            .collect();
    });
    assert_eq!(directory.ask().unwrap().roles(), ["Alpha", "Zeta"], "sorted, each once");
}

#[test]
fn two_roles_with_one_value_appear_once() {
    let directory = Directory::acme_but(|d| {
        d.resource.roles.push(role(OTHER, "Entries.Read.All", &[MemberType::App]));
        d.assignments.push(assignment(OTHER));
    });
    assert_eq!(directory.ask().unwrap().roles(), ["Entries.Read.All"]);
}

#[test]
fn a_role_of_the_same_name_is_not_the_assigned_role() {
    let recreated = Directory::acme_but(|d| {
        d.resource.roles = vec![role(OTHER, "Entries.Read.All", &[MemberType::App])];
    });
    assert!(recreated.ask().unwrap().roles().is_empty());
}

#[test]
fn assignments_of_another_resource_or_tenant_do_not_count() {
    let elsewhere = Directory::acme_but(|d| {
        d.assignments[0].resource = ObjectId(Uuid::from_u128(77));
        d.resource_principal.assignment_required = true;
    });
    assert_eq!(code(elsewhere.ask()), 501_051, "the role's id may be the same on two resources");
    let abroad = Directory::acme_but(|d| d.assignments[0].tenant = id(GLOBEX));
    assert!(abroad.ask().unwrap().roles().is_empty());
}

#[test]
fn a_resource_may_require_assignment() {
    let required = |d: &mut Directory| d.resource_principal.assignment_required = true;
    let unassigned = Directory::acme_but(|d| {
        required(d);
        d.assignments.clear();
    });
    assert_eq!(wire(unassigned.ask()), (501_051, "invalid_grant", 400));

    let assigned = Directory::acme_but(required).ask().unwrap();
    assert_eq!(assigned.roles(), ["Entries.Read.All"]);

    let without_role = Directory::acme_but(|d| {
        required(d);
        d.assignments = vec![assignment(&PermissionId::NIL.to_string())];
    });
    assert!(
        without_role.ask().unwrap().roles().is_empty(),
        "the nil role assigns, and grants none"
    );
}

#[test]
fn a_disabled_resource_gives_no_tokens() {
    let disabled = (500_014, "invalid_resource", 400);
    let here = Directory::acme_but(|d| d.resource_principal.disabled = true);
    let everywhere = Directory::acme_but(|d| d.resource.disabled = true);
    let home = Directory::acme_but(|d| d.resource_home_disabled = true);
    for directory in [here, everywhere, home] {
        assert_eq!(wire(directory.ask()), disabled);
    }
}

#[test]
fn a_client_may_ask_for_itself() {
    let directory = Directory::acme_but(|d| {
        d.resource.app_id = d.client.app_id;
        d.resource_principal.app_id = d.client.app_id;
        d.assignments.clear();
    });
    for requested in ["api://ledger", "dae00000-0000-4000-8000-00000000000a"] {
        let granted = directory.ask_for(requested).unwrap();
        assert_eq!(granted.claims["aud"], granted.claims["azp"]);
    }
}

#[test]
fn a_principal_of_another_tenant_or_application_is_none() {
    let abroad = Directory::acme_but(|d| d.client_principal.as_mut().unwrap().tenant = id(GLOBEX));
    assert_eq!(code(abroad.ask()), 7_000_229);
    let other = Directory::acme_but(|d| d.client_principal.as_mut().unwrap().app_id = id(LEDGER));
    assert_eq!(code(other.ask()), 7_000_229);
}

#[test]
fn the_unknown_resource_is_named_if_it_is_a_name() {
    let text = |requested| Directory::acme().ask_for(requested).unwrap_err().to_string();
    assert!(text("api://leger").contains("api://leger"));
    assert!(text("api://leger").contains("Acme"), "the tenant as people call it");
}

#[test]
fn the_trail_tells_what_was_checked() {
    let (_, granted) = Directory::acme().request(Credential::Secret(SECRET), "api://ledger", NOW);
    assert_eq!(
        granted,
        [
            (Step::Credential, Mark::Ok),
            (Step::ServicePrincipal, Mark::Ok),
            (Step::Resource, Mark::Ok),
            (Step::Assignment, Mark::Skipped),
        ]
    );
    let (_, unknown) = Directory::acme().request(Credential::Secret(SECRET), "api://leger", NOW);
    assert_eq!(
        unknown,
        [
            (Step::Credential, Mark::Ok),
            (Step::ServicePrincipal, Mark::Ok),
            (Step::Resource, Mark::Failed),
        ]
    );
    let (_, wrong) = Directory::acme().request(Credential::Secret("guess"), "api://ledger", NOW);
    assert_eq!(wrong, [(Step::Credential, Mark::Failed)]);
}
