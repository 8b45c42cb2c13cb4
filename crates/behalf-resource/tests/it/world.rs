//! A token service of recorded documents, a clock to turn, and tokens.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use behalf_jose::{Algorithm, SigningKey, base64url};
use behalf_resource::{
    Builder, Clock, FetchError, Fetched, MetadataSource, ResourceServer, Tenants,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(crate) const HOST: &str = "https://login.behalf.test";
pub(crate) const ACME: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const GLOBEX: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const INITECH: &str = "33333333-3333-4333-8333-333333333333";
/// The API's application id.
pub(crate) const API: &str = "3f6c2a0e-0000-4000-8000-00000000000a";
pub(crate) const CLIENT: &str = "3f6c2a0e-0000-4000-8000-00000000000c";
pub(crate) const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const V1_KEYS: &str = "https://login.behalf.test/common/discovery/keys";
pub(crate) const V2_KEYS: &str = "https://login.behalf.test/common/discovery/v2.0/keys";

/// RSA.
pub(crate) fn first() -> SigningKey {
    SigningKey::from_pem(Algorithm::Rs256, include_str!("keys_of_tests/first.pem")).unwrap()
}

/// RSA.
pub(crate) fn second() -> SigningKey {
    SigningKey::from_pem(Algorithm::Rs256, include_str!("keys_of_tests/second.pem")).unwrap()
}

/// P-256.
pub(crate) fn elliptic() -> SigningKey {
    SigningKey::from_pem(Algorithm::Es256, include_str!("keys_of_tests/elliptic.pem")).unwrap()
}

/// What the service answers and what it was asked.
#[derive(Clone)]
pub(crate) struct Service(Arc<Mutex<State>>);

struct State {
    documents: HashMap<String, String>,
    asked: Vec<(String, Option<String>)>,
    down: bool,
    gate: Option<Arc<Semaphore>>,
}

impl Service {
    pub(crate) fn set(&self, url: &str, document: &impl ToString) {
        self.0.lock().unwrap().documents.insert(url.to_owned(), document.to_string());
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    /// Fetches wait until the gate has a permit for them.
    pub(crate) fn set_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.0.lock().unwrap().gate = Some(Arc::clone(&gate));
        gate
    }

    /// How often `url` was asked for.
    pub(crate) fn count(&self, url: &str) -> usize {
        self.0.lock().unwrap().asked.iter().filter(|(asked, _)| asked == url).count()
    }

    /// How often anything was asked for.
    pub(crate) fn total(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    pub(crate) fn last_etag(&self, url: &str) -> Option<String> {
        let state = self.0.lock().unwrap();
        state.asked.iter().rev().find(|(asked, _)| asked == url).and_then(|(_, etag)| etag.clone())
    }
}

impl MetadataSource for Service {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        etag: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(async move {
            let gate = {
                let mut state = self.0.lock().unwrap();
                state.asked.push((url.to_owned(), etag.map(str::to_owned)));
                state.gate.clone()
            };
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            let state = self.0.lock().unwrap();
            let failed = |reason: &str| FetchError {
                url: url.to_owned(),
                reason: reason.to_owned(),
                transient: reason == "down",
            };
            if state.down {
                return Err(failed("down"));
            }
            let body = state.documents.get(url).ok_or_else(|| failed("404"))?;
            let current = format!("\"{}\"", behalf_jose::Sha256Thumbprint::of(body.as_bytes()));
            if etag == Some(current.as_str()) {
                return Ok(Fetched::NotModified);
            }
            Ok(Fetched::Document { body: body.clone().into_bytes(), etag: Some(current) })
        })
    }
}

#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) clock: TestClock,
}

