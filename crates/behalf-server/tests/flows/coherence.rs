//! Several nodes on one database: what one does the others know in time, and what counts once
//! counts once for all of them (implementation.md 2.3).

use std::time::Duration;

use behalf_core::{application::TokenAlg, grant::GrantedFor, ticket::GRACE};
use behalf_server::{
    keys::{HEARD, When},
    state::Server,
};

use crate::common::{
    ACME, Answer, DAEMON, LEDGER, SECRET, assertion, good,
    nodes::{Deployment, Node},
    users::{ADA, CLI, ORDERS, V2, grant},
};

async fn two(deployment: &Deployment) -> (Node, Node) {
    let here = deployment.node(1).await;
    (here, deployment.node(2).await)
}

fn kid(answer: &Answer) -> String {
    answer.token().0["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_taken_away_on_one_node_is_gone_on_the_other_when_it_has_looked() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    let asked = async || there.server.post(V2, &good()).await;
    assert_eq!(asked().await.status, 200);
    let secrets = std::cell::RefCell::new(Vec::new());
    here.server.edit(DAEMON, |app| secrets.borrow_mut().append(&mut app.secrets)).await;
    assert_eq!(here.server.post(V2, &good()).await.status, 401, "at once where it was done");
    there.looks().await;
    assert_eq!(asked().await.refusal().2, 7_000_215);
    here.server.edit(DAEMON, |app| app.secrets.append(&mut secrets.borrow_mut())).await;
    there.looks().await;
    assert_eq!(asked().await.status, 200);
    here.server.edit_principal(DAEMON, |principal| principal.disabled = true).await;
    there.looks().await;
    assert_eq!(asked().await.refusal().2, 7_000_112);
    here.server.edit_principal(DAEMON, |principal| principal.disabled = false).await;
    here.server.edit(LEDGER, |ledger| ledger.disabled = true).await;
    there.looks().await;
    assert_eq!(asked().await.refusal().2, 500_014);
    here.server.edit(LEDGER, |ledger| ledger.disabled = false).await;
    here.server.edit_tenant(ACME, |acme| acme.disabled = true).await;
    there.looks().await;
    assert_eq!(asked().await.refusal().2, 90_002);
}

/// A user consents on one node and the client redeems the code on another, which refused it for
/// want of that consent a moment ago.
#[tokio::test]
async fn nobody_is_refused_for_want_of_what_another_node_has_just_given() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    let scopes = "api://orders/Orders.Read openid";
    let code = |node: &Node| node.server.sealed(&node.server.code_ticket(CLI, scopes));
    let consent = |scopes: &[u128]| grant(CLI, ORDERS, GrantedFor::User(ADA), scopes);
    here.server.put_grant(&consent(&[])).await;
    there.looks().await;
    assert_eq!(there.server.redeem(&code(&there)).await.refusal().2, 65_001);
    here.server.put_grant(&consent(&[1])).await;
    deployment.clock.advance(Duration::from_millis(1));
    let code = code(&here);
    assert_eq!(there.server.redeem(&code).await.status, 200);
    assert_ne!(here.server.redeem(&code).await.status, 200, "it was used once, all the same");
}

/// The window's one exemption, and its end (decisions.md 28).
#[tokio::test]
async fn who_is_cut_off_hears_of_it_when_it_is_back() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    assert_eq!(there.server.post(V2, &good()).await.status, 200);
    there.line.cut(true);
    here.server.edit(DAEMON, |app| app.secrets.clear()).await;
    deployment.clock.advance(Duration::from_mins(5));
    there.looks().await;
    let answer = there.server.post(V2, &good()).await;
    assert_eq!(answer.json()["expires_in"], 899, "short, as what it rests on may be over");
    there.line.cut(false);
    there.looks().await;
    assert_eq!(there.server.post(V2, &good()).await.status, 401);
}

