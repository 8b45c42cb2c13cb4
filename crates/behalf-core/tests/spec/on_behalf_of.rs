//! On-behalf-of (protocol 3; V15 … V20, V34; security OB-01 … OB-20).

use behalf_core::{
    application::{OptionalClaim, PreAuthorized, Require, TokenVersion},
    event::{Mark, Step},
    grant::GrantedFor,
    ticket::{CHAIN_MAX, Origin, Standing},
    token::Refusal,
};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, base64url, sign_compact};
use behalf_protocol::EndpointVersion;
use serde_json::{Value, json};

use crate::common::{
    ACME, BASE, GLOBEX, NOW, SECRET, assignment, at, code, id, wire,
    world::{
        ADA, ARCHIVE, CLI, Change, LEDGER, ORDERS, World, assigned, claims, for_ada, grant,
        permission, sign, sp,
    },
};

const READ: &str = "api://ledger/Entries.Read";

/// `orders` presents the token it was called with, changed and signed with our own key.
fn with_claim(world: &World, name: &str, value: Value) -> Result<(), Refusal> {
    let mut token = claims(&world.token_for_orders());
    token[name] = value;
    world.obo(ORDERS, &sign(&token), READ).map(|_| ())
}

#[test]
fn v15_the_same_user_by_another_subject_and_the_caller_as_client() {
    for version in [EndpointVersion::V1, EndpointVersion::V2] {
        let world = World::acme().but(|w| w.version = version);
        let token_a = world.token_for_orders();
        let scope = match version {
            EndpointVersion::V1 => "api://ledger openid",
            EndpointVersion::V2 => "api://ledger/Entries.Read openid profile offline_access",
        };
        let answer = world.obo(ORDERS, &token_a, scope).unwrap();
        let (a, b) = (claims(&token_a), &answer.access);
        assert_eq!(
            (&b["azp"], &b["azpacr"], &b["aud"]),
            (&json!(ORDERS), &json!("1"), &json!(LEDGER))
        );
        assert_eq!(
            (&b["oid"], &b["tid"], &b["scp"]),
            (&json!(ADA), &json!(ACME), &json!("Entries.Read"))
        );
        assert_ne!(a["sub"], b["sub"]);
        let (_, id_token) = answer.id_token.as_ref().unwrap();
        assert_eq!((&id_token["sub"], &id_token["aud"]), (&a["sub"], &json!(ORDERS)));
        assert_eq!(id_token["uti"], b["uti"]);
        let ticket = answer.refresh_ticket();
        assert_eq!((ticket.user, ticket.client.app_id), (id(ADA), id(ORDERS)));
        assert_eq!(
            (ticket.origin, ticket.chain.as_slice()),
            (Origin::OnBehalfOf, [sp(CLI)].as_slice())
        );
    }
}

#[test]
fn v15_a_refresh_token_comes_by_itself_on_v1_and_when_asked_on_v2() {
    let asked = |world: &World, scope| {
        world.obo(ORDERS, &world.token_for_orders(), scope).unwrap().refresh.is_some()
    };
    let v2 = World::acme();
    assert!(!asked(&v2, READ) && asked(&v2, "api://ledger/Entries.Read offline_access"));
    let v1 = World::acme().but(|w| w.version = EndpointVersion::V1);
    assert!(asked(&v1, "api://ledger"));
    assert!(!asked(&v1.but(|w| w.tenant.users.v1_refresh_on_request = true), "api://ledger"));
}

#[test]
fn the_sign_in_is_carried_over_though_the_assertion_does_not_show_it() {
    let world = World::acme()
        .but(|w| w.app(LEDGER).requested_access_token_version = Some(TokenVersion::V1));
    let token_a = world.token_for_orders();
    assert_eq!(claims(&token_a).get("amr"), None, "a v2.0 token does not say");
    let b = world.obo(ORDERS, &token_a, READ).unwrap().access;
    assert_eq!(
        (&b["amr"], &b["acr"], &b["ipaddr"]),
        (&json!(["pwd"]), &json!("1"), &json!("192.0.2.7"))
    );
    assert_eq!(
        (&b["appid"], &b["upn"], &b["ver"]),
        (&json!(ORDERS), &json!("ada@acme.test"), &json!("1.0"))
    );
    assert_eq!(b["aud"], "api://ledger");
}

