//! trend-api: an API for the users of every directory that it was brought into.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use axum::Json;
use behalf_resource::routing::{GuardedRouter, get};
use behalf_resource::{OnBehalf, ResourceServer, Tenants, permissions};
use tokio::net::TcpListener;

permissions! {
    // With the application id in it: so it means this API in every directory.
    audience "api://7e4d0000-0000-4000-8000-000000000006";
    scope TrendsRead = "Trends.Read" : "Read trends";
}

const TRENDS: [&str; 3] = ["Paper is up", "Coffee is down", "Invoices are late"];

/// One directory's users see nothing of another's: the tenant is part of every key.
async fn trends(user: OnBehalf<TrendsRead>) -> Json<[&'static str; 1]> {
    let (_, low) = user.tenant().as_u64_pair();
    Json([TRENDS[(low % 3) as usize]])
}

/// Listens on a free port; answers with the address of the trends.
pub(crate) async fn start(authority_host: &str, ca_file: Option<PathBuf>) -> Result<String> {
    let mut server = ResourceServer::builder(format!("{authority_host}/common"))
        .permissions::<Permissions>()
        .audience("7e4d0000-0000-4000-8000-000000000006")
        // Every directory that consented; `Tenants::allow` names those who pay.
        .tenants(Tenants::any());
    if let Some(ca_file) = ca_file {
        server = server.ca_file(ca_file);
    }
    let server = server.build().await.context("no token service")?;
    let routes = GuardedRouter::new()
        .route("/trends", get(trends))
        .layer(server.layer())
        .merge(server.metadata_routes())
        .with_state(());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}/trends", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
