//! A daemon that proves who it is with a certificate: no secret ever leaves it. For each token it
//! signs a client assertion (RFC 7523), and with the token it calls an API as itself.
use std::path::PathBuf;

use anyhow::{Context, Result};
use behalf_client::{ConfidentialClient, Credential};
use clap::Parser;

/// Get a token with a certificate and call the ledger with it.
#[derive(Parser)]
struct Settings {
    #[arg(long, env = "AZURE_AUTHORITY_HOST", help = "Such as https://localhost:8443")]
    authority_host: String,
    #[arg(long, env = "AZURE_TENANT_ID", help = "The tenant, by id or by domain")]
    tenant: String,
    #[arg(long, env = "AZURE_CLIENT_ID", help = "This daemon's application id")]
    client_id: String,
    #[arg(long, env = "AZURE_CLIENT_CERTIFICATE_PATH", help = "PEM: certificate and RSA key")]
    certificate: PathBuf,
    #[arg(long, env = "BEHALF_CA_FILE", help = "The CA to trust, if not the system's (PEM)")]
    ca_file: Option<PathBuf>,
    /// What to call
    #[arg(long, env = "LEDGER_URL", default_value = "http://localhost:3002/entries")]
    ledger_url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let authority = format!("{}/{}", settings.authority_host, settings.tenant);
    let mut app = ConfidentialClient::builder(authority, settings.client_id)
        .credential(Credential::certificate_pem_file(settings.certificate)?);
    if let Some(ca_file) = settings.ca_file {
        app = app.ca_file(ca_file);
    }
    let ledger = app.build()?.for_resource("api://ledger/.default").reqwest()?;
    let entries = ledger.get(&settings.ledger_url).send().await?.error_for_status();
    println!("{}", entries.context("the ledger refused the call")?.text().await?);
    Ok(())
}