#[test]
fn the_checks_are_made_in_the_order_of_the_acceptance_table() {
    let world = World::acme();
    let answer = world.obo(ORDERS, &world.token_for_orders(), READ).unwrap();
    let (ok, skipped) = (Mark::Ok, Mark::Skipped);
    assert_eq!(
        answer.trail,
        [
            (Step::Credential, ok),
            (Step::Presented, ok),
            (Step::User, ok),
            (Step::ServicePrincipal, ok),
            (Step::Resource, ok),
            (Step::Assignment, skipped),
            (Step::Consent, ok),
            (Step::Policy, skipped),
        ]
    );
    // Each fault alone, and with all the later ones: the earliest in the table is told.
    let faults: [(u32, Change); 9] = [
        (500_133, |w| w.now += 4000),
        (50_034, |w| w.ada = None),
        (50_057, |w| w.user().disabled = true),
        (50_173, |w| w.user().revisions.all += 1),
        (50_173, |w| w.family = Standing::Ended),
        (7_000_112, |w| w.principal(ORDERS).disabled = true),
        (500_014, |w| w.principal(LEDGER).disabled = true),
        (50_105, |w| w.principal(LEDGER).assignment_required = true),
        (65_001, |w| w.grants.clear()),
    ];
    let token = world.token_for_orders();
    for (n, (expected, fault)) in faults.iter().enumerate() {
        let alone = world.clone().but(fault);
        assert_eq!(code(alone.obo(ORDERS, &token, READ)), *expected, "fault {n} alone");
        let mut all = alone;
        for (later, (_, fault)) in faults.iter().enumerate().skip(n + 1) {
            // Nobody can be disabled who is not there.
            let impossible = later == 1 || (n == 1 && matches!(later, 2 | 3));
            if !impossible {
                fault(&mut all);
            }
        }
        assert_eq!(
            code(all.obo(ORDERS, &token, READ)),
            *expected,
            "fault {n} before all later ones"
        );
    }
}

#[test]
fn v16_another_audience() {
    let world = World::acme().but(|w| w.grants.push(grant(CLI, LEDGER, for_ada(), &[2])));
    let for_ledger = world.redeem(&world.code(CLI, READ), |_| {}).unwrap().token;
    let refused = world.obo(ORDERS, &for_ledger, READ);
    let text = refused.as_ref().unwrap_err().to_string();
    assert!(text.contains(LEDGER) && text.contains(ORDERS), "{text}");
    assert_eq!(wire(refused), (500_131, "invalid_grant", 400));
}

#[test]
fn any_of_the_callers_names_is_its_audience_and_nobody_elses() {
    let world = World::acme();
    for aud in [ORDERS, "api://orders", "API://Orders", "api://orders/"] {
        with_claim(&world, "aud", json!(aud)).unwrap();
    }
    for aud in ["api://order", "api://orders/x", "", LEDGER, "00000000-0000-0000-0000-000000000000"]
    {
        assert_eq!(code(with_claim(&world, "aud", json!(aud))), 500_131, "{aud}");
    }
}

#[test]
fn v16_expired_or_not_yet_valid() {
    let token = World::acme().token_for_orders();
    let at = |now| World::acme().but(|w| w.now = now).obo(ORDERS, &token, READ);
    assert!(at(NOW + 3599).is_ok());
    assert_eq!(wire(at(NOW + 3600)), (500_133, "invalid_grant", 400));
    assert!(at(NOW - 300).is_ok());
    assert_eq!(code(at(NOW - 301)), 500_133);
}

