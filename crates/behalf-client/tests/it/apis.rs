//! Calling APIs: the token is attached, a claims challenge is answered once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use behalf_client::{ApiError, ConfidentialClient, Credential, Error};
use behalf_jose::base64url;
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::world::{LEDGER, SECRET, Service, TestClock, refused};

const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

/// An API whose first `challenged` answers are claims challenges.
async fn api(challenged: usize) -> Server {
    let seen = Arc::new(AtomicUsize::new(0));
    Server::start(move |_| {
        Box::new(move |request| {
            let number = seen.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if request.path == "/moved" {
                    return Reply::new(302, "").with("location", "/entries");
                }
                if number < challenged {
                    let claims = base64url::encode(CLAIMS);
                    let challenge = format!(
                        r#"Bearer realm="", authorization_uri="https://x/common/oauth2/authorize", error="insufficient_claims", claims="{claims}""#
                    );
                    return Reply::new(401, "").with("www-authenticate", challenge);
                }
                Reply::new(200, json!([{"id": 1, "sent": request.body}]))
            })
        })
    })
    .await
}

/// The daemon, trusting the API as well.
fn daemon(service: &Service, api: &Server) -> (ConfidentialClient, tempfile::NamedTempFile) {
    let both = tempfile::NamedTempFile::new().unwrap();
    let pem = [service.server.ca_file.path(), api.ca_file.path()]
        .map(|path| std::fs::read_to_string(path).unwrap())
        .concat();
    std::fs::write(both.path(), pem).unwrap();
    let app = service
        .builder(&TestClock::new())
        .credential(Credential::secret(SECRET))
        .ca_file(both.path())
        .build()
        .unwrap();
    (app, both)
}

fn authorizations(api: &Server) -> Vec<Option<String>> {
    let requests = api.requests.lock().unwrap();
    requests.iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_token_is_attached() {
    let (service, api) = (Service::start().await, api(0).await);
    let (app, _file) = daemon(&service, &api);
    let ledger = app.for_resource(LEDGER).reqwest().unwrap();
    let url = format!("{}/entries", api.base);
    let entries: Value = ledger
        .post(&url)
        .header("x-trace", "7")
        .json(&json!({"a": 1}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(entries, json!([{"id": 1, "sent": r#"{"a":1}"#}]));
    assert_eq!(api.requests.lock().unwrap()[0].header("x-trace"), Some("7"));
    ledger.get(&url).header("authorization", "Bearer another").send().await.unwrap();
    let expected = Some("Bearer eyJ.ac3e0000-0000-4000-8000-000000000001.1".to_owned());
    assert_eq!(authorizations(&api), [expected.clone(), expected]);
    assert_eq!(service.token_requests().len(), 1, "one token for both calls");
}

#[tokio::test]
async fn a_claims_challenge_is_answered_once() {
    for (challenged, status, calls) in [(1, 200, 2), (2, 401, 2)] {
        let (service, api) = (Service::start().await, api(challenged).await);
        let (app, _file) = daemon(&service, &api);
        let ledger = app.for_resource(LEDGER).reqwest().unwrap();
        let answer = ledger.post(format!("{}/entries", api.base)).body("x").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let sent = authorizations(&api);
        assert_eq!(sent.len(), calls, "never in a loop");
        assert!(sent[1].as_deref().unwrap().ends_with(".2"), "the second with a new token");
        assert_eq!(service.token_requests()[1].field("claims").as_deref(), Some(CLAIMS));
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_called() {
    let (service, api) = (Service::start().await, api(0).await);
    let (app, _file) = daemon(&service, &api);
    service.answer(refused(401, "invalid_client", 7_000_222, "Expired."));
    let ledger = app.for_resource(LEDGER).reqwest().unwrap();
    let error = ledger.get(format!("{}/entries", api.base)).send().await.unwrap_err();
    assert!(matches!(error, ApiError::Token(Error::Refused(_))), "{error}");
    assert!(error.to_string().contains("AADSTS7000222"), "{error}");
    assert!(api.requests.lock().unwrap().is_empty());
    assert!(app.for_resource("api://ledger/Read").reqwest().is_err());
}

#[tokio::test]
async fn a_token_goes_over_https_or_to_this_machine_only() {
    let (service, api) = (Service::start().await, api(0).await);
    let (app, _file) = daemon(&service, &api);
    let ledger = app.for_resource(LEDGER).reqwest().unwrap();
    for url in [
        "http://ledger.acme.test/entries",
        "http://localhost.evil.test/",
        "http://127.0.0.1.evil.test/",
        "http://10.0.0.1/",
        "ftp://localhost/",
    ] {
        let error = ledger.get(url).send().await.unwrap_err();
        assert!(matches!(error, ApiError::Insecure(_)), "{url}: {error}");
    }
    assert!(service.token_requests().is_empty());
    assert!(matches!(ledger.get("entries").send().await, Err(ApiError::Http(_))));
}

#[tokio::test]
async fn a_redirect_is_the_callers_to_follow() {
    let (service, api) = (Service::start().await, api(0).await);
    let (app, _file) = daemon(&service, &api);
    let ledger = app.for_resource(LEDGER).reqwest().unwrap();
    let answer = ledger.get(format!("{}/moved", api.base)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
    assert_eq!(authorizations(&api).len(), 1);
}
