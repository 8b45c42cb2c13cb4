//! The admin socket: who gets in, what it makes of what it is sent.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{body::Body, serve::Listener as _};
use behalf_core::{
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail},
    id::{AppId, RequestId, TenantId},
};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::{UnixListener, UnixStream};
use tower::ServiceExt as _;
use uuid::Uuid;

mod grants;
mod log;
mod policy;
mod users;

use super::{listener::OwnersOnly, *};
use crate::{
    entropy,
    in_memory::{self, NOW},
    state::Server,
};

async fn server() -> Arc<Server> {
    in_memory::opened().await.server
}

/// Sends a request past the socket.
async fn send(server: &Arc<Server>, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = router(Arc::clone(server)).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(server: &Arc<Server>, path: &str) -> (StatusCode, Value) {
    send(server, "GET", path, "").await
}

async fn post(server: &Arc<Server>, path: &str, body: &Value) -> (StatusCode, Value) {
    send(server, "POST", path, &body.to_string()).await
}

async fn acme(server: &Arc<Server>) -> Value {
    let body = json!({ "name": "Acme", "domains": ["acme.test"] });
    let (status, tenant) = post(server, "/v1/tenants", &body).await;
    assert_eq!(status, StatusCode::OK, "{tenant}");
    tenant
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one() {
    let folder = tempfile::tempdir().unwrap();
    let socket = AdminSocket::bind(folder.path()).unwrap();
    let path = folder.path().join("admin.sock");
    assert_eq!(socket.path(), path);
    let inode = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        metadata.ino()
    };
    let dead = inode(&path);
    let again = AdminSocket::bind(folder.path()).unwrap();
    assert_ne!(inode(&path), dead);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    drop(again);
    assert!(!path.exists());
    let long = folder.path().join("x".repeat(120));
    fs::create_dir(&long).unwrap();
    let error = AdminSocket::bind(&long).unwrap_err().to_string();
    assert!(error.contains("less than 104 bytes"), "{error}");
}

#[tokio::test]
async fn another_user_is_closed_unread_and_root_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let me = fs::metadata(folder.path()).unwrap().uid();
    let owned_by = |owner| {
        let _old = fs::remove_file(&path);
        OwnersOnly::of(UnixListener::bind(&path).unwrap(), owner)
    };
    let judge = owned_by(1_000);
    for (user, admitted) in [(1_000, true), (0, true), (1_001, false), (65_534, false)] {
        assert_eq!(judge.admits(user), admitted, "{user}");
    }
    drop(judge);
    let mut mine = owned_by(me);
    let _client = UnixStream::connect(&path).await.unwrap();
    let (accepted, _) = mine.accept().await;
    assert_eq!(accepted.peer_cred().unwrap().uid(), me);
}

#[tokio::test]
async fn it_is_served_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let socket = AdminSocket::bind(folder.path()).unwrap();
    let path = socket.path().to_owned();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(socket.serve(server().await, async {
        let _told = stopped.await;
    }));
    let stream = UnixStream::connect(&path).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("/v1/status").header("host", "behalf").body(Body::empty()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let status: wire::Status = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.pid, &*status.public_url), (std::process::id(), "https://localhost:8443"));
    drop(sender);
    connection.await.unwrap().unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn tenants_are_made_and_listed() {
    let server = server().await;
    let made = acme(&server).await;
    assert_eq!(made["domains"], json!(["acme.test"]));
    assert_eq!(get(&server, "/v1/tenants").await, (StatusCode::OK, json!([made])));
    let none = get(&server, "/v1/tenants/acme.test/applications").await;
    assert_eq!(none, (StatusCode::OK, json!([])));
    let (status, failure) = get(&server, "/v1/tenants/globex.test/applications").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(failure["message"].as_str().unwrap().contains("behalf tenant create"));
    for (body, expected) in [
        (json!({ "name": "Acme", "domains": ["acme.test"] }), StatusCode::CONFLICT),
        (json!({ "name": "Acme", "domains": [] }), StatusCode::BAD_REQUEST),
        (json!({ "name": "Acme", "domains": ["x.test"], "admin": 1 }), StatusCode::BAD_REQUEST),
        (json!("Acme"), StatusCode::BAD_REQUEST),
    ] {
        let (status, failure) = post(&server, "/v1/tenants", &body).await;
        assert_eq!(status, expected, "{body}: {failure}");
        assert!(failure["message"].is_string());
    }
}

