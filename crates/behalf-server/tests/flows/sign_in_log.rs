//! Every request that reached a decision leaves one event with the checks that were made, and
//! nothing secret is in it.

use behalf_core::event::{ClientRef, Mark, Outcome, Step};
use behalf_server::journal::Query;

use crate::common::{ACME, DAEMON, LEDGER, SECRET, TestServer, good, good_but};

const V2: &str = "/acme.test/oauth2/v2.0/token";

fn event(server: &TestServer, answer: &crate::common::Answer) -> behalf_core::event::SignInEvent {
    let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    server.event(id.into())
}

#[tokio::test]
async fn a_granted_request() {
    let server = TestServer::start().await;
    let answer = server.post(V2, &good()).await;
    let event = event(&server, &answer);
    assert_eq!((event.tenant, event.client), (ACME, ClientRef::Id(DAEMON)));
    assert_eq!(
        (event.resource.as_deref(), event.resource_app),
        (Some("api://ledger"), Some(LEDGER))
    );
    assert_eq!(event.address, Some("192.0.2.7".parse().unwrap()));
    let steps: Vec<_> = event.trail.steps().collect();
    let expected: Vec<_> = Step::ALL
        .into_iter()
        .take_while(|step| *step != Step::Presented)
        .map(|step| (step, if step == Step::Assignment { Mark::Skipped } else { Mark::Ok }))
        .collect();
    assert_eq!(steps, expected);
    let Outcome::Issued { kid, roles, .. } = event.outcome else { panic!("not issued") };
    assert_eq!(answer.token().0["kid"], kid);
    assert_eq!(roles, ["Entries.Read.All"]);
}

#[tokio::test]
async fn refused_requests_name_the_first_check_that_failed() {
    let server = TestServer::start().await;
    for (form, code, failed) in [
        (good_but("grant_type", ""), 900_144, Step::Form),
        (good_but("grant_type", "x"), 70_003, Step::Grant),
        (good_but("scope", "api://ledger/x"), 1_002_012, Step::Target),
        (good_but("client_id", "dae00000-0000-4000-8000-000000000099"), 700_016, Step::Client),
        (good_but("client_secret", "wrong"), 7_000_215, Step::Credential),
        (good_but("scope", "api://nothing/.default"), 500_011, Step::Resource),
    ] {
        let answer = server.post(V2, &form).await;
        let event = event(&server, &answer);
        assert_eq!(event.trail.first_failed(), Some(failed));
        assert_eq!(
            event.trail.steps().last().map(|(step, _)| step),
            Some(failed),
            "{failed}",
            failed = failed.as_str()
        );
        let Outcome::Refused { code: logged, found, expected } = event.outcome else { panic!() };
        assert_eq!(u64::from(logged), code);
        assert!(!found.is_empty() && !expected.is_empty());
    }
}

#[tokio::test]
async fn one_event_for_each_decision_and_none_with_a_secret() {
    let server = TestServer::start().await;
    let assertion = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
    let requests: Vec<Vec<(&str, &str)>> = vec![
        good(),
        good_but("client_secret", "hunter2-hunter2"),
        good_but("client_id", SECRET),
        good_but("scope", "bhs_pasted/.default"),
        good_but("scope", "https://x.test/eyJhbGciOiJub25lIn0/.default"),
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", "dae00000-0000-4000-8000-000000000001"),
            ("scope", "api://ledger/.default"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ],
    ];
    let mut answers = Vec::new();
    for form in &requests {
        answers.push(server.post(V2, form).await);
    }
    let page = server
        .server
        .journal
        .query(&Query { tenant: Some(ACME), limit: 100, ..Query::default() })
        .unwrap();
    let shown = format!("{page:?}");
    assert_eq!(page.entries.len(), requests.len(), "{shown}");
    for canary in [SECRET, "hunter2", "bhs_", "eyJ", assertion] {
        assert!(!shown.contains(canary), "{canary} is in the log");
        for answer in answers.iter().filter(|a| a.status != 200) {
            assert!(!answer.text.contains(canary), "{canary} is in an answer");
        }
    }
}