#[test]
fn v16_tampered_unsigned_or_signed_by_another() {
    let world = World::acme();
    let token = world.token_for_orders();
    let parts: Vec<&str> = token.split('.').collect();
    let header = |json: &str| base64url::encode(json);
    let none = header(r#"{"alg":"none","kid":"key-of-november"}"#);
    let hmac = header(r#"{"alg":"HS256","kid":"key-of-november"}"#);
    let unknown = header(r#"{"alg":"RS256","kid":"key-of-december"}"#);
    let nameless = header(r#"{"alg":"RS256"}"#);
    let mut other_scopes = claims(&token);
    other_scopes["scp"] = json!("Orders.Write");
    let payload = base64url::encode(other_scopes.to_string());
    for forged in [
        format!("{}.{payload}.{}", parts[0], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{hmac}.{}.{}", parts[1], parts[2]),
        format!("{unknown}.{}.{}", parts[1], parts[2]),
        format!("{nameless}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.AAAA", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], base64url::encode("{}"), parts[2]),
    ] {
        assert_eq!(
            wire(world.obo(ORDERS, &forged, READ)),
            (50_013, "invalid_grant", 400),
            "{forged}"
        );
    }
}

#[test]
fn ob_05_another_servers_key_of_the_same_name() {
    let world = World::acme();
    let token = world.token_for_orders();
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let header = EncodedHeader::new("JWT", &key, "key-of-november", None);
    let forged = sign_compact(&header, claims(&token).to_string().as_bytes(), &key).unwrap();
    assert_eq!(wire(world.obo(ORDERS, &forged, READ)), (50_013, "invalid_grant", 400));
}

#[test]
fn what_is_no_jwt_is_told_apart() {
    let world = World::acme();
    let refresh_token =
        world.redeem(&world.code(CLI, "api://orders/Orders.Read offline_access"), |_| {});
    let sealed = crate::common::world::ring()
        .seal(
            id(ACME),
            refresh_token.unwrap().refresh_ticket(),
            behalf_core::ticket::SealEntropy([1; 28]),
            at(NOW),
        )
        .unwrap();
    for text in
        [sealed.as_str(), "", "opaque", "a.b", "a.b.c.d", "Bearer eyJ.eyJ.x", &"a".repeat(9000)]
    {
        let refused = world.obo(ORDERS, text, READ);
        assert_eq!(wire(refused), (50_027, "invalid_request", 400), "{text}");
    }
}

#[test]
fn v16_a_foreign_issuer_or_another_tenant() {
    let world = World::acme();
    let v1_issuer = json!(format!("{BASE}/{ACME}/"));
    for (name, value) in [
        ("iss", json!(format!("https://sts.other.test/{ACME}/v2.0"))),
        ("iss", json!(format!("{BASE}/{GLOBEX}/v2.0"))),
        ("iss", v1_issuer),
        ("tid", json!(GLOBEX)),
    ] {
        assert_eq!(code(with_claim(&world, name, value)), 50_013, "{name}");
    }
}

#[test]
fn v16_an_id_token_and_an_app_only_token() {
    let world = World::acme();
    let answer =
        world.obo(ORDERS, &world.token_for_orders(), "api://ledger/Entries.Read openid profile");
    let (id_token, _) = answer.unwrap().id_token.unwrap();
    assert_eq!(wire(world.obo(ORDERS, &id_token, READ)), (240_002, "invalid_request", 400));

    let mut app_only = claims(&world.token_for_orders());
    app_only.as_object_mut().unwrap().remove("scp");
    app_only["sub"] = app_only["oid"].clone();
    let refused = world.obo(ORDERS, &sign(&app_only), READ);
    assert_eq!(wire(refused), (7_000_114, "unauthorized_client", 400));
}

#[test]
fn the_chain_must_be_sealed_for_this_very_token() {
    let world = World::acme();
    let mut without = claims(&world.token_for_orders());
    without.as_object_mut().unwrap().remove("aio");
    assert_eq!(code(world.obo(ORDERS, &sign(&without), READ)), 50_013);
    for (name, value) in [
        ("aio", json!("")),
        ("aio", json!("AQAAAAE")),
        ("uti", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("uti", json!("x")),
    ] {
        assert_eq!(code(with_claim(&world, name, value)), 50_013, "{name}");
    }
    // Deleted and made anew, the caller is another one.
    let remade = World::acme().but(|w| w.principal(ORDERS).id = sp(ADA));
    assert_eq!(code(remade.obo(ORDERS, &world.token_for_orders(), READ)), 50_013);
}

#[test]
fn v17_without_consent_and_after_it() {
    let world = World::acme().but(|w| w.grants.retain(|grant| grant.client != sp(ORDERS)));
    let token = world.token_for_orders();
    let refused = world.obo(ORDERS, &token, READ).unwrap_err();
    assert_eq!(refused.aadsts().suberror(), Some("consent_required"));
    assert_eq!(wire(Err::<(), _>(refused)), (65_001, "invalid_grant", 400));
    let granted = world.but(|w| w.grants.push(grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2])));
    assert!(granted.obo(ORDERS, &token, READ).is_ok());
}

#[test]
fn v18_a_chain_of_three() {
    let world = World::acme();
    let b = world.obo(ORDERS, &world.token_for_orders(), READ).unwrap().token;
    let c = world.obo(LEDGER, &b, "api://archive/Boxes.Read").unwrap().access;
    assert_eq!(
        (&c["azp"], &c["scp"], &c["oid"]),
        (&json!(LEDGER), &json!("Boxes.Read"), &json!(ADA))
    );
    assert_eq!(c.get("act"), None, "unless the resource asks");
}

#[test]
fn the_actors_are_named_where_the_resource_asks_the_current_one_outermost() {
    let world = World::acme().but(|w| {
        w.app(ARCHIVE).optional_claims.access_token.insert(OptionalClaim::Act);
    });
    let b = world.obo(ORDERS, &world.token_for_orders(), READ).unwrap().token;
    let c = world.obo(LEDGER, &b, "api://archive/.default").unwrap().access;
    let actor = |app: &str| json!({"sub": sp(app), "appid": app});
    let mut expected = actor(LEDGER);
    expected["act"] = actor(ORDERS);
    expected["act"]["act"] = actor(CLI);
    assert_eq!(c["act"], expected);
}

#[test]
fn ob_20_actors_in_the_assertion_are_ignored() {
    let world = World::acme().but(|w| {
        w.app(LEDGER).optional_claims.access_token.insert(OptionalClaim::Act);
    });
    let mut token = claims(&world.token_for_orders());
    token["act"] = json!({"sub": ADA, "appid": ARCHIVE});
    token["may_act"] = json!({"sub": "anybody"});
    let b = world.obo(ORDERS, &sign(&token), READ).unwrap().access;
    assert_eq!(b["act"]["act"], json!({"sub": sp(CLI), "appid": CLI}));
}

#[test]
fn ob_15_a_chain_ends_after_eight_services() {
    let world = World::acme().but(|w| {
        w.grants.push(grant(LEDGER, ORDERS, GrantedFor::Everyone, &[1]));
    });
    let mut token = world.token_for_orders();
    for hop in 2..=CHAIN_MAX {
        let (caller, scope) =
            if hop % 2 == 0 { (ORDERS, READ) } else { (LEDGER, "api://orders/Orders.Read") };
        token = world.obo(caller, &token, scope).unwrap().token;
    }
    assert_eq!(
        wire(world.obo(LEDGER, &token, "api://archive/.default")),
        (50_013, "invalid_grant", 400)
    );
}

#[test]
fn v19_default_is_the_union_of_the_users_and_everyones_grants() {
    let world = World::acme().but(|w| w.grants.push(grant(ORDERS, LEDGER, for_ada(), &[3])));
    let answer = world.obo(ORDERS, &world.token_for_orders(), "api://ledger/.default").unwrap();
    assert_eq!(answer.access["scp"], "Entries.Read Entries.Write");
    assert_eq!(
        answer.scope,
        "api://ledger/Entries.Read api://ledger/Entries.Write api://ledger/.default"
    );
    let nothing = world.but(|w| w.grants.retain(|grant| grant.client != sp(ORDERS)));
    let refused = nothing.obo(ORDERS, &nothing.token_for_orders(), "api://ledger/.default");
    assert_eq!(code(refused), 65_001, "if there is none at all");
}

#[test]
fn v20_a_preauthorised_client_needs_no_grant() {
    let world = World::acme().but(|w| {
        w.grants.retain(|grant| grant.client != sp(ORDERS));
        let scopes = [permission(2)].into();
        w.app(LEDGER).pre_authorized = vec![PreAuthorized { app_id: id(ORDERS), scopes }];
    });
    let token = world.token_for_orders();
    assert_eq!(world.obo(ORDERS, &token, READ).unwrap().access["scp"], "Entries.Read");
    assert_eq!(code(world.obo(ORDERS, &token, "api://ledger/Entries.Write")), 65_001);
}

#[test]
fn ob_11_never_more_than_what_was_consented() {
    let world = World::acme();
    let token = world.token_for_orders();
    for (scope, expected) in [
        ("api://ledger/Entries.Write", 65_001),
        ("api://ledger/Entries.Read api://ledger/Entries.Purge", 65_001),
        ("api://ledger/Entries.Nothing", 70_011),
        ("api://ledger/entries.read", 70_011),
        ("api://archive/Boxes.Read", 65_001),
        ("api://nowhere/Read", 500_011),
    ] {
        assert_eq!(code(world.obo(ORDERS, &token, scope)), expected, "{scope}");
    }
    let disabled = world.but(|w| w.app(LEDGER).scopes[0].disabled = true);
    assert_eq!(code(disabled.obo(ORDERS, &token, READ)), 70_011);
    let oidc = "api://ledger/Entries.Read openid profile email offline_access";
    assert!(World::acme().obo(ORDERS, &token, oidc).is_ok(), "no consent is asked for these");
}

#[test]
fn application_roles_of_the_caller_are_left_out_and_the_users_are_in() {
    let world = World::acme().but(|w| w.assignments = vec![assigned(LEDGER, permission(9))]);
    let token = world.token_for_orders();
    assert_eq!(world.obo(ORDERS, &token, READ).unwrap().access["roles"], json!(["Auditor"]));
    let none = World::acme().but(|w| w.assignments = vec![assignment(ADA)]);
    assert_eq!(none.obo(ORDERS, &token, READ).unwrap().access.get("roles"), None);
}

#[test]
fn ob_13_assignment_is_the_users() {
    let world = World::acme().but(|w| w.principal(LEDGER).assignment_required = true);
    let token = world.token_for_orders();
    let refused = world.obo(ORDERS, &token, READ);
    let text = refused.as_ref().unwrap_err().to_string();
    assert!(text.contains("ada@acme.test") && text.contains(LEDGER), "{text}");
    assert_eq!(wire(refused), (50_105, "invalid_grant", 400));
    let assigned = world.but(|w| w.assignments = vec![assigned(LEDGER, permission(9))]);
    assert!(assigned.obo(ORDERS, &token, READ).is_ok());
}

#[test]
fn ob_14_only_a_client_that_proves_itself() {
    let world = World::acme();
    let token = world.token_for_orders();
    let missing = (7_000_218, "invalid_client", 401);
    assert_eq!(wire(world.obo_with(ORDERS, None, &token, READ)), missing);
    assert_eq!(wire(world.obo_with(CLI, None, &token, READ)), missing);
    assert_eq!(code(world.obo_with(ORDERS, Some("wrong"), &token, READ)), 7_000_215);
    assert_eq!(code(world.obo_with(CLI, Some(SECRET), &token, READ)), 700_025);
}

#[test]
fn ob_12_whatever_becomes_of_the_user_ends_it() {
    let token = World::acme().token_for_orders();
    let cases: [(u32, Change); 6] = [
        (50_034, |w| w.ada = None),
        (50_057, |w| w.user().disabled = true),
        (50_173, |w| w.user().revisions.all += 1),
        (50_173, |w| w.user().revisions.password += 1),
        (50_173, |w| w.tenant.revision += 1),
        (50_173, |w| w.family = Standing::Ended),
    ];
    for (expected, change) in cases {
        assert_eq!(code(World::acme().but(change).obo(ORDERS, &token, READ)), expected);
    }
}

#[test]
fn the_front_client_need_not_be_there_any_more() {
    let token = World::acme().token_for_orders();
    let world = World::acme().but(|w| {
        w.grants.retain(|grant| grant.client != sp(CLI));
        w.principal(CLI).disabled = true;
    });
    assert!(world.obo(ORDERS, &token, READ).is_ok());
}

#[test]
fn v34_its_refresh_token_stands_on_the_callers_own_grants() {
    let answer = |world: &World| {
        let scope = "api://ledger/Entries.Read offline_access";
        world.obo(ORDERS, &world.token_for_orders(), scope).unwrap()
    };
    let ticket = answer(&World::acme()).refresh.unwrap();
    let orders = (ORDERS, Some(SECRET));
    let front_gone = World::acme().but(|w| {
        w.grants.retain(|grant| grant.client != sp(CLI));
        w.app(CLI).disabled = true;
        w.grants.push(grant(ORDERS, ARCHIVE, for_ada(), &[5]));
    });
    let same = front_gone.refresh(orders, &ticket, None).unwrap();
    assert_eq!(
        (&same.access["scp"], &same.access["azp"]),
        (&json!("Entries.Read"), &json!(ORDERS))
    );
    let other = front_gone.refresh(orders, &ticket, Some("api://archive/Boxes.Read")).unwrap();
    assert_eq!((&other.access["aud"], &other.access["oid"]), (&json!(ARCHIVE), &json!(ADA)));
    assert_eq!(other.refresh_ticket().chain.as_slice(), [sp(CLI)], "it still tells the way");

    let cases: [(u32, Change); 5] = [
        (50_173, |w| w.user().revisions.all += 1),
        (50_057, |w| w.user().disabled = true),
        (7_000_112, |w| w.app(ORDERS).disabled = true),
        (50_173, |w| w.principal(ORDERS).revision += 1),
        (65_001, |w| w.grants.retain(|grant| grant.client != sp(ORDERS))),
    ];
    for (expected, change) in cases {
        assert_eq!(code(World::acme().but(change).refresh(orders, &ticket, None)), expected);
    }
}

#[test]
fn a_demand_on_the_sign_in_says_what_to_bring() {
    let token = World::acme().token_for_orders();
    let demanding = |require: Require| World::acme().but(|w| w.app(LEDGER).require = require);
    let refused = |world: &World| world.obo(ORDERS, &token, READ).unwrap_err();

    let mfa = refused(&demanding(Require { mfa: true, ..Require::default() }));
    let challenge = json!({"access_token": {"capolids": {"essential": true, "values": [LEDGER]}}});
    assert_eq!(mfa.claims().unwrap(), challenge.to_string());
    assert_eq!(mfa.aadsts().suberror(), Some("basic_action"));
    assert_eq!(wire(Err::<(), _>(mfa)), (50_076, "invalid_grant", 400));

    let context = refused(&demanding(Require { acrs: ["c1".into()].into(), ..Require::default() }));
    let challenge = json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}});
    assert_eq!(context.claims().unwrap(), challenge.to_string());

    let max_age = |secs| Require { max_age_secs: Some(secs), ..Require::default() };
    assert_eq!(code(demanding(max_age(599)).obo(ORDERS, &token, READ)), 70_043);
    let fresh = demanding(max_age(600)).obo(ORDERS, &token, READ).unwrap().access;
    assert_eq!((&fresh["auth_time"], &fresh["amr"]), (&json!(NOW - 600), &json!(["pwd"])));

    let scope_only = World::acme().but(|w| w.app(LEDGER).scopes[1].require.mfa = true);
    assert!(scope_only.obo(ORDERS, &token, READ).is_ok(), "another scope's demand");
}

