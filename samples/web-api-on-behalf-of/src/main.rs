//! orders-api: validates the user's token, then calls ledger-api on behalf of the same user.

use anyhow::Context as _;
use axum::{Json, extract::State};
use behalf_client::{ConfidentialClient, Downstream};
use behalf_resource::routing::{GuardedRouter, get};
use behalf_resource::{AuthError, OnBehalf, ResourceServer, permissions};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

permissions! {
    audience "api://orders";
    scope OrdersRead = "Orders.Read" : "Read your orders";
}

/// What ledger-api answers.
#[derive(Deserialize)]
struct Entry {
    text: String,
    cents: i64,
}

#[derive(Serialize)]
struct Order {
    what: String,
    cents: i64,
}

#[derive(Clone)]
struct App {
    ledger: Downstream,
}

/// A user's token with the scope gets here, nothing else. The call onwards carries a token for the
/// same user; where they must consent or sign in again first, `?` tells their client so.
async fn my_orders(
    user: OnBehalf<OrdersRead>,
    State(app): State<App>,
) -> Result<Json<Vec<Order>>, AuthError> {
    let entries: Vec<Entry> = app.ledger.on_behalf_of(&user).get("/entries").await?;
    let order = |Entry { text, cents }: Entry| Order { what: text, cents };
    Ok(Json(entries.into_iter().map(order).collect()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = ResourceServer::from_env::<Permissions>().await.context("no token service")?;
    let variable = |name, default: &str| {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        std::env::var(name).unwrap_or_else(|_| default.to_owned())
    };
    let ledger = ConfidentialClient::from_env()?
        .downstream(variable("LEDGER_URL", "http://localhost:3002"), ["api://ledger/Entries.Read"]);
    let app = GuardedRouter::new()
        .route("/orders", get(my_orders))
        .layer(server.layer())
        .merge(server.metadata_routes())
        .with_state(App { ledger });

    let port: u16 = variable("PORT", "3001").parse().context("PORT is not a number")?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("orders-api listens on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
