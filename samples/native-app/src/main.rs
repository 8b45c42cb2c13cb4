//! A program on a user's machine: the user signs in, then it calls orders-api for them.
use std::path::PathBuf;

use anyhow::{Context, Result};
use behalf_client::PublicClient;
use clap::Parser;

/// Sign in and show your orders.
#[derive(Parser)]
struct Settings {
    #[arg(long, env = "AZURE_AUTHORITY_HOST", help = "Such as https://localhost:8443")]
    authority_host: String,
    #[arg(long, env = "AZURE_TENANT_ID", help = "The tenant, by id or by domain")]
    tenant: String,
    #[arg(long, env = "AZURE_CLIENT_ID", help = "This program's application id")]
    client_id: String,
    #[arg(long, env = "BEHALF_CA_FILE", help = "The CA to trust, if not the system's (PEM)")]
    ca_file: Option<PathBuf>,
    #[arg(long, env = "ORDERS_URL", default_value = "http://localhost:3001/orders")]
    orders_url: String,
    #[arg(long, help = "Sign in on another device")]
    device: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let authority = format!("{}/{}", settings.authority_host, settings.tenant);
    let mut app = PublicClient::builder(authority, settings.client_id);
    if let Some(ca_file) = settings.ca_file {
        app = app.ca_file(ca_file);
    }
    // All that this program is registered for; as orders-api knows it, the consent page covers what
    // orders-api calls onwards too.
    let (app, scopes) = (app.build()?, ["api://orders/.default"]);
    let token = if settings.device {
        app.acquire_token_by_device_code(scopes, |shown| eprintln!("{}", shown.message)).await?
    } else {
        app.acquire_token_interactive(scopes).await?
    };
    let account = token.account().context("the answer names no user")?;
    let orders =
        app.for_account(account, scopes).reqwest()?.get(settings.orders_url).send().await?;
    println!("{account}: {}", orders.error_for_status()?.text().await?);
    Ok(())
}
