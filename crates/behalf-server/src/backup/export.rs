//! A store as a backup, as it is written to somebody who reads it as fast as he can.

use std::io;

use behalf_core::time::Timestamp;
use behalf_store::{ReadError, Snapshot, Store};
use bytes::Bytes;
use futures_util::{Stream, stream};

use super::{Facts, Writer};
use crate::{entropy::Entropy, keys::MasterKey};

/// Why a backup ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be encrypted.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a backup is made with.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// What encrypts it.
    pub master: &'a MasterKey,
    /// For its salt.
    pub entropy: &'a dyn Entropy,
    /// The time.
    pub now: Timestamp,
    /// The deployment's origin.
    pub public_url: &'a str,
}

/// A backup of `store` at this moment, in pieces of a few megabytes; commits go on meanwhile.
pub async fn export(
    store: &Store,
    Export { master, entropy, now, public_url }: Export<'_>,
) -> Result<(Facts, impl Stream<Item = Result<Bytes, ExportError>> + Send + use<>), ExportError> {
    let snapshot = store.snapshot().await?;
    let facts = Facts {
        made: now,
        seq: snapshot.seq().0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: public_url.to_owned(),
    };
    let writer = Writer::begin(Vec::new(), &facts, master, entropy)?;
    let pieces = stream::try_unfold(Some((snapshot, writer)), |state| async {
        let Some((snapshot, writer)) = state else { return Ok(None) };
        piece(snapshot, writer).await.map(Some)
    });
    Ok((facts, pieces))
}

type State = (Box<dyn Snapshot>, Writer<Vec<u8>>);

async fn piece(
    mut snapshot: Box<dyn Snapshot>,
    mut writer: Writer<Vec<u8>>,
) -> Result<(Bytes, Option<State>), ExportError> {
    let page = snapshot.next().await?;
    if page.is_empty() {
        let (rest, _) = writer.finish()?;
        return Ok((rest.into(), None));
    }
    for whole in &page {
        writer.record(whole)?;
    }
    let piece = std::mem::take(writer.get_mut());
    Ok((piece.into(), Some((snapshot, writer))))
}
