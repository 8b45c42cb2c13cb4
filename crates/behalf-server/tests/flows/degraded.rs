//! While the database is away (decisions.md 26): clients get short tokens for themselves from what
//! is remembered, and nobody gets anything else.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use behalf_core::application::TokenAlg;
use behalf_core::event::{Mark, Outcome, Step};
use behalf_protocol::error::AadSts;
use behalf_server::{admin_socket, keys::When};
use http::Request;
use serde_json::json;
use tower::ServiceExt as _;
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};

use crate::common::{
    ACME, Answer, BASE, DAEMON, SECRET,
    assertion::{self, claims, header, present, signed, with},
    good, good_but,
    nodes::{Deployment, Node},
    users::V2,
};

/// One more than the bound within which what is remembered counts as true.
const ELEVEN: Duration = Duration::from_secs(11);
const WINDOW: Duration = Duration::from_mins(15);

/// A node that issued a token to the daemon, and whose database went away eleven seconds ago.
async fn away() -> (Deployment, Node) {
    let deployment = Deployment::new();
    let node = deployment.node(1).await;
    assert_eq!(node.server.post(V2, &good()).await.status, 200);
    loses(&deployment, &node).await;
    (deployment, node)
}

async fn loses(deployment: &Deployment, node: &Node) {
    node.line.cut(true);
    deployment.clock.advance(ELEVEN);
    node.looks().await;
}

/// 503 in the envelope of clients, with when to come again.
fn assert_unavailable(answer: &Answer, what: &str) {
    let expected = (503, "temporarily_unavailable".to_owned(), 90_006);
    assert_eq!(answer.refusal(), expected, "{what}");
    let wait: u64 = answer.header("retry-after").expect(what).parse().unwrap();
    assert!((1..=4).contains(&wait), "{what}: {wait}");
    assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"), "{what}");
}

#[tokio::test]
async fn a_client_that_is_known_gets_a_short_token_and_the_log_says_why() {
    let (_deployment, node) = away().await;
    let reads = node.server.server.store.reads();
    let answer = node.server.post(V2, &good()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let json = answer.json();
    assert_eq!((json["expires_in"].as_u64(), json.get("refresh_in")), (Some(899), None));
    let (head, claims) = answer.token();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 20 * 60);
    assert_eq!(node.server.server.store.reads(), reads, "nothing is asked of the database");
    let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    let event = node.server.event(id.into());
    assert!(event.trail.steps().any(|check| check == (Step::Freshness, Mark::Skipped)));
    let Outcome::Issued { kid, .. } = event.outcome else { panic!("not issued") };
    assert_eq!(head["kid"], kid);
}

#[tokio::test]
async fn before_it_is_away_nothing_is_different() {
    let deployment = Deployment::new();
    let node = deployment.node(1).await;
    node.server.post(V2, &good()).await;
    node.line.cut(true);
    deployment.clock.advance(Duration::from_secs(10));
    node.looks().await;
    let answer = node.server.post(V2, &good()).await;
    assert_eq!(answer.json()["expires_in"], 3_599);
    let id: uuid::Uuid = answer.header("x-ms-request-id").unwrap().parse().unwrap();
    assert!(node.server.event(id.into()).trail.steps().all(|(step, _)| step != Step::Freshness));
}

#[tokio::test]
async fn whom_the_node_does_not_know_it_cannot_serve_and_whom_it_knows_it_refuses() {
    let (_deployment, node) = away().await;
    let unknown = "7e4d0000-0000-4000-8000-000000000005";
    let cold = [
        ("another client", good_but("client_id", unknown)),
        ("another resource", good_but("scope", "api://old-ledger/.default")),
    ];
    for (what, form) in cold {
        assert_unavailable(&node.server.post(V2, &form).await, what);
    }
    assert_unavailable(
        &node.server.post("/globex.test/oauth2/v2.0/token", &good()).await,
        "tenant",
    );
    let wrong = node.server.post(V2, &good_but("client_secret", "wrong")).await;
    assert_eq!(wrong.refusal(), (401, "invalid_client".to_owned(), 7_000_215));
}

#[tokio::test]
async fn every_other_grant_waits_for_the_database() {
    let (_deployment, node) = away().await;
    for grant in [
        "authorization_code",
        "refresh_token",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let answer = node.server.post(V2, &good_but("grant_type", grant)).await;
        assert_unavailable(&answer, grant);
    }
    let unknown = node.server.post(V2, &good_but("grant_type", "x")).await;
    assert_eq!(unknown.refusal().2, 70_003, "what is wrong anyhow is still said");
}

