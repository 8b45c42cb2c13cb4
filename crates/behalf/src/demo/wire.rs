//! Requests of the demo as they go over the wire, and the parts of answers it shows and checks.

use anyhow::Context as _;
use behalf_core::event::{Mark, Outcome, SignInEvent};
use behalf_jose::base64url;
use serde_json::Value;

use super::stage::Stage;
use crate::dev::world;

/// A token request with a secret.
pub(super) struct Ask<'a> {
    /// The client's name, as it is printed.
    pub(super) from: &'a str,
    /// Its id.
    pub(super) client_id: String,
    /// Its secret.
    pub(super) secret: &'a str,
    /// `scope` on v2, `resource` on v1.
    pub(super) target: Target<'a>,
}

/// What is asked for, and by that which endpoint.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// The v1 endpoint.
    Resource(&'a str),
    /// The v2 endpoint.
    Scope(&'a str),
}

impl Target<'_> {
    fn path(self) -> &'static str {
        match self {
            Self::Resource(_) => "oauth2/token",
            Self::Scope(_) => "oauth2/v2.0/token",
        }
    }

    fn field(&self) -> (&'static str, &str) {
        match self {
            Self::Resource(text) => ("resource", text),
            Self::Scope(text) => ("scope", text),
        }
    }
}

/// An answer of the token endpoint with the event that the log holds of it.
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Value,
    /// How long it took, in milliseconds.
    pub(super) millis: f64,
    /// What the sign-in log says.
    pub(super) event: SignInEvent,
}

impl Answer {
    /// The token, or nothing.
    pub(super) fn token(&self) -> &str {
        self.body["access_token"].as_str().unwrap_or_default()
    }

    /// The AADSTS number; 0 without one.
    pub(super) fn code(&self) -> u64 {
        self.body["error_codes"][0].as_u64().unwrap_or(0)
    }
}

/// Sends `ask` to Acme's token endpoint.
pub(super) async fn ask(stage: &mut Stage, ask: &Ask<'_>) -> anyhow::Result<Answer> {
    let (name, value) = ask.target.field();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &ask.client_id),
        ("client_secret", ask.secret),
        (name, value),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let url =
        format!("{}/{}/{}", stage.instance.ready.base_url, world::ACME.domain, ask.target.path());
    stage.requests += 1;
    let began = stage.clock.monotonic();
    let kind = "application/x-www-form-urlencoded";
    let request = stage.http.post(&url).header(http::header::CONTENT_TYPE, kind).body(body);
    let response = request.send().await.with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let id = header(&response, "x-ms-request-id");
    let body = response.json().await.context("the token endpoint answers with JSON")?;
    let millis = stage.clock.monotonic().saturating_sub(began).as_secs_f64() * 1e3;
    let event = stage.event(&id)?;
    Ok(Answer { status, body, millis, event })
}

/// What ledger-api answers to a token: status, body, and why not.
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// The body, if it is JSON.
    pub(super) body: Value,
    /// `WWW-Authenticate`.
    pub(super) challenge: String,
}

/// `GET /entries` of ledger-api with `token`.
pub(super) async fn call_ledger(stage: &mut Stage, token: &str) -> anyhow::Result<Reply> {
    stage.requests += 1;
    let request = stage.http.get(format!("{}/entries", stage.ledger)).bearer_auth(token);
    let response = request.send().await.context("no answer from ledger-api")?;
    let status = response.status().as_u16();
    let challenge = header(&response, "www-authenticate");
    let text = response.text().await?;
    Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), challenge })
}

fn header(response: &reqwest::Response, name: &str) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The request as it is shown: no secret.
pub(super) fn shown(ask: &Ask<'_>) -> (String, String) {
    let (name, value) = ask.target.field();
    let first = format!("POST /{}/{}", world::ACME.domain, ask.target.path());
    let form = format!(
        "grant_type=client_credentials  client_id={}  client_secret=••••  {name}={value}",
        short(&ask.client_id)
    );
    (first, form)
}

/// The checks of an event, in their order.
pub(super) fn checks(event: &SignInEvent) -> String {
    let one = |(step, mark): (behalf_core::event::Step, Mark)| {
        let sign = match mark {
            Mark::Ok => "ok",
            Mark::Failed => "FAILED",
            Mark::Skipped => "-",
        };
        format!("{sign} {}", step.as_str())
    };
    event.trail.steps().map(one).collect::<Vec<_>>().join("   ")
}

/// What the failing check found and expected.
pub(super) fn reason(event: &SignInEvent) -> Option<String> {
    match &event.outcome {
        Outcome::Refused { found, expected, .. } => {
            Some(format!("found {found}; expected {expected}"))
        }
        Outcome::Issued { .. } => None,
    }
}

/// A part of a JWT, decoded and not verified: for show.
pub(super) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    let bytes = base64url::decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// `dae00000-…-000000000001` as `dae0…0001`; other texts as they are.
pub(super) fn short(id: &str) -> String {
    match (behalf_core::id::parse_guid(id), id.get(..4), id.get(32..)) {
        (Ok(_), Some(first), Some(last)) => format!("{first}…{last}"),
        _ => id.to_owned(),
    }
}
