//! The storage as a whole, over the socket. Of a backup the server reads and encrypts, whoever asked
//! writes the file, with his own rights and where he is.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
    routing::{get, post},
};
use behalf_store::{Check, ReadError, Store};
use futures_util::{TryStreamExt as _, stream};
use http::{StatusCode, header};
use tokio::sync::mpsc;

use super::{
    failure::Failure,
    routes::{Answer, Shared, ok, parse},
    wire,
};
use crate::{
    backup::{self, Copying, Ending, Export, Step},
    database::Database,
    state::Server,
};

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/backup", get(export))
        .route("/v1/storage/check", get(check))
        .route("/v1/storage/copy", post(copy))
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

async fn check(State(server): Shared) -> Answer {
    let unavailable = |error: ReadError| Failure::unavailable(error.to_string());
    let Check { records, findings } = server.store.check().await.map_err(unavailable)?;
    Ok(ok(&wire::Checked { records, findings }))
}

/// Steps, a line of JSON each; the last says that it is done, or why not. Whoever goes away before
/// stops it.
async fn copy(State(server): Shared, body: Bytes) -> Answer {
    let wire::NewCopy { to, rehearse } = parse(&body)?;
    let database = Database::parse(&to)
        .map_err(|error| Failure::bad_request(format!("where to copy to is {error}")))?;
    let target = database.open().await.map_err(|error| Failure::bad_request(error.to_string()))?;
    let target = Store::open(target).await;
    let copying = Copying {
        source: server.store.clone(),
        target: target.map_err(|error| Failure::unavailable(error.to_string()))?,
        clock: Arc::clone(&server.clock),
        entropy: Arc::clone(&server.entropy),
    };
    let ending = if rehearse { Ending::Rehearse } else { Ending::Move };
    tracing::info!(target = %database, rehearse, "the directory is being copied");
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(run(copying, ending, tell, database));
    let lines = stream::unfold(told, |mut told| async {
        let step: Step = told.recv().await?;
        // A struct of texts and numbers always serialises.
        let mut line = serde_json::to_vec(&step).unwrap_or_default();
        line.push(b'\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(line)), told))
    });
    Ok(Response::new(Body::from_stream(lines)))
}

async fn run(
    copying: Copying,
    ending: Ending,
    tell: mpsc::UnboundedSender<Step>,
    database: Database,
) {
    // Who does not listen any more is noticed below.
    let mut each = |step| drop(tell.send(step));
    let failed = tokio::select! {
        done = backup::copy(&copying, ending, &mut each) => done.err(),
        () = tell.closed() => {
            tracing::warn!("nobody waits for the copy any more: it is stopped");
            return;
        }
    };
    match failed {
        None if ending == Ending::Move => tracing::warn!(
            target = %database,
            "the directory has moved: nothing is written here any more; restart with the new storage.url"
        ),
        None => {}
        Some(error) => {
            tracing::error!(%error, "the directory was not copied");
            each(Step::Failed { message: error.to_string() });
        }
    }
}