#[tokio::test]
async fn a_manifest_is_planned_and_applied() {
    let server = server().await;
    acme(&server).await;
    let manifest = json!({
        "apiVersion": "behalf/v1", "tenant": "acme.test",
        "apps": [{ "name": "daemon", "credentials": [{ "secret": "generate" }] }],
    });
    let dry = json!({ "manifest": manifest, "dryRun": true });
    let (_, planned) = post(&server, "/v1/apply", &dry).await;
    assert_eq!(
        planned["plan"][0],
        json!({ "sign": "+", "what": "app daemon: daemon, single tenant" })
    );
    assert_eq!(planned["secrets"], json!([]));
    let (_, none) = get(&server, "/v1/tenants/acme.test/applications").await;
    assert_eq!(none, json!([]));
    let body = json!({ "manifest": manifest });
    let (status, applied) = post(&server, "/v1/apply", &body).await;
    assert_eq!(status, StatusCode::OK);
    let value = applied["secrets"][0]["value"].as_str().unwrap();
    assert!(value.starts_with("bhs_"));
    let (_, apps) = get(&server, "/v1/tenants/acme.test/applications").await;
    assert_eq!(apps[0]["name"], "daemon");
    assert!(!apps.to_string().contains(value));
    let (_, again) = post(&server, "/v1/apply", &body).await;
    assert_eq!(again, json!({ "plan": [], "secrets": [] }));

    let wrong = json!({ "manifest": {
        "apiVersion": "behalf/v1", "tenant": "acme.test",
        "apps": [{ "name": "a", "calls": { "b": {} } }],
    } });
    let (status, failure) = post(&server, "/v1/apply", &wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(failure["message"].as_str().unwrap().contains("there is no application \"b\""));
    let (status, _) = send(&server, "POST", "/v1/apply", &"x".repeat(5 << 20)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn keys_are_listed_rotated_and_revoked() {
    let server = server().await;
    let (_, before) = get(&server, "/v1/keys").await;
    let states_of = |keys: &Value, alg: &str| -> Vec<String> {
        let keys = keys.as_array().unwrap().iter().filter(|key| key["alg"] == alg);
        keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
    };
    assert!(states_of(&before, "RS256").contains(&"active".to_owned()), "{before}");
    let (status, failure) = post(&server, "/v1/keys/none/revoke", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{failure}");
    server.keys.maintain().await.unwrap();
    let (status, after) = post(&server, "/v1/keys/rotate", &json!({ "now": true })).await;
    assert_eq!(status, StatusCode::OK, "{after}");
    assert_ne!(after, before);
    let (status, _) = post(&server, "/v1/keys/rotate", &json!({ "alg": "HS256" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn epochs_are_listed_rotated_and_revoked() {
    let server = server().await;
    let told = |epochs: &Value| -> Vec<(u64, String)> {
        let epochs = epochs.as_array().unwrap().iter();
        let of = |e: &Value| (e["number"].as_u64().unwrap(), e["state"].as_str().unwrap().into());
        epochs.map(of).collect()
    };
    let (_, first) = get(&server, "/v1/epochs").await;
    assert_eq!(told(&first), [(1, "sealing".to_owned())]);
    let (status, second) = post(&server, "/v1/epochs/rotate", &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_eq!(told(&second), [(1, "sealing".to_owned()), (2, "announced".to_owned())]);
    let (_, third) = post(&server, "/v1/epochs/1/revoke", &json!({})).await;
    assert_eq!(told(&third), [(1, "revoked".to_owned()), (2, "sealing".to_owned())]);
    let (status, failure) = post(&server, "/v1/epochs/9/revoke", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(failure["message"].as_str().unwrap().contains("behalf key list --seal"), "{failure}");
    let (status, _) = post(&server, "/v1/epochs/one/revoke", &json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

fn event(id: RequestId, tenant: TenantId) -> SignInEvent {
    let mut trail = Trail::default();
    trail.ok(Step::Tenant);
    trail.failed(Step::Client);
    SignInEvent {
        user: None,
        chain: Vec::new(),
        id,
        time: NOW,
        tenant,
        grant: Grant::ClientCredentials,
        endpoint: Endpoint::V2,
        client: ClientRef::Id(AppId(Uuid::from_u128(7))),
        resource: Some("api://ledger".into()),
        resource_app: None,
        credential: None,
        address: None,
        correlation: Uuid::from_u128(8),
        trail,
        outcome: Outcome::Refused { code: 700_016, found: "7".into(), expected: "a client".into() },
    }
}

#[tokio::test]
async fn the_sign_in_log_is_queried_by_tenant_app_time_and_request() {
    let server = server().await;
    let tenant: TenantId = acme(&server).await["id"].as_str().unwrap().parse().unwrap();
    let ids = entropy::RequestIds::new(Arc::clone(&server.entropy));
    let (mine, other) = (ids.next(NOW), ids.next(NOW));
    let lane = server.journal.lane();
    for event in [event(mine, tenant), event(other, TenantId(Uuid::from_u128(3)))] {
        let _logged = lane.submit(&event).unwrap().await.unwrap();
    }
    let found = async |query: &str| {
        let (status, page) = get(&server, &format!("/v1/sign-ins?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["entries"].as_array().unwrap().len()
    };
    assert_eq!(found("").await, 2);
    assert_eq!(found("tenant=acme.test").await, 1);
    assert_eq!(found(&format!("tenant={tenant}")).await, 1);
    assert_eq!(found(&format!("app={}", Uuid::from_u128(7))).await, 2);
    assert_eq!(found(&format!("app={}", Uuid::from_u128(6))).await, 0);
    assert_eq!(found(&format!("correlation={}", Uuid::from_u128(8))).await, 2);
    assert_eq!(found(&format!("since={}", NOW.0)).await, 2);
    assert_eq!(found(&format!("since={}", NOW.0 + 1)).await, 0);
    assert_eq!(found("limit=1").await, 1);
    let (_, one) = get(&server, &format!("/v1/sign-ins/{mine}")).await;
    assert_eq!(one["steps"][1], json!({ "step": "client", "result": "failed" }));
    assert_eq!(one["outcome"]["refused"]["code"], 700_016);
    let typed: wire::SignIn = serde_json::from_value(one).unwrap();
    assert_eq!(typed.request_id, mine);
    for (path, expected) in [
        (format!("/v1/sign-ins/{}", ids.next(NOW)), StatusCode::NOT_FOUND),
        ("/v1/sign-ins/first".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/sign-ins?tenant=nobody.test".to_owned(), StatusCode::NOT_FOUND),
        ("/v1/sign-ins?app=daemon".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/sign-ins?where=1".to_owned(), StatusCode::BAD_REQUEST),
        ("/v1/nothing".to_owned(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(get(&server, &path).await.0, expected, "{path}");
    }
}
