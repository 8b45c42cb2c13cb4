//! Calling the next API for the user of an incoming token, and what the caller is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use behalf_client::{
    Credential, Downstream, DownstreamError, Interaction, OnwardError as _, OnwardFailure,
    UserAssertion,
};
use behalf_jose::base64url;
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::world::{SECRET, Service, TestClock, envelope, refused};

const READ: &str = "api://ledger/Entries.Read";
const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

/// Alice's incoming token.
struct Alice {
    handles_challenges: bool,
}

impl UserAssertion for Alice {
    fn assertion(&self) -> &'static str {
        "eyJ.of.alice"
    }

    fn handles_challenges(&self) -> bool {
        self.handles_challenges
    }

    fn authorization_uri(&self) -> Option<&str> {
        Some("https://login.acme.test/common/oauth2/v2.0/authorize")
    }
}

const ALICE: Alice = Alice { handles_challenges: true };

/// The token service, the next API with the answers to give, and the API under test.
struct Tiers {
    service: Service,
    ledger: Server,
    answers: Arc<Mutex<Vec<Reply>>>,
    downstream: Downstream,
    _trust: tempfile::NamedTempFile,
}

async fn tiers(answers: Vec<Reply>) -> Tiers {
    let service = Service::start().await;
    let answers = Arc::new(Mutex::new(answers));
    let next = Arc::clone(&answers);
    let ledger = Server::start(move |_| {
        Box::new(move |_| {
            let mut answers = next.lock().unwrap();
            let default = Reply::new(200, json!([{"id": 1}]));
            let reply = if answers.is_empty() { default } else { answers.remove(0) };
            Box::pin(async move { reply })
        })
    })
    .await;
    let trust = tempfile::NamedTempFile::new().unwrap();
    let pem = [service.server.ca_file.path(), ledger.ca_file.path()]
        .map(|path| std::fs::read_to_string(path).unwrap())
        .concat();
    std::fs::write(trust.path(), pem).unwrap();
    let app = service
        .builder(&TestClock::new())
        .credential(Credential::secret(SECRET))
        .ca_file(trust.path())
        .build()
        .unwrap();
    let downstream = app.downstream(&ledger.base, [READ]);
    Tiers { service, ledger, answers, downstream, _trust: trust }
}

impl Tiers {
    async fn entries(&self, user: &Alice) -> Result<Value, DownstreamError> {
        self.downstream.on_behalf_of(user).get("/entries?since=1").await
    }

    async fn failure(&self, user: &Alice) -> OnwardFailure {
        self.entries(user).await.unwrap_err().failure()
    }

    /// Path and token of the calls of the next API.
    fn calls(&self) -> Vec<(String, String)> {
        let requests = self.ledger.requests.lock().unwrap();
        let token = |request: &crate::server::Request| {
            request.header("authorization").unwrap_or_default().to_owned()
        };
        requests.iter().map(|request| (request.path.clone(), token(request))).collect()
    }
}

