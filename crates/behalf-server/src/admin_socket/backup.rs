//! Backups over the socket: the server reads and encrypts, whoever asked writes the file, with his
//! own rights and where he is.

use std::sync::Arc;

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use futures_util::TryStreamExt as _;
use http::{StatusCode, header};

use super::{
    failure::Failure,
    routes::{Answer, Shared},
};
use crate::{
    backup::{self, Export},
    state::Server,
};

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/backup", get(export))
}

async fn export(State(server): Shared) -> Answer {
    let export = Export {
        master: &server.master,
        entropy: &*server.entropy,
        now: server.clock.now(),
        public_url: &server.public_url,
    };
    let unavailable = |error: backup::ExportError| Failure::unavailable(error.to_string());
    let (facts, pieces) = backup::export(&server.store, export).await.map_err(unavailable)?;
    tracing::info!(commit = facts.seq, "a backup is being made");
    // An answer that breaks off has no end of its own: the caller sees that it is not whole.
    let pieces = pieces.inspect_err(|error| tracing::error!(%error, "the backup broke off"));
    let mut answer = Response::new(Body::from_stream(pieces));
    *answer.status_mut() = StatusCode::OK;
    let kind = header::HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}
