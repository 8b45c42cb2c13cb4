//! The password grant (RFC 6749 4.3, protocol 8.6; security CC-17).

use behalf_core::{
    application::Require,
    event::{Mark, Step},
    ticket::{ClientClass, Origin},
    user::Totp,
};
use behalf_protocol::EndpointVersion;
use serde_json::json;

use crate::common::{
    SECRET, code, wire,
    world::{ADA, ARCHIVE, CLI, Change, LEDGER, ORDERS, World, for_ada, grant},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";

/// Acme and its command line allow it.
fn world() -> World {
    World::acme().but(|w| {
        w.tenant.users.password_grant = true;
        w.app(CLI).behalf.password_grant = true;
    })
}

#[test]
fn tokens_as_a_code_gives_them() {
    let answer = world().password((CLI, None), SCOPES).unwrap();
    assert_eq!(
        (&answer.access["oid"], &answer.access["scp"]),
        (&json!(ADA), &json!("Orders.Read"))
    );
    assert!(answer.id_token.is_some());
    let ticket = answer.refresh_ticket();
    assert_eq!(ticket.origin, Origin::Password);
    assert_eq!(ticket.client.class, ClientClass::Public { generation: 0 });
    assert!(ticket.password_based);
    assert_eq!(ticket.requested.resource.as_deref(), Some("api://orders"));
    assert_eq!(answer.trail.last(), Some(&(Step::Policy, Mark::Skipped)));
}

#[test]
fn cc_17_off_unless_tenant_and_application_allow_it() {
    let off = (70_003, "unsupported_grant_type", 400);
    let changes: [Change; 3] = [
        |w| w.tenant.users.password_grant = false,
        |w| w.app(CLI).behalf.password_grant = false,
        |w| {
            w.tenant.users.password_grant = false;
            w.app(CLI).behalf.password_grant = false;
        },
    ];
    for change in changes {
        assert_eq!(wire(world().but(change).password((CLI, None), SCOPES)), off);
    }
    assert_eq!(wire(World::acme().password((CLI, None), SCOPES)), off, "the default");
}

#[test]
fn a_confidential_client_proves_who_it_is() {
    let world = world().but(|w| {
        w.app(ORDERS).behalf.password_grant = true;
        w.grants.push(grant(ORDERS, ARCHIVE, for_ada(), &[5]));
    });
    let scope = "api://archive/Boxes.Read offline_access";
    let answer = world.password((ORDERS, Some(SECRET)), scope).unwrap();
    assert_eq!(answer.refresh_ticket().client.class, ClientClass::Secret);
    assert_eq!(wire(world.password((ORDERS, None), scope)), (7_000_218, "invalid_client", 401));
    let wrong = world.password((ORDERS, Some("another")), scope);
    assert_eq!(wire(wrong), (7_000_215, "invalid_client", 401));
    assert_eq!(code(world.password((CLI, Some(SECRET)), SCOPES)), 700_025);
}

#[test]
fn a_second_factor_is_never_skipped() {
    let enrolled = Totp { sealed_secret: String::new(), last_step: 0 };
    let world = world().but(|w| w.user().totp = Some(enrolled));
    let refused = world.password((CLI, None), SCOPES).unwrap_err();
    assert_eq!(refused.aadsts().suberror(), Some("basic_action"));
    assert_eq!(wire(Err::<(), _>(refused)), (50_076, "invalid_grant", 400));
    // Nor where the API demands one of a user who has none.
    let mfa = Require { mfa: true, ..Require::default() };
    let demanding = self::world().but(|w| w.app(ORDERS).require = mfa);
    assert_eq!(code(demanding.password((CLI, None), SCOPES)), 50_076);
}

#[test]
fn what_else_is_in_the_way() {
    let changes: [(Change, u32); 6] = [
        (|w| w.ada = None, 50_034),
        (|w| w.user().disabled = true, 50_057),
        // Between the comparison and the decision.
        (|w| w.user().revisions.password += 1, 50_173),
        (|w| w.principal(CLI).disabled = true, 7_000_112),
        (|w| w.grants.clear(), 65_001),
        (|w| w.principal(ORDERS).assignment_required = true, 50_105),
    ];
    for (change, expected) in changes {
        assert_eq!(code(world().but(change).password((CLI, None), SCOPES)), expected);
    }
}

#[test]
fn v1_and_a_resource_that_the_registration_does_not_require() {
    let v1 = world().but(|w| w.version = EndpointVersion::V1);
    assert!(v1.password((CLI, None), "api://orders").is_ok(), "it is granted all the same");
    let refused = v1.password((CLI, None), "api://ledger");
    assert_eq!(wire(refused), (650_057, "invalid_resource", 400));
    assert_eq!(code(world().password((CLI, None), "api://ledger/.default")), 65_001, "v2");
    let required = v1.clone().but(|w| w.require_access(CLI, LEDGER));
    assert_eq!(code(required.password((CLI, None), "api://ledger")), 65_001);
    let multi = v1.but(|w| {
        w.app(CLI).audience = behalf_core::application::SignInAudience::Multi;
    });
    assert_eq!(code(multi.password((CLI, None), "api://ledger")), 65_001);
}
