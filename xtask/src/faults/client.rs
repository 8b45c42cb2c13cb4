//! A client of the deployment that goes on when its connection breaks.

use std::time::Duration;

use serde_json::Value;

use super::ledger::Credentials;
use super::site::{RESOURCE, TENANT};
use crate::client::{
    browser::encode,
    https::{Connection, Target, post},
};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Requests before a client closes its connection, so that a node which is drained runs empty.
const REQUESTS: u32 = 50;

/// An answer of the token endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `x-ms-request-id`.
    pub(crate) request: String,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl Answer {
    /// A member of the answer that is text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.body[name].as_str().map(str::to_owned)
    }

    /// The AADSTS number of a refusal.
    pub(crate) fn aadsts(&self) -> Option<u64> {
        self.body["error_codes"][0].as_u64()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unheard {
    /// Nothing was sent: nobody was there.
    #[error("nobody was there")]
    Unreached,
    /// Sent, and closed without a byte of an answer.
    #[error("closed without an answer")]
    Closed,
    /// Sent, and no answer in time.
    #[error("no answer within 15 s")]
    Late,
    /// Closed in the middle of the answer.
    #[error("closed in the middle of the answer")]
    Cut,
}

/// Keeps one connection for a while, and opens another one when it breaks.
pub(crate) struct Client {
    target: Target,
    connection: Option<(Connection, u32)>,
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, connection: None }
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn token(&mut self, form: &str) -> Result<Answer, Unheard> {
        self.ask(&post(&format!("/{TENANT}/oauth2/v2.0/token"), form)).await
    }

    /// Sends a request as it is.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer, Unheard> {
        let (mut connection, left) = match self.connection.take() {
            Some((connection, left)) if left > 0 => (connection, left),
            _ => {
                let opened = tokio::time::timeout(PATIENCE, Connection::open(&self.target)).await;
                let opened = opened.map_err(|_| Unheard::Unreached)?;
                (opened.map_err(|_| Unheard::Unreached)?, REQUESTS)
            }
        };
        let asked = tokio::time::timeout(PATIENCE, connection.ask_with_head(request)).await;
        let Ok(asked) = asked else { return Err(Unheard::Late) };
        let Ok((answer, head)) = asked else {
            return Err(if connection.heard() { Unheard::Cut } else { Unheard::Closed });
        };
        let of = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let closes = of("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let answer = Answer {
            status: answer.status,
            request: of("x-ms-request-id").unwrap_or_default(),
            retry_after: answer.retry_after,
            body: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        };
        self.connection = Some((connection, left - 1)).filter(|_| !closes);
        Ok(answer)
    }
}

/// A client-credentials request.
pub(crate) fn client_credentials(credentials: &Credentials) -> String {
    encode([
        ("grant_type", "client_credentials"),
        ("scope", &format!("{RESOURCE}/.default")),
        ("client_id", &credentials.id),
        ("client_secret", &credentials.secret),
    ])
}
