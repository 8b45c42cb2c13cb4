use std::sync::{Arc, Mutex};

use crate::engine::Engine;
use crate::error::Error;
use crate::flight::Runway;
use crate::metadata::Endpoints;
use behalf_protocol::authority::Authority;

/// The age at which metadata is fetched anew, in seconds: the platform asks for about a day.
const FRESH: u64 = 24 * 3600;
/// How long after a failed refetch the next is tried, in seconds.
const REFETCH_PAUSE: u64 = 300;

/// One authority and what is known of it. Metadata is fetched at the first need, once for all
/// callers, and again when it has aged; old metadata serves on while the new cannot be had.
pub(crate) struct Directory {
    pub(crate) authority: Authority,
    known: Mutex<Option<Known>>,
    fetch: Runway<Arc<Endpoints>>,
}

struct Known {
    endpoints: Arc<Endpoints>,
    refetch_at: u64,
}

impl Directory {
    pub(crate) const fn new(authority: Authority) -> Self {
        Self { authority, known: Mutex::new(None), fetch: Runway::new() }
    }

    pub(crate) async fn endpoints(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
    ) -> Result<Arc<Endpoints>, Error> {
        let now = engine.clock.now();
        let old = {
            let known = crate::lock(&self.known);
            match known.as_ref() {
                Some(known) if now < known.refetch_at => return Ok(Arc::clone(&known.endpoints)),
                known => known.map(|known| Arc::clone(&known.endpoints)),
            }
        };
        let landing = self.fetch.join(|| fetch(Arc::clone(self), Arc::clone(engine)));
        match (landing.wait().await, old) {
            (Err(error), Some(old)) => {
                tracing::warn!(%error, authority = %self.authority, "the metadata stays as it was");
                if let Some(known) = crate::lock(&self.known).as_mut() {
                    known.refetch_at = known.refetch_at.max(now + REFETCH_PAUSE);
                }
                Ok(old)
            }
            (outcome, _) => outcome,
        }
    }
}

async fn fetch(directory: Arc<Directory>, engine: Arc<Engine>) -> Result<Arc<Endpoints>, Error> {
    let endpoints = Arc::new(engine.metadata(&directory.authority).await?);
    let refetch_at = engine.clock.now() + FRESH;
    let known = Known { endpoints: Arc::clone(&endpoints), refetch_at };
    *crate::lock(&directory.known) = Some(known);
    Ok(endpoints)
}
