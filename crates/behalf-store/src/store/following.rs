//! Following what other processes commit: by their news, and by a poll behind it.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex, Notify};

use super::{Standing, Store};
use crate::backend::{History, ReadError, Seq};

/// Without news the database is asked this often: news may be lost.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks, so that busy neighbours are followed in strides.
const PAUSE: Duration = Duration::from_millis(20);
/// What takes longer has failed: a database that hangs is away, and nobody waits for it for longer.
const DEADLINE: Duration = Duration::from_secs(2);
/// Whoever is about to be refused waits no longer than this for a last look.
const BEFORE_REFUSING: Duration = Duration::from_millis(500);

/// With what a store measures how far it is behind.
#[derive(Clone)]
pub struct Timing {
    /// Time since some fixed moment; never goes back.
    pub monotonic: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// How long the database may be away before nothing is decided any more; zero: not at all.
    pub window: Duration,
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timing").field("window", &self.window).finish_non_exhaustive()
    }
}

/// How well a store follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// Since everything was last known.
    pub lag: Duration,
    /// Commits that are known to be there and are not taken note of yet.
    pub behind: u64,
    /// Looks after which everything was known.
    pub catch_ups: u64,
    /// Looks that failed.
    pub failures: u64,
}

/// What was known at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known(u64);

/// How far a store has followed.
pub(super) struct Following {
    timing: Timing,
    /// When everything was last known, in nanoseconds of the monotonic time.
    known_at: AtomicU64,
    /// The newest commit heard of.
    newest: AtomicU64,
    catch_ups: AtomicU64,
    failures: AtomicU64,
    /// One of many that want to know at the same time looks for all.
    looking: Mutex<()>,
    /// The history of the database at the last look.
    history: std::sync::Mutex<Option<History>>,
}

impl Following {
    fn begin(timing: Timing) -> Self {
        let known_at = AtomicU64::new(nanos((timing.monotonic)()));
        let count = || AtomicU64::new(0);
        let (newest, catch_ups, failures) = (count(), count(), count());
        let (looking, history) = (Mutex::default(), std::sync::Mutex::default());
        Self { timing, known_at, newest, catch_ups, failures, looking, history }
    }

    /// Whether the database may have lost commits since the last look, and given their numbers to
    /// others.
    fn is_another(&self, found: Option<History>) -> bool {
        let Some(found) = found else { return false };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let before = history.replace(found);
        before.is_some_and(|before| found.changed_hands_since(&before))
    }

    fn lag(&self) -> Duration {
        let known_at = Duration::from_nanos(self.known_at.load(Ordering::Acquire));
        (self.timing.monotonic)().saturating_sub(known_at)
    }
}

/// Who follows for a store.
#[derive(Debug)]
pub struct Follower {
    store: Store,
    news: Arc<Notify>,
}

impl Follower {
    /// Follows for as long as the future is polled.
    pub async fn run(self) {
        loop {
            self.look().await;
            tokio::time::sleep(PAUSE).await;
            // Either way it is time to look.
            let _heard = tokio::time::timeout(POLL, self.news.notified()).await;
        }
    }

    /// One look at what others committed, at most two seconds long. Everything that was committed
    /// before it began is known after it, if it did not fail.
    pub async fn look(&self) {
        if let Some(following) = self.store.inner.following.get() {
            self.store.look(following).await;
        }
    }
}

impl Store {
    /// Begins to follow what other processes commit; from now on [`Store::standing`] measures, so
    /// somebody must run the follower. `None` where nobody else commits
    /// ([`Backend::news`](crate::Backend::news)), and for whoever asks a second time.
    pub fn follow(&self, timing: Timing) -> Option<Follower> {
        let news = self.inner.backend.news()?;
        self.inner.following.set(Following::begin(timing)).ok()?;
        Some(Follower { store: self.clone(), news })
    }

    async fn look(&self, following: &Following) {
        let began = nanos((following.timing.monotonic)());
        match tokio::time::timeout(DEADLINE, self.catch_up()).await {
            Ok(Ok(newest)) => {
                if following.is_another(self.history()) {
                    // Others may have made more commits since than were lost.
                    self.inner.coherence.gone_back(newest);
                }
                following.known_at.fetch_max(began, Ordering::AcqRel);
                following.catch_ups.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Err(_)) | Err(_) => {
                following.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A mark of what is known here now, for [`Store::learned_since`].
    pub fn known(&self) -> Known {
        Known(self.inner.coherence.noted())
    }

    /// Learns what was committed up to now, and says whether anything after `before` was: for
    /// whoever would refuse on what it remembers, which another process may have mended a moment
    /// ago. Many at the same time cost one look, and none waits for longer than half a second.
    /// `false` at once where nobody else commits, or the database is away.
    pub async fn learned_since(&self, before: Known) -> bool {
        let Some(following) = self.inner.following.get() else { return false };
        if self.standing() != Standing::Current {
            return false;
        }
        let asked = nanos((following.timing.monotonic)());
        let look = async {
            let _turn = following.looking.lock().await;
            if following.known_at.load(Ordering::Acquire) < asked {
                self.look(following).await;
            }
        };
        // Late or not, what is known by then decides.
        let _in_time = tokio::time::timeout(BEFORE_REFUSING, look).await;
        self.known() > before
    }

    /// How far what is remembered may be trusted. Reads no clock where nobody else commits.
    pub fn standing(&self) -> Standing {
        match self.inner.following.get() {
            None => Standing::Current,
            Some(following) => Standing::of(following.lag(), following.timing.window),
        }
    }

    /// How well this process follows others; `None` where it follows nobody.
    pub fn followed(&self) -> Option<Followed> {
        let following = self.inner.following.get()?;
        let applied = self.inner.coherence.applied().0;
        Some(Followed {
            lag: following.lag(),
            behind: following.newest.load(Ordering::Relaxed).saturating_sub(applied),
            catch_ups: following.catch_ups.load(Ordering::Relaxed),
            failures: following.failures.load(Ordering::Relaxed),
        })
    }

    /// Whether others may commit too.
    pub fn is_shared(&self) -> bool {
        self.inner.backend.news().is_some()
    }

    /// Refuses at once while the database is away: whoever must read or write anew need not wait
    /// for it, and nobody queues up before it.
    pub(crate) fn reachable(&self) -> Result<(), ReadError> {
        let Some(following) = self.inner.following.get() else { return Ok(()) };
        let lag = following.lag();
        match Standing::of(lag, following.timing.window) {
            Standing::Current => Ok(()),
            Standing::Away { .. } | Standing::Lost => Err(ReadError::Away { lag }),
        }
    }

    /// What is read, if the database answers in time.
    pub(crate) async fn patiently<T>(
        &self,
        reading: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let read = self.in_time(reading).await;
        if let Err(error) = &read
            && error.is_the_databases()
        {
            self.inner.failures.note(error);
        }
        read
    }

    async fn in_time<T>(
        &self,
        reading: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        self.reachable()?;
        if self.inner.following.get().is_none() {
            return reading.await;
        }
        let late = |_| ReadError::Unavailable("the database did not answer in time".to_owned());
        tokio::time::timeout(DEADLINE, reading).await.map_err(late)?
    }

    pub(super) fn heard(&self, newest: Seq) {
        if let Some(following) = self.inner.following.get() {
            following.newest.store(newest.0, Ordering::Relaxed);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
