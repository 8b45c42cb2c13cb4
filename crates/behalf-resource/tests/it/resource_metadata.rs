//! What an API says about itself (RFC 9728).

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use behalf_resource::{AppOnly, BuildError, ResourceServer, Tenants, permissions};
use http::Request;
use http::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{ACME, API, GLOBEX, HOST, World, world};

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    scope EntriesReadWrite = "Entries.ReadWrite" : "Change your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

async fn document(server: &ResourceServer, path: &str) -> (u16, Value) {
    let router: Router = Router::new()
        .route("/entries", get(async |_: AppOnly<EntriesReadAll>| "entries"))
        .layer(server.layer().deny_by_default())
        .merge(server.metadata_routes());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn ledger(world: &World) -> ResourceServer {
    let builder = world.builder(ACME).permissions::<Permissions>().audience(API);
    builder.address("https://ledger.test").build().await.unwrap()
}

#[tokio::test]
async fn the_document_names_the_token_service_and_the_scopes_to_ask_for() {
    let (status, document) = document(&ledger(&world()).await, WELL_KNOWN).await;
    assert_eq!(status, 200, "everybody may read it, also where the layer denies by default");
    assert_eq!(
        document,
        json!({
            "resource": "https://ledger.test",
            "authorization_servers": [format!("{HOST}/{ACME}/v2.0")],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["api://ledger/Entries.Read", "api://ledger/Entries.ReadWrite"],
        })
    );
}

#[tokio::test]
async fn an_api_below_a_path_has_its_document_below_the_well_known_string() {
    let builder = world().builder(ACME).audience(API).address("https://apis.test/v1{x}/ledger/");
    let server = builder.build().await.unwrap();
    let path = format!("{WELL_KNOWN}/v1%7Bx%7D/ledger");
    let (status, found) = document(&server, &path).await;
    assert_eq!((status, &found["resource"]), (200, &json!("https://apis.test/v1%7Bx%7D/ledger")));
    assert_eq!(found.get("scopes_supported"), None, "none are known");
}

#[tokio::test]
async fn several_tenants_are_several_issuers_and_any_tenant_is_the_authority() {
    let world = world();
    let issuers = async |tenants: Tenants| {
        let builder = world.builder("common").audience(API).tenants(tenants);
        let server = builder.build().await.unwrap();
        document(&server, WELL_KNOWN).await.1["authorization_servers"].clone()
    };
    assert_eq!(
        issuers(Tenants::allow(["acme.test", "globex.test"])).await,
        json!([format!("{HOST}/{ACME}/v2.0"), format!("{HOST}/{GLOBEX}/v2.0")])
    );
    assert_eq!(issuers(Tenants::any()).await, json!([format!("{HOST}/common/v2.0")]));
    world.service.set_down(true);
    let unknown = issuers(Tenants::allow(["acme.test", "globex.test"])).await;
    assert_eq!(unknown, json!([format!("{HOST}/common/v2.0")]), "while the service is away");
}

#[tokio::test]
async fn challenges_point_to_the_document_of_an_api_that_knows_its_address() {
    let router: Router = Router::new()
        .route("/entries", get(async |_: AppOnly<EntriesReadAll>| "entries"))
        .layer(ledger(&world()).await.layer());
    let request = Request::get("/entries").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    let expected = format!(
        "Bearer resource_metadata=\"https://ledger.test{WELL_KNOWN}\", \
         authorization_uri=\"{HOST}/{ACME}/oauth2/v2.0/authorize\""
    );
    assert_eq!(response.headers()[WWW_AUTHENTICATE], expected.as_str());
}

#[tokio::test]
async fn without_an_address_the_app_id_uri_stands_for_it() {
    let builder = world().builder(ACME).audience(API).permissions::<Permissions>();
    let server = builder.build().await.unwrap();
    assert_eq!(document(&server, WELL_KNOWN).await.1["resource"], "api://ledger");
}

#[tokio::test]
async fn an_address_is_https_and_nothing_but_host_and_path() {
    for bad in ["", "http://ledger.test", "https://ledger.test/?x=1", "ledger.test", "https://"] {
        let builder = world().builder(ACME).audience(API).address(bad);
        let error = builder.build().await.unwrap_err();
        assert!(matches!(error, BuildError::Address(_)), "{bad}: {error}");
    }
}
