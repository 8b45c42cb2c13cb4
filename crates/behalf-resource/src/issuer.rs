use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;

use crate::FetchError;
use crate::keys::KeySet;
use crate::metadata::{IssuerTemplate, Metadata};
use crate::source::{Fetched, MetadataSource};

/// Keys are asked for again after this many seconds.
const POLL: u64 = 60;
/// A program that was idle for this long waits for fresh keys before it answers.
const IDLE: u64 = 120;
/// The longest time that keys are used while they cannot be fetched.
const MAX_STALE: u64 = 3600;
/// At most one fetch per issuer in this many seconds, whatever callers send.
const MIN_INTERVAL: u64 = 10;

/// One issuer (of v1 or of v2 tokens) with its current keys.
pub(crate) struct Issuer {
    pub(crate) template: IssuerTemplate,
    jwks_uri: String,
    cloud: Option<String>,
    source: Arc<dyn MetadataSource>,
    keys: RwLock<Arc<KeySet>>,
    /// Counts changes of `keys`: verdicts of another generation are void.
    generation: AtomicU64,
    /// When the document was last confirmed by the issuer, seconds since 1970.
    confirmed_at: AtomicU64,
    attempt: Mutex<Attempt>,
    finished: watch::Sender<()>,
}

/// The latest fetch.
#[derive(Debug)]
struct Attempt {
    started_at: u64,
    in_flight: bool,
    failed: bool,
    etag: Option<String>,
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

/// Keys that are too old to be used and cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysTooOld;

enum Claim {
    Start,
    Join,
    TooSoon,
}

impl Issuer {
    /// Fetches the keys for the first time.
    pub(crate) async fn load(
        metadata: Metadata,
        source: Arc<dyn MetadataSource>,
        now: u64,
    ) -> Result<Arc<Self>, FetchError> {
        let Metadata { issuer, jwks_uri, cloud_instance_name } = metadata;
        let fetched = source.fetch(&jwks_uri, None).await?;
        let (keys, etag) = read(&jwks_uri, cloud_instance_name.as_deref(), fetched)?;
        Ok(Arc::new(Self {
            template: IssuerTemplate(issuer),
            jwks_uri,
            cloud: cloud_instance_name,
            source,
            keys: RwLock::new(Arc::new(keys)),
            generation: AtomicU64::new(0),
            confirmed_at: AtomicU64::new(now),
            attempt: Mutex::new(Attempt { started_at: now, in_flight: false, failed: false, etag }),
            finished: watch::Sender::new(()),
        }))
    }

    /// The keys as they are, with the generation that verdicts are tied to.
    pub(crate) fn keys(&self) -> (Arc<KeySet>, u64) {
        // Read before the keys: a change between the two makes the verdict void, not the reverse.
        let generation = self.generation();
        (Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner)), generation)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether keys may be used at once. Starts a fetch in the background where one is due.
    pub(crate) fn is_usable(self: &Arc<Self>, now: u64) -> bool {
        match self.freshness(now) {
            Freshness::Usable => true,
            Freshness::Refresh => {
                if matches!(self.claim(now), Claim::Start) {
                    tokio::spawn(Arc::clone(self).fetch(now));
                }
                true
            }
            Freshness::Wait => false,
        }
    }

    /// Makes the keys usable, waiting for a fetch if need be.
    pub(crate) async fn make_usable(self: &Arc<Self>, now: u64) -> Result<(), KeysTooOld> {
        if self.is_usable(now) || self.refresh(now).await || self.age(now) < MAX_STALE {
            return Ok(());
        }
        Err(KeysTooOld)
    }

    /// Fetches the keys again, or waits for the fetch that is under way. False if neither happened
    /// (the latest was less than 10 s ago), or if it failed.
    pub(crate) async fn refresh(self: &Arc<Self>, now: u64) -> bool {
        let mut finished = self.finished.subscribe();
        match self.claim(now) {
            // A task of its own: a caller that goes away must not end the fetch others wait for.
            Claim::Start => drop(tokio::spawn(Arc::clone(self).fetch(now))),
            Claim::Join => {}
            Claim::TooSoon => return false,
        }
        finished.changed().await.is_ok() && !self.attempt().failed
    }

    fn freshness(&self, now: u64) -> Freshness {
        let age = self.age(now);
        if age < POLL {
            return Freshness::Usable;
        }
        let attempt = self.attempt();
        if age >= MAX_STALE || (age >= IDLE && !attempt.failed) {
            Freshness::Wait
        } else if attempt.may_start(now) {
            Freshness::Refresh
        } else {
            Freshness::Usable
        }
    }

    /// Seconds since the issuer confirmed the keys. A clock that was set back counts as time, too.
    fn age(&self, now: u64) -> u64 {
        now.abs_diff(self.confirmed_at.load(Ordering::Acquire))
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, now: u64) -> Claim {
        let mut attempt = self.attempt();
        if attempt.in_flight {
            return Claim::Join;
        }
        if !attempt.may_start(now) {
            return Claim::TooSoon;
        }
        attempt.in_flight = true;
        attempt.started_at = now;
        Claim::Start
    }

    async fn fetch(self: Arc<Self>, now: u64) {
        let mut in_flight = InFlight { issuer: &self, succeeded: false };
        let etag = self.attempt().etag.clone();
        let result = match self.source.fetch(&self.jwks_uri, etag.as_deref()).await {
            Ok(Fetched::NotModified) => Ok(()),
            Ok(document) => read(&self.jwks_uri, self.cloud.as_deref(), document)
                .map(|(keys, etag)| self.replace(keys, etag)),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.confirmed_at.store(now, Ordering::Release);
                in_flight.succeeded = true;
            }
            Err(error) => {
                tracing::warn!(%error, age_seconds = self.age(now), "keys could not be refreshed");
            }
        }
    }

    fn replace(&self, new: KeySet, etag: Option<String>) {
        self.attempt().etag = etag;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if !keys.is_same(&new) {
            *keys = Arc::new(new);
            self.generation.fetch_add(1, Ordering::AcqRel);
            tracing::info!(issuer = self.template.0, "the issuer's keys changed");
        }
    }
}

impl Attempt {
    fn may_start(&self, now: u64) -> bool {
        !self.in_flight && now.abs_diff(self.started_at) >= MIN_INTERVAL
    }
}

/// Ends an attempt however its task ends.
struct InFlight<'a> {
    issuer: &'a Issuer,
    succeeded: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut attempt = self.issuer.attempt();
        attempt.in_flight = false;
        attempt.failed = !self.succeeded;
        drop(attempt);
        self.issuer.finished.send_replace(());
    }
}

fn read(
    url: &str,
    cloud: Option<&str>,
    fetched: Fetched,
) -> Result<(KeySet, Option<String>), FetchError> {
    let failed = |reason: String| FetchError { url: url.to_owned(), reason };
    match fetched {
        Fetched::Document { body, etag } => {
            let keys = KeySet::parse(&body, cloud).map_err(|error| failed(error.to_string()))?;
            Ok((keys, etag))
        }
        Fetched::NotModified => Err(failed("not modified, though nothing was known".to_owned())),
    }
}
