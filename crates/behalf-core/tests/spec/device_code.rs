//! Device codes at the token endpoint (RFC 8628 3.4 and 3.5, protocol 8.5; V26, RT-19).

use behalf_core::{
    application::AppKind,
    device::{Decision, DeviceGrant},
    event::{Mark, Step},
    id::TenantId,
    ticket::{ClientClass, Origin, Standing},
};
use behalf_protocol::EndpointVersion;
use serde_json::json;

use crate::common::{
    ACME, GLOBEX, SECRET, code, id, wire,
    world::{ADA, CLI, Change, LEDGER, ORDERS, World, for_ada, grant},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";

fn waiting(world: &World) -> DeviceGrant {
    DeviceGrant { decision: Decision::Waiting, ..world.device_grant(CLI, SCOPES) }
}

#[test]
fn tokens_as_a_code_gives_them() {
    let world = World::acme();
    let granted = world.device_grant(CLI, SCOPES);
    let answer = world.poll(&granted, |_| {}).unwrap();
    assert_eq!(
        (&answer.access["scp"], &answer.access["azpacr"]),
        (&json!("Orders.Read"), &json!("0"))
    );
    assert_eq!((&answer.access["oid"], &answer.access["aud"]), (&json!(ADA), &json!(ORDERS)));
    let (_, id_token) = answer.id_token.as_ref().unwrap();
    assert_eq!((&id_token["aud"], id_token.get("nonce")), (&json!(CLI), None));
    let ticket = answer.refresh_ticket();
    assert_eq!((ticket.origin, ticket.family), (Origin::Device, granted.id.into()));
    assert_eq!(ticket.client.class, ClientClass::Public { generation: 0 });
    assert!(ticket.chain.is_empty() && ticket.password_based);
    assert_eq!(answer.trail.last(), Some(&(Step::SingleUse, Mark::Ok)));
}

#[test]
fn v26_pending_declined_expired() {
    let world = World::acme();
    let (approved, waiting) = (world.device_grant(CLI, SCOPES), waiting(&world));
    let declined = DeviceGrant { decision: Decision::Declined, ..approved.clone() };
    let pending = (70_016, "authorization_pending", 400);
    assert_eq!(wire(world.poll(&waiting, |_| {})), pending);
    assert_eq!(wire(world.poll(&declined, |_| {})), (65_004, "authorization_declined", 400));
    let later = |grant: &DeviceGrant, version, secs| {
        let world = world.clone().but(|w| (w.now, w.version) = (w.now + secs, version));
        world.poll(grant, |_| {})
    };
    assert_eq!(wire(later(&waiting, EndpointVersion::V2, 899)), pending);
    for over in [&waiting, &declined, &approved] {
        assert_eq!(wire(later(over, EndpointVersion::V2, 900)), (70_020, "expired_token", 400));
        assert_eq!(wire(later(over, EndpointVersion::V1, 900)), (70_019, "code_expired", 400));
    }
}

#[test]
fn rt_19_too_fast_is_said_only_to_those_who_bear_it() {
    let world = World::acme();
    let waiting = waiting(&world);
    let fast = |msal| world.poll(&waiting, |poll| (poll.too_fast, poll.msal) = (true, msal));
    assert_eq!(wire(fast(false)), (70_016, "slow_down", 400));
    assert_eq!(wire(fast(true)), (70_016, "authorization_pending", 400));
    let approved = world.device_grant(CLI, SCOPES);
    assert!(world.poll(&approved, |poll| poll.too_fast = true).is_ok(), "there is no more to wait");
}

#[test]
fn nobody_elses_code_is_told_from_none() {
    let world = World::acme();
    let approved = world.device_grant(CLI, SCOPES);
    let unknown = (70_018, "bad_verification_code", 400);
    assert_eq!(wire(world.poll(&approved, |poll| poll.code = 2)), unknown);
    let globex: TenantId = id(GLOBEX);
    assert_eq!(wire(world.poll(&approved, |poll| poll.tenant = globex)), unknown);
    let other = world.poll(&approved, |poll| {
        (poll.client, poll.secret) = (ORDERS.to_owned(), Some(SECRET.to_owned()));
    });
    assert_eq!(wire(other), unknown);
    assert_eq!(wire(world.poll(&approved, |poll| poll.late = true)), unknown, "another was faster");
    assert!(world.poll(&approved, |_| {}).is_ok());
}

#[test]
fn who_may_poll_without_a_credential() {
    let world = World::acme().but(|w| w.grants.push(grant(ORDERS, LEDGER, for_ada(), &[2])));
    let of_orders = world.device_grant(ORDERS, "api://ledger/Entries.Read");
    let bare = |world: &World, grant: &DeviceGrant| world.poll(grant, |poll| poll.secret = None);
    // Redirect URIs of pages and programs do not count here.
    assert_eq!(wire(bare(&world, &of_orders)), (7_000_218, "invalid_client", 401));
    let fallback = world.clone().but(|w| w.app(ORDERS).fallback_public_client = true);
    assert!(bare(&fallback, &of_orders).is_ok());
    let proved = DeviceGrant { confidential: true, ..of_orders };
    assert_eq!(wire(bare(&fallback, &proved)), (7_000_218, "invalid_client", 401));
    let answer = fallback.poll(&proved, |_| {}).unwrap();
    assert_eq!(answer.access["azpacr"], "1");
    let public = world.but(|w| w.app(ORDERS).kind = AppKind::Native);
    assert_eq!(code(public.poll(&proved, |_| {})), 700_025);
}

#[test]
fn what_has_changed_since_the_user_approved() {
    let approved = World::acme().device_grant(CLI, SCOPES);
    let changes: [(Change, u32); 9] = [
        (|w| w.ada = None, 50_034),
        (|w| w.user().disabled = true, 50_057),
        (|w| w.user().revisions.all += 1, 50_173),
        (|w| w.user().revisions.password += 1, 50_173),
        (|w| w.tenant.revision += 1, 50_173),
        (|w| w.app(CLI).disabled = true, 7_000_112),
        (|w| w.principal(CLI).revision += 1, 50_173),
        (|w| w.grants.clear(), 65_001),
        (|w| w.family = Standing::Ended, 50_173),
    ];
    for (change, expected) in changes {
        let world = World::acme().but(change);
        assert_eq!(code(world.poll(&approved, |_| {})), expected);
    }
}

#[test]
fn under_common_it_is_where_its_user_is() {
    let world = World::acme();
    let anywhere =
        DeviceGrant { tenant: None, home: id(GLOBEX), ..world.device_grant(CLI, SCOPES) };
    assert!(world.poll(&anywhere, |poll| poll.tenant = id(ACME)).is_ok());
    assert_eq!(code(world.poll(&anywhere, |poll| poll.tenant = id(GLOBEX))), 70_018);
    let waiting = DeviceGrant { decision: Decision::Waiting, ..anywhere };
    assert_eq!(code(world.poll(&waiting, |poll| poll.tenant = id(GLOBEX))), 70_016);
}

#[test]
fn the_user_is_not_done_but_the_code_is_right() {
    let world = World::acme();
    let refused = world.poll(&waiting(&world), |_| {}).unwrap_err();
    assert_eq!(refused.step(), Step::User, "a device that waits is charged for no failure");
    let unknown = world.poll(&waiting(&world), |poll| poll.code = 2).unwrap_err();
    assert_eq!(unknown.step(), Step::Presented);
}
