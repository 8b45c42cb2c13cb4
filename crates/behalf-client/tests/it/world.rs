//! A token service that answers as recorded, a clock to turn, known randomness.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use behalf_client::{
    Builder, Clock, ConfidentialClient, Credential, Entropy, NoEntropy, PublicClient,
};
use behalf_jose::base64url;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::server::{Reply, Request, Server};

pub(crate) const NOW: u64 = 1_795_351_340; // 2026-11-22 12:42:20Z
pub(crate) const ACME: &str = "ac3e0000-0000-4000-8000-000000000001";
pub(crate) const GLOBEX: &str = "610be000-0000-4000-8000-000000000002";
pub(crate) const DAEMON: &str = "dae00000-0000-4000-8000-000000000001";
pub(crate) const NATIVE: &str = "4a710000-0000-4000-8000-000000000001";
pub(crate) const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
pub(crate) const SECRET: &str = "s3cret~of.the-daemon/+&=";
pub(crate) const LEDGER: &str = "api://ledger/.default";

/// The token service and what it was asked.
pub(crate) struct Service {
    pub(crate) server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Answers of the token endpoint, in order; once they are used up, tokens.
    answers: Mutex<VecDeque<Reply>>,
    metadata: Mutex<Option<Reply>>,
    issued: AtomicU64,
    gate: Mutex<Option<Arc<Semaphore>>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let server = Server::start(move |base| {
            Box::new(move |request| {
                let (state, base) = (Arc::clone(&shared), base.clone());
                Box::pin(async move { state.answer(&base, &request).await })
            })
        })
        .await;
        Self { server, state }
    }

    /// The next answer of the token endpoint.
    pub(crate) fn answer(&self, reply: Reply) {
        self.state.answers.lock().unwrap().push_back(reply);
    }

    /// What is answered for every metadata document from now on.
    pub(crate) fn set_metadata(&self, reply: Option<Reply>) {
        *self.state.metadata.lock().unwrap() = reply;
    }

    /// Answers wait until the gate has a permit for them.
    pub(crate) fn set_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.state.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    /// The requests to token endpoints.
    pub(crate) fn token_requests(&self) -> Vec<Request> {
        self.requests("/oauth2/v2.0/token")
    }

    /// The requests for metadata.
    pub(crate) fn metadata_requests(&self) -> Vec<Request> {
        self.requests("/.well-known/openid-configuration")
    }

    /// The requests whose path ends so.
    pub(crate) fn requests(&self, end: &str) -> Vec<Request> {
        let requests = self.server.requests.lock().unwrap();
        requests.iter().filter(|request| request.path.ends_with(end)).cloned().collect()
    }

    /// Yields until the token endpoint has got `count` requests.
    pub(crate) async fn token_requests_reach(&self, count: usize) {
        while self.token_requests().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Yields until the client has read `count` answers of any kind, and done with them what it
    /// does.
    pub(crate) async fn answers_read_reach(&self, count: usize) {
        while self.server.finished.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }

    /// A builder for a client in acme.test with this clock.
    pub(crate) fn builder(&self, clock: &TestClock) -> Builder {
        ConfidentialClient::builder(format!("{}/acme.test", self.server.base), DAEMON)
            .ca_file(self.server.ca_file.path())
            .clock(clock.clone())
            .entropy(Counter::default())
    }

    /// The daemon with its secret.
    pub(crate) fn daemon(&self, clock: &TestClock) -> ConfidentialClient {
        self.builder(clock).credential(Credential::secret(SECRET)).build().unwrap()
    }
}

impl Service {
    /// A native app of acme.test.
    pub(crate) fn native_app(&self, clock: &TestClock) -> PublicClient {
        PublicClient::builder(format!("{}/acme.test", self.server.base), NATIVE)
            .ca_file(self.server.ca_file.path())
            .clock(clock.clone())
            .entropy(Counter::default())
            .build()
            .unwrap()
    }

