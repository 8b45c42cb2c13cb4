//! The figures of delegation: what a token on behalf of a user costs beside its signatures, what
//! is written and what is not, and what a flood of wrong passwords does to everybody else.

mod flood;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{
    Options,
    load::{self, Connection, Target, Turn},
    measure::{CONNECTIONS, Measured, binary, measure},
    report::Report,
    server::{Deployment, Running, SECRET, TENANT, client_id, token_path},
    yardstick::Yardstick,
};
use crate::client::browser::{Browser, encode};

const USER: &str = "ada@bench.test";
const PORTAL: &str = "bec10000-0000-4000-8000-000000000001";
const DESK: &str = "bec10000-0000-4000-8000-000000000002";
const ORDERS: &str = "bec10000-0000-4000-8000-000000000003";
const PORTAL_BACK: &str = "https://portal.bench.test/back";
const DESK_BACK: &str = "http://127.0.0.1:49152/";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let binary = binary(options)?;
    println!("{}", super::cpu::machine());
    println!(
        "limits of clients are raised out of the way; the log is durable before each answer, and so is what a refresh token's rotation writes\n"
    );
    let deployment = Deployment::new(&binary)?;
    seed(&deployment)?;
    let server = deployment.start(&[])?;
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signed_in = runtime.block_on(written(&server, &deployment.origin(), &mut report))?;
    costs(&server, options, &signed_in, &mut report)?;
    flood::measure(&server, &deployment.origin(), options, &mut report)?;
    report.finish(options.short);
    Ok(())
}

/// `portal` (confidential) and `desk` (public) call `orders`, which calls `ledger`; Ada has agreed
/// to all of it through her administrator.
fn seed(deployment: &Deployment) -> anyhow::Result<()> {
    deployment.seed(1)?;
    deployment.apply(&format!(
        "apiVersion: behalf/v1
tenant: {TENANT}
apps:
  - {{ name: ledger, uri: 'api://ledger', token: {{ version: 2 }}, offers: {{ scopes: {{ Entries.Read: {{ consent: user, text: Read entries }} }} }} }}
  - {{ name: orders, id: {ORDERS}, uri: 'api://orders', token: {{ version: 2 }}, offers: {{ scopes: {{ Orders.Read: {{ consent: user, text: Read orders }} }} }}, calls: {{ ledger: {{ as-user: [Entries.Read] }} }}, credentials: [{{ secret: {{ from-env: BENCH_SECRET }}, name: bench, expires: 30d }}] }}
  - {{ name: portal, id: {PORTAL}, type: web, redirects: ['{PORTAL_BACK}'], calls: {{ orders: {{ as-user: [Orders.Read] }} }}, credentials: [{{ secret: {{ from-env: BENCH_SECRET }}, name: bench, expires: 30d }}] }}
  - {{ name: desk, id: {DESK}, type: native, redirects: ['http://127.0.0.1'], calls: {{ orders: {{ as-user: [Orders.Read] }} }} }}
users:
  - {{ name: {USER}, display: Ada, password: {{ from-env: BENCH_SECRET }} }}
grants: {{ admin-consent: [orders, portal, desk] }}
"
    ))
}

/// What the portal holds of Ada.
struct SignedIn {
    /// An access token for `orders`, which it presents.
    assertion: String,
    refresh_token: String,
}

/// Signs Ada in, and counts what the store is written for on the way.
async fn written(
    server: &Running<'_>,
    origin: &str,
    report: &mut Report,
) -> anyhow::Result<SignedIn> {
    let mut browser = Browser::new(&server.target, origin).await?;
    let before = Writes::settled(server)?;
    let form = browser.open(&authorize(PORTAL, PORTAL_BACK)).await?.form()?;
    let fields = [("username", USER), ("password", SECRET), ("do", "sign-in")];
    let code = browser.submit(&form, &fields).await?.code()?;
    let mut codes = Vec::new();
    for _ in 0..CONNECTIONS {
        codes.push(browser.open(&authorize(DESK, DESK_BACK)).await?.code()?);
    }
    let issued = Writes::of(server)?.since(&before);
    report.at_most("rows for a session and 65 codes", issued.writes, 0.0, "0");

    let redemptions = codes.iter().map(|code| code_form(DESK, DESK_BACK, code)).collect();
    let before = Writes::of(server)?;
    let answers = together(&server.target, redemptions).await?;
    both(report, ["writes for each redeemed code", "codes redeemed by one sync"], &before, server)?;

    let tokens = answers.iter().map(|answer| text(answer, "refresh_token"));
    let rotations =
        tokens.map(|token| Ok(refresh_form(DESK, &token?))).collect::<anyhow::Result<_>>()?;
    let before = Writes::of(server)?;
    together(&server.target, rotations).await?;
    both(report, ["writes for each rotated token", "tokens rotated by one sync"], &before, server)?;

    let redemption = code_form(PORTAL, PORTAL_BACK, &code) + "&" + &secret();
    let answer = together(&server.target, vec![redemption]).await?;
    let answer = answer.first().context("no answer")?;
    Ok(SignedIn {
        assertion: text(answer, "access_token")?,
        refresh_token: text(answer, "refresh_token")?,
    })
}