#[test]
fn v27_capabilities_are_told_to_whom_asks_for_them() {
    let token = World::acme().token_for_orders();
    let cp1 = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    for (says, asks, expected) in
        [(true, true, Some(json!(["cp1"]))), (true, false, None), (false, true, None)]
    {
        let world = World::acme().but(|w| {
            w.claims = if says { cp1 } else { "{}" }.into();
            if asks {
                w.app(LEDGER).optional_claims.access_token.insert(OptionalClaim::XmsCc);
            }
        });
        let access = world.obo(ORDERS, &token, READ).unwrap().access;
        assert_eq!(access.get("xms_cc"), expected.as_ref(), "{says} {asks}");
    }
}

#[test]
fn cc_10_nobody_gets_a_users_token_for_itself_but_by_its_id() {
    let world = World::acme().but(|w| w.grants.push(grant(ORDERS, ORDERS, for_ada(), &[1])));
    let token = world.token_for_orders();
    for scope in ["api://orders/Orders.Read", "api://orders/.default"] {
        assert_eq!(wire(world.obo(ORDERS, &token, scope)), (90_009, "invalid_request", 400));
    }
    let own = world.obo(ORDERS, &token, &format!("{ORDERS}/Orders.Read")).unwrap().access;
    assert_eq!((&own["aud"], &own["scp"]), (&json!(ORDERS), &json!("Orders.Read")));
    assert_eq!(own["azp"], ORDERS);
}