#[tokio::test]
async fn nodes_that_start_on_the_same_data_share_its_secrets_and_keys() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    let (a, b) = (here.server.post(V2, &good()).await, there.server.post(V2, &good()).await);
    assert_eq!(kid(&a), kid(&b), "and the secret's hash was made with the same pepper");
    let subject = |node: &Node| {
        let server = &node.server.server;
        server.pairwise.subject(ACME, behalf_core::id::ObjectId(uuid::Uuid::from_u128(1)), CLI)
    };
    assert_eq!(subject(&here), subject(&there));
}

/// The first start of a deployment, on every node at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_on_nothing_agree() {
    let deployment = Deployment::new();
    let (a, b, c) = tokio::join!(deployment.bare(1), deployment.bare(2), deployment.bare(3));
    let now = deployment.clock_now();
    for node in [&a, &b, &c] {
        node.keys.maintain().await.unwrap();
    }
    for node in [&a, &b, &c] {
        node.keys.maintain().await.unwrap();
        assert_eq!(node.keys.current().keys(now), a.keys.current().keys(now));
        assert_eq!(node.tickets.keys().schedules(), a.tickets.keys().schedules());
        assert_eq!(node.pepper.hash(SECRET), a.pepper.hash(SECRET));
        let user = behalf_core::id::ObjectId(uuid::Uuid::from_u128(1));
        let subject = |node: &Server| node.pairwise.subject(ACME, user, CLI);
        assert_eq!(subject(node), subject(&a));
    }
    assert_eq!(a.keys.current().keys(now).len(), 4);
    assert_eq!(a.tickets.keys().schedules().len(), 1);
}

#[tokio::test]
async fn a_hurried_key_signs_on_every_node_when_every_node_knows_it() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.looks().await;
    there.looks().await;
    let asked = async |node: &Node| kid(&node.server.post(V2, &good()).await);
    let before = asked(&here).await;
    here.server.server.keys.rotate(TokenAlg::Rs256, When::Now).await.unwrap();
    deployment.clock.advance(HEARD.saturating_sub(Duration::from_millis(1)));
    assert_eq!(asked(&here).await, before, "the others may not know yet");
    there.looks().await;
    deployment.clock.advance(Duration::from_millis(1));
    let after = asked(&here).await;
    assert_ne!(after, before);
    assert_eq!(asked(&there).await, after);
    let now = deployment.clock_now();
    assert!(there.server.server.keys.current().verifying(&after, now, now).is_some());
}

/// What the revoked epoch sealed opens nowhere, and until every node knows the next one nothing is
/// sealed that another node could not open.
#[tokio::test]
async fn after_an_epoch_was_revoked_no_node_seals_before_all_can_open() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    there.looks().await;
    let before = here.server.signed_in().await.text_of("refresh_token");
    here.server.server.tickets.keys().revoke(1).await.unwrap();
    there.looks().await;
    let page = format!("/acme.test/oauth2/v2.0/authorize?client_id={CLI}&response_type=code");
    for node in [&here, &there] {
        assert_eq!(node.server.refresh(CLI, None, (&before, "")).await.status, 400);
        let answer = node.server.get(&page).await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(here.server.post(V2, &good()).await.status, 200, "clients need no epoch");
    deployment.clock.advance(HEARD);
    here.looks().await;
    there.looks().await;
    let after = here.server.signed_in().await.text_of("refresh_token");
    assert_eq!(there.server.refresh(CLI, None, (&after, "")).await.status, 200);
    assert_ne!(there.server.get(&page).await.status, 503);
}

/// A database changed hands, and another node was the first to begin anew.
#[tokio::test]
async fn a_ticket_of_an_epoch_that_is_not_known_yet_is_not_refused() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    there.looks().await;
    here.server.server.tickets.keys().revoke(1).await.unwrap();
    // The follower is quicker than who looks after the keys.
    deployment.clock.advance(HEARD.saturating_sub(Duration::from_secs(1)));
    there.hears().await;
    deployment.clock.advance(Duration::from_secs(1));
    here.looks().await;
    let code = || here.server.sealed(&here.server.code_ticket(CLI, "openid"));
    assert_eq!(there.server.redeem(&code()).await.status, 200);
}

