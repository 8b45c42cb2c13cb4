//! What users do in the browser is in the sign-in log: who signed in by what, who went back, and
//! what clients were refused.

use behalf_core::{
    event::{ClientRef, Grant, Mark, Outcome, SignInEvent, Step},
    id::RequestId,
    ticket::AuthenticationMethod,
};
use behalf_server::journal::{Query, Record};

use super::browser::{BACK, Browser, DESK, PASSWORD, request, user_id, world};
use crate::common::{ACME, Answer, DAEMON, TestServer};

const BOB: &str = "bob@acme.test";

fn event(server: &TestServer, answer: &Answer) -> SignInEvent {
    let id = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    server.event(RequestId(id))
}

/// The browser's events in Acme, newest first.
fn events(server: &TestServer) -> Vec<SignInEvent> {
    let query = Query { tenant: Some(ACME), limit: 100, ..Query::default() };
    let page = server.server.journal.query(&query).unwrap();
    let events = page.entries.into_iter().filter_map(|entry| match entry.record {
        Record::SignIn(event) => Some(*event),
        Record::Tally(_) | Record::Gap(_) => None,
    });
    events.filter(|event| event.grant == Grant::Authorize).collect()
}

#[tokio::test]
async fn who_signed_in_and_by_what() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let fields = [("username", BOB), ("password", PASSWORD), ("do", "sign-in")];
    let answer = browser.post(&page, &fields).await;
    assert_eq!(answer.status, 303);
    let event = event(&server, &answer);
    assert_eq!((event.tenant, event.user), (ACME, Some(user_id(BOB))));
    assert_eq!((event.client, event.grant), (ClientRef::Id(DESK), Grant::Authorize));
    assert_eq!(event.outcome, Outcome::SignedIn { methods: vec![AuthenticationMethod::Password] });
    let steps: Vec<_> = event.trail.steps().collect();
    let expected = [Step::Tenant, Step::Form, Step::Client, Step::Presented, Step::User];
    assert_eq!(steps, expected.map(|step| (step, Mark::Ok)));
    let text = format!("{event:?}");
    assert!(!text.contains(PASSWORD) && !text.contains(BOB), "{text}");
    // A session that is used again is no sign-in: the code's redemption has its own event.
    let before = events(&server).len();
    let location = answer.header("location").unwrap().to_owned();
    let page = browser.open(&location).await.page();
    browser.submit(&page, &[("do", "accept")]).await.left();
    browser.open(&request(&[])).await.left();
    assert_eq!(events(&server).len(), before);
    let query = Query { app: Some(DESK), limit: 10, ..Query::default() };
    assert_eq!(server.server.journal.query(&query).unwrap().entries.len(), before);
}

#[tokio::test]
async fn who_went_back_and_from_where() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    let page = browser.open(&request(&[])).await.page();
    let answer = browser.post(&page, &[("do", "cancel")]).await;
    assert!(answer.header("location").unwrap().starts_with(BACK), "to the application");
    let cancelled = event(&server, &answer);
    assert!(matches!(cancelled.outcome, Outcome::Refused { code: 65_004, .. }), "{cancelled:?}");
    assert_eq!((cancelled.tenant, cancelled.user), (ACME, None));
    assert_eq!(cancelled.trail.first_failed(), Some(Step::Presented));

    let consent = browser.sign_in(&page, BOB).await.page();
    let answer = browser.post(&consent, &[("do", "cancel")]).await;
    let declined = event(&server, &answer);
    assert!(matches!(declined.outcome, Outcome::Refused { code: 65_004, .. }), "{declined:?}");
    assert_eq!(declined.user, Some(user_id(BOB)));
    assert_eq!(declined.trail.first_failed(), Some(Step::Consent));
}

#[tokio::test]
async fn what_a_client_was_refused() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    for (changes, code, failed) in [
        (&[("prompt", "none")][..], 50_058, Step::Presented),
        (&[("response_type", "token")], 700_054, Step::Form),
        (&[("scope", "")], 900_144, Step::Form),
    ] {
        browser.open(&request(changes)).await.left();
        let newest = &events(&server)[0];
        assert!(matches!(newest.outcome, Outcome::Refused { code: logged, .. } if logged == code));
        assert_eq!(newest.trail.first_failed(), Some(failed), "{code}");
        assert_eq!((newest.user, newest.client), (None, ClientRef::Id(DESK)));
    }
    let page = browser.open(&request(&[])).await.page();
    browser.sign_in(&page, BOB).await.page();
    browser.open(&request(&[("prompt", "none")])).await.left();
    let silent = &events(&server)[0];
    assert!(matches!(silent.outcome, Outcome::Refused { code: 65_001, .. }), "{silent:?}");
    assert_eq!((silent.user, silent.tenant), (Some(user_id(BOB)), ACME));
    assert_eq!(silent.trail.first_failed(), Some(Step::Consent));
}

#[tokio::test]
async fn what_reaches_no_client_is_no_decision() {
    let server = world().await;
    let mut browser = Browser::new(&server);
    browser.open(&request(&[("redirect_uri", "https://evil.test/")])).await.page();
    let unknown = DAEMON.to_string().replace("dae", "daf");
    browser.open(&request(&[("client_id", &unknown)])).await.page();
    browser.open(&request(&[])).await.page();
    assert_eq!(events(&server), []);
}
