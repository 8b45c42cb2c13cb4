//! What is disabled, removed or changed takes effect with the next request on this node.

use behalf_core::application::SignInAudience;

use crate::common::{ACME, BASE, DAEMON, GLOBEX, LEDGER, SECRET, TREND, TestServer, good};

const V2: &str = "/acme.test/oauth2/v2.0/token";

#[tokio::test]
async fn each_change_of_the_directory_bites_at_once() {
    let server = TestServer::start().await;
    assert_eq!(server.post(V2, &good()).await.status, 200);

    server.edit(DAEMON, |app| app.secrets.retain(|s| s.name != "dev")).await;
    assert_eq!(server.post(V2, &good()).await.refusal().2, 7_000_215, "a removed secret");
    let secret = crate::common::secret(
        &server.server,
        "new",
        SECRET,
        crate::common::NOW.plus(std::time::Duration::from_hours(1)),
    );
    server.edit(DAEMON, |app| app.secrets.push(secret)).await;
    assert_eq!(server.post(V2, &good()).await.status, 200);

    server.edit(LEDGER, |app| app.roles[0].disabled = true).await;
    assert!(server.post(V2, &good()).await.token().1.get("roles").is_none(), "a disabled role");
    server.edit(LEDGER, |app| app.roles[0].disabled = false).await;
    assert!(server.post(V2, &good()).await.token().1.get("roles").is_some());

    server.edit(LEDGER, |app| app.disabled = true).await;
    assert_eq!(server.post(V2, &good()).await.refusal().2, 500_014, "a disabled resource");
    server.edit(LEDGER, |app| app.disabled = false).await;
    assert_eq!(server.post(V2, &good()).await.status, 200);
}

#[tokio::test]
async fn a_disabled_tenant_is_unknown_and_its_applications_disabled_elsewhere() {
    let server = TestServer::start().await;
    let reading = server.server.store.reading();
    let mut tenant = reading.tenant(ACME).await.unwrap().unwrap();
    tenant.value.disabled = true;
    let mut set = behalf_store::WriteSet::new();
    let expect = behalf_store::Expect::Version(tenant.version);
    behalf_store::records::tenant::put(&mut set, &tenant.value, expect);
    assert_eq!(server.post(V2, &good()).await.status, 200);
    server.server.store.commit(set).await.unwrap();
    assert_eq!(server.post(V2, &good()).await.refusal().2, 90_002);
}

#[tokio::test]
async fn a_secret_expires_by_the_clock() {
    let server = TestServer::start().await;
    server.clock.advance(std::time::Duration::from_hours(24) - std::time::Duration::from_secs(1));
    assert_eq!(server.post(V2, &good()).await.status, 200);
    server.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(server.post(V2, &good()).await.refusal().2, 7_000_222);
}

#[tokio::test]
async fn a_single_tenant_application_is_unknown_elsewhere() {
    let server = TestServer::start().await;
    let id = TREND.to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", "behalf-dev-trend-report"),
        ("scope", ".default"),
    ];
    let scope = format!("{TREND}/.default");
    let at_home: Vec<_> = form
        .iter()
        .map(|(n, v)| if *n == "scope" { (*n, scope.as_str()) } else { (*n, *v) })
        .collect();
    let home = server.post("/globex.test/oauth2/v2.0/token", &at_home).await;
    assert_eq!(home.token().1["iss"], format!("{BASE}/{GLOBEX}/v2.0"));
    server.edit(TREND, |app| app.audience = SignInAudience::Single).await;
    assert_eq!(server.post(V2, &at_home).await.refusal().2, 700_016);
}

#[tokio::test]
async fn a_warm_request_reads_nothing_from_the_store() {
    let server = TestServer::start().await;
    server.post(V2, &good()).await;
    let before = server.server.store.reads();
    for _ in 0..10 {
        assert_eq!(server.post(V2, &good()).await.status, 200);
    }
    assert_eq!(server.server.store.reads() - before, 0);
}

#[tokio::test]
async fn a_service_principal_made_anew_has_no_roles_of_the_former_one() {
    let server = TestServer::start().await;
    let roles = async || server.post(V2, &good()).await.token().1["roles"].clone();
    assert_eq!(roles().await, serde_json::json!(["Entries.Read.All"]));
    let anew = behalf_core::id::ObjectId(uuid::Uuid::from_u128(77));
    server.edit_principal(DAEMON, |principal| principal.id = anew).await;
    assert_eq!(roles().await, serde_json::Value::Null);
}
