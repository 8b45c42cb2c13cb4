//! What goes wrong, on purpose: each refusal must be the documented one.

use behalf_core::event::Step;

use super::{
    flows::chain,
    stage::{EXPIRED_SECRET, Exchange, PAYROLL, Stage},
    tell,
};
use crate::dev::world::{self, App};

const CASES: u32 = 10;
const LEDGER: &str = "api://ledger/.default";

/// How a token request must be refused.
struct Refused<'a> {
    what: &'a str,
    from: &'a App,
    status: u16,
    error: &'a str,
    code: u32,
    step: Step,
}

/// A call of ledger-api that must be refused, and how.
struct TurnedAway<'a> {
    what: &'a str,
    token: &'a str,
    status: u16,
    says: &'a str,
}

/// Runs them all; answers with how many there are.
pub(super) async fn run(stage: &mut Stage) -> anyhow::Result<u32> {
    stage.title(&format!("What goes wrong, on purpose ({CASES} cases)"))?;
    of_daemons(stage).await?;
    of_delegation(stage).await?;
    at_the_api(stage).await?;
    Ok(CASES)
}

/// A daemon that is not who it says, or asks for what it may not have.
async fn of_daemons(stage: &mut Stage) -> anyhow::Result<()> {
    let from = &world::INVOICE_DAEMON;
    let payroll = format!("{PAYROLL}/.default");
    let right = format!("behalf-dev-{}", from.name);
    for (what, secret, scope, (status, error, code), step) in [
        (
            "wrong secret",
            "behalf-dev-invoice-deamon",
            LEDGER,
            (401, "invalid_client", 7_000_215),
            Step::Credential,
        ),
        (
            "expired secret",
            EXPIRED_SECRET,
            LEDGER,
            (401, "invalid_client", 7_000_222),
            Step::Credential,
        ),
        (
            "unknown resource",
            right.as_str(),
            "api://nowhere/.default",
            (400, "invalid_resource", 500_011),
            Step::Resource,
        ),
        (
            "assignment required",
            right.as_str(),
            payroll.as_str(),
            (400, "invalid_grant", 501_051),
            Step::Assignment,
        ),
    ] {
        let daemon = stage.client_with(from, secret)?;
        let ask = daemon.acquire_token_for_client([scope]).answer();
        let exchange = stage.exchange(from, ask).await?;
        let expected = Refused { what, from, status, error, code, step };
        is_refused(stage, &expected, &exchange)?;
    }
    Ok(())
}

/// An API that acts on behalf of nobody, of somebody else's caller, or without consent.
async fn of_delegation(stage: &mut Stage) -> anyhow::Result<()> {
    let bob = chain::sign_in(stage).await?.tokens;
    let bob = bob.access_token();
    let daemon = stage.client(&world::INVOICE_DAEMON)?;
    let app_only = daemon.acquire_token_for_client(["api://orders/.default"]).answer().await?;
    let good = chain::on_behalf_of(stage, bob, LEDGER).await?.answer?;
    stage.requests += 1;
    for (what, assertion, scope, (error, code), step) in [
        (
            "missing consent",
            bob,
            "api://ledger/Entries.Post",
            ("invalid_grant", 65_001),
            Step::Consent,
        ),
        (
            "app-only assertion",
            app_only.access_token(),
            LEDGER,
            ("unauthorized_client", 7_000_114),
            Step::Presented,
        ),
        (
            "another's assertion",
            good.access_token(),
            LEDGER,
            ("invalid_grant", 500_131),
            Step::Presented,
        ),
    ] {
        let exchange = chain::on_behalf_of(stage, assertion, scope).await?;
        let from = &world::ORDERS_API;
        is_refused(stage, &Refused { what, from, status: 400, error, code, step }, &exchange)?;
    }
    Ok(())
}

/// Tokens that ledger-api does not take.
async fn at_the_api(stage: &mut Stage) -> anyhow::Result<()> {
    let daemon = stage.client(&world::INVOICE_DAEMON)?;
    let orders = stage.client(&world::ORDERS_API)?;
    let good = daemon.acquire_token_for_client([LEDGER]).answer().await?;
    let elsewhere = daemon.acquire_token_for_client(["api://orders/.default"]).answer().await?;
    let roleless = orders.acquire_token_for_client([LEDGER]).answer().await?;
    stage.requests += 3;
    let tampered = tampered(good.access_token());
    for case in [
        turned_away("wrong audience", elsewhere.access_token(), 401, "for another audience"),
        turned_away("tampered token", &tampered, 401, "signature of the token is wrong"),
        turned_away("role not granted", roleless.access_token(), 403, "insufficient_scope"),
    ] {
        is_turned_away(stage, &case).await?;
    }
    Ok(())
}

fn turned_away<'a>(what: &'a str, token: &'a str, status: u16, says: &'a str) -> TurnedAway<'a> {
    TurnedAway { what, token, status, says }
}

fn is_refused(
    stage: &mut Stage,
    expected: &Refused<'_>,
    exchange: &Exchange,
) -> anyhow::Result<()> {
    let refusal = exchange.answer.as_ref().err().and_then(behalf_client::Error::refusal);
    let (status, error, code) = match refusal {
        Some(refusal) => {
            let code = refusal.codes.first().copied().unwrap_or_default();
            (refusal.status, refusal.error.as_str(), code)
        }
        None => (200, "", 0),
    };
    let way = format!("{} -> behalf", expected.from.name);
    Stage::say(&format!("  x  {:<20} {way:<30} {status} {error}  AADSTS{code}", expected.what))?;
    Stage::more(&format!("behalf checked   {}", tell::checks(&exchange.event)))?;
    if let Some(reason) = tell::reason(&exchange.event) {
        Stage::more(&reason)?;
    }
    stage.expect("status", &status, &expected.status)?;
    stage.expect("error", &error, &expected.error)?;
    stage.expect("code", &code, &expected.code)?;
    let failed = exchange.event.trail.first_failed();
    stage.expect("first failed check", &failed, &Some(expected.step))
}

async fn is_turned_away(stage: &mut Stage, case: &TurnedAway<'_>) -> anyhow::Result<()> {
    let url = format!("{}/entries", stage.apis.ledger);
    let reply = stage.call(&url, case.token).await?;
    let error = tell::parameter(&reply.challenge, "error");
    let why = tell::parameter(&reply.challenge, "error_description");
    Stage::say(&format!(
        "  x  {:<20} {:<30} {} {error}\n       ledger-api says   {why}",
        case.what, "somebody -> ledger-api", reply.status
    ))?;
    stage.expect("status", &reply.status, &case.status)?;
    stage.expect("challenge", &reply.challenge.contains(case.says), &true)
}

/// The token with one character of its claims changed.
fn tampered(token: &str) -> String {
    let Some((head, rest)) = token.split_once('.') else { return token.to_owned() };
    let (claims, signature) = rest.split_once('.').unwrap_or((rest, ""));
    let middle = claims.len() / 2;
    let flip = |(at, c): (usize, char)| match (at == middle, c) {
        (true, 'A') => 'B',
        (true, _) => 'A',
        (false, c) => c,
    };
    let claims: String = claims.chars().enumerate().map(flip).collect();
    format!("{head}.{claims}.{signature}")
}
