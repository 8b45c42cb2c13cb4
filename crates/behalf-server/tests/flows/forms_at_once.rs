//! Two forms at once: what counts once counts once, whoever is faster.

use behalf_core::{grant::GrantedFor, user::Totp};
use behalf_server::session::totp::TotpSecret;
use futures_util::future::{join, join_all};

use super::{
    authorize_code::totp,
    browser::{Browser, DESK, READ, Seen, edit_user, grants, request, user_id, world},
};
use crate::common::{ACME, TestServer};

const BOB: &str = "bob@acme.test";

async fn enrol(server: &TestServer) {
    let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let master = &server.server.authentication.master;
    let sealed_secret = secret.seal((ACME, user_id(BOB)), master, &*server.server.entropy).unwrap();
    edit_user(server, BOB, |bob| bob.totp = Some(Totp { sealed_secret, last_step: 0 })).await;
}

#[tokio::test]
async fn of_two_browsers_with_one_code_of_an_authenticator_one_gets_in() {
    let server = world().await;
    Browser::new(&server).whole_way(&request(&[]), BOB).await;
    enrol(&server).await;
    let (mut one, mut two) = (Browser::new(&server), Browser::new(&server));
    let mut pages = Vec::new();
    for browser in [&mut one, &mut two] {
        let page = browser.open(&request(&[])).await.page();
        let page = browser.sign_in(&page, BOB).await.page();
        assert_eq!(page.heading(), "Enter the code of your authenticator app");
        pages.push(page);
    }
    let code = totp(&server);
    let fields = [("code", code.as_str()), ("do", "verify")];
    let both = join(one.submit(&pages[0], &fields), two.submit(&pages[1], &fields)).await;
    let in_ = [both.0, both.1].into_iter().filter(|seen| matches!(seen, Seen::Left(_))).count();
    assert_eq!(in_, 1);
    let sessions = [&one, &two].map(|b| b.cookies.contains_key("__Host-behalf-session"));
    assert_eq!(sessions.into_iter().filter(|signed_in| *signed_in).count(), 1);
}

#[tokio::test]
async fn cn_02_of_ten_acceptances_of_one_page_one_counts() {
    let server = world().await;
    let mut bob = Browser::new(&server);
    let page = bob.open(&request(&[])).await.page();
    let page = bob.sign_in(&page, BOB).await.page();
    let mut browsers: Vec<_> = (0..10)
        .map(|_| {
            let mut same = Browser::new(&server);
            same.cookies.clone_from(&bob.cookies);
            same
        })
        .collect();
    let fields = [("do", "accept")];
    let answers = join_all(browsers.iter_mut().map(|browser| browser.post(&page, &fields))).await;
    // Whoever comes later finds it granted, or his page used.
    assert!(answers.iter().all(|answer| [303, 400].contains(&answer.status.as_u16())));
    assert_eq!(grants(&server, ACME, DESK).await, [(GrantedFor::User(user_id(BOB)), vec![READ])]);
    // Taken back, none of them brings it back: it is asked for anew.
    let directory = behalf_server::directory::Directory::of(&server.server);
    let all = behalf_server::directory::Selection::default();
    let operator = behalf_core::access::Actor::Operator;
    directory.revoke_consent((ACME, DESK), &all, operator).await.unwrap();
    let again = join_all(browsers.iter_mut().map(|browser| browser.post(&page, &fields))).await;
    assert!(again.iter().all(|answer| answer.status == 303));
    assert_eq!(grants(&server, ACME, DESK).await, []);
}

/// Guesses at the same moment are counted before any is looked at.
#[tokio::test]
async fn cn_11_of_a_hundred_guesses_at_once_ten_are_looked_at() {
    let server = world().await;
    let mut browsers: Vec<_> = (0..100).map(|_| Browser::new(&server)).collect();
    let mut first = Browser::new(&server);
    let page = first.open(&request(&[])).await.page();
    for browser in &mut browsers {
        browser.cookies.clone_from(&first.cookies);
    }
    let fields = [("username", BOB), ("password", "wrong password"), ("do", "sign-in")];
    let answers = join_all(browsers.iter_mut().map(|browser| browser.post(&page, &fields))).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(looked_at <= 10, "{looked_at}");
    assert!(answers.iter().all(|answer| [200, 429, 503].contains(&answer.status.as_u16())));
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(busy <= 90, "{busy}");
}
