//! Metadata over HTTP (rows JD of the security page; V13; the headers of protocol 1.9).

use axum::body::Body;
use behalf_core::{application::TokenAlg, tenant::TenantSegment};
use behalf_server::keys::{State, When};
use http::Request;
use serde_json::{Value, json};

use crate::common::{ACME, Answer, BASE, TestServer, good};

const WELL_KNOWN: &str = ".well-known/openid-configuration";

async fn document(server: &TestServer, path: &str) -> Value {
    let answer = server.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    answer.json()
}

#[tokio::test]
async fn a_tenant_is_found_by_id_and_domain_in_any_letter_case() {
    let server = TestServer::start().await;
    let expected = document(&server, &format!("/{ACME}/v2.0/{WELL_KNOWN}")).await;
    assert_eq!(expected["issuer"], format!("{BASE}/{ACME}/v2.0"));
    assert_eq!(expected["token_endpoint"], format!("{BASE}/{ACME}/oauth2/v2.0/token"));
    for segment in ["acme.test", "ACME.Test", &ACME.to_string().to_uppercase()] {
        let v2 = document(&server, &format!("/{segment}/v2.0/{WELL_KNOWN}")).await;
        assert_eq!(v2, expected, "{segment}");
        let rfc8414 = format!("/.well-known/oauth-authorization-server/{segment}/v2.0");
        assert_eq!(document(&server, &rfc8414).await, expected, "{segment}");
        let v1 = document(&server, &format!("/{segment}/{WELL_KNOWN}?api-version=1.0")).await;
        assert_eq!(v1["issuer"], format!("{BASE}/{ACME}/"));
        assert_eq!(v1["jwks_uri"], format!("{BASE}/{ACME}/discovery/keys"));
    }
}

#[tokio::test]
async fn common_and_organizations_hold_the_literal_tenant_id() {
    let server = TestServer::start().await;
    for segment in ["common", "organizations", "Common"] {
        let v2 = document(&server, &format!("/{segment}/v2.0/{WELL_KNOWN}")).await;
        assert_eq!(v2["issuer"], format!("{BASE}/{{tenantid}}/v2.0"), "{segment}");
        let lower = segment.to_lowercase();
        assert_eq!(v2["jwks_uri"], format!("{BASE}/{lower}/discovery/v2.0/keys"));
        document(&server, &format!("/{segment}/discovery/v2.0/keys")).await;
    }
}

#[tokio::test]
async fn adfs_is_the_default_tenant_in_addresses_only() {
    let server = TestServer::start().await;
    let v1 = document(&server, &format!("/adfs/{WELL_KNOWN}")).await;
    assert_eq!(v1["token_endpoint"], format!("{BASE}/adfs/oauth2/token"));
    assert_eq!(v1["issuer"], format!("{BASE}/{ACME}/"));
    let own = format!(
        "/.well-known/webfinger?rel=http://schemas.microsoft.com/rel/trusted-realm&resource={BASE}"
    );
    assert_eq!(document(&server, &own).await["links"][0]["href"], BASE);
    let foreign = "/.well-known/webfinger?resource=acct:ada@acme.test";
    assert_eq!(server.get(foreign).await.status, 404);

    let server = TestServer::with(|settings| settings.default_tenant = None).await;
    let refusal = server.get(&format!("/adfs/{WELL_KNOWN}")).await.refusal();
    assert_eq!(refusal, (400, "invalid_tenant".to_owned(), 90_002), "two tenants, none chosen");
}

#[tokio::test]
async fn an_unknown_tenant_has_no_metadata_and_no_keys() {
    let server = TestServer::start().await;
    let nobody = "0190c1de-0000-4000-8000-0000000000ff";
    for (segment, code) in [
        (nobody, 90_002),
        ("nobody.test", 90_002),
        ("consumers", 90_002),
        ("acme", 900_023),
        ("acme'--", 900_023),
        ("acme%2Etest", 900_023),
        (&"a".repeat(4_000), 900_023),
    ] {
        for rest in [
            WELL_KNOWN,
            "v2.0/.well-known/openid-configuration",
            "discovery/keys",
            "discovery/v2.0/keys",
        ] {
            let answer = server.get(&format!("/{segment}/{rest}")).await;
            assert_eq!(answer.refusal(), (400, "invalid_tenant".to_owned(), code), "{segment:.40}");
            assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            let trace = answer.json()["trace_id"].as_str().map(str::to_owned);
            assert_eq!(answer.header("x-ms-request-id"), trace.as_deref());
        }
    }
}

