//! One signer for each core: a bounded queue from which it takes jobs and signs. It yields after
//! two RSA signatures, or after as many ECDSA ones as take that long, so that everything else the
//! core serves waits for two RSA signatures at most.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use crate::{clock::SharedClock, journal::Backlog};

/// The queue holds no more than this much signing time, unless configured otherwise.
pub const QUEUE_DEFAULT: Duration = Duration::from_millis(50);
/// Signing time after which others have their turn: on most machines one RSA signature takes less
/// and two take more. Yielding costs a look at all sockets, and what others do finds the core's
/// caches full of the signature: too dear after each.
const TURN: Duration = Duration::from_millis(1);
/// What a request costs its core besides the signature, about (`cargo xtask bench token`).
const BESIDES: Duration = Duration::from_micros(40);
/// What a signature is taken to cost before any was measured.
const FIRST_ESTIMATE: Duration = Duration::from_micros(300);

/// The queue is full: answer 503 with `Retry-After`, before anything is decided or logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue of signatures is full")]
pub struct Busy;

/// A job did not come to an end; the request answers 500, the signer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing ended without a result")]
pub struct SignFailed;

/// What costs signing time. One estimate is kept for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// An RSA-2048 signature.
    Rsa,
    /// A P-256 signature.
    Ecdsa,
}

type Job = Box<dyn FnOnce() + Send>;

struct Queued {
    cost: Cost,
    /// Nanoseconds it was taken to cost when it was queued.
    expected: u64,
    job: Job,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Queued>,
    /// Places taken whose job is not known yet.
    reserved: u64,
    /// What the queued jobs and the one under way are taken to cost, in nanoseconds.
    expected: u64,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    core: usize,
    bound: Duration,
    backlog: Arc<Backlog>,
    clock: SharedClock,
    /// Nanoseconds a signature takes, smoothed: RSA, ECDSA.
    estimates: [AtomicU64; 2],
    /// The same over whatever was signed lately.
    usual: AtomicU64,
    signed: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn estimate(&self, cost: Cost) -> u64 {
        self.estimates[cost as usize].load(Ordering::Relaxed)
    }

    /// The signing time that waits: what is queued, and the usual time for each reserved place.
    fn waiting(&self, queue: &Queue) -> u64 {
        let usual = self.usual.load(Ordering::Relaxed);
        queue.expected.saturating_add(usual.saturating_mul(queue.reserved))
    }

    /// Says how long the core is busy with what waits besides one request, which is itself no
    /// reason to linger.
    fn publish(&self, queue: &Queue) {
        let usual = self.usual.load(Ordering::Relaxed);
        let signing = Duration::from_nanos(self.waiting(queue).saturating_sub(usual));
        let requests = (queue.jobs.len() as u64).saturating_add(queue.reserved);
        let others = u32::try_from(requests.saturating_sub(1)).unwrap_or(u32::MAX);
        self.backlog.publish(self.core, signing + BESIDES.saturating_mul(others));
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.lock();
        change(&mut queue);
        self.publish(&queue);
    }

    fn measured(&self, cost: Cost, took: Duration) {
        // A preempted signature would look dear: no sample counts for more than four times before.
        let before = self.estimate(cost);
        let sample =
            u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).min(before.saturating_mul(4));
        let after = before - before / 8 + sample / 8;
        self.estimates[cost as usize].store(after.max(1_000), Ordering::Relaxed);
        let usual = self.usual.load(Ordering::Relaxed);
        self.usual.store((usual - usual / 8 + sample / 8).max(1_000), Ordering::Relaxed);
    }
}

/// The way to a core's signer.
#[derive(Clone)]
pub struct Signer {
    shared: Arc<Shared>,
}