    /// The answer to a user's grant: with ID token, refresh token and `client_info`.
    pub(crate) fn signed_in(&self, token: &str, refresh_token: &str, nonce: Option<&str>) -> Reply {
        self.answer_to(NATIVE, (token, refresh_token), nonce)
    }

    /// The same for another client.
    pub(crate) fn signed_in_to(&self, client: &str, token: &str, nonce: Option<&str>) -> Reply {
        self.answer_to(client, (token, "rt-1"), nonce)
    }

    fn answer_to(
        &self,
        client: &str,
        (token, refresh_token): (&str, &str),
        nonce: Option<&str>,
    ) -> Reply {
        let claims = json!({
            "iss": format!("{}/{ACME}/v2.0", self.server.base), "aud": client, "exp": NOW + 86_400,
            "nonce": nonce, "tid": ACME, "oid": ALICE, "preferred_username": "alice@acme.test",
        });
        let info = json!({"uid": ALICE, "utid": ACME});
        Reply::new(
            200,
            json!({
                "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                "access_token": token, "refresh_token": refresh_token,
                "scope": "api://ledger/Entries.Read",
                "id_token": format!("e30.{}.c2ln", base64url::encode(claims.to_string())),
                "client_info": base64url::encode(info.to_string()),
            }),
        )
    }
}

impl State {
    async fn answer(&self, base: &str, request: &Request) -> Reply {
        let mut segments = request.path.split('/').skip(1);
        let segment = segments.next().unwrap_or_default();
        if request.path.ends_with("/.well-known/openid-configuration") {
            let set = self.metadata.lock().unwrap().clone();
            return set.unwrap_or_else(|| Reply::new(200, document(base, segment)));
        }
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            granted(&format!("eyJ.{segment}.{number}"), 3599)
        })
    }
}

/// The metadata of a tenant, as recorded, with the endpoints under its id.
pub(crate) fn document(base: &str, segment: &str) -> Value {
    let tenant = match segment {
        "acme.test" | ACME => ACME,
        "globex.test" | GLOBEX => GLOBEX,
        many => many,
    };
    let named = if matches!(tenant, "common" | "organizations") { "{tenantid}" } else { tenant };
    json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "issuer": format!("{base}/{named}/v2.0"),
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "tenant_region_scope": null,
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The answer of `client_credentials`, with the members that were recorded.
pub(crate) fn granted(token: &str, life: u64) -> Reply {
    Reply::new(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": token,
        }),
    )
    .with("content-type", "application/json; charset=utf-8")
}

/// The error envelope, as recorded.
pub(crate) fn refused(status: u16, error: &str, code: u32, text: &str) -> Reply {
    Reply::new(status, envelope(error, code, text))
}

pub(crate) fn envelope(error: &str, code: u32, text: &str) -> Value {
    json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {text} Trace ID: {TRACE} Correlation ID: {CORRELATION} \
             Timestamp: 2026-11-22 12:42:20Z"
        ),
        "error_codes": [code],
        "timestamp": "2026-11-22 12:42:20Z",
        "trace_id": TRACE,
        "correlation_id": CORRELATION,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    })
}

pub(crate) const TRACE: &str = "0190c1de-0000-7000-8000-000000000001";
pub(crate) const CORRELATION: &str = "0190c1de-0000-7000-8000-00000000000a";

/// Time that passes when it is told to, or slept.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Time>);

struct Time {
    now: AtomicU64,
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Time { now: AtomicU64::new(NOW), sleeps: Mutex::new(Vec::new()) }))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, seconds: u64) {
        self.0.now.fetch_sub(seconds, Ordering::SeqCst);
    }

    /// What was waited for.
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.0.sleeps.lock().unwrap().clone()
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.now.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleeps.lock().unwrap().push(duration);
        self.advance(duration.as_secs());
        Box::pin(std::future::ready(()))
    }
}

/// Blocks that differ, all known; what is drawn of them for jitter is zero.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.fill(0);
        if bytes.len() > 8 {
            let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            bytes[..8].copy_from_slice(&number.to_be_bytes());
        }
        Ok(())
    }
}