#[tokio::test]
async fn what_reads_or_writes_anew_answers_503_in_its_own_envelope() {
    let (_deployment, node) = away().await;
    let secret = [("client_id", &*DAEMON.to_string()), ("client_secret", SECRET), ("token", "x")]
        .map(|(name, value)| (name, value.to_owned()));
    let form: Vec<_> = secret.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for path in ["introspect", "revoke", "devicecode"] {
        for version in ["", "v2.0/"] {
            let path = format!("/acme.test/oauth2/{version}{path}");
            assert_unavailable(&node.server.post(&path, &form).await, &path);
        }
    }
    assert_unavailable(&node.server.get("/oidc/userinfo").await, "userinfo");
    let query = format!("?client_id={DAEMON}&response_type=code&scope=openid");
    for path in [
        "/acme.test/oauth2/authorize",
        "/acme.test/oauth2/v2.0/authorize",
        "/acme.test/adminconsent",
        "/acme.test/v2.0/adminconsent",
        "/acme.test/oauth2/v2.0/logout",
        "/acme.test/continue",
        "/myapps",
        "/devicelogin",
    ] {
        assert_page_503(&node.server.get(&format!("{path}{query}")).await, path);
    }
    for path in ["login", "second-factor", "account", "consent", "sign-out", "device"] {
        let path = format!("/acme.test/{path}");
        assert_page_503(&node.server.post(&path, &[("flow", "x")]).await, &path);
    }
}

fn assert_page_503(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{what}");
    assert!(answer.header("retry-after").is_some(), "{what}");
    assert!(answer.text.contains("AADSTS90006"), "{what}");
}

