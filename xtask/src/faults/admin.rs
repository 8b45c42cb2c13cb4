//! An operator at a node's admin socket.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::site::TENANT;

/// How long an operator waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// An operator.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    socket: PathBuf,
}

/// What came of a change: it is acknowledged, refused, or nobody knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// 2xx, and with what.
    Done(Value),
    /// Another status, and the message.
    Refused(u16, String),
    /// The connection broke before there was an answer.
    Nothing,
    /// Nothing was sent: nobody was there.
    Unreached,
}

impl Said {
    /// What was done, where nothing else will do.
    pub(crate) fn done(self) -> anyhow::Result<Value> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Refused(status, message) => bail!("the admin socket says {status}: {message}"),
            Self::Nothing | Self::Unreached => bail!("nobody answers at the admin socket"),
        }
    }
}

impl Admin {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Makes the directory what a manifest says.
    pub(crate) async fn apply(&self, manifest: Value) -> Said {
        let said = self.post("/v1/apply", &json!({ "manifest": manifest })).await;
        match said {
            Said::Done(done) if done.get("failure").is_some() => {
                Said::Refused(200, done["failure"].to_string())
            }
            said => said,
        }
    }

    /// Something below `/v1/tenants/<the tenant>/`.
    pub(crate) async fn of_tenant(&self, path: &str, body: &Value) -> Said {
        self.post(&format!("/v1/tenants/{TENANT}/{path}"), body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Said {
        self.ask("POST", path, &body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Said {
        self.ask("GET", path, "").await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Said {
        let answered = tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await;
        answered.ok().and_then(Result::ok).unwrap_or(Said::Nothing)
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Said> {
        let Ok(mut stream) = UnixStream::connect(&self.socket).await else {
            return Ok(Said::Unreached);
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: behalf\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
        let status: u16 = head.get(9..12).context("no status")?.parse()?;
        if (200..300).contains(&status) {
            return Ok(Said::Done(serde_json::from_str(body)?));
        }
        Ok(Said::Refused(status, body.trim().to_owned()))
    }

    /// The sign-in events since `since` (milliseconds since 1970), newest first, as the log tells
    /// them.
    pub(crate) async fn sign_ins(&self, since: i64) -> anyhow::Result<Vec<Value>> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/sign-ins?limit=1000&since={since}{before}");
            let mut page = self.get(&path).await.done()?;
            let entries = page["entries"].as_array_mut().context("no entries")?;
            all.extend(entries.drain(..).filter(|entry| entry["kind"] == "signIn"));
            let next = match &page["next"] {
                Value::Null => return Ok(all),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let again = format!("&before={next}");
            ensure!(again != before, "the log's pages do not go on from {next}");
            before = again;
        }
    }
}
