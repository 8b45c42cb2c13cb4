//! A daemon that proves who it is with a certificate: no secret ever leaves it. It signs a client
//! assertion (RFC 7523), gets an access token for it, and calls an API as itself.
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use behalf_jose::{Algorithm, Certificate, SigningKey, base64url};
use clap::Parser;
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;

/// Get a token with a certificate and call the ledger with it.
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
    /// PEM with the private key (RSA, not encrypted) and the certificate
    #[arg(long, env = "AZURE_CLIENT_CERTIFICATE_PATH")]
    certificate: PathBuf,
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
    let assertion = client_assertion(settings, &endpoint)?;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &settings.client_id),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
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

/// A JWT that says "I am this application", for this endpoint, for ten minutes. The header names
/// the certificate by its SHA-256 thumbprint.
fn client_assertion(settings: &Settings, endpoint: &str) -> Result<String> {
    let path = &settings.certificate;
    let pem =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let key = SigningKey::from_pem(Algorithm::Ps256, &pem)?;
    let certificate = Certificate::from_pem(&pem)?;
    let thumbprint = certificate.sha256_thumbprint().to_base64url();
    let now = now()?;
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
    let claims = json!({
        "aud": endpoint,
        "iss": settings.client_id,
        "sub": settings.client_id,
        "jti": unique_id(),
        "nbf": now,
        "exp": now + 600,
    });
    let message = [header, claims].map(|part| base64url::encode(part.to_string())).join(".");
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", base64url::encode(signature)))
}

#[expect(clippy::disallowed_methods, reason = "the edge of a program: its one look at the clock")]
fn now() -> Result<u64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is unset")?;
    Ok(since_1970.as_secs())
}

#[expect(clippy::disallowed_methods, reason = "the edge of a program: its one use of randomness")]
fn unique_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn http_client(settings: &Settings) -> Result<Client> {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder();
    if let Some(file) = &settings.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        builder = builder.tls_certs_merge([reqwest::Certificate::from_pem(&pem)?]);
    }
    Ok(builder.build()?)
}
