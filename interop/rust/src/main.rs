//! `azure_identity`, unmodified: it never asks discovery, wants numbers in the v2 answer and in
//! `error_codes`, and finds the server by AZURE_AUTHORITY_HOST.
use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientSecretCredential;
use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// The daemon of the world and the API it was granted.
struct World {
    tenant: String,
    client_id: String,
    secret: String,
    scope: String,
}

impl World {
    fn read() -> Result<Self, Box<dyn Error>> {
        let path = std::env::var("INTEROP_WORLD")?;
        let world: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let text = |pointer: &str| {
            let found = world.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned).ok_or_else(|| format!("the world has no {pointer}"))
        };
        Ok(Self {
            tenant: text("/ready/tenants/acme/domain")?,
            client_id: text("/daemon/app_id")?,
            secret: text("/daemon/secret")?,
            scope: format!("{}/.default", text("/apis/v2/uri")?),
        })
    }

    fn credential(&self, secret: &str) -> azure_core::Result<Arc<ClientSecretCredential>> {
        let secret = secret.to_owned().into();
        ClientSecretCredential::new(&self.tenant, self.client_id.clone(), secret, None)
    }
}

async fn the_second_call_comes_from_the_cache(world: &World) -> Outcome {
    let credential = world.credential(&world.secret)?;
    let scopes = [world.scope.as_str()];
    let first = credential.get_token(&scopes, None).await?;
    let second = credential.get_token(&scopes, None).await?;
    expect(first.token.secret().split('.').count(), 3, "parts of the token")?;
    // Two tokens differ in their `uti`, so the same text means that nobody was asked.
    expect(second.token.secret() == first.token.secret(), true, "same token")
}

async fn a_wrong_secret_is_named(world: &World) -> Outcome {
    let credential = world.credential("not-the-secret-of-this-application")?;
    let Err(error) = credential.get_token(&[world.scope.as_str()], None).await else {
        return Err("granted, expected a refusal".into());
    };
    let text = format!("{error} {error:?}");
    expect(text.contains("AADSTS7000215"), true, &text)
}

async fn an_unknown_resource_is_named(world: &World) -> Outcome {
    let credential = world.credential(&world.secret)?;
    let Err(error) = credential.get_token(&["api://nowhere/.default"], None).await else {
        return Err("granted, expected a refusal".into());
    };
    let text = format!("{error} {error:?}");
    expect(text.contains("AADSTS500011"), true, &text)
}

fn expect<T: PartialEq + Display>(found: T, expected: T, what: &str) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found}, expected {expected}").into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let world = World::read()?;
    let outcomes = [
        ("secret; the second call is served from the cache", {
            the_second_call_comes_from_the_cache(&world).await
        }),
        ("wrong secret: 7000215", a_wrong_secret_is_named(&world).await),
        ("unknown resource: 500011", an_unknown_resource_is_named(&world).await),
    ];
    let mut code = ExitCode::SUCCESS;
    for (name, outcome) in outcomes {
        match outcome {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                println!("not ok {name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