#[tokio::test]
async fn an_operator_is_told_to_come_again() {
    let (_deployment, node) = away().await;
    let socket = admin_socket::router(Arc::clone(&node.server.server));
    let asked = [
        Request::get("/v1/tenants").body(Body::empty()),
        Request::post("/v1/tenants").body(Body::from(r#"{"name":"X","domains":["x.test"]}"#)),
        Request::post("/v1/keys/rotate").body(Body::from(r#"{"alg":"RS256","now":true}"#)),
        Request::get("/v1/tenants/acme.test/user-policy").body(Body::empty()),
    ];
    for request in asked {
        let request = request.unwrap();
        let what = request.uri().clone();
        let answer = socket.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 503, "{what}");
        assert_eq!(answer.headers()["retry-after"], "2", "{what}");
    }
}

#[tokio::test]
async fn metadata_and_keys_go_on() {
    let (_deployment, node) = away().await;
    for path in [
        "/acme.test/v2.0/.well-known/openid-configuration",
        "/acme.test/discovery/v2.0/keys",
        "/common/discovery/v2.0/keys",
        "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://localhost:8443/common/oauth2/authorize",
        "/livez",
    ] {
        assert_eq!(node.server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_key_that_retires_meanwhile_leaves_the_published_keys() {
    let deployment = Deployment::new();
    let node = deployment.node(1).await;
    node.server.server.keys.rotate(TokenAlg::Rs256, When::Now).await.unwrap();
    let keys = node.server.server.keys.current().keys(deployment.clock_now());
    let (old, retires) =
        keys.into_iter().find_map(|(key, _)| Some((key.kid, key.retire_at?))).unwrap();
    let published = async || node.server.get("/acme.test/discovery/v2.0/keys").await.text;
    deployment.clock.advance(retires.since(deployment.clock_now()));
    node.looks().await;
    assert!(published().await.contains(&old), "until then, and then inclusive");
    loses(&deployment, &node).await;
    let left = published().await;
    assert!(!left.contains(&old), "{left}");
    assert!(left.contains("RS256"), "its successor signs: {left}");
    assert_eq!(node.server.post(V2, &good()).await.status, 503, "known from a day ago");
    node.line.cut(false);
    node.looks().await;
    let again = published().await;
    assert!(!again.contains(&old) && left.matches("kid").count() == again.matches("kid").count());
}

#[tokio::test]
async fn a_tenant_an_application_or_an_assertion_that_counts_once_forbids_it() {
    for forbids in ["tenant", "application", "nobody", "assertion"] {
        let deployment = Deployment::new();
        let node = deployment.node(1).await;
        assertion::register(&node.server).await;
        match forbids {
            "tenant" => node.server.edit_tenant(ACME, |acme| acme.no_degraded_service = true).await,
            "application" => {
                node.server.edit(DAEMON, |app| app.behalf.no_degraded_service = true).await;
            }
            "assertion" => {
                node.server.edit(DAEMON, |app| app.behalf.strict_assertions = true).await;
            }
            _ => {}
        }
        let once = |jti: &str| {
            let strict = with(claims(), "aud", json!(format!("{BASE}/{ACME}/v2.0")));
            signed(&header(), &with(strict, "jti", json!(jti)))
        };
        assert_eq!(present(&node.server, &once("one")).await.status, 200, "{forbids}");
        loses(&deployment, &node).await;
        let (assertion, secret) =
            (present(&node.server, &once("two")).await, node.server.post(V2, &good()).await);
        match forbids {
            "nobody" => assert_eq!((assertion.status.as_u16(), secret.status.as_u16()), (200, 200)),
            "assertion" => {
                assert_unavailable(&assertion, forbids);
                assert_eq!(secret.status, 200, "a secret counts as often as it is shown");
            }
            _ => {
                assert_unavailable(&assertion, forbids);
                assert_unavailable(&secret, forbids);
            }
        }
    }
}

#[tokio::test]
async fn beyond_the_window_nobody_gets_anything_and_everybody_does_when_it_is_back() {
    let (deployment, node) = away().await;
    let ready = async || {
        let answer = node.server.get("/readyz?verbose").await;
        (answer.status.as_u16(), answer.text.lines().next().unwrap().to_owned())
    };
    assert_eq!(ready().await, (200, "away storage (11 s)".to_owned()));
    deployment.clock.advance(WINDOW);
    assert_unavailable(&node.server.post(V2, &good()).await, "lost");
    assert_eq!(ready().await, (503, "FAIL storage".to_owned()));
    let metrics = node.server.server.metrics.encode();
    assert!(metrics.contains(r#"behalf_storage_standing{standing="lost"} 1"#), "{metrics}");
    node.line.cut(false);
    node.looks().await;
    assert_eq!(ready().await, (200, "ok   storage".to_owned()));
    assert_eq!(node.server.post(V2, &good()).await.json()["expires_in"], 3_599);
}

#[tokio::test]
async fn where_it_is_off_nobody_is_served_after_ten_seconds() {
    let deployment = Deployment::new();
    let node = deployment.node_with(1, |settings| settings.degraded_window = Duration::ZERO).await;
    assert_eq!(node.server.post(V2, &good()).await.status, 200);
    loses(&deployment, &node).await;
    assert_unavailable(&node.server.post(V2, &good()).await, "off");
}

/// The first ten seconds: nobody has noticed yet, and what needs the database finds it gone.
#[tokio::test]
async fn what_finds_the_database_gone_says_so_too_and_the_log_does_not_say_it_of_each() {
    let deployment = Deployment::new();
    let node = deployment.node(1).await;
    node.line.cut(true);
    let log = Lines::default();
    let _logging = log.taking(LevelFilter::WARN);
    let client = DAEMON.to_string();
    let form = [("client_id", client.as_str()), ("client_secret", SECRET), ("token", "x")];
    for path in ["introspect", "revoke", "devicecode", "token"] {
        let path = format!("/acme.test/oauth2/v2.0/{path}");
        assert_unavailable(&node.server.post(&path, &form).await, &path);
    }
    for path in ["/acme.test/v2.0/.well-known/openid-configuration", "/acme.test/discovery/keys"] {
        let answer = node.server.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.refusal().2), (503, 90_006), "{path}");
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    let query = format!("?client_id={DAEMON}&response_type=code&scope=openid");
    for path in ["oauth2/v2.0/authorize", "oauth2/authorize", "v2.0/adminconsent"] {
        let path = format!("/acme.test/{path}{query}");
        assert_page_503(&node.server.get(&path).await, &path);
    }
    assert_eq!(AadSts::Unavailable.code(), 90_006);
    assert_eq!(log.text(), "");
    let unanswered = node.server.server.store.unanswered();
    assert!(unanswered.count >= 9, "{unanswered:?}");
    assert_eq!(unanswered.last, "the store cannot be read: the line is cut");
    let metrics = node.server.server.metrics.encode();
    let counted = format!("behalf_store_unanswered_total {}", unanswered.count);
    assert!(metrics.contains(&counted), "{metrics}");
    let _at_debug = log.taking(LevelFilter::DEBUG);
    node.server.post(V2, &good()).await;
    assert_eq!(log.text().matches("the line is cut").count(), 1, "{}", log.text());
}

/// What the node says of itself meanwhile.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn taking(&self, level: LevelFilter) -> DefaultGuard {
        let to = self.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || to.clone()).with_max_level(level);
        tracing::subscriber::set_default(lines.with_ansi(false).finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