/// The service with the key `k1` ([`first`]) for both versions.
pub(crate) fn world() -> World {
    let service = Service(Arc::new(Mutex::new(State {
        documents: HashMap::new(),
        asked: Vec::new(),
        down: false,
        gate: None,
    })));
    for (segment, tenant) in
        [("common", "{tenantid}"), (ACME, ACME), ("acme.test", ACME), ("globex.test", GLOBEX)]
    {
        service.set(
            &format!("{HOST}/{segment}/.well-known/openid-configuration"),
            &json!({
                "issuer": format!("https://sts.windows.net/{tenant}/"),
                "jwks_uri": V1_KEYS,
                "authorization_endpoint": format!("{HOST}/{segment}/oauth2/authorize"),
                "tenant_region_scope": null,
            }),
        );
        service.set(
            &format!("{HOST}/{segment}/v2.0/.well-known/openid-configuration"),
            &json!({
                "issuer": format!("{HOST}/{tenant}/v2.0"),
                "jwks_uri": V2_KEYS,
                "cloud_instance_name": "behalf.test",
            }),
        );
    }
    let world = World { service, clock: TestClock(Arc::new(AtomicU64::new(NOW))) };
    world.publish(&[("k1", &first())]);
    world
}

impl World {
    /// Publishes these keys in both documents, the v2 one with issuers.
    pub(crate) fn publish(&self, keys: &[(&str, &SigningKey)]) {
        let keys: Vec<_> = keys.iter().map(|(kid, key)| jwk(kid, key)).collect();
        self.service.set(V1_KEYS, &json!({ "keys": keys }));
        let with_issuer = |mut key: Value| {
            key["issuer"] = format!("{HOST}/{{tenantid}}/v2.0").into();
            key["cloud_instance_name"] = "behalf.test".into();
            key
        };
        let keys: Vec<_> = keys.into_iter().map(with_issuer).collect();
        self.service.set(V2_KEYS, &json!({ "keys": keys }));
    }

    pub(crate) fn builder(&self, segment: &str) -> Builder {
        ResourceServer::builder(format!("{HOST}/{segment}"))
            .source(self.service.clone())
            .clock(self.clock.clone())
    }

    /// An API of several tenants: ACME and GLOBEX.
    pub(crate) async fn server(&self) -> ResourceServer {
        let builder = self.builder("common").audience(API);
        builder.tenants(Tenants::allow([ACME, GLOBEX])).build().await.unwrap()
    }
}

/// A key as Entra publishes it: without `alg`.
pub(crate) fn jwk(kid: &str, key: &SigningKey) -> Value {
    let mut jwk = serde_json::to_value(key.public_jwk()).unwrap();
    let members = jwk.as_object_mut().unwrap();
    members.remove("alg");
    members.insert("use".to_owned(), "sig".into());
    members.insert("kid".to_owned(), kid.into());
    members.insert("x5t".to_owned(), kid.into());
    jwk
}

/// Claims of an app-only v2 token.
pub(crate) fn app_v2() -> Value {
    json!({
        "aud": API,
        "iss": format!("{HOST}/{ACME}/v2.0"),
        "iat": NOW - 300, "nbf": NOW - 300, "exp": NOW + 3600,
        "azp": CLIENT, "azpacr": "1",
        "oid": PRINCIPAL, "sub": PRINCIPAL,
        "roles": ["Entries.Read.All"],
        "tid": ACME, "uti": "AAAAAAAAAAAAAAAAAAAAAA", "ver": "2.0",
    })
}

/// Claims of an app-only v1 token.
pub(crate) fn app_v1() -> Value {
    let iss = format!("https://sts.windows.net/{ACME}/");
    let changes = json!({
        "aud": format!("api://{API}"), "iss": iss, "idp": iss, "ver": "1.0",
        "appid": CLIENT, "appidacr": "1", "azp": null, "azpacr": null,
    });
    with(app_v2(), &changes)
}

/// Claims of a delegated v2 token; the user holds a role, too.
pub(crate) fn user_v2() -> Value {
    let changes = json!({
        "sub": "pairwise-subject", "scp": "Entries.Read User.Read", "name": "Ann",
        "preferred_username": "ann@acme.test",
    });
    with(app_v2(), &changes)
}

/// `claims` with the members of `changes` set, or removed where they are null.
pub(crate) fn with(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// A token signed with `key` under the name `kid`.
pub(crate) fn token(claims: &Value, kid: &str, key: &SigningKey) -> String {
    let header = json!({ "typ": "JWT", "alg": key.algorithm(), "kid": kid });
    raw_token(&header.to_string(), &claims.to_string(), key)
}

pub(crate) fn raw_token(header: &str, claims: &str, key: &SigningKey) -> String {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    format!("{input}.{}", base64url::encode(key.sign(input.as_bytes()).unwrap()))
}

/// Lets tasks in the background run until they wait for something.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
