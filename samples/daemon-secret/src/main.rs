//! A daemon that gets an access token with its secret and calls an API as itself.
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use reqwest::{Certificate, Client};
use serde::Deserialize;

/// Get a token with a client secret and call the ledger with it.
#[derive(Parser)]
struct Settings {
    /// The directory's address, such as <https://localhost:8443>
    #[arg(long, env = "AZURE_AUTHORITY_HOST")]
    authority_host: String,
    /// The tenant, by id or by domain
    #[arg(long, env = "AZURE_TENANT_ID")]
    tenant: String,
    /// This daemon's application id
    #[arg(long, env = "AZURE_CLIENT_ID")]
    client_id: String,
    /// One of this daemon's secrets
    #[arg(long, env = "AZURE_CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
    /// The API's App ID URI with `/.default`: everything this daemon was granted there
    #[arg(long, env = "SCOPE", default_value = "api://ledger/.default")]
    scope: String,
    /// What to call
    #[arg(long, env = "LEDGER_URL", default_value = "http://localhost:3002/entries")]
    ledger_url: String,
    /// A CA to trust besides the system's (PEM)
    #[arg(long, env = "BEHALF_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// A token, or the reason there is none (RFC 6749 section 5).
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenAnswer {
    Granted { access_token: String, expires_in: u64 },
    Refused { error: String, error_description: String },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let http = http_client(&settings)?;
    let token = token(&http, &settings).await?;
    let entries = http
        .get(&settings.ledger_url)
        .bearer_auth(token)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .context("the ledger refused the call")?;
    println!("{}", entries.text().await?);
    Ok(())
}

async fn token(http: &Client, settings: &Settings) -> Result<String> {
    let endpoint = format!("{}/{}/oauth2/v2.0/token", settings.authority_host, settings.tenant);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &settings.client_id),
        ("client_secret", &settings.client_secret),
        ("scope", &settings.scope),
    ];
    let answer = http.post(&endpoint).form(&form).send().await?;
    match answer.json().await.with_context(|| format!("{endpoint} sent no token answer"))? {
        TokenAnswer::Granted { access_token, expires_in } => {
            eprintln!("token for {}, valid for {expires_in} s", settings.scope);
            Ok(access_token)
        }
        TokenAnswer::Refused { error, error_description } => bail!("{error}: {error_description}"),
    }
}

fn http_client(settings: &Settings) -> Result<Client> {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder();
    if let Some(file) = &settings.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        builder = builder.tls_certs_merge([Certificate::from_pem(&pem)?]);
    }
    Ok(builder.build()?)
}