#[tokio::test]
async fn who_is_cut_off_signs_with_what_it_had_seen_published() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.looks().await;
    there.looks().await;
    let before = kid(&there.server.post(V2, &good()).await);
    there.line.cut(true);
    // Two in a row: the second is one that nobody had announced before the line was cut.
    for _ in 0..2 {
        here.server.server.keys.rotate(TokenAlg::Rs256, When::Now).await.unwrap();
        deployment.clock.advance(HEARD);
        here.looks().await;
    }
    deployment.clock.advance(Duration::from_secs(1));
    there.looks().await;
    assert_eq!(kid(&there.server.post(V2, &good()).await), before);
    there.line.cut(false);
    there.looks().await;
    assert_eq!(
        kid(&there.server.post(V2, &good()).await),
        kid(&here.server.post(V2, &good()).await)
    );
}

/// The use of a code is a record that one commit makes, whichever node it is used at.
#[tokio::test]
async fn a_code_counts_once_for_all_nodes() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    there.looks().await;
    for round in 0..10 {
        let ticket = here.server.code_ticket(CLI, "api://orders/Orders.Read openid");
        let code = here.server.sealed(&ticket);
        let (a, b) = tokio::join!(here.server.redeem(&code), there.server.redeem(&code));
        let won = [&a, &b].into_iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1, "round {round}");
    }
}

/// Whoever comes back late with a refresh token that another node has rotated ends it all, on the
/// other node too once that has looked.
#[tokio::test]
async fn a_refresh_token_rotates_on_all_nodes() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    there.looks().await;
    let first = here.server.signed_in().await.text_of("refresh_token");
    let second = here.server.refresh(CLI, None, (&first, "")).await.text_of("refresh_token");
    deployment.clock.advance(GRACE + Duration::from_secs(1));
    here.looks().await;
    there.looks().await;
    let late = there.server.refresh(CLI, None, (&first, "")).await;
    assert_eq!(late.refusal().1, "invalid_grant");
    here.looks().await;
    let newest = here.server.refresh(CLI, None, (&second, "")).await;
    assert_eq!(newest.refusal(), (400, "invalid_grant".into(), 50_173));
}

#[tokio::test]
async fn a_strict_clients_assertion_counts_once_for_all_nodes() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    assertion::register(&here.server).await;
    here.server.edit(DAEMON, |app| app.behalf.strict_assertions = true).await;
    there.looks().await;
    let aud = serde_json::json!(format!("{}/{ACME}/v2.0", crate::common::BASE));
    for jti in 0..10 {
        let claims = assertion::with(assertion::claims(), "aud", aud.clone());
        let claims = assertion::with(claims, "jti", serde_json::json!(jti.to_string()));
        let text = assertion::signed(&assertion::header(), &claims);
        let (a, b) = tokio::join!(
            assertion::present(&here.server, &text),
            assertion::present(&there.server, &text)
        );
        let won = [&a, &b].into_iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1, "{jti}");
    }
}

#[tokio::test]
async fn a_family_that_was_ended_on_one_node_is_ended_on_the_other() {
    let deployment = Deployment::new();
    let (here, there) = two(&deployment).await;
    here.server.settle_users().await;
    there.looks().await;
    let first = here.server.signed_in().await.text_of("refresh_token");
    let second = there.server.refresh(CLI, None, (&first, "")).await.text_of("refresh_token");
    let client = CLI.to_string();
    let form = [("client_id", client.as_str()), ("token", second.as_str())];
    assert_eq!(here.server.post("/acme.test/oauth2/v2.0/revoke", &form).await.status, 200);
    there.looks().await;
    let ended = there.server.refresh(CLI, None, (&second, "")).await;
    assert_eq!(ended.refusal(), (400, "invalid_grant".into(), 50_173));
}
