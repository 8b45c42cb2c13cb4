//! The flows that go well.

use serde_json::{Value, json};

use super::{
    stage::Stage,
    wire::{self, Ask, Target, short},
};
use crate::dev::world;

const SECRET: &str = "behalf-dev-invoice-daemon";
const DAEMON: &str = "invoice-daemon";

/// A request of the daemon of the dev world.
pub(super) fn daemon_asks(target: Target<'_>) -> Ask<'_> {
    Ask { from: DAEMON, client_id: world::INVOICE_DAEMON.id.to_string(), secret: SECRET, target }
}

/// Runs them all; answers with how many there are.
pub(super) async fn run(stage: &mut Stage) -> anyhow::Result<u32> {
    title(stage, "Flow 1/2  A daemon calls a web API as itself (client credentials)")?;
    let answer = token(stage, &daemon_asks(Target::Scope("api://ledger/.default"))).await?;
    stage.expect("expires_in", &answer.body["expires_in"], &json!(3599))?;
    call(stage, answer.token()).await?;

    title(stage, "\nFlow 2/2  The same through the v1 endpoint, which takes a resource")?;
    let answer = token(stage, &daemon_asks(Target::Resource("api://ledger"))).await?;
    // All values of a v1 answer are strings; the token's format is the API's choice all the same.
    stage.expect("expires_in", &answer.body["expires_in"], &json!("3599"))?;
    stage.expect("resource", &answer.body["resource"], &json!("api://ledger"))?;
    call(stage, answer.token()).await?;
    Ok(2)
}

pub(super) fn title(stage: &Stage, text: &str) -> anyhow::Result<()> {
    Stage::say(&format!("{}\n", stage.style.strong(text)))
}

/// Steps 1 and 2: the token.
async fn token(stage: &mut Stage, ask: &Ask<'_>) -> anyhow::Result<wire::Answer> {
    let (request, form) = wire::shown(ask);
    let way = format!("{} -> behalf", ask.from);
    Stage::say(&format!("  1  {way:<30} {request}\n       {form}"))?;
    let answer = wire::ask(stage, ask).await?;
    Stage::say(&format!("     behalf checked   {}", wire::checks(&answer.event)))?;
    let (header, claims) = (wire::part(answer.token(), 0), wire::part(answer.token(), 1));
    let way = format!("behalf -> {}", ask.from);
    Stage::say(&format!(
        "  2  {way:<30} {}  {:.1} ms   access_token {}… ({}, kid {}…)   expires_in {}\n       {}",
        answer.status,
        answer.millis,
        clip(answer.token(), 10),
        text(&header["alg"]),
        clip(text(&header["kid"]), 6),
        answer.body["expires_in"],
        claims_line(&claims)
    ))?;
    stage.expect("status", &answer.status, &200)?;
    stage.expect("first failed check", &answer.event.trail.first_failed(), &None)?;
    let base_url = stage.instance.ready.base_url.clone();
    for (name, expected) in [
        ("aud", json!(world::LEDGER_API.id.to_string())),
        ("iss", json!(format!("{base_url}/{}/v2.0", world::ACME.id))),
        ("tid", json!(world::ACME.id.to_string())),
        ("azp", json!(world::INVOICE_DAEMON.id.to_string())),
        ("ver", json!("2.0")),
        ("roles", json!(["Entries.Read.All"])),
        ("scp", Value::Null),
    ] {
        stage.expect(&format!("claim {name}"), &claims[name], &expected)?;
    }
    Ok(answer)
}

/// Steps 3 and 4: the API.
async fn call(stage: &mut Stage, token: &str) -> anyhow::Result<()> {
    Stage::say(&format!(
        "  3  {:<30} GET /entries   Authorization: Bearer {}…",
        "invoice-daemon -> ledger-api",
        clip(token, 10)
    ))?;
    let reply = wire::call_ledger(stage, token).await?;
    if reply.status == 200 {
        // The middleware lets nothing through that fails one of these.
        Stage::say(
            "     ledger-api checked   ok signature   ok issuer   ok tenant   ok audience   \
             ok not expired   ok role Entries.Read.All",
        )?;
    }
    let entries = reply.body.as_array().map_or(0, Vec::len);
    Stage::say(&format!(
        "  4  {:<30} {}  [{entries} entries]",
        "ledger-api -> invoice-daemon", reply.status
    ))?;
    stage.expect("status", &reply.status, &200)?;
    stage.expect("entries", &entries, &3)
}

fn claims_line(claims: &Value) -> String {
    let roles: Vec<&str> = claims["roles"].as_array().into_iter().flatten().map(text).collect();
    let audience = text(&claims["aud"]);
    let named = world::APPS.iter().find(|app| app.id.to_string() == audience);
    format!(
        "ver {}   aud {} ({})   azp {}   roles [{}]   (no user)",
        text(&claims["ver"]),
        short(audience),
        named.map_or("?", |app| app.name),
        short(text(&claims["azp"])),
        roles.join(", ")
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn clip(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text)
}
