//! A daemon that gets an access token with its secret and calls an API as itself.
use anyhow::{Context, Result};
use behalf_client::ConfidentialClient;
use clap::Parser;

/// Get a token with a client secret and call the ledger with it. Who it is comes from
/// `AZURE_AUTHORITY_HOST`, `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`.
#[derive(Parser)]
struct Settings {
    /// The API's App ID URI with `/.default`: everything this daemon was granted there
    #[arg(long, env = "SCOPE", default_value = "api://ledger/.default")]
    scope: String,
    /// What to call
    #[arg(long, env = "LEDGER_URL", default_value = "http://localhost:3002/entries")]
    ledger_url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let app = ConfidentialClient::from_env()?;
    let ledger = app.for_resource(&settings.scope).reqwest()?;
    let entries = ledger.get(&settings.ledger_url).send().await?.error_for_status();
    println!("{}", entries.context("the ledger refused the call")?.text().await?);
    Ok(())
}
