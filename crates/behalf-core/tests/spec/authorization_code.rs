//! Authorization codes (protocol 8.3, RFC 6749 4.1.3, RFC 7636; V23, V24; security RT-01 … RT-08).

use behalf_core::{
    event::{Mark, Step},
    ticket::{ClientClass, CodeTicket, Origin, Standing},
};
use behalf_protocol::EndpointVersion;
use serde_json::json;

use crate::common::{
    ACME, GLOBEX, SECRET, code, id, wire,
    world::{ADA, ARCHIVE, CLI, Change, ORDERS, PAGE, SERVER, VERIFIER, World, for_ada, grant, sp},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";

fn world() -> World {
    World::acme().but(|w| w.grants.push(grant(ORDERS, ARCHIVE, for_ada(), &[5])))
}

/// A code for `orders` as a page.
fn of_page(world: &World) -> CodeTicket {
    let mut code = world.code(ORDERS, "api://archive/Boxes.Read offline_access");
    (code.client.spa, code.redirect_uri) = (true, PAGE.into());
    code
}

/// A code for `orders` as a web application, without PKCE.
fn of_server(world: &World) -> CodeTicket {
    let mut code = world.code(ORDERS, "api://archive/Boxes.Read offline_access");
    (code.client.confidential, code.redirect_uri, code.challenge) = (true, SERVER.into(), None);
    code
}

#[test]
fn tokens_for_what_was_agreed_on() {
    let world = world();
    let answer = world.redeem(&world.code(CLI, SCOPES), |_| {}).unwrap();
    assert_eq!(
        (&answer.access["scp"], &answer.access["azpacr"]),
        (&json!("Orders.Read"), &json!("0"))
    );
    assert_eq!((&answer.access["oid"], &answer.access["aud"]), (&json!(ADA), &json!(ORDERS)));
    let (_, id_token) = answer.id_token.as_ref().unwrap();
    assert_eq!((&id_token["aud"], &id_token["nonce"]), (&json!(CLI), &json!("n-0S6_WzA2Mj")));
    let ticket = answer.refresh_ticket();
    assert_eq!((ticket.origin, ticket.family), (Origin::Code, world.code(CLI, SCOPES).family()));
    assert_eq!(ticket.client.class, ClientClass::Public { generation: 0 });
    assert!(ticket.chain.is_empty() && ticket.password_based);
    assert_eq!(answer.trail.last(), Some(&(Step::SingleUse, Mark::Ok)));
}

#[test]
fn no_refresh_token_unasked_on_v2_and_always_on_v1() {
    let v2 = world();
    let answer = v2.redeem(&v2.code(CLI, "api://orders/Orders.Read"), |_| {}).unwrap();
    assert!(answer.refresh.is_none() && answer.id_token.is_none());
    let v1 = world().but(|w| w.version = EndpointVersion::V1);
    let mut code = v1.code(CLI, "");
    code.requested.scopes.clear();
    code.requested.resource = Some("api://orders".into());
    let answer = v1.redeem(&code, |_| {}).unwrap();
    assert_eq!((answer.scope.as_str(), answer.refresh.is_some()), ("Orders.Read", true));
}

#[test]
fn v23_the_verifier() {
    let world = world();
    let code_of = world.code(CLI, SCOPES);
    let mismatch = (501_481, "invalid_grant", 400);
    let wrong = VERIFIER.replace('d', "e");
    assert_eq!(wire(world.redeem(&code_of, |how| how.verifier = Some(wrong))), mismatch);
    assert_eq!(wire(world.redeem(&code_of, |how| how.verifier = None)), mismatch);
    let unchallenged = CodeTicket { challenge: None, ..code_of };
    let uncalled = world.redeem(&unchallenged, |how| how.verifier = Some(VERIFIER.into()));
    assert_eq!(wire(uncalled), mismatch, "a downgrade, or an injected code");
    assert!(world.redeem(&unchallenged, |_| {}).is_ok());
}

#[test]
fn v23_redirect_uri_tenant_and_endpoint() {
    let world = world();
    let code_of = world.code(CLI, SCOPES);
    for other in [None, Some("http://localhost/"), Some("http://LOCALHOST"), Some("")] {
        let refused = world.redeem(&code_of, |how| how.redirect_uri = other.map(str::to_owned));
        assert_eq!(wire(refused), (500_112, "invalid_grant", 400), "{other:?}");
    }
    let other_tenant = world.redeem(&code_of, |how| how.tenant = id(GLOBEX));
    assert_eq!(wire(other_tenant), (700_005, "invalid_grant", 400));
    let other_version = world.redeem(&code_of, |how| how.version = EndpointVersion::V1);
    assert_eq!(wire(other_version), (700_005, "invalid_grant", 400));
}

#[test]
fn v23_used_again() {
    let world = world();
    let code_of = world.code(CLI, SCOPES);
    let again = world.redeem(&code_of, |how| how.replayed = true);
    assert_eq!(wire(again), (54_005, "invalid_grant", 400));
    let ended = world.but(|w| w.family = Standing::Ended);
    assert_eq!(code(ended.redeem(&code_of, |_| {})), 54_005);
}

#[test]
fn rt_03_another_clients() {
    let world = world();
    let refused = world.redeem(&world.code(CLI, SCOPES), |how| {
        how.client = ORDERS.into();
        how.secret = Some(SECRET.into());
    });
    assert_eq!(wire(refused), (70_000, "invalid_grant", 400));
}

#[test]
fn rt_08_ten_minutes() {
    let code_of = world().code(CLI, SCOPES);
    let after = |secs| world().but(|w| w.now += secs).redeem(&code_of, |_| {});
    assert!(after(599).is_ok());
    assert_eq!(wire(after(600)), (70_008, "invalid_grant", 400));
}

#[test]
fn a_web_application_proves_itself() {
    let world = world();
    let code_of = of_server(&world);
    let answer = world.redeem(&code_of, |_| {}).unwrap();
    assert_eq!(answer.access["azpacr"], "1");
    assert_eq!(answer.refresh_ticket().client.class, ClientClass::Secret);
    let without = world.redeem(&code_of, |how| how.secret = None);
    assert_eq!(wire(without), (7_000_218, "invalid_client", 401));
    assert_eq!(code(world.redeem(&code_of, |how| how.secret = Some("x".into()))), 7_000_215);
}

#[test]
fn v24_a_page() {
    let world = world();
    let code_of = of_page(&world);
    let answer = world.redeem(&code_of, |_| {}).unwrap();
    let ticket = answer.refresh_ticket();
    assert!(ticket.client.spa && ticket.span.absolute.is_some());
    for (from_page, secret, expected) in [
        (false, None, (9_002_327, "invalid_request", 400)),
        (true, Some(SECRET), (700_025, "invalid_client", 401)),
    ] {
        let refused = world.redeem(&code_of, |how| {
            how.from_page = from_page;
            how.secret = secret.map(str::to_owned);
        });
        assert_eq!(wire(refused), expected);
    }
    let unproved = CodeTicket { challenge: None, ..code_of };
    assert_eq!(wire(world.redeem(&unproved, |_| {})), (9_002_325, "invalid_request", 400));
    for code_of in [world.code(CLI, SCOPES), of_server(&world)] {
        let refused = world.redeem(&code_of, |how| how.from_page = true);
        assert_eq!(wire(refused), (9_002_326, "invalid_request", 400));
    }
}

#[test]
fn a_scope_at_redemption_narrows_and_names_the_resource() {
    let world = world().but(|w| w.grants.push(grant(CLI, ARCHIVE, for_ada(), &[5])));
    let code_of = world.code(CLI, "api://orders/Orders.Read api://archive/Boxes.Read openid");
    let redeem = |scope: Option<&str>| {
        world.redeem(&code_of, |how| how.scope = scope.map(str::to_owned)).unwrap()
    };
    assert_eq!(redeem(None).access["aud"], ORDERS, "the first");
    let archive = redeem(Some("api://archive/Boxes.Read offline_access"));
    assert_eq!(archive.access["aud"], ARCHIVE);
    assert!(archive.refresh.is_none(), "that was not agreed on");
    assert!(archive.id_token.is_none(), "that is not asked for now");
}

#[test]
fn what_changed_since_the_sign_in_counts() {
    let code_of = world().code(CLI, SCOPES);
    let cases: [(u32, Change); 9] = [
        (50_034, |w| w.ada = None),
        (50_057, |w| w.user().disabled = true),
        (50_173, |w| w.user().revisions.all += 1),
        (50_173, |w| w.user().revisions.password += 1),
        (7_000_112, |w| w.principal(CLI).disabled = true),
        (50_173, |w| w.principal(CLI).id = sp(ACME)),
        (500_011, |w| w.entry(ORDERS).1 = None),
        (65_001, |w| w.grants.clear()),
        (50_076, |w| w.app(ORDERS).require.mfa = true),
    ];
    for (expected, change) in cases {
        assert_eq!(code(world().but(change).redeem(&code_of, |_| {})), expected);
    }
}
