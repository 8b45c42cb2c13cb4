//! Tokens for Rust programs, from behalf and from Entra ID.
//!
//! ```no_run
//! use behalf_client::{ConfidentialClient, Credential};
//! # use serde::Deserialize;
//! # #[derive(Deserialize)] struct Entry {}
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // AZURE_AUTHORITY_HOST / AZURE_TENANT_ID / AZURE_CLIENT_ID + secret, certificate or federated token file
//! let app = ConfidentialClient::from_env()?;
//! // the same, spelled out
//! let app = ConfidentialClient::builder("https://login.acme.test/acme.test", "3f6c2a0e-0000-4000-8000-00000000000c")
//!     .credential(Credential::certificate_pem_file("daemon.pem")?)
//!     .build()?; // no I/O; metadata is fetched lazily, once
//!
//! let token = app.acquire_token_for_client(["api://ledger/.default"]).await?;
//! println!("{token:?}"); // AccessToken { api://ledger, 59m, from: Network, "eyJ…redacted" }
//!
//! // usual style: never touch a token. Cached, refreshed before expiry, one request in flight per key.
//! let ledger = app.for_resource("api://ledger/.default").reqwest()?;
//! let entries: Vec<Entry> = ledger.get("https://ledger.acme.test/entries").send().await?.json().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Runs on Tokio. Everything is HTTPS, with the TLS of aws-lc-rs and no global state.

mod account;
mod acquire;
mod answer;
mod api;
mod browser;
mod builder;
mod cache;
mod challenge;
mod claims;
mod clock;
mod confidential;
mod credential;
mod device;
mod directory;
mod downstream;
mod engine;
mod entropy;
mod environment;
mod error;
mod flight;
mod id_token;
mod interactive;
mod loopback;
mod metadata;
mod pkce;
mod public;
mod redirect;
mod refusal;
mod request;
mod retry;
mod scopes;
mod secret;
mod sign_in;
mod silent;
mod token;
mod transport;
mod web;

pub use account::Account;
pub use acquire::Acquire;
pub use answer::TokenAnswer;
pub use api::{ApiClient, ApiError, ApiRequest, ForResource};
pub use behalf_protocol::delegation::{Interaction, OnwardError, OnwardFailure, UserAssertion};
pub use browser::open_browser;
pub use builder::{BuildError, Builder};
pub use clock::{Clock, SystemClock};
pub use confidential::ConfidentialClient;
pub use credential::{AssertionRequest, Credential, CredentialError};
pub use device::DevicePrompt;
pub use downstream::{Downstream, DownstreamError, DownstreamRequest, OnBehalfOf, Refused};
pub use entropy::{Entropy, NoEntropy, SystemEntropy};
pub use error::Error;
pub use interactive::{Interactive, Prompt};
pub use metadata::MetadataError;
pub use public::{PublicBuilder, PublicClient};
pub use refusal::{Refusal, RefusalKind};
pub use scopes::ScopeError;
pub use silent::Silent;
pub use token::{AccessToken, Source};
pub use transport::HttpsError;
pub use web::WebSignIn;

/// A lock whose holder panicked still guards whole values: each is replaced in one step.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
