//! What goes wrong, on purpose: each refusal must be the documented one.

use behalf_core::event::Step;

use super::{
    flows::{daemon_asks, title},
    stage::{EXPIRED_SECRET, PAYROLL, Stage},
    wire::{self, Ask, Target},
};
use crate::dev::world;

/// A token request that must be refused, and how.
struct Refused<'a> {
    what: &'a str,
    ask: Ask<'a>,
    status: u16,
    error: &'a str,
    code: u64,
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
    const CASES: u32 = 7;
    title(stage, &format!("\nWhat goes wrong, on purpose ({CASES} cases)"))?;
    let ledger = Target::Scope("api://ledger/.default");
    let payroll = format!("{PAYROLL}/.default");
    let wrong = Ask { secret: "behalf-dev-invoice-deamon", ..daemon_asks(ledger) };
    let expired = Ask { secret: EXPIRED_SECRET, ..daemon_asks(ledger) };
    let unknown = daemon_asks(Target::Scope("api://nowhere/.default"));
    let unassigned = daemon_asks(Target::Scope(&payroll));
    for case in [
        refused("wrong secret", wrong, (401, "invalid_client", 7_000_215), Step::Credential),
        refused("expired secret", expired, (401, "invalid_client", 7_000_222), Step::Credential),
        refused("unknown resource", unknown, (400, "invalid_resource", 500_011), Step::Resource),
        refused(
            "assignment required",
            unassigned,
            (400, "invalid_grant", 501_051),
            Step::Assignment,
        ),
    ] {
        token_case(stage, &case).await?;
    }
    let good = wire::ask(stage, &daemon_asks(ledger)).await?;
    let elsewhere = wire::ask(stage, &daemon_asks(Target::Scope("api://orders/.default"))).await?;
    let orders = Ask {
        from: world::ORDERS_API.name,
        client_id: world::ORDERS_API.id.to_string(),
        secret: "behalf-dev-orders-api",
        target: ledger,
    };
    let roleless = wire::ask(stage, &orders).await?;
    for case in [
        turned_away("wrong audience", elsewhere.token(), 401, "for another audience"),
        turned_away(
            "tampered token",
            &tampered(good.token()),
            401,
            "signature of the token is wrong",
        ),
        turned_away("role not granted", roleless.token(), 403, "insufficient_scope"),
    ] {
        call_case(stage, &case).await?;
    }
    Ok(CASES)
}

fn refused<'a>(
    what: &'a str,
    ask: Ask<'a>,
    (status, error, code): (u16, &'a str, u64),
    step: Step,
) -> Refused<'a> {
    Refused { what, ask, status, error, code, step }
}

fn turned_away<'a>(what: &'a str, token: &'a str, status: u16, says: &'a str) -> TurnedAway<'a> {
    TurnedAway { what, token, status, says }
}

async fn token_case(stage: &mut Stage, case: &Refused<'_>) -> anyhow::Result<()> {
    let answer = wire::ask(stage, &case.ask).await?;
    let error = answer.body["error"].as_str().unwrap_or_default().to_owned();
    let way = format!("{} -> behalf", case.ask.from);
    Stage::say(&format!(
        "  x  {:<20} {way:<30} {} {error}  AADSTS{}",
        case.what,
        answer.status,
        answer.code()
    ))?;
    Stage::say(&format!("       behalf checked   {}", wire::checks(&answer.event)))?;
    if let Some(reason) = wire::reason(&answer.event) {
        Stage::say(&format!("       {reason}"))?;
    }
    stage.expect("status", &answer.status, &case.status)?;
    stage.expect("error", &error.as_str(), &case.error)?;
    stage.expect("code", &answer.code(), &case.code)?;
    stage.expect("first failed check", &answer.event.trail.first_failed(), &Some(case.step))?;
    stage.expect("token", &answer.token(), &"")
}

async fn call_case(stage: &mut Stage, case: &TurnedAway<'_>) -> anyhow::Result<()> {
    let reply = wire::call_ledger(stage, case.token).await?;
    let error = parameter(&reply.challenge, "error");
    let why = parameter(&reply.challenge, "error_description");
    Stage::say(&format!(
        "  x  {:<20} {:<30} {} {error}\n       ledger-api says   {why}",
        case.what, "invoice-daemon -> ledger-api", reply.status
    ))?;
    stage.expect("status", &reply.status, &case.status)?;
    stage.expect("challenge", &reply.challenge.contains(case.says), &true)
}

/// A parameter of a `WWW-Authenticate` challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
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
