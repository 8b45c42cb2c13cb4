//! Refresh tokens (protocol 8.4, tickets.md 4; V25; security RT-12 … RT-18).

use behalf_core::{
    application::AppKind,
    event::{Mark, Step},
    ticket::{ClientClass, REFRESH_IDLE, RefreshTicket, Standing},
};
use serde_json::json;

use crate::common::{
    GLOBEX, NOW, SECRET, code, id, wire,
    world::{ADA, ARCHIVE, CLI, Change, LEDGER, ORDERS, PAGE, SERVER, World, for_ada, grant, sp},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";
const PUBLIC: (&str, Option<&str>) = (CLI, None);

/// The command line's refresh token for Ada.
fn of_cli() -> RefreshTicket {
    let world = World::acme();
    world.redeem(&world.code(CLI, SCOPES), |_| {}).unwrap().refresh.unwrap()
}

/// One of `orders` as a web application (confidential) or as a page.
fn of_orders(spa: bool) -> RefreshTicket {
    let world = World::acme().but(|w| w.grants.push(grant(ORDERS, ARCHIVE, for_ada(), &[5])));
    let mut code = world.code(ORDERS, "api://archive/Boxes.Read offline_access");
    (code.client.confidential, code.client.spa) = (!spa, spa);
    code.redirect_uri = if spa { PAGE } else { SERVER }.into();
    world.redeem(&code, |_| {}).unwrap().refresh.unwrap()
}

fn with_archive() -> World {
    World::acme().but(|w| w.grants.push(grant(ORDERS, ARCHIVE, for_ada(), &[5])))
}

#[test]
fn it_means_what_was_asked_for_at_the_sign_in() {
    let answer = World::acme().refresh(PUBLIC, &of_cli(), None).unwrap();
    assert_eq!(
        (&answer.access["scp"], &answer.access["azpacr"]),
        (&json!("Orders.Read"), &json!("0"))
    );
    assert_eq!(answer.scope, "api://orders/Orders.Read");
    assert!(answer.id_token.is_some());
    let (old, new) = (of_cli(), answer.refresh.unwrap());
    assert_eq!(
        new.client.class,
        ClientClass::Public { generation: 1 },
        "a public client's rotates"
    );
    assert_eq!((new.family, new.user, new.sign_in), (old.family, old.user, old.sign_in));
    assert_eq!(answer.trail.last(), Some(&(Step::SingleUse, Mark::Ok)));
}

#[test]
fn v25_another_resource() {
    let world = World::acme().but(|w| w.grants.push(grant(CLI, LEDGER, for_ada(), &[2])));
    let access = world.refresh(PUBLIC, &of_cli(), Some("api://ledger/.default")).unwrap().access;
    assert_eq!((&access["aud"], &access["scp"]), (&json!(LEDGER), &json!("Entries.Read")));
    let several = "api://ledger/Entries.Read api://orders/Orders.Read";
    let first = world.refresh(PUBLIC, &of_cli(), Some(several)).unwrap();
    assert_eq!(first.access["aud"], LEDGER, "of several, the first");
}

#[test]
fn v25_the_user_is_gone_disabled_or_revoked() {
    let cases: [(u32, Option<&str>, Change); 6] = [
        (50_034, None, |w| w.ada = None),
        (50_057, None, |w| w.user().disabled = true),
        (50_173, Some("bad_token"), |w| w.user().revisions.all += 1),
        (50_173, Some("bad_token"), |w| w.user().revisions.password += 1),
        (50_173, Some("bad_token"), |w| w.tenant.revision += 1),
        (50_173, Some("bad_token"), |w| w.family = Standing::Ended),
    ];
    for (expected, suberror, change) in cases {
        let refused = World::acme().but(change).refresh(PUBLIC, &of_cli(), None).unwrap_err();
        assert_eq!(refused.aadsts().suberror(), suberror);
        assert_eq!(wire(Err::<(), _>(refused)), (expected, "invalid_grant", 400));
    }
}

#[test]
fn a_new_password_ends_public_clients_tokens_only() {
    let changed = with_archive().but(|w| w.user().revisions.password += 1);
    assert_eq!(code(changed.refresh(PUBLIC, &of_cli(), None)), 50_173);
    assert!(changed.refresh((ORDERS, Some(SECRET)), &of_orders(false), None).is_ok());
}

#[test]
fn v25_unused_for_ninety_days_and_a_pages_day() {
    let days = i64::try_from(REFRESH_IDLE.as_secs()).unwrap();
    let at = |now| World::acme().but(|w| w.now = now);
    assert!(at(NOW + days - 1).refresh(PUBLIC, &of_cli(), None).is_ok());
    assert_eq!(code(at(NOW + days).refresh(PUBLIC, &of_cli(), None)), 700_082);
    let page = |now: i64| {
        with_archive().but(|w| w.now = now).refresh((ORDERS, None), &of_orders(true), None)
    };
    let day = 24 * 3600;
    let renewed = page(NOW + day - 1).unwrap().refresh.unwrap();
    assert_eq!(renewed.span.ends().unix_seconds(), NOW + day, "refreshing does not prolong it");
    assert_eq!(wire(page(NOW + day)), (700_084, "invalid_grant", 400));
}

#[test]
fn rt_18_a_tenants_cap() {
    let capped = World::acme().but(|w| w.tenant.users.refresh_absolute_secs = Some(3600));
    let ticket = capped.redeem(&capped.code(CLI, SCOPES), |_| {}).unwrap().refresh.unwrap();
    let later = |secs| capped.clone().but(|w| w.now += secs).refresh(PUBLIC, &ticket, None);
    assert_eq!(later(3599).unwrap().refresh_ticket().span.absolute, ticket.span.absolute);
    assert_eq!(code(later(3600)), 700_081);
}

#[test]
fn rt_12_it_is_its_clients_alone() {
    let refused = World::acme().refresh((ORDERS, Some(SECRET)), &of_cli(), None);
    assert_eq!(wire(refused), (70_000, "invalid_grant", 400));
    let confidential = of_orders(false);
    let without = with_archive().refresh((ORDERS, None), &confidential, None);
    assert_eq!(code(without), 70_000, "though the application may also be a page");
    let turned = World::acme().but(|w| {
        w.app(CLI).kind = AppKind::Web;
        w.app(CLI).secrets = w.app(ORDERS).secrets.clone();
    });
    assert_eq!(code(turned.refresh((CLI, Some(SECRET)), &of_cli(), None)), 70_000);
}

#[test]
fn at_another_tenants_endpoint_it_is_of_another_user() {
    let elsewhere = World::acme().but(|w| w.path_tenant = id(GLOBEX));
    assert_eq!(wire(elsewhere.refresh(PUBLIC, &of_cli(), None)), (50_020, "invalid_grant", 400));
}

#[test]
fn a_page_refreshes_from_the_page_and_nobody_else_does() {
    let page = of_orders(true);
    let world = with_archive();
    assert_eq!(code(world.refresh_from((ORDERS, None), &page, None, false)), 9_002_327);
    assert_eq!(code(World::acme().refresh_from(PUBLIC, &of_cli(), None, true)), 9_002_326);
}

#[test]
fn rt_13_more_than_is_consented_is_refused_and_what_is_not_any_more_drops_out() {
    let more = World::acme().refresh(PUBLIC, &of_cli(), Some("api://ledger/Entries.Read"));
    assert_eq!(wire(more), (65_001, "invalid_grant", 400));

    let both = |w: &mut World| w.grants.push(grant(CLI, LEDGER, for_ada(), &[2, 3]));
    let world = World::acme().but(both);
    let scopes = "api://ledger/Entries.Read api://ledger/Entries.Write offline_access";
    let ticket = world.redeem(&world.code(CLI, scopes), |_| {}).unwrap().refresh.unwrap();
    let fewer = World::acme().but(|w| w.grants.push(grant(CLI, LEDGER, for_ada(), &[3])));
    assert_eq!(fewer.refresh(PUBLIC, &ticket, None).unwrap().access["scp"], "Entries.Write");
    let disabled = world.but(|w| w.app(LEDGER).scopes[1].disabled = true);
    assert_eq!(disabled.refresh(PUBLIC, &ticket, None).unwrap().access["scp"], "Entries.Read");
    assert_eq!(code(World::acme().refresh(PUBLIC, &ticket, None)), 65_001, "when none is left");
}

#[test]
fn openid_scopes_are_never_more_than_at_the_sign_in() {
    let world = World::acme();
    let silent = world.redeem(&world.code(CLI, "api://orders/Orders.Read offline_access"), |_| {});
    let ticket = silent.unwrap().refresh.unwrap();
    let again = Some("api://orders/Orders.Read openid profile");
    assert!(world.refresh(PUBLIC, &ticket, again).unwrap().id_token.is_none());
    assert!(world.refresh(PUBLIC, &of_cli(), again).unwrap().id_token.is_some());
}

#[test]
fn rt_14_the_client_is_disabled_gone_or_another() {
    let cases: [(u32, Change); 4] = [
        (7_000_112, |w| w.app(CLI).disabled = true),
        (7_000_112, |w| w.principal(CLI).disabled = true),
        (700_016, |w| w.principal(CLI).id = sp(ADA)),
        (50_173, |w| w.principal(CLI).revision += 1),
    ];
    for (expected, change) in cases {
        assert_eq!(code(World::acme().but(change).refresh(PUBLIC, &of_cli(), None)), expected);
    }
    let unassigned = World::acme().but(|w| w.principal(ORDERS).assignment_required = true);
    assert_eq!(code(unassigned.refresh(PUBLIC, &of_cli(), None)), 50_105);
}

#[test]
fn a_confidential_client_does_not_rotate() {
    let answer = with_archive().refresh((ORDERS, Some(SECRET)), &of_orders(false), None).unwrap();
    assert_eq!(answer.refresh_ticket().client.class, ClientClass::Secret);
    assert_eq!(answer.trail.last(), Some(&(Step::SingleUse, Mark::Skipped)));
}

#[test]
fn the_access_token_it_gives_can_be_passed_on() {
    let token = World::acme().refresh(PUBLIC, &of_cli(), None).unwrap().token;
    assert!(World::acme().obo(ORDERS, &token, "api://ledger/.default").is_ok());
}
