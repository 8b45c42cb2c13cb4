//! Tokens are renewed without the user: by the application he signed in to, and by the API that
//! works for him.

use behalf_core::event::Grant;
use serde_json::{Value, json};

use super::{
    super::{
        stage::{Exchange, Stage},
        tell,
    },
    chain,
};
use crate::dev::world::{self, App};

/// The flow.
pub(in crate::demo) async fn run(stage: &mut Stage) -> anyhow::Result<()> {
    let tokens = chain::sign_in(stage).await?.tokens;
    let first = tokens.refresh_token().unwrap_or_default();
    asks(stage, &world::DESK_APP, "scope=api://orders/Orders.Read")?;
    let desk = stage.desk_app()?;
    let ask = desk.answer_by_refresh_token(first, ["api://orders/Orders.Read"]);
    let exchange = stage.exchange(&world::DESK_APP, ask).await?;
    let renewed = gets(stage, &world::DESK_APP, exchange, ("orders-api", "Orders.Read"))?;
    stage.expect("another refresh token", &(renewed.refresh == first), &false)?;

    let asked = "api://ledger/Entries.Read offline_access";
    let exchange = chain::on_behalf_of(stage, &renewed.access, asked).await?;
    let got = exchange.answer?;
    stage.step("orders-api -> behalf", "on behalf of bob once more, with offline_access")?;
    Stage::more("200   access_token + refresh_token: orders-api can go on without desk-app")?;
    asks(stage, &world::ORDERS_API, "client_secret=••••  scope=api://ledger/Entries.Read")?;
    let orders = stage.client(&world::ORDERS_API)?;
    let refresh = got.refresh_token().unwrap_or_default();
    let ask = orders.answer_by_refresh_token(refresh, ["api://ledger/Entries.Read"]);
    let exchange = stage.exchange(&world::ORDERS_API, ask).await?;
    let renewed = gets(stage, &world::ORDERS_API, exchange, ("ledger-api", "Entries.Read"))?;
    let reply = stage.call(&format!("{}/entries", stage.apis.ledger), &renewed.access).await?;
    let entries = reply.body.as_array().map_or(0, Vec::len);
    let text = format!("GET /entries   {}  [{entries} entry: bob's only]", reply.status);
    stage.step("orders-api -> ledger-api", &text)?;
    stage.expect("status", &reply.status, &200)?;
    stage.expect("entries", &entries, &1)
}

/// Tokens after a renewal.
struct Renewed {
    access: String,
    refresh: String,
}

fn asks(stage: &mut Stage, app: &App, rest: &str) -> anyhow::Result<()> {
    let way = format!("{} -> behalf", app.name);
    stage.step(&way, "POST /acme.test/oauth2/v2.0/token")?;
    let id = tell::short(&app.id.to_string());
    Stage::more(&format!("grant_type=refresh_token  client_id={id}  refresh_token=••••  {rest}"))
}

fn gets(
    stage: &mut Stage,
    app: &App,
    exchange: Exchange,
    (api, scope): (&str, &str),
) -> anyhow::Result<Renewed> {
    Stage::checked(&exchange.event)?;
    let answer = exchange.answer?;
    let token = answer.access_token();
    let way = format!("behalf -> {}", app.name);
    let text = format!(
        "200  {:.1} ms   access_token {} + refresh_token",
        exchange.millis,
        tell::token(token)
    );
    stage.step(&way, &text)?;
    Stage::more(&tell::claims(token))?;
    stage.expect("grant", &exchange.event.grant, &Grant::RefreshToken)?;
    stage.expect("refresh token", &answer.refresh_token().is_some(), &true)?;
    let audience = world::app(api).map(|api| api.id.to_string());
    stage.expect_claims(
        token,
        &[
            ("aud", json!(audience)),
            ("azp", json!(app.id.to_string())),
            ("scp", json!(scope)),
            ("oid", json!(world::object_id(&world::ACME, "user", chain::BOB).to_string())),
            ("roles", Value::Null),
        ],
    )?;
    let refresh = answer.refresh_token().unwrap_or_default().to_owned();
    Ok(Renewed { access: token.to_owned(), refresh })
}