fn challenge() -> Reply {
    let claims = base64url::encode(CLAIMS);
    let value = format!(r#"Bearer error="insufficient_claims", claims="{claims}""#);
    Reply::new(401, "").with("www-authenticate", value)
}

#[tokio::test]
async fn the_users_token_is_exchanged_once_and_attached() {
    let tiers = tiers(Vec::new()).await;
    for _ in 0..2 {
        assert_eq!(tiers.entries(&ALICE).await.unwrap(), json!([{"id": 1}]));
    }
    let exchanged = tiers.service.token_requests();
    assert_eq!(exchanged.len(), 1);
    assert_eq!(exchanged[0].field("assertion").as_deref(), Some("eyJ.of.alice"));
    assert_eq!(exchanged[0].field("scope").as_deref(), Some(READ));
    let call = (
        "/entries?since=1".to_owned(),
        "Bearer eyJ.ac3e0000-0000-4000-8000-000000000001.1".to_owned(),
    );
    assert_eq!(tiers.calls(), [call.clone(), call]);

    let posted: Value =
        tiers.downstream.on_behalf_of("eyJ.of.bob").post("/new", &json!({"a": 1})).await.unwrap();
    assert_eq!(posted, json!([{"id": 1}]));
    assert_eq!(tiers.service.token_requests().len(), 2, "another user, another token");
    assert_eq!(tiers.ledger.requests.lock().unwrap()[2].body, r#"{"a":1}"#);
}

#[tokio::test]
async fn a_claims_challenge_of_the_next_api_goes_into_the_exchange() {
    let tiers = tiers(vec![challenge()]).await;
    assert!(tiers.entries(&ALICE).await.is_ok());
    let exchanged = tiers.service.token_requests();
    assert_eq!(exchanged[1].field("claims").as_deref(), Some(CLAIMS));
    assert_eq!(exchanged[1].field("assertion").as_deref(), Some("eyJ.of.alice"));

    *tiers.answers.lock().unwrap() = vec![challenge(), challenge()];
    let error = tiers.entries(&ALICE).await.unwrap_err();
    assert!(matches!(error, DownstreamError::Status(status) if status == 401), "{error}");
}

#[tokio::test]
async fn the_user_must_act_and_their_client_hears_it() {
    let tiers = tiers(Vec::new()).await;
    let interaction = |error, claims: Option<&str>, handles_challenges| {
        OnwardFailure::Interaction(Interaction {
            error,
            claims: claims.map(str::to_owned),
            handles_challenges,
            authorization_uri: ALICE.authorization_uri().map(str::to_owned),
        })
    };
    for handles_challenges in [true, false] {
        let mut factor = envelope("invalid_grant", 50_076, "MFA.");
        factor["claims"] = CLAIMS.into();
        tiers.service.answer(Reply::new(400, factor));
        assert_eq!(
            tiers.failure(&Alice { handles_challenges }).await,
            interaction("interaction_required", Some(CLAIMS), handles_challenges)
        );
    }
    let mut consent = envelope("invalid_grant", 65_001, "No consent.");
    consent["suberror"] = "consent_required".into();
    tiers.service.answer(Reply::new(400, consent));
    assert_eq!(tiers.failure(&ALICE).await, interaction("consent_required", None, true));
    assert!(tiers.calls().is_empty(), "nothing was called without a token");
}

#[tokio::test]
async fn what_waiting_mends_is_told_apart_from_what_it_does_not() {
    let busy = Reply::new(429, envelope("temporarily_unavailable", 0, "Busy."));
    let tiers = tiers(Vec::new()).await;
    tiers.service.answer(busy.with("retry-after", "60"));
    let wait =
        |seconds| OnwardFailure::Unavailable { retry_after: Some(Duration::from_secs(seconds)) };
    assert_eq!(tiers.failure(&ALICE).await, wait(60));

    let bob = tiers.downstream.on_behalf_of("eyJ.of.bob");
    for (status, failure) in [
        (503, wait(10)),
        (429, wait(10)),
        (500, OnwardFailure::Fault),
        (403, OnwardFailure::Fault),
        (302, OnwardFailure::Fault),
    ] {
        *tiers.answers.lock().unwrap() = vec![Reply::new(status, "")];
        let error = bob.get::<Value>("/entries").await.unwrap_err();
        assert_eq!(error.failure(), failure, "{status}");
    }
    *tiers.answers.lock().unwrap() = vec![Reply::new(200, "<html>")];
    let error = bob.get::<Value>("/entries").await.unwrap_err();
    assert_eq!(error.failure(), OnwardFailure::Fault, "{error}");

    tiers.service.answer(refused(401, "invalid_client", 7_000_222, "Expired."));
    let error = tiers.downstream.on_behalf_of("eyJ.of.eve").get::<Value>("/").await.unwrap_err();
    assert_eq!(error.failure(), OnwardFailure::Fault, "our own secret is no user's business");
    assert!(error.to_string().contains("AADSTS7000222"), "{error}");
}

#[tokio::test]
async fn a_users_token_goes_to_the_api_and_nowhere_else() {
    let tiers = tiers(Vec::new()).await;
    let alice = tiers.downstream.on_behalf_of(&ALICE);
    for path in ["entries", "@evil.test/", ".evil.test/", ":1/"] {
        let error = alice.get::<Value>(path).await.unwrap_err();
        assert!(matches!(error, DownstreamError::Address(_)), "{path}: {error}");
    }
    let elsewhere = Service::start().await;
    let plain = elsewhere.daemon(&TestClock::new()).downstream("http://ledger.test", [READ]);
    let error = plain.on_behalf_of(&ALICE).get::<Value>("/entries").await.unwrap_err();
    assert!(matches!(error, DownstreamError::Address(_)), "{error}");
    assert!(tiers.service.token_requests().is_empty());
    assert!(elsewhere.token_requests().is_empty());
    assert!(!format!("{alice:?}").contains("eyJ"), "{alice:?}");
}

#[tokio::test]
async fn scopes_that_are_none_are_told_by_the_call() {
    let service = Service::start().await;
    let app = service.daemon(&TestClock::new());
    let downstream = app.downstream("https://ledger.test", Vec::<String>::new());
    let error = downstream.on_behalf_of(&ALICE).get::<Value>("/").await.unwrap_err();
    assert!(error.to_string().contains("no scope"), "{error}");
}