impl Signer {
    /// A signer for `core` whose queue holds at most `bound` of signing time. [`Self::run`] must be
    /// spawned on that core's runtime.
    pub fn new(core: usize, bound: Duration, backlog: Arc<Backlog>, clock: SharedClock) -> Self {
        let first = u64::try_from(FIRST_ESTIMATE.as_nanos()).unwrap_or(u64::MAX);
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                filled: Notify::new(),
                core,
                bound,
                backlog,
                clock,
                estimates: [AtomicU64::new(first), AtomicU64::new(first / 16)],
                usual: AtomicU64::new(first),
                signed: AtomicU64::new(0),
            }),
        }
    }

    /// Takes a place in the queue, or says that there is none.
    pub fn reserve(&self) -> Result<Slot, Busy> {
        let mut queue = self.shared.lock();
        let alone = queue.reserved == 0 && queue.expected == 0;
        queue.reserved += 1;
        if !alone && Duration::from_nanos(self.shared.waiting(&queue)) > self.shared.bound {
            queue.reserved -= 1;
            return Err(Busy);
        }
        self.shared.publish(&queue);
        drop(queue);
        Ok(Slot { shared: Some(Arc::clone(&self.shared)) })
    }

    /// Signs what is queued for as long as the future is polled, and lets the core's other tasks go
    /// on after each [`TURN`] of signing.
    pub async fn run(self) {
        let mut turn = Duration::ZERO;
        loop {
            let next = self.shared.lock().jobs.pop_front();
            let Some(Queued { cost, expected, job }) = next else {
                turn = Duration::ZERO;
                self.shared.filled.notified().await;
                continue;
            };
            let started = self.shared.clock.monotonic();
            // A job that panics has dropped its sender: its request, and no other, learns of it.
            let ended = catch_unwind(AssertUnwindSafe(job));
            let took = self.shared.clock.monotonic().saturating_sub(started);
            self.shared.measured(cost, took);
            self.shared.signed.fetch_add(1, Ordering::Relaxed);
            self.shared.change(|queue| queue.expected = queue.expected.saturating_sub(expected));
            if ended.is_err() {
                tracing::error!("a signature ended in a panic; its request answers 500");
            }
            turn += took;
            if turn >= TURN {
                turn = Duration::ZERO;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Signatures made so far.
    pub fn signed(&self) -> u64 {
        self.shared.signed.load(Ordering::Relaxed)
    }

    /// The signing time that is queued.
    pub fn queued(&self) -> Duration {
        let queue = self.shared.lock();
        Duration::from_nanos(self.shared.waiting(&queue))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("core", &self.shared.core).finish_non_exhaustive()
    }
}

/// A place in the queue. Dropped unused, it is free again.
#[must_use = "a reserved place that is not used is given back"]
pub struct Slot {
    shared: Option<Arc<Shared>>,
}

impl Slot {
    /// Queues `job` and resolves with what it returns. The future may be dropped: the job is then
    /// skipped when its turn comes.
    pub fn sign<T, F>(
        mut self,
        cost: Cost,
        job: F,
    ) -> impl Future<Output = Result<T, SignFailed>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        if let Some(shared) = self.shared.take() {
            let job: Job = Box::new(move || {
                if !sender.is_closed() {
                    // The receiver may have gone meanwhile, and then nobody wants the result.
                    drop(sender.send(job()));
                }
            });
            let expected = shared.estimate(cost);
            shared.change(|queue| {
                queue.reserved = queue.reserved.saturating_sub(1);
                queue.expected = queue.expected.saturating_add(expected);
                queue.jobs.push_back(Queued { cost, expected, job });
            });
            shared.filled.notify_one();
        }
        async { receiver.await.map_err(|_| SignFailed) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.change(|queue| queue.reserved = queue.reserved.saturating_sub(1));
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

#[cfg(test)]
mod tests {
    use behalf_core::time::Timestamp;

    use super::*;
    use crate::clock::FrozenClock;

    fn signer(bound: Duration) -> (Signer, Arc<Backlog>) {
        let backlog = Backlog::new(1);
        let clock = Arc::new(FrozenClock::at(Timestamp(0)));
        (Signer::new(0, bound, Arc::clone(&backlog), clock), backlog)
    }

    #[tokio::test]
    async fn jobs_are_done_in_order_and_one_a_turn() {
        let (signer, _) = signer(QUEUE_DEFAULT);
        let running = tokio::spawn(signer.clone().run());
        let order = Arc::new(Mutex::new(Vec::new()));
        let jobs: Vec<_> = (0..5)
            .map(|n| {
                let order = Arc::clone(&order);
                signer.reserve().unwrap().sign(Cost::Rsa, move || {
                    order.lock().unwrap().push(n);
                    n
                })
            })
            .collect();
        let results = futures_util::future::join_all(jobs).await;
        assert_eq!(results, (0..5).map(Ok).collect::<Vec<_>>());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(signer.signed(), 5);
        running.abort();
    }

    #[tokio::test]
    async fn the_queue_is_bounded_by_time_and_frees_what_is_not_used() {
        // The first estimate is 300 µs: three fit.
        let (signer, backlog) = signer(Duration::from_millis(1));
        let slots: Vec<_> = (0..3).map(|_| signer.reserve().unwrap()).collect();
        assert_eq!(signer.reserve().unwrap_err(), Busy);
        assert_eq!(backlog.longest(), 2 * (FIRST_ESTIMATE + BESIDES), "two besides oneself");
        drop(slots);
        assert_eq!(signer.queued(), Duration::ZERO);
        assert_eq!(backlog.longest(), Duration::ZERO);
        let alone = signer.reserve().unwrap();
        assert_eq!(backlog.longest(), Duration::ZERO, "a lone request waits for nobody");
        drop(alone);
    }

    #[tokio::test]
    async fn cheap_signatures_fill_less_of_the_queue() {
        let (signer, backlog) = signer(Duration::from_millis(1));
        // 16 µs each once queued: far more than three fit.
        let jobs: Vec<_> =
            (0..30).map(|_| signer.reserve().unwrap().sign(Cost::Ecdsa, || ())).collect();
        assert_eq!(signer.queued(), Duration::from_nanos(30 * (300_000 / 16)));
        let running = tokio::spawn(signer.clone().run());
        futures_util::future::join_all(jobs).await;
        assert_eq!((signer.queued(), backlog.longest()), (Duration::ZERO, Duration::ZERO));
        running.abort();
    }

    #[tokio::test]
    async fn one_request_is_always_served_however_slow_signing_is() {
        let (signer, _) = signer(Duration::ZERO);
        let slot = signer.reserve().unwrap();
        assert_eq!(signer.reserve().unwrap_err(), Busy);
        drop(slot);
        assert!(signer.reserve().is_ok());
    }

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let (signer, _) = signer(QUEUE_DEFAULT);
        let running = tokio::spawn(signer.clone().run());
        let bad = signer.reserve().unwrap().sign(Cost::Ecdsa, || -> u8 { panic!("planted") });
        let good = signer.reserve().unwrap().sign(Cost::Ecdsa, || 7_u8);
        assert_eq!(bad.await, Err(SignFailed));
        assert_eq!(good.await, Ok(7));
        assert_eq!(signer.queued(), Duration::ZERO);
        running.abort();
    }

    #[tokio::test]
    async fn nobody_signs_for_a_caller_who_left() {
        let (signer, _) = signer(QUEUE_DEFAULT);
        let done = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&done);
        drop(
            signer
                .reserve()
                .unwrap()
                .sign(Cost::Rsa, move || counted.fetch_add(1, Ordering::SeqCst)),
        );
        let last = signer.reserve().unwrap().sign(Cost::Rsa, || ());
        let running = tokio::spawn(signer.clone().run());
        last.await.unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 0);
        running.abort();
    }
}
