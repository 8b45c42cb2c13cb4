use std::sync::{Arc, Mutex};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::{Held, Key, Owner};
use crate::clock::Clock;
use crate::error::Error;
use crate::flight::Landing;
use crate::retry::LONGEST_WAIT;
use crate::token::{AccessToken, Source};

/// The first pause after a renewal that failed, in seconds; it doubles with each failure.
const RENEWAL_PAUSE: u64 = 30;
/// The longest.
const LONGEST_RENEWAL_PAUSE: u64 = 600;

/// What a caller accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// A token that is there.
    Cached,
    /// Only one that is fetched now.
    New,
}

/// A bounded number of slots; what was not used for long makes room.
pub(crate) struct Slots(Cache<Key, Arc<Slot>>);

impl Slots {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// Forgets what belongs to `owner`.
    pub(crate) fn forget(&self, owner: &Owner) {
        self.0.retain(|key, _| key.owner != *owner);
    }

    pub(crate) fn at(&self, key: &Key) -> Arc<Slot> {
        let made = || Ok::<_, std::convert::Infallible>(Arc::new(Slot::default()));
        match self.0.get_or_insert_with(key, made) {
            Ok(slot) => slot,
            Err(never) => match never {},
        }
    }
}

/// The place of one token.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<Arc<Held>>,
    /// Renewals that failed in a row, and when the next may be tried.
    failures: u32,
    renew_after: u64,
    /// A refusal that asked for a wait, and when it is over: until then it is told again.
    wait: Option<(u64, Error)>,
    flight: Option<Landing<Arc<Held>>>,
}

/// What is to be done for a caller.
enum Step {
    Serve(Arc<Held>),
    /// Serve, and fetch a new one beside it.
    Renew(Arc<Held>),
    Refuse(Error),
    Join(Landing<Arc<Held>>),
    Fetch,
}

impl State {
    fn step(&self, now: u64, freshness: Freshness) -> Step {
        let usable = self.token.as_ref().filter(|held| held.is_usable(now));
        let flight = self.flight.as_ref().filter(|landing| landing.is_flying());
        // No wait is longer than an hour: one that seems to be is left from before the clock was set.
        let waiting = self
            .wait
            .as_ref()
            .filter(|(until, _)| (1..=LONGEST_WAIT).contains(&until.saturating_sub(now)));
        if let (Some(held), Freshness::Cached) = (usable, freshness) {
            // The same holds for the pause after a failure.
            let paused =
                (1..=LONGEST_RENEWAL_PAUSE).contains(&self.renew_after.saturating_sub(now));
            let due = now >= held.renew_at && !paused;
            let renew = due && flight.is_none() && waiting.is_none();
            let held = Arc::clone(held);
            return if renew { Step::Renew(held) } else { Step::Serve(held) };
        }
        if let Some((until, error)) = waiting {
            return Step::Refuse(error.told_again(Duration::from_secs(until - now)));
        }
        flight.map_or(Step::Fetch, |landing| Step::Join(landing.clone()))
    }

    fn store(&mut self, outcome: &Result<Arc<Held>, Error>, now: u64) {
        match outcome {
            Ok(held) => {
                self.token = Some(Arc::clone(held));
                self.failures = 0;
                self.renew_after = 0;
                self.wait = None;
            }
            Err(error) => {
                if self.token.as_ref().is_some_and(|held| held.is_usable(now)) {
                    tracing::warn!(%error, "a token is not renewed; the old one serves on");
                }
                let pause = RENEWAL_PAUSE << self.failures.min(16);
                self.failures = self.failures.saturating_add(1);
                self.renew_after = now + pause.min(LONGEST_RENEWAL_PAUSE);
                if let Some(wait) = error.retry_after() {
                    self.wait = Some((now + wait.as_secs(), error.clone()));
                }
            }
        }
    }
}

impl Slot {
    /// The token of this slot; `fetch` makes the request for it, at most one at a time.
    pub(crate) async fn token<F>(
        self: &Arc<Self>,
        clock: &dyn Clock,
        freshness: Freshness,
        fetch: impl FnOnce() -> F,
    ) -> Result<AccessToken, Error>
    where
        F: Future<Output = (Result<Arc<Held>, Error>, u64)> + Send + 'static,
    {
        let now = clock.now();
        let landing = {
            let mut state = crate::lock(&self.0);
            match state.step(now, freshness) {
                Step::Serve(held) => return Ok(AccessToken::new(held, Source::Cache, now)),
                Step::Refuse(error) => return Err(error),
                Step::Join(landing) => landing,
                Step::Renew(held) => {
                    state.flight = Some(self.launch(fetch()));
                    return Ok(AccessToken::new(held, Source::Cache, now));
                }
                Step::Fetch => state.flight.insert(self.launch(fetch())).clone(),
            }
        };
        let held = landing.wait().await?;
        Ok(AccessToken::new(held, Source::Network, clock.now()))
    }

    /// Puts a token here that was fetched for another slot.
    pub(crate) fn put(&self, held: &Arc<Held>, now: u64) {
        crate::lock(&self.0).store(&Ok(Arc::clone(held)), now);
    }

    fn launch<F>(self: &Arc<Self>, work: F) -> Landing<Arc<Held>>
    where
        F: Future<Output = (Result<Arc<Held>, Error>, u64)> + Send + 'static,
    {
        let slot = Arc::clone(self);
        Landing::launch(async move {
            let (outcome, now) = work.await;
            crate::lock(&slot.0).store(&outcome, now);
            outcome
        })
    }
}