/// One write each, and several in one transaction.
fn both(
    report: &mut Report,
    [each, shared]: [&'static str; 2],
    before: &Writes,
    server: &Running<'_>,
) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "64 is exact")]
    let asked = CONNECTIONS as f64;
    let made = Writes::of(server)?.since(before);
    report.at_most(each, made.writes / asked, 1.0, "1");
    report.at_least(shared, asked / made.transactions.max(1.0), 2.0, "≥ 2 of 64 at once");
    Ok(())
}

/// On-behalf-of and refresh, for each signature.
fn costs(
    server: &Running<'_>,
    options: &Options,
    signed_in: &SignedIn,
    report: &mut Report,
) -> anyhow::Result<()> {
    let yardstick = Yardstick::new()?;
    let on_behalf_of = encode([
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", ORDERS),
        ("client_secret", SECRET),
        ("assertion", &signed_in.assertion),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "api://ledger/.default offline_access"),
    ]);
    let refresh = refresh_form(PORTAL, &signed_in.refresh_token) + "&" + &secret();
    for (name, form) in [
        ("bare RSA-2048 ÷ on-behalf-of with a refresh token, a signature", on_behalf_of),
        ("bare RSA-2048 ÷ refresh, a signature", refresh),
    ] {
        let requests = vec![load::post(&token_path(), &form)];
        let turn = Turn::steady(requests, 200, options.turn());
        let sample = load::run(&server.target, &Turn { time: options.turn() / 5, ..turn.clone() })?;
        let signatures = signatures(sample.sample.first().context("no answer")?)?;
        let Measured { cpu_micros, per_second, rates, .. } =
            measure(server, &yardstick, options, &turn)?;
        report.at_least(name, signatures * rates.rs256_micros() / cpu_micros, 0.75, "≥ 0.75");
        report.note(format!(
            "{signatures} signatures an answer, bare {:.1} µs each; {cpu_micros:.1} µs of CPU an answer; {per_second:.0} answers/s",
            rates.rs256_micros()
        ));
    }
    Ok(())
}

/// How many signatures an answer holds, all of them RSA; and that it brings a refresh token.
fn signatures(body: &[u8]) -> anyhow::Result<f64> {
    let answer: Value = serde_json::from_slice(body)?;
    text(&answer, "refresh_token")?;
    text(&answer, "access_token")?;
    Ok(if answer.get("id_token").is_some() { 2.0 } else { 1.0 })
}

/// Asks all at the same time, each on a connection of its own; every answer must be good.
async fn together(target: &Target, forms: Vec<String>) -> anyhow::Result<Vec<Value>> {
    let mut connections = Vec::new();
    for _ in &forms {
        connections.push(Connection::open(target).await?);
    }
    let mut asked = JoinSet::new();
    for (mut connection, form) in connections.into_iter().zip(forms) {
        asked.spawn(async move { connection.ask(&load::post(&token_path(), &form)).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asked.join_next().await {
        let answer = answer??;
        ensure!(
            answer.status == 200,
            "{} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        answers.push(serde_json::from_slice(&answer.body)?);
    }
    Ok(answers)
}

fn authorize(client: &str, back: &str) -> String {
    let fields = encode([
        ("client_id", client),
        ("response_type", "code"),
        ("redirect_uri", back),
        ("scope", "openid offline_access api://orders/.default"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    format!("/{TENANT}/oauth2/v2.0/authorize?{fields}")
}

fn code_form(client: &str, back: &str, code: &str) -> String {
    encode([
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("redirect_uri", back),
        ("code", code),
        ("code_verifier", VERIFIER),
    ])
}

fn refresh_form(client: &str, refresh_token: &str) -> String {
    encode([
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("refresh_token", refresh_token),
        ("scope", "api://orders/.default offline_access"),
    ])
}

fn secret() -> String {
    encode([("client_secret", SECRET)])
}

fn text(answer: &Value, field: &str) -> anyhow::Result<String> {
    let value = answer.get(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no {field} in {answer}"))?.to_owned())
}

/// What the store was written for so far.
struct Writes {
    writes: f64,
    transactions: f64,
}

impl Writes {
    fn of(server: &Running<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            writes: server.metric("behalf_store_writes_total")?,
            transactions: server.metric("behalf_store_transactions_total")?,
        })
    }

    /// When what a start brings along, such as the next key, is written.
    fn settled(server: &Running<'_>) -> anyhow::Result<Self> {
        let mut found = Self::of(server)?;
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let next = Self::of(server)?;
            if next.transactions <= found.transactions {
                return Ok(next);
            }
            found = next;
        }
    }

    fn since(self, before: &Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            transactions: self.transactions - before.transactions,
        }
    }
}
