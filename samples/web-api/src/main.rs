//! ledger-api: one address for users (through an application) and for daemons.

use anyhow::Context as _;
use axum::Json;
use behalf_resource::routing::{GuardedRouter, get};
use behalf_resource::{AppOnly, Caller, Either, OnBehalf, ResourceServer, permissions};
use serde::Serialize;
use tokio::net::TcpListener;

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

#[derive(Clone, Copy, Serialize)]
struct Entry {
    id: u32,
    text: &'static str,
    cents: i64,
}

const ENTRIES: [Entry; 3] = [
    Entry { id: 1, text: "Paper", cents: -1250 },
    Entry { id: 2, text: "Invoice 2041", cents: 99_000 },
    Entry { id: 3, text: "Coffee", cents: -480 },
];

/// The type of `who` is the rule: nobody else gets here, and `get` takes no handler without one.
async fn entries(who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>) -> Json<Vec<Entry>> {
    Json(match who.caller() {
        // The object id is the key for a user's data: names and addresses can change hands.
        Caller::User { oid, .. } => entries_of(oid.as_u128()),
        Caller::App { .. } => ENTRIES.to_vec(),
    })
}

/// Stands for a look-up by the user's object id: everybody gets one entry.
fn entries_of(oid: u128) -> Vec<Entry> {
    ENTRIES.into_iter().filter(|entry| u128::from(entry.id) % 3 == oid % 3).collect()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = ResourceServer::from_env::<Permissions>().await.context("no token service")?;
    // Merged outside of the layer: what the API says about itself, everybody may read.
    let app = GuardedRouter::new()
        .route("/entries", get(entries))
        .layer(server.layer())
        .merge(server.metadata_routes());

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let port = std::env::var("PORT").unwrap_or_else(|_| "3002".to_owned());
    let port: u16 = port.parse().with_context(|| format!("PORT is {port:?}, expected a number"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("ledger-api listens on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
