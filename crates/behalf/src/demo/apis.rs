//! The demo's APIs: protected by `behalf-resource`, calling onwards by `behalf-client`, as real
//! ones do.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use behalf_client::{ConfidentialClient, Downstream};
use behalf_resource::{AuthError, OnBehalf, ResourceServer};
use http::header;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::dev::world;

/// Tier 2.
mod ledger {
    use behalf_resource::{AppOnly, Caller, Either, OnBehalf, permissions};
    use serde_json::json;

    permissions! {
        audience "api://ledger";
        scope EntriesRead = "Entries.Read" : "Read your ledger entries";
        role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
    }

    /// The type of `who` is the rule: nobody else gets here. A user sees his own entries.
    pub(super) async fn entries(
        who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>,
    ) -> String {
        let entry = |text: &str, cents: i32| json!({"text": text, "cents": cents});
        let entries = match who.caller() {
            Caller::App { .. } => {
                json!([entry("Paper", -1250), entry("Invoice 2041", 99000), entry("Coffee", -480)])
            }
            Caller::User { .. } => json!([entry("Coffee", -480)]),
        };
        entries.to_string()
    }
}

/// Tier 1.
mod orders {
    use behalf_resource::permissions;

    permissions! {
        audience "api://orders";
        scope OrdersRead = "Orders.Read" : "Read your orders";
    }
}

/// What the last call of an API carried.
#[derive(Clone, Default)]
pub(super) struct Carried(Arc<Mutex<String>>);

impl Carried {
    /// The token.
    pub(super) fn token(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, request: &Request) {
        let value = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        token.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn noting(State(carried): State<Carried>, request: Request, next: Next) -> Response {
    carried.note(&request);
    next.run(request).await
}

/// The APIs while they run; they end with the runtime.
pub(super) struct Apis {
    /// `http://127.0.0.1:PORT` of orders-api.
    pub(super) orders: String,
    /// `http://127.0.0.1:PORT` of ledger-api.
    pub(super) ledger: String,
    /// What ledger-api was called with.
    pub(super) at_ledger: Carried,
}

impl Apis {
    /// Starts both on free ports of this machine. `orders` is orders-api as a client.
    pub(super) async fn start(
        base_url: &str,
        ca_file: &Path,
        orders: &ConfidentialClient,
    ) -> anyhow::Result<Self> {
        let authority = format!("{base_url}/{}", world::ACME.domain);
        let at_ledger = Carried::default();
        let server = ResourceServer::builder(&authority)
            .permissions::<ledger::Permissions>()
            .audience(world::LEDGER_API.id.to_string())
            .ca_file(ca_file)
            .build()
            .await
            .context("ledger-api does not start")?;
        let app = Router::new()
            .route("/entries", get(ledger::entries))
            .layer(server.layer())
            .layer(middleware::from_fn_with_state(at_ledger.clone(), noting));
        let ledger = listen(app).await?;

        let server = ResourceServer::builder(&authority)
            .permissions::<orders::Permissions>()
            .audience(world::ORDERS_API.id.to_string())
            .ca_file(ca_file)
            .build()
            .await
            .context("orders-api does not start")?;
        let downstream = orders.downstream(&ledger, ["api://ledger/Entries.Read"]);
        let app = Router::new()
            .route("/orders", get(my_orders))
            .layer(server.layer())
            .with_state(downstream);
        Ok(Self { orders: listen(app).await?, ledger, at_ledger })
    }
}

/// The call onwards carries a token for the same user.
async fn my_orders(
    user: OnBehalf<orders::OrdersRead>,
    State(ledger): State<Downstream>,
) -> Result<String, AuthError> {
    let entries: Vec<Value> = ledger.on_behalf_of(&user).get("/entries").await?;
    Ok(json!({ "user": user.oid(), "entries": entries }).to_string())
}

async fn listen(app: Router) -> anyhow::Result<String> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://127.0.0.1:{port}"))
}
