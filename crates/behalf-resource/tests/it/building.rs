//! What a program may configure, and the mistakes that are told at the start.

use behalf_resource::{BuildError, Builder, ResourceServer, Tenants};
use serde_json::json;

use crate::world::{ACME, API, GLOBEX, HOST, INITECH, World, app_v2, first, token, with, world};

async fn error(builder: Builder) -> BuildError {
    builder.build().await.unwrap_err()
}

/// Whether a token of this tenant is accepted.
async fn accepts(server: &ResourceServer, tenant: &str) -> bool {
    let changes = json!({ "tid": tenant, "iss": format!("{HOST}/{tenant}/v2.0") });
    server.validate(&token(&with(app_v2(), &changes), "k1", &first())).await.is_ok()
}

#[tokio::test]
async fn an_authority_of_one_tenant_accepts_that_tenant() {
    let world = world();
    for segment in [ACME, "acme.test", "ACME.test"] {
        let server = world.builder(segment).audience(API).build().await.unwrap();
        assert!(accepts(&server, ACME).await, "{segment}");
        assert!(!accepts(&server, GLOBEX).await, "{segment}");
    }
}

#[tokio::test]
async fn tenants_are_named_by_id_or_by_domain() {
    let world = world();
    let build = async |tenants: Tenants| {
        world.builder("common").audience(API).tenants(tenants).build().await.unwrap()
    };
    let server = build(Tenants::only("acme.test")).await;
    assert!(accepts(&server, ACME).await);
    assert!(!accepts(&server, GLOBEX).await);
    let server = build(Tenants::allow(["Acme.test", GLOBEX])).await;
    assert!(accepts(&server, ACME).await);
    assert!(accepts(&server, GLOBEX).await);
    assert!(!accepts(&server, INITECH).await);
    let server = build(Tenants::any()).await;
    assert!(accepts(&server, INITECH).await);
}

#[tokio::test]
async fn common_needs_to_be_told_which_tenants() {
    let world = world();
    let builder = || world.builder("common").audience(API);
    assert!(matches!(error(builder()).await, BuildError::NoTenants));
    let none = Tenants::allow(Vec::<String>::new());
    assert!(matches!(error(builder().tenants(none)).await, BuildError::NoTenants));
    for name in ["../common", "a b", ""] {
        let error = error(builder().tenants(Tenants::only(name))).await;
        assert!(matches!(error, BuildError::Tenant(_)), "{error}");
    }
    let unknown = error(builder().tenants(Tenants::only("unknown.test"))).await;
    assert!(matches!(unknown, BuildError::Fetch(_)), "{unknown}");
    let other = world.builder(ACME).audience(API).tenants(Tenants::only("globex.test"));
    assert!(matches!(error(other).await, BuildError::OtherTenant(_)));
}

#[tokio::test]
async fn an_audience_that_others_may_have_is_refused_for_several_tenants() {
    let world = world();
    let builder = |world: &World| {
        world.builder("common").tenants(Tenants::allow([ACME, GLOBEX])).audience("api://ledger")
    };
    let refused = error(builder(&world)).await;
    assert!(
        matches!(refused, BuildError::AudienceNotOwned(audience) if audience == "api://ledger")
    );
    let owned = builder(&world).owned_audience("api://ledger").build().await.unwrap();
    let claims = with(app_v2(), &json!({ "aud": "api://ledger" }));
    assert!(owned.validate(&token(&claims, "k1", &first())).await.is_ok());
    assert!(world.builder(ACME).audience("api://ledger").build().await.is_ok(), "one tenant");
    let same = Tenants::allow([ACME, "acme.test", ACME]);
    let names = world.builder("common").audience("api://ledger").tenants(same);
    let refused = error(names).await;
    assert!(matches!(refused, BuildError::AudienceNotOwned(_)), "names that may be two tenants'");
    let same = Tenants::allow(["acme.test", "Acme.test"]);
    assert!(
        world.builder("common").audience("api://ledger").tenants(same).build().await.is_ok(),
        "one tenant by one name"
    );
}

#[tokio::test]
async fn authority_and_audience_are_needed() {
    let world = world();
    assert!(matches!(error(world.builder(ACME)).await, BuildError::NoAudience));
    for authority in ["", "http://login.behalf.test/common", "https://login.behalf.test"] {
        let builder = ResourceServer::builder(authority).audience(API);
        assert!(matches!(error(builder).await, BuildError::Authority(_)), "{authority}");
    }
    let builder = ResourceServer::builder(format!("{HOST}/{ACME}")).audience(API);
    let missing = error(builder.ca_file("/nonexistent/ca.pem")).await;
    assert!(matches!(missing, BuildError::Https(_)), "{missing}");
}

#[tokio::test]
async fn unusable_documents_stop_the_start() {
    let document = format!("{HOST}/{ACME}/v2.0/.well-known/openid-configuration");
    let world = world();
    for bad in [
        String::new(),
        "<html>".to_owned(),
        json!({ "issuer": "https://h/", "jwks_uri": "https://h/keys" }).to_string(),
        json!({ "issuer": format!("{HOST}/{ACME}/v2.0"), "jwks_uri": "http://h/k" }).to_string(),
    ] {
        world.service.set(&document, &bad);
        let error = error(world.builder(ACME).audience(API)).await;
        assert!(matches!(error, BuildError::Metadata(_)), "{bad}: {error}");
    }
    let world = crate::world::world();
    world.service.set(crate::world::V2_KEYS, &"[]");
    assert!(matches!(error(world.builder(ACME).audience(API)).await, BuildError::Fetch(_)));
}

#[tokio::test]
async fn the_environment_names_the_same_settings() {
    let world = world();
    let builder = |audience: &'static str, tenants: &'static str| {
        let lookup = move |name: &str| match name {
            "BEHALF_AUTHORITY" => Some(format!("{HOST}/common")),
            "BEHALF_AUDIENCE" => Some(audience.to_owned()),
            "BEHALF_TENANTS" => Some(tenants.to_owned()),
            _ => None,
        };
        let builder = Builder::from_lookup(lookup).unwrap();
        builder.source(world.service.clone()).clock(world.clock.clone())
    };
    let server = builder(API, "acme.test, globex.test").build().await.unwrap();
    assert!(accepts(&server, ACME).await && accepts(&server, GLOBEX).await);
    assert!(!accepts(&server, INITECH).await);
    let server = builder(API, "any").build().await.unwrap();
    assert!(accepts(&server, INITECH).await);
    assert!(matches!(error(builder(API, " ")).await, BuildError::NoTenants));
    assert!(matches!(error(builder("", ACME)).await, BuildError::NoAudience));
    assert!(matches!(Builder::from_lookup(|_| None).err(), Some(BuildError::NoAuthority)));
}
