//! Two at once, and the same again (RT-01, RT-02; tickets.md 4): of two redemptions of a code one
//! wins, a rotated refresh token has one successor, and whoever comes back late ends it all.

use std::time::Duration;

use behalf_core::ticket::{ClientClass, RefreshTicket};
use futures_util::future::join_all;

use crate::common::{
    ACME, Answer, TestServer,
    users::{API_SECRET, CLI, LOOPBACK, ORDERS, V2, VERIFIER},
};

const SCOPES: &str = "api://orders/Orders.Read openid profile offline_access";
const LEDGER_DEFAULT: &str = "api://ledger/.default offline_access";

/// What a refresh token of an answer says, as only this server can read it.
fn ticket(server: &TestServer, answer: &Answer) -> RefreshTicket {
    let now = server.server.clock.now();
    let text = answer.text_of("refresh_token");
    server.server.tickets.open::<RefreshTicket>(&text, now).unwrap().into_claims()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rt_02_of_fifty_redemptions_at_once_one_wins_and_what_it_got_is_revoked() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let answers = join_all((0..50).map(|_| server.redeem(&code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_eq!(answer.refusal(), (400, "invalid_grant".into(), 54_005));
    }
    // Nobody knows which of them was the thief.
    let refresh_token = won[0].text_of("refresh_token");
    let refreshed = server.refresh(CLI, None, (&refresh_token, "")).await;
    assert_eq!(refreshed.refusal(), (400, "invalid_grant".into(), 50_173));
    let obo = server.obo(ORDERS, &won[0].text_of("access_token"), LEDGER_DEFAULT).await;
    assert_eq!(obo.refusal(), (400, "invalid_grant".into(), 50_173));
}

#[tokio::test]
async fn rt_01_a_replay_ends_what_the_next_services_made_of_it_too() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let first = server.redeem(&code).await;
    let passed_on = server.obo(ORDERS, &first.text_of("access_token"), LEDGER_DEFAULT).await;
    let (long, onward) = (passed_on.text_of("refresh_token"), passed_on.text_of("access_token"));
    let refresh = async || server.refresh(ORDERS, Some(API_SECRET), (&long, "")).await;
    assert_eq!(refresh().await.status, 200);
    assert_eq!(server.redeem(&code).await.refusal().2, 54_005);
    assert_eq!(refresh().await.refusal(), (400, "invalid_grant".into(), 50_173));
    let further = server.obo(crate::common::LEDGER, &onward, "api://archive/.default").await;
    assert_eq!(further.refusal(), (400, "invalid_grant".into(), 50_173));
}

/// Whoever only saw the code cannot make the server end what its owner got for it.
#[tokio::test]
async fn rt_01_a_replay_that_proves_nothing_ends_nothing() {
    let server = TestServer::with_users().await;
    let code = server.sealed(&server.code_ticket(CLI, SCOPES));
    let first = server.redeem(&code).await;
    let (cli, orders) = (CLI.to_string(), ORDERS.to_string());
    let wrong = VERIFIER.replace('d', "e");
    for (client, secret, redirect_uri, verifier, expected) in [
        (&cli, "", LOOPBACK, wrong.as_str(), 501_481),
        (&cli, "", LOOPBACK, "", 501_481),
        (&cli, "", "http://localhost/other", VERIFIER, 500_112),
        (&orders, API_SECRET, LOOPBACK, VERIFIER, 70_000),
        (&orders, "", LOOPBACK, VERIFIER, 70_000),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("client_secret", secret),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        assert_eq!(server.post(V2, &form).await.refusal().2, expected);
    }
    let again = server.refresh(CLI, None, (&first.text_of("refresh_token"), "")).await;
    assert_eq!(again.status, 200, "{}", again.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_refreshes_at_once_all_get_the_one_successor() {
    let server = TestServer::with_users().await;
    let first = server.signed_in().await;
    let text = first.text_of("refresh_token");
    let answers = join_all((0..50).map(|_| server.refresh(CLI, None, (&text, "")))).await;
    let family = ticket(&server, &first).family;
    let one = ticket(&server, &answers[0]);
    assert_eq!(one.client.class, ClientClass::Public { generation: 1 });
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let other = ticket(&server, answer);
        assert_eq!((other.family, other.span), (family, one.span));
        assert_eq!(other.client.class, one.client.class);
    }
    let row = server.server.store.reading().family(ACME, family).await.unwrap().unwrap();
    assert_eq!(row.generation, 1, "written once");
}

#[tokio::test]
async fn the_grace_repeats_and_ends_with_a_minute_or_when_its_answer_is_used() {
    let server = TestServer::with_users().await;
    let first = server.signed_in().await.text_of("refresh_token");
    let second = server.refresh(CLI, None, (&first, "")).await;
    let issued = ticket(&server, &second).span;
    server.clock.advance(Duration::from_mins(1));
    let repeated = server.refresh(CLI, None, (&first, "")).await;
    assert_eq!(ticket(&server, &repeated).span, issued, "not a second longer than the first");
    let third = server.refresh(CLI, None, (&repeated.text_of("refresh_token"), "")).await;
    assert_eq!(third.status, 200);
    let late = server.refresh(CLI, None, (&first, "")).await;
    assert_eq!(late.refusal(), (400, "invalid_grant".into(), 70_000));
    let newest = server.refresh(CLI, None, (&third.text_of("refresh_token"), "")).await;
    assert_eq!(newest.refusal(), (400, "invalid_grant".into(), 50_173), "it ended them all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_refresh_token_and_the_newest_at_once_leave_nobody_anything() {
    let server = TestServer::with_users().await;
    let old = server.signed_in().await.text_of("refresh_token");
    let newest = server.refresh(CLI, None, (&old, "")).await.text_of("refresh_token");
    server.clock.advance(Duration::from_mins(2));
    let texts: Vec<&str> = (0..20).map(|n| if n % 2 == 0 { &*old } else { &*newest }).collect();
    let answers = join_all(texts.iter().map(|text| server.refresh(CLI, None, (*text, "")))).await;
    let mut left: Vec<String> = vec![newest.clone()];
    for (text, answer) in texts.iter().zip(&answers) {
        if *text == old {
            assert_ne!(answer.status, 200, "an old one never gives anything");
        } else if answer.status == 200 {
            left.push(answer.text_of("refresh_token"));
        }
    }
    for text in left {
        assert_eq!(server.refresh(CLI, None, (&text, "")).await.refusal().2, 50_173);
    }
}

#[tokio::test]
async fn a_refused_refresh_burns_nothing() {
    let server = TestServer::with_users().await;
    let text = server.signed_in().await.text_of("refresh_token");
    for _ in 0..3 {
        let refused = server.refresh(CLI, None, (&text, "api://ledger/.default")).await;
        assert_eq!(refused.refusal(), (400, "invalid_grant".into(), 65_001));
    }
    server.clock.advance(Duration::from_mins(5));
    assert_eq!(server.refresh(CLI, None, (&text, "")).await.status, 200);
}