#[tokio::test]
async fn a_disabled_tenant_is_gone_at_once() {
    let server = TestServer::start().await;
    let path = format!("/acme.test/v2.0/{WELL_KNOWN}");
    document(&server, &path).await;
    server.edit_tenant(ACME, |tenant| tenant.disabled = true).await;
    assert_eq!(server.get(&path).await.refusal().2, 90_002);
}

#[tokio::test]
async fn the_request_decides_nothing_but_the_tenant() {
    let server = TestServer::start().await;
    let path = format!("/acme.test/v2.0/{WELL_KNOWN}");
    let expected = document(&server, &path).await;
    let request = Request::get(&path)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.send(request).await.json(), expected);
}

#[tokio::test]
async fn keys_are_public_and_listed_before_they_sign() {
    let server = TestServer::start().await;
    server.server.keys.maintain().await.unwrap();
    let v1 = document(&server, "/acme.test/discovery/keys").await;
    let v2 = document(&server, "/acme.test/discovery/v2.0/keys").await;
    let issuer = Value::from(format!("{BASE}/{{tenantid}}/v2.0"));
    for (keys, issuer) in [(&v1["keys"], &Value::Null), (&v2["keys"], &issuer)] {
        let kids: Vec<_> = keys.as_array().unwrap().iter().map(|key| &key["kid"]).collect();
        for (index, kid) in kids.iter().enumerate() {
            assert!(!kids[index + 1..].contains(kid), "a kid names one key");
        }
        for key in keys.as_array().unwrap() {
            assert_eq!((&key["use"], &key["issuer"]), (&json!("sig"), issuer));
            assert_eq!(key["x5t"], key["kid"]);
            assert_eq!(key["x5c"].as_array().unwrap().len(), 1);
            if key["kty"] == "RSA" {
                assert!(key["n"].as_str().unwrap().len() >= 342, "2048 bits");
            }
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.get(private).is_none(), "{private}");
            }
        }
        let ring = server.server.keys.current().keys(server.server.clock.now());
        let mut announced = ring.iter().filter(|(_, state)| *state == State::Announced).peekable();
        assert!(announced.peek().is_some());
        let published = announced.all(|(key, _)| kids.iter().any(|kid| **kid == key.kid));
        assert!(published, "the next key is published already");
    }
    let (header, _) = server.post("/acme.test/oauth2/v2.0/token", &good()).await.token();
    assert!(v2["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
}

#[tokio::test]
async fn keys_are_asked_for_again_by_their_tag() {
    let server = TestServer::start().await;
    server.server.keys.maintain().await.unwrap();
    let path = "/acme.test/discovery/v2.0/keys";
    let first = server.get(path).await;
    assert_eq!(first.header("cache-control"), Some("public, max-age=60"));
    let tag = first.header("etag").unwrap().to_owned();
    let again = async || {
        let request = Request::get(path).header("if-none-match", &tag);
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let unchanged = again().await;
    assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""));
    assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
    let now = server.server.clock.now();
    let signing = server.server.keys.current().active(TokenAlg::Rs256, now).kid().to_owned();
    server.server.keys.rotate(TokenAlg::Rs256, When::Now).await.unwrap();
    server.server.keys.revoke(&signing).await.unwrap();
    let changed = again().await;
    assert_eq!(changed.status, 200, "a withdrawn key changes the document");
    assert!(!changed.text.contains(&signing));
}

