//! The demo's API: protected by `behalf-resource`, as a real one is.

use std::{net::SocketAddr, path::Path};

use anyhow::Context as _;
use axum::{Router, routing::get};
use behalf_resource::{AppOnly, Caller, Either, OnBehalf, ResourceServer, permissions};
use tokio::net::TcpListener;

use crate::dev::world;

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

const ENTRIES: &str = r#"[{"id":1,"text":"Paper","cents":-1250},{"id":2,"text":"Invoice 2041","cents":99000},{"id":3,"text":"Coffee","cents":-480}]"#;

/// The type of `who` is the rule: nobody else gets here.
async fn entries(who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>) -> &'static str {
    match who.caller() {
        Caller::App { .. } => ENTRIES,
        // Nobody signs in here.
        Caller::User { .. } => "[]",
    }
}

/// Starts the API on a free port of this machine; it ends with the runtime.
pub(super) async fn start(base_url: &str, ca_file: &Path) -> anyhow::Result<SocketAddr> {
    let server = ResourceServer::builder(format!("{base_url}/{}", world::ACME.domain))
        .permissions::<Permissions>()
        .audience(world::LEDGER_API.id.to_string())
        .ca_file(ca_file)
        .build()
        .await
        .context("ledger-api does not start")?;
    let app = Router::new().route("/entries", get(entries)).layer(server.layer());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}
