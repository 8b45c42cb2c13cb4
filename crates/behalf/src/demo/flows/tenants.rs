//! Another directory consents to an application: a user for himself, then an administrator for
//! everyone. The first consent makes the application and its API known there.

use behalf_client::{ConfidentialClient, WebSignIn};
use behalf_core::{
    grant::GrantedFor,
    id::{AppId, TenantId},
};
use serde_json::json;
use url::Url;

use super::{
    super::{
        browser::Walk,
        stage::{PASSWORD, Stage},
        tell,
    },
    chain::BOB,
};
use crate::dev::world;

const ADA: &str = "ada@acme.test";
/// Where the web application is; nobody listens there, because its answers are read on their way.
const BACK: &str = "http://localhost";

/// The flow.
pub(in crate::demo) async fn run(stage: &mut Stage) -> anyhow::Result<()> {
    stage.expect("known to Acme before", &known(stage).await?, &Vec::new())?;
    let trend = stage.client(&world::TREND_REPORT)?.for_tenant(world::ACME.domain)?;
    let started = trend.start_sign_in([scope()], BACK).await?;
    let walk = user_consents(stage, &started).await?;
    stage.expect("known to Acme", &known(stage).await?, &vec!["trend-report", "trend-api"])?;
    redeems(stage, (&trend, started), &walk).await?;
    administrator_consents(stage).await?;
    let grants = stage
        .instance
        .directory()
        .granted(TenantId(world::ACME.id), Some(AppId(world::TREND_REPORT.id)))
        .await?;
    let whom: Vec<&str> = grants
        .iter()
        .map(|grant| match grant.granted_for {
            GrantedFor::Everyone => "everyone",
            GrantedFor::User(_) => "a user",
        })
        .collect();
    stage.expect("granted for", &(whom.contains(&"everyone") && whom.contains(&"a user")), &true)
}

/// Bob of Acme opens trend-report of Globex.
async fn user_consents(stage: &mut Stage, started: &WebSignIn) -> anyhow::Result<Walk> {
    stage.step("trend-report -> browser", "GET /acme.test/oauth2/v2.0/authorize")?;
    let id = tell::short(&world::TREND_REPORT.id.to_string());
    Stage::more(&format!(
        "response_type=code  client_id={id} (home globex.test)  code_challenge_method=S256"
    ))?;
    Stage::more(&format!("scope={}", scope()))?;
    let walk = walk(stage, started.url(), BOB).await?;
    stage.step(BOB, "signs in, sees whose application it is and what it asks for, and accepts")?;
    for line in &walk.asked {
        Stage::more(line)?;
    }
    stage.expect("dialog", &walk.asked.last().map(String::as_str), &Some(ADDS))?;
    Ok(walk)
}

const ADDS: &str = "Accepting adds trend-report and trend-api to Acme.";

/// trend-report redeems the code that the browser brought: a token of Acme.
async fn redeems(
    stage: &mut Stage,
    (trend, started): (&ConfidentialClient, WebSignIn),
    walk: &Walk,
) -> anyhow::Result<()> {
    stage.step("trend-report -> behalf", "POST /acme.test/oauth2/v2.0/token")?;
    let id = tell::short(&world::TREND_REPORT.id.to_string());
    Stage::more(&format!(
        "grant_type=authorization_code  client_id={id}  client_secret=••••  code=••••  \
         code_verifier=••••"
    ))?;
    let ask = trend.finish_sign_in(started, walk.left.query().unwrap_or_default());
    let exchange = stage.exchange(&world::TREND_REPORT, ask).await?;
    Stage::checked(&exchange.event)?;
    let answer = exchange.answer?;
    let token = answer.expose();
    let text = format!("200  {:.1} ms   access_token {}", exchange.millis, tell::token(token));
    stage.step("behalf -> trend-report", &text)?;
    Stage::more(&tell::claims(token))?;
    stage.expect_claims(
        token,
        &[
            ("tid", json!(world::ACME.id.to_string())),
            ("aud", json!(world::TREND_API.id.to_string())),
            ("azp", json!(world::TREND_REPORT.id.to_string())),
            ("scp", json!("Trends.Read")),
        ],
    )
}

/// Ada consents for everyone.
async fn administrator_consents(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("trend-report -> browser", "GET /acme.test/v2.0/adminconsent")?;
    let mut url = Url::parse(&format!("{}/v2.0/adminconsent", stage.authority(&world::ACME)))?;
    url.query_pairs_mut()
        .append_pair("client_id", &world::TREND_REPORT.id.to_string())
        .append_pair("redirect_uri", BACK)
        .append_pair("scope", &scope())
        .append_pair("state", "s");
    let walk = walk(stage, &url, ADA).await?;
    stage.step(ADA, "an administrator of Acme, signs in and accepts for everyone")?;
    for line in &walk.asked {
        Stage::more(line)?;
    }
    let (done, tenant) = (parameter(&walk.left, "admin_consent"), parameter(&walk.left, "tenant"));
    let told = format!(
        "admin_consent={}  tenant={}",
        done.as_deref().unwrap_or("?"),
        tell::named(tenant.as_deref().unwrap_or("?"))
    );
    stage.step("browser -> trend-report", &told)?;
    stage.expect("admin_consent", &done.as_deref(), &Some("True"))?;
    stage.expect("tenant", &tenant, &Some(world::ACME.id.to_string()))
}

async fn walk(stage: &mut Stage, url: &Url, user: &str) -> anyhow::Result<Walk> {
    let mut browser = stage.browser()?;
    let walk = browser.walk(url, (user, PASSWORD)).await;
    stage.requests += browser.requests;
    walk
}

/// Which of the applications Acme has a service principal of.
async fn known(stage: &Stage) -> anyhow::Result<Vec<&'static str>> {
    let directory = stage.instance.directory();
    let mut known = Vec::new();
    for app in [&world::TREND_REPORT, &world::TREND_API] {
        let reading = directory.store().reading();
        let found = reading.service_principal_by_app_id(TenantId(world::ACME.id), AppId(app.id));
        if found.await?.is_some() {
            known.push(app.name);
        }
    }
    Ok(known)
}

fn scope() -> String {
    format!("{}/.default", world::TREND_API.uri.unwrap_or_default())
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
