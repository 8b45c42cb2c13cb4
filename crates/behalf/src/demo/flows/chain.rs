//! A user signs in to a native application, and his identity travels through two APIs.

use std::io;

use anyhow::Context as _;
use behalf_client::{Error, TokenAnswer};
use behalf_core::event::Grant;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::{
    browser::Walk,
    stage::{PASSWORD, Stage},
    tell,
};
use crate::dev::world;

pub(in crate::demo) const BOB: &str = "bob@acme.test";
const SCOPES: [&str; 1] = ["api://orders/.default"];

/// A sign-in as the browser saw it, and its tokens.
pub(in crate::demo) struct SignedIn {
    /// What the user was asked.
    pub(in crate::demo) walk: Walk,
    /// What desk-app got.
    pub(in crate::demo) tokens: TokenAnswer,
}

/// Bob signs in to desk-app: its own code with PKCE and a listener, and a browser that is played.
pub(in crate::demo) async fn sign_in(stage: &mut Stage) -> anyhow::Result<SignedIn> {
    let (desk, mut browser) = (stage.desk_app()?, stage.browser()?);
    let (sender, opened) = oneshot::channel();
    let open = move |url: &url::Url| {
        let nobody = |_| io::Error::other("nobody plays the browser");
        sender.send(url.clone()).map_err(nobody)
    };
    let asked = desk.acquire_token_interactive(SCOPES).open_with(open).answer();
    let played = async {
        let url = opened.await.context("desk-app opened no browser")?;
        let walk = browser.walk(&url, (BOB, PASSWORD)).await?;
        browser.bring(&walk.left).await?;
        Ok(walk)
    };
    let asked = async { asked.await.map_err(anyhow::Error::from) };
    let (tokens, walk) = tokio::try_join!(asked, played)?;
    stage.requests += browser.requests + 1;
    Ok(SignedIn { walk, tokens })
}

/// The flow.
pub(in crate::demo) async fn run(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("desk-app -> browser", "GET /acme.test/oauth2/v2.0/authorize")?;
    let id = tell::short(&world::DESK_APP.id.to_string());
    Stage::more(&format!(
        "response_type=code  client_id={id}  code_challenge_method=S256  scope={}",
        SCOPES.join(" ")
    ))?;
    let SignedIn { walk, tokens } = sign_in(stage).await?;
    stage.step(BOB, "signs in, sees one dialog for both APIs, and accepts")?;
    for line in &walk.asked {
        Stage::more(line)?;
    }
    let asked = [
        "desk-app asks to use orders-api in your name: Read your orders (Orders.Read)",
        "orders-api, when desk-app calls it, asks to use ledger-api in your name: Read your ledger entries (Entries.Read)",
    ];
    let found: Vec<&str> = walk.asked.iter().map(String::as_str).collect();
    stage.expect("dialog", &found.as_slice(), &asked.as_slice())?;
    let event = stage.newest(&world::DESK_APP)?;
    let token = tokens.access_token();
    stage.step("desk-app -> behalf", "POST /acme.test/oauth2/v2.0/token")?;
    Stage::more(&format!(
        "grant_type=authorization_code  client_id={id}  code=••••  code_verifier=••••"
    ))?;
    Stage::checked(&event)?;
    stage.expect("grant", &event.grant, &Grant::AuthorizationCode)?;
    let with = if tokens.refresh_token().is_some() { " + refresh_token" } else { "" };
    let text = format!("200   access_token {}{with}", tell::token(token));
    stage.step("behalf -> desk-app", &text)?;
    Stage::more(&tell::claims(token))?;
    stage.expect("refresh token", &tokens.refresh_token().is_some(), &true)?;
    stage.expect_claims(
        token,
        &[
            ("aud", json!(world::ORDERS_API.id.to_string())),
            ("azp", json!(world::DESK_APP.id.to_string())),
            ("scp", json!("Orders.Read")),
            ("roles", Value::Null),
        ],
    )?;
    calls(stage, token).await
}

/// desk-app calls orders-api, and that the next one.
async fn calls(stage: &mut Stage, token: &str) -> anyhow::Result<()> {
    let shown = format!("GET /orders   Authorization: Bearer {}…", tell::clip(token, 10));
    stage.step("desk-app -> orders-api", &shown)?;
    let reply = stage.call(&format!("{}/orders", stage.apis.orders), token).await?;
    stage.requests += 2;
    let event = stage.newest(&world::ORDERS_API)?;
    stage.step("orders-api -> behalf", "POST /acme.test/oauth2/v2.0/token")?;
    Stage::more(&format!(
        "grant_type=jwt-bearer  requested_token_use=on_behalf_of  client_id={}  \
         client_secret=••••",
        tell::short(&world::ORDERS_API.id.to_string())
    ))?;
    Stage::more("assertion=<bob's token>  scope=api://ledger/Entries.Read")?;
    Stage::checked(&event)?;
    let onward = stage.apis.at_ledger.token();
    stage.step("behalf -> orders-api", &format!("200   access_token {}", tell::token(&onward)))?;
    Stage::more(&tell::claims(&onward))?;
    stage.expect("grant", &event.grant, &Grant::OnBehalfOf)?;
    stage.expect("first failed check", &event.trail.first_failed(), &None)?;
    stage.expect("chain", &event.chain.len(), &1)?;
    let bob = tell::part(token, 1)["oid"].clone();
    stage.expect_claims(
        &onward,
        &[
            ("aud", json!(world::LEDGER_API.id.to_string())),
            ("azp", json!(world::ORDERS_API.id.to_string())),
            ("scp", json!("Entries.Read")),
            ("oid", bob.clone()),
            ("roles", Value::Null),
        ],
    )?;
    let entries = reply.body["entries"].as_array().map_or(0, Vec::len);
    stage.step("orders-api -> ledger-api", "GET /entries")?;
    Stage::say(
        "     ledger-api checked   ok signature   ok issuer   ok tenant   ok audience   \
         ok not expired   ok scope Entries.Read",
    )?;
    let text = format!("{}  [{entries} entry: bob's only]", reply.status);
    stage.step("orders-api -> desk-app", &text)?;
    stage.expect("status", &reply.status, &200)?;
    stage.expect("entries", &entries, &1)?;
    stage.expect("user", &reply.body["user"], &bob)
}

/// orders-api's token for bob's next hop, from a token of his.
pub(in crate::demo) async fn on_behalf_of(
    stage: &mut Stage,
    assertion: &str,
    scopes: &str,
) -> anyhow::Result<super::super::stage::Exchange> {
    let orders = stage.client(&world::ORDERS_API)?;
    let scopes: Vec<&str> = scopes.split(' ').collect();
    let ask = async {
        let answer: Result<TokenAnswer, Error> =
            orders.acquire_token_on_behalf_of(assertion, scopes).answer().await;
        answer
    };
    stage.exchange(&world::ORDERS_API, ask).await
}
