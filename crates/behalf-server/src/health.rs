//! Whether the process lives, may be sent requests, and has started.

use std::{fmt::Write as _, sync::Arc};

use axum::extract::{RawQuery, State};
use behalf_core::{application::TokenAlg, time::Timestamp};
use behalf_store::{Standing, Store};
use http::StatusCode;

use crate::{keys::KeyRing, state::Core};

type Answer = (StatusCode, String);

/// `GET /livez`: the process runs.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /startupz`: answering at all means started; keys and store are opened before listening.
pub(crate) async fn started() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: whether requests may be sent here; `?verbose` lists the checks. A node whose
/// database is away is ready for as long as it may issue tokens without it (decisions.md 26).
pub(crate) async fn ready(State(core): State<Arc<Core>>, RawQuery(query): RawQuery) -> Answer {
    let server = &core.server;
    let now = server.clock.now();
    let checks = [
        ("storage", storage(&server.store).await),
        ("signing key", published(&server.keys, now).into()),
        ("sign-in log", server.journal.ready().into()),
    ];
    let ready = checks.iter().all(|(_, check)| *check != Check::Failed);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if query.is_some_and(|q| q.split('&').any(|part| part.split('=').next() == Some("verbose"))) {
        for (name, check) in checks {
            let _ = match check {
                Check::Passed => writeln!(text, "ok   {name}"),
                Check::Away { seconds } => writeln!(text, "away {name} ({seconds} s)"),
                Check::Failed => writeln!(text, "FAIL {name}"),
            };
        }
    }
    text.push_str(if ready { "ready\n" } else { "not ready\n" });
    (status, text)
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Passed,
    /// Since `seconds` there is only what is remembered.
    Away {
        seconds: u64,
    },
    Failed,
}

impl From<bool> for Check {
    fn from(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

/// A database that others write too is looked at all the time; one of our own is asked.
async fn storage(store: &Store) -> Check {
    match store.standing() {
        Standing::Away { lasting } => Check::Away { seconds: lasting.as_secs() },
        Standing::Lost => Check::Failed,
        Standing::Current if store.followed().is_some() => Check::Passed,
        Standing::Current => store.reading().tenants(None, 1).await.is_ok().into(),
    }
}

/// Whether the key that signs now is one that APIs can know.
fn published(keys: &KeyRing, now: Timestamp) -> bool {
    let keys = keys.current();
    let kid = keys.active(TokenAlg::Rs256, now).kid();
    keys.verifying(kid, now, now).is_some()
}

/// `GET /metrics` on the management port, in Prometheus' text format.
pub(crate) async fn metrics(
    State(core): State<Arc<Core>>,
) -> ([(http::HeaderName, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(http::header::CONTENT_TYPE, kind)], core.server.metrics.encode())
}
