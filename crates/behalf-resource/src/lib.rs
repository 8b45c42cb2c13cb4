//! Resource-server middleware: validates access tokens of behalf and of Entra ID, authorizes by
//! scope and role.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use behalf_resource::{AppOnly, Caller, Either, OnBehalf, ResourceServer, permissions};
//!
//! permissions! {
//!     audience "api://ledger";
//!     scope EntriesRead = "Entries.Read" : "Read your ledger entries";
//!     role EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
//! }
//!
//! async fn entries(who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>) -> String {
//!     match who.caller() {
//!         Caller::User { oid, .. } => format!("entries of user {oid}"),
//!         Caller::App { client, .. } => format!("all entries, for {client}"),
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = ResourceServer::builder("https://login.acme.test/acme.test")
//!     .permissions::<Permissions>()
//!     .audience("3f6c2a0e-0000-4000-8000-00000000000a") // its application id: what v2 tokens name
//!     .build()
//!     .await?;
//! let app: Router = Router::new().route("/entries", get(entries)).layer(server.layer());
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! The type in a handler's signature is the rule: a handler that forgets it has no caller to use.
//! With the router of [`routing`], it does not compile.

mod audience;
mod builder;
mod challenge;
mod clock;
mod flight;
mod guard;
mod issuer;
mod keys;
mod layer;
mod metadata;
mod onward;
mod permission;
mod presented;
mod resource_metadata;
pub mod routing;
mod server;
mod source;
mod tenancy;
mod tenants;
mod token;
mod validate;

pub use builder::{BuildError, Builder};
pub use challenge::{AuthError, Directions};
pub use clock::{Clock, SystemClock};
pub use guard::{AppOnly, Either, Forbidden, Guard, OnBehalf};
pub use layer::{ResourceLayer, ResourceService};
pub use metadata::MetadataError;
pub use permission::{Any, AppPermission, Permissions, Role, Scope};
pub use presented::Presented;
pub use server::ResourceServer;
pub use source::{FetchError, Fetched, HttpsError, HttpsSource, MetadataSource};
pub use tenants::Tenants;
pub use token::{Caller, ValidToken};
pub use validate::Refusal;
