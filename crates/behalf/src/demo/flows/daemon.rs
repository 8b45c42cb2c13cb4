//! A daemon calls an API as itself: on the v2 endpoint, and on v1.

use behalf_core::event::Endpoint;
use serde_json::{Value, json};

use super::super::{
    stage::{Exchange, Stage},
    tell,
};
use crate::dev::world;

const TO_BEHALF: &str = "invoice-daemon -> behalf";

/// With a scope.
pub(in crate::demo) async fn v2(stage: &mut Stage) -> anyhow::Result<()> {
    let daemon = stage.client(&world::INVOICE_DAEMON)?;
    asks(stage, "oauth2/v2.0/token", "scope=api://ledger/.default")?;
    let ask = daemon.acquire_token_for_client(["api://ledger/.default"]).answer();
    let exchange = stage.exchange(&world::INVOICE_DAEMON, ask).await?;
    gets_and_calls(stage, exchange, Endpoint::V2).await
}

/// With a resource. The token's format is the API's choice all the same.
pub(in crate::demo) async fn v1(stage: &mut Stage) -> anyhow::Result<()> {
    let daemon = stage.client(&world::INVOICE_DAEMON)?;
    asks(stage, "oauth2/token", "resource=api://ledger")?;
    let ask = daemon.answer_for_resource("api://ledger");
    let exchange = stage.exchange(&world::INVOICE_DAEMON, ask).await?;
    gets_and_calls(stage, exchange, Endpoint::V1).await
}

fn asks(stage: &mut Stage, path: &str, target: &str) -> anyhow::Result<()> {
    stage.step(TO_BEHALF, &format!("POST /{}/{path}", world::ACME.domain))?;
    let id = tell::short(&world::INVOICE_DAEMON.id.to_string());
    Stage::more(&format!(
        "grant_type=client_credentials  client_id={id}  client_secret=••••  {target}"
    ))
}

async fn gets_and_calls(
    stage: &mut Stage,
    exchange: Exchange,
    endpoint: Endpoint,
) -> anyhow::Result<()> {
    Stage::checked(&exchange.event)?;
    let answer = exchange.answer?;
    let token = answer.access_token();
    stage.step(
        "behalf -> invoice-daemon",
        &format!(
            "200  {:.1} ms   access_token {}   expires_in {}",
            exchange.millis,
            tell::token(token),
            answer.expires_in()
        ),
    )?;
    Stage::more(&tell::claims(token))?;
    stage.expect("endpoint", &exchange.event.endpoint, &endpoint)?;
    stage.expect("first failed check", &exchange.event.trail.first_failed(), &None)?;
    stage.expect("expires_in", &answer.expires_in(), &3599)?;
    let base_url = stage.instance.ready.base_url.clone();
    stage.expect_claims(
        token,
        &[
            ("aud", json!(world::LEDGER_API.id.to_string())),
            ("iss", json!(format!("{base_url}/{}/v2.0", world::ACME.id))),
            ("tid", json!(world::ACME.id.to_string())),
            ("azp", json!(world::INVOICE_DAEMON.id.to_string())),
            ("ver", json!("2.0")),
            ("roles", json!(["Entries.Read.All"])),
            ("scp", Value::Null),
        ],
    )?;
    let shown = format!("GET /entries   Authorization: Bearer {}…", tell::clip(token, 10));
    stage.step("invoice-daemon -> ledger-api", &shown)?;
    let reply = stage.call(&format!("{}/entries", stage.apis.ledger), token).await?;
    if reply.status == 200 {
        // The middleware lets nothing through that fails one of these.
        Stage::say(
            "     ledger-api checked   ok signature   ok issuer   ok tenant   ok audience   \
             ok not expired   ok role Entries.Read.All",
        )?;
    }
    let entries = reply.body.as_array().map_or(0, Vec::len);
    stage
        .step("ledger-api -> invoice-daemon", &format!("{}  [{entries} entries]", reply.status))?;
    stage.expect("status", &reply.status, &200)?;
    stage.expect("entries", &entries, &3)
}