#[tokio::test]
async fn only_what_is_accepted_is_advertised() {
    let server = TestServer::start().await;
    for path in [format!("/acme.test/v2.0/{WELL_KNOWN}"), format!("/common/{WELL_KNOWN}")] {
        let document = document(&server, &path).await;
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256"]));
        let grants = document["grant_types_supported"].as_array().unwrap();
        for grant in grants {
            let form = [("grant_type", grant.as_str().unwrap()), ("client_id", "x")];
            let (_, error, _) = server.post("/acme.test/oauth2/v2.0/token", &form).await.refusal();
            assert_ne!(error, "unsupported_grant_type", "{grant}");
        }
        assert_eq!(grants.len(), 6);
        let algorithms = &document["token_endpoint_auth_signing_alg_values_supported"];
        for algorithm in algorithms.as_array().unwrap() {
            let algorithm = algorithm.as_str().unwrap();
            assert!(algorithm.starts_with("RS") || algorithm.starts_with("PS"), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn warm_metadata_reads_nothing_from_the_database() {
    let server = TestServer::start().await;
    let paths = [
        format!("/acme.test/v2.0/{WELL_KNOWN}"),
        format!("/{ACME}/{WELL_KNOWN}"),
        format!("/common/{WELL_KNOWN}"),
        "/acme.test/discovery/keys".to_owned(),
        "/metadata/endpoints".to_owned(),
        "/error?code=90002".to_owned(),
    ];
    for path in &paths {
        server.get(path).await;
    }
    let reads = server.server.store.reads();
    for path in &paths {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(server.server.store.reads(), reads);
}

#[tokio::test]
async fn instance_discovery_knows_this_server_alone() {
    let server = TestServer::start().await;
    let ask = async |url: &str| {
        let path = "/common/discovery/instance?api-version=1.1&authorization_endpoint=";
        server.get(&format!("{path}{url}")).await
    };
    let own = ask("https%3A%2F%2FLOCALHOST%3A8443%2Facme.test%2Foauth2%2Fv2.0%2Fauthorize").await;
    assert_eq!(
        own.json(),
        json!({
            "tenant_discovery_endpoint": format!("{BASE}/acme.test/v2.0/{WELL_KNOWN}"),
            "api-version": "1.1",
            "metadata": [{
                "preferred_network": "localhost:8443",
                "preferred_cache": "localhost:8443",
                "aliases": ["localhost:8443", "localhost"],
            }],
        })
    );
    for foreign in
        ["https://evil.example/common/oauth2/authorize", "https://localhost@evil.example/", ""]
    {
        let refusal = ask(foreign).await.refusal();
        assert_eq!(refusal, (400, "invalid_instance".to_owned(), 50_049), "{foreign}");
    }
    assert_eq!(server.get("/common/discovery/instance").await.refusal().2, 50_049);
}

#[tokio::test]
async fn the_realm_tells_domains_apart_and_no_users() {
    let server = TestServer::start().await;
    let realm = async |spelling: &str, upn: &str| {
        document(&server, &format!("/common/{spelling}/{upn}?api-version=1.0")).await
    };
    let ada = realm("userrealm", "ada@acme.test").await;
    assert_eq!(ada["account_type"], "Managed");
    for member in ["ver", "domain_name", "cloud_instance_name", "cloud_audience_urn"] {
        assert!(!ada[member].as_str().unwrap().is_empty(), "MSAL Go wants {member}");
    }
    for spelling in ["UserRealm", "userRealm", "USERREALM"] {
        assert_eq!(realm(spelling, "nobody%40ACME.test").await, ada);
    }
    for other in ["userrealms", "user-realm", "%75serrealm"] {
        let answer = server.get(&format!("/common/{other}/ada@acme.test")).await;
        assert_eq!(answer.status, 404, "{other}");
    }
    assert_eq!(realm("userrealm", "ada@nobody.test").await["account_type"], "Unknown");
    for bad in ["ada", "ada@", "ada@acme", "@", "ada@common"] {
        let answer = server.get(&format!("/common/userrealm/{bad}")).await;
        assert_eq!(answer.refusal().2, 9_002_313, "{bad}");
    }
}

#[tokio::test]
async fn tools_configure_themselves_from_one_document() {
    let server = TestServer::start().await;
    let endpoints = document(&server, "/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!(endpoints["authentication"]["loginEndpoint"], BASE);
    assert_eq!(endpoints["microsoftGraphResourceId"], BASE);
    assert!(endpoints["suffixes"].is_object());
}

#[tokio::test]
async fn an_error_code_has_a_page_that_runs_nothing() {
    let server = TestServer::start().await;
    let page = server.get("/error?code=7000215").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text.contains("<h1>AADSTS7000215</h1>") && !page.text.contains("<script"));
    let hostile = server.get("/error?code=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert_eq!(hostile.status, 404);
    assert!(!hostile.text.contains("alert"));
    let uri = server.post("/acme.test/oauth2/v2.0/token", &[]).await.json();
    let path = uri["error_uri"].as_str().unwrap().strip_prefix(BASE).unwrap();
    assert_eq!(server.get(path).await.status, 200, "error_uri leads to a page");
}

#[tokio::test]
async fn every_published_address_answers() {
    let server = TestServer::start().await;
    for version in ["", "v2.0/"] {
        let document = document(&server, &format!("/acme.test/{version}{WELL_KNOWN}")).await;
        for (member, value) in document.as_object().unwrap() {
            let Some(path) = value.as_str().and_then(|url| url.strip_prefix(BASE)) else {
                continue;
            };
            if matches!(member.as_str(), "issuer" | "token_endpoint" | "jwks_uri") {
                continue;
            }
            let answer = server.get(path).await;
            if member == "authorization_endpoint" {
                assert_eq!(answer.status, 400, "a page: no client is named");
                assert!(answer.text.contains("AADSTS900144"), "{}", answer.text);
                continue;
            }
            if member == "device_authorization_endpoint" {
                assert_eq!(answer.refusal(), (405, "invalid_request".to_owned(), 900_561));
                continue;
            }
            if member == "end_session_endpoint" {
                assert_eq!(answer.status, 200);
                assert!(answer.text.contains("You are signed out"), "{}", answer.text);
                continue;
            }
            if member == "userinfo_endpoint" {
                assert_eq!(answer.status, 401);
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                continue;
            }
            if matches!(member.as_str(), "revocation_endpoint" | "introspection_endpoint") {
                assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("POST")));
                assert_eq!(server.post(path, &[]).await.refusal().2, 900_144, "{member}");
                continue;
            }
            assert_eq!(answer.refusal(), (404, "invalid_request".to_owned(), 90_023), "{member}");
        }
    }
}

fn standing(answer: &Answer, path: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{path}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert!(answer.header("strict-transport-security").is_some(), "{path}");
    assert!(answer.header("x-ms-request-id").is_some(), "{path}");
    assert_eq!(answer.header("server"), None, "{path}");
}

#[tokio::test]
async fn any_page_may_read_and_nobody_may_write() {
    let server = TestServer::start().await;
    for path in [
        &format!("/acme.test/v2.0/{WELL_KNOWN}"),
        "/acme.test/discovery/keys",
        "/common/userrealm/ada@acme.test",
        "/common/UserRealm/ada@acme.test",
        "/metadata/endpoints",
        "/error",
    ] {
        let send = async |method: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("origin", "https://spa.example");
            server.send(request.body(Body::empty()).unwrap()).await
        };
        let read = send("GET").await;
        assert_eq!(read.status, 200);
        standing(&read, path);
        let head = send("HEAD").await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        let preflight = send("OPTIONS").await;
        assert_eq!(preflight.status, 204);
        standing(&preflight, path);
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = send(method).await;
            assert_eq!(answer.refusal(), (405, "invalid_request".to_owned(), 900_561), "{method}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
}

#[tokio::test]
async fn a_default_tenant_may_be_named_by_its_domain() {
    let named = TenantSegment::parse("globex.test");
    let server = TestServer::with(|settings| settings.default_tenant = named).await;
    let v1 = document(&server, &format!("/ADFS/{WELL_KNOWN}")).await;
    assert!(v1["issuer"].as_str().unwrap().contains("/610be000-"));
    assert_eq!(v1["authorization_endpoint"], format!("{BASE}/adfs/oauth2/authorize"));
}
