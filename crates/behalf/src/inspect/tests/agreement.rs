//! The verdict is that of the middleware: both judge the same tokens.

use std::{future::Future, pin::Pin};

use behalf_jose::base64url;
use behalf_resource::{Clock, FetchError, Fetched, MetadataSource, ResourceServer};
use serde_json::{Value, json};

use super::{DAEMON, LEDGER, NOW, ORDERS, TENANT, World, app_token, report, with};

const BASE: &str = "https://localhost:8443";

/// The documents of the dev instance.
struct Documents(Value);

impl MetadataSource for Documents {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        _etag: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        let document = if url.ends_with("/keys") {
            self.0.clone()
        } else {
            let v2 = if url.contains("/v2.0/") { "v2.0" } else { "" };
            let issuer = format!("{BASE}/{TENANT}/{v2}");
            json!({"issuer": issuer, "jwks_uri": format!("{BASE}/common/discovery/keys")})
        };
        let body = document.to_string().into_bytes();
        Box::pin(async move { Ok(Fetched::Document { body, etag: None }) })
    }
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> u64 {
        NOW
    }
}

/// A v1.0 token.
fn v1() -> Value {
    let iss = format!("{BASE}/{TENANT}/");
    let changes = json!({
        "aud": "api://ledger", "iss": iss, "appid": DAEMON, "appidacr": "1", "azp": null,
        "azpacr": null, "ver": "1.0",
    });
    with(app_token(), changes)
}

fn claims_to_judge() -> Vec<Value> {
    let mut all = vec![app_token(), v1(), with(v1(), json!({"ver": "2.0"}))];
    for changes in [
        json!({"exp": NOW - 299}),
        json!({"exp": NOW - 300}),
        json!({"exp": NOW - 301}),
        json!({"exp": "1795354940"}),
        json!({"exp": null}),
        json!({"nbf": NOW + 300}),
        json!({"nbf": NOW + 301}),
        json!({"nbf": null}),
        json!({"nbf": "x"}),
        json!({"iat": null}),
        json!({"iss": format!("{BASE}/{TENANT}/v2.0/")}),
        json!({"iss": format!("{BASE}/{ORDERS}/v2.0"), "tid": ORDERS}),
        json!({"iss": "https://sts.example/v2.0"}),
        json!({"tid": null}),
        json!({"tid": TENANT.to_uppercase()}),
        json!({"ver": null}),
        json!({"ver": "1.0"}),
        json!({"aud": ORDERS}),
        json!({"aud": format!("api://{LEDGER}")}),
        json!({"aud": format!("{LEDGER}/")}),
        json!({"aud": "api://ledger/"}),
        json!({"aud": "api://Ledger"}),
        json!({"aud": "api://ledger//"}),
        json!({"aud": LEDGER.to_uppercase()}),
        json!({"aud": [LEDGER]}),
        json!({"aud": [LEDGER, ORDERS]}),
        json!({"azp": null}),
        json!({"azp": "daemon"}),
        json!({"oid": null}),
        json!({"oid": "x", "sub": "x"}),
        json!({"sub": "x"}),
        json!({"sub": "x", "scp": "Entries.Read"}),
        json!({"scp": ""}),
        json!({"scp": ["Entries.Read"]}),
        json!({"scp": "Entries.Read", "idtyp": "app"}),
        json!({"scp": "Entries.Read", "idtyp": "user"}),
        json!({"idtyp": "user"}),
        json!({"idtyp": "app"}),
        json!({"roles": "Entries.Read.All"}),
        json!({"roles": null}),
        json!({"uti": 1}),
    ] {
        all.push(with(app_token(), changes));
    }
    all
}

#[tokio::test]
async fn inspect_says_what_the_middleware_does() {
    let mut world = World::new();
    // What a route asks for is beyond the validation that both share.
    world.ledger.roles.clear();
    world.ledger.scopes.clear();
    let mut keys = json!({"keys": []});
    for jwk in &world.ledger.keys.keys {
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["use"] = "sig".into();
        keys["keys"].as_array_mut().unwrap().push(jwk);
    }
    let server = ResourceServer::builder(format!("{BASE}/{TENANT}"))
        .audience(LEDGER)
        .audience("api://ledger")
        .source(Documents(keys))
        .clock(Fixed)
        .build()
        .await
        .unwrap();
    let mut accepted = 0;
    for claims in claims_to_judge() {
        let token = world.sign(&claims);
        let (message, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", base64url::encode([1; 64]));
        for token in [token, forged] {
            let said = report(&token, Some(&world.ledger), NOW).unwrap();
            let judged = server.validate(&token).await;
            assert_eq!(said.accepted(), Some(judged.is_ok()), "{claims} {judged:?}\n{said}");
            accepted += usize::from(judged.is_ok());
        }
    }
    assert!((5..20).contains(&accepted), "{accepted} were accepted");
}
