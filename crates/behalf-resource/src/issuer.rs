use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::BuildError;
use crate::flight::{self, Flight, Upstream};
use crate::keys::KeySet;
use crate::metadata::Metadata;
use crate::source::{FetchError, Fetched, MetadataSource};

/// Keys are asked for again after this many seconds.
const POLL: u64 = 45;
/// Keys that are this old are not used before they were asked for again. A key that was revoked is
/// refused within a minute: this, and what the token service's nodes take to hear of it.
const IDLE: u64 = 55;
/// The longest time that keys are used while they cannot be fetched.
const MAX_STALE: u64 = 3600;
/// The issuer's metadata are asked for again, along with the keys, after this many seconds.
const METADATA_AGE: u64 = 3600;
/// The time of what never happened.
const NEVER: u64 = u64::MAX;

/// One issuer (of v1 or of v2 tokens) with its current metadata and keys.
pub(crate) struct Issuer {
    metadata_url: String,
    source: Arc<dyn MetadataSource>,
    known: RwLock<Option<Arc<Known>>>,
    /// Counts changes of `known`: verdicts of another generation are void.
    generation: AtomicU64,
    /// When the key set was last confirmed by the issuer, seconds since 1970.
    confirmed_at: AtomicU64,
    /// When the metadata were last confirmed.
    metadata_at: AtomicU64,
    flight: Flight,
}

/// What an issuer published.
pub(crate) struct Known {
    pub(crate) metadata: Metadata,
    pub(crate) keys: KeySet,
    metadata_etag: Option<String>,
    keys_etag: Option<String>,
}

/// What must happen before keys are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// Nothing.
    Usable,
    /// They are used, and asked for again meanwhile.
    Refresh,
    /// They are asked for again first.
    Wait,
}

/// Keys that are too old to be used, or were never seen, and cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysTooOld;

impl Issuer {
    /// An issuer of which nothing is known yet but where its metadata are.
    pub(crate) fn new(metadata_url: String, source: Arc<dyn MetadataSource>) -> Arc<Self> {
        Arc::new(Self {
            metadata_url,
            source,
            known: RwLock::new(None),
            generation: AtomicU64::new(0),
            confirmed_at: AtomicU64::new(NEVER),
            metadata_at: AtomicU64::new(NEVER),
            flight: Flight::new(),
        })
    }

    /// What is known, with the generation that verdicts are tied to.
    pub(crate) fn known(&self) -> Option<(Arc<Known>, u64)> {
        // Read before the keys: a change between the two makes the verdict void, not the reverse.
        let generation = self.generation();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.map(|known| (known, generation))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether keys may be used at once. Starts a fetch in the background where one is due.
    pub(crate) fn is_usable(self: &Arc<Self>, now: u64) -> bool {
        match self.freshness(now) {
            Freshness::Usable => true,
            Freshness::Refresh => {
                flight::refresh_behind(self, now);
                true
            }
            Freshness::Wait => false,
        }
    }

    /// What is known, fresh enough to be used; waits for a fetch if need be.
    pub(crate) async fn usable(
        self: &Arc<Self>,
        now: u64,
    ) -> Result<(Arc<Known>, u64), KeysTooOld> {
        if self.is_usable(now) || flight::refresh(self, now).await || self.age(now) < MAX_STALE {
            return self.known().ok_or(KeysTooOld);
        }
        Err(KeysTooOld)
    }

    fn freshness(&self, now: u64) -> Freshness {
        let age = self.age(now);
        if age < POLL {
            return Freshness::Usable;
        }
        if age >= MAX_STALE || (age >= IDLE && !self.flight.failed()) {
            Freshness::Wait
        } else if self.flight.may_start(now) {
            Freshness::Refresh
        } else {
            Freshness::Usable
        }
    }

    /// Seconds since the issuer confirmed the keys. A clock that was set back counts as time, too.
    fn age(&self, now: u64) -> u64 {
        now.abs_diff(self.confirmed_at.load(Ordering::Acquire))
    }

    /// The metadata, asked for again when they have aged or something went wrong: the keys may have
    /// moved. Those that are known stay in use when the new ones cannot be read.
    async fn metadata(
        &self,
        known: Option<&Known>,
        now: u64,
    ) -> Result<(Metadata, Option<String>), BuildError> {
        let age = now.abs_diff(self.metadata_at.load(Ordering::Acquire));
        let keep = |known: &Known| (known.metadata.clone(), known.metadata_etag.clone());
        if let Some(known) = known
            && age < METADATA_AGE
            && !self.flight.failed()
        {
            return Ok(keep(known));
        }
        let etag = known.and_then(|known| known.metadata_etag.as_deref());
        let read = match (self.source.fetch(&self.metadata_url, etag).await, known) {
            (Ok(Fetched::NotModified), Some(known)) => Ok(keep(known)),
            (Ok(Fetched::NotModified), None) => Err(nothing_known(&self.metadata_url).into()),
            (Ok(Fetched::Document { body, etag }), _) => Metadata::parse(&self.metadata_url, &body)
                .map(|metadata| (metadata, etag))
                .map_err(BuildError::from),
            (Err(error), _) => Err(error.into()),
        };
        match (read, known) {
            (Ok(metadata), _) => {
                self.metadata_at.store(now, Ordering::Release);
                Ok(metadata)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(%error, age_seconds = age, "metadata could not be refreshed");
                Ok(keep(known))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Takes what was read in the place of what was known.
    fn replace(&self, new: Known) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let same = known
            .as_ref()
            .is_some_and(|known| known.metadata == new.metadata && known.keys.is_same(&new.keys));
        if !same {
            tracing::info!(issuer = new.metadata.issuer.as_str(), "the issuer's keys are new");
        }
        *known = Some(Arc::new(new));
        if !same {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Upstream for Issuer {
    fn flight(&self) -> &Flight {
        &self.flight
    }

    async fn fetch(&self, now: u64) -> Result<(), BuildError> {
        let known = self.known().map(|(known, _)| known);
        let (metadata, metadata_etag) = self.metadata(known.as_deref(), now).await?;
        // A document that was read under other metadata is read anew.
        let known = known.filter(|known| known.metadata == metadata);
        let etag = known.as_ref().and_then(|known| known.keys_etag.as_deref());
        match self.source.fetch(&metadata.jwks_uri, etag).await? {
            Fetched::NotModified if known.is_some() => {}
            Fetched::NotModified => return Err(nothing_known(&metadata.jwks_uri).into()),
            Fetched::Document { body, etag: keys_etag } => {
                let keys = KeySet::parse(&body, metadata.cloud_instance_name.as_deref())
                    .map_err(|error| FetchError::definite(&metadata.jwks_uri, error.to_string()))?;
                self.replace(Known { metadata, keys, metadata_etag, keys_etag });
            }
        }
        self.confirmed_at.store(now, Ordering::Release);
        Ok(())
    }
}

fn nothing_known(url: &str) -> FetchError {
    FetchError::definite(url, "not modified, though nothing was known".to_owned())
}
