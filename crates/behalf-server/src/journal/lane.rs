//! A core's way into the journal, and the proof that an event is safe.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use behalf_core::{event::SignInEvent, id::RequestId};

use super::{
    Durability, record,
    tally::Tally,
    writer::{Row, Shared},
};

/// The journal has no room: answer 503 with `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in log is full or unwritable, so nothing may be answered")]
pub struct Full;

/// The event could not be written: answer 503 with `Retry-After`, whatever was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in log could not be written, so the decision may not be answered")]
pub struct Unwritable;

/// Proof that a request's event is as safe as the configuration asks for. Only the journal makes
/// one, and an answer cannot be built without it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an answer takes this as its proof"]
pub struct Logged(RequestId);

impl Logged {
    /// The request whose event it was.
    pub fn request(&self) -> RequestId {
        self.0
    }
}

/// One core's way in. Waiters of a lane wake each other; futures of one lane belong on one runtime.
#[derive(Debug, Clone)]
pub struct Lane {
    shared: Arc<Shared>,
    waiting: Arc<Waiting>,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, waiting: Arc::default() }
    }

    /// Whether an event submitted now would be taken: ask before anything is decided.
    pub fn ready(&self) -> bool {
        self.shared.ready()
    }

    /// How long a commit takes, smoothed.
    pub fn commit_time(&self) -> Duration {
        self.shared.commit_time()
    }

    /// Hands `event` to the writer. The future may be polled after others: the write goes on
    /// without it.
    pub fn submit(&self, event: &SignInEvent) -> Result<Pending, Full> {
        let record = record::encode(event);
        if self.shared.durability == Durability::WithinASecond {
            self.shared.push(Row { record, waiter: None })?;
            return Ok(Pending { waiting: None, slot: 0, request: event.id });
        }
        let slot = self.waiting.take_slot();
        let waiter = Some((Arc::clone(&self.waiting), slot));
        if let Err(full) = self.shared.push(Row { record, waiter }) {
            self.waiting.release(slot);
            return Err(full);
        }
        Ok(Pending { waiting: Some(Arc::clone(&self.waiting)), slot, request: event.id })
    }

    /// Hands over a count of turned-away requests; nobody waits for it, and it may be refused.
    pub fn submit_tally(&self, tally: &Tally) -> Result<(), Full> {
        self.shared.push(Row { record: record::encode_tally(tally), waiter: None })
    }
}

/// Resolves when the event is safe, or cannot be made so.
#[derive(Debug)]
#[must_use = "the answer waits for this"]
pub struct Pending {
    waiting: Option<Arc<Waiting>>,
    slot: usize,
    request: RequestId,
}

impl Future for Pending {
    type Output = Result<Logged, Unwritable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiting) = &self.waiting else { return Poll::Ready(Ok(Logged(self.request))) };
        match waiting.poll(self.slot, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(written) => {
                self.waiting = None;
                Poll::Ready(if written { Ok(Logged(self.request)) } else { Err(Unwritable) })
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.abandon(self.slot);
        }
    }
}

/// The slots of one lane. The writer marks rows done under one lock each and wakes a single
/// waiter; whichever waiter comes first wakes the others from their own thread, which costs no
/// system call.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    state: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
    /// Done, not yet woken.
    done: Vec<usize>,
}

#[derive(Debug)]
enum Slot {
    Free,
    Waiting(Option<Waker>),
    Done {
        written: bool,
        waker: Option<Waker>,
    },
    /// Its future is gone, its row still with the writer.
    Abandoned,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_slot(&self) -> usize {
        let mut state = self.lock();
        if let Some(slot) = state.free.pop() {
            state.all[slot] = Slot::Waiting(None);
            return slot;
        }
        state.all.push(Slot::Waiting(None));
        state.all.len() - 1
    }

    /// Gives back a slot whose row the writer never got.
    fn release(&self, slot: usize) {
        let mut state = self.lock();
        if let Some(entry) = state.all.get_mut(slot) {
            *entry = Slot::Free;
            state.free.push(slot);
        }
    }

    fn poll(&self, slot: usize, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        let Some(entry) = state.all.get_mut(slot) else { return Poll::Ready(false) };
        match entry {
            Slot::Waiting(Some(waker)) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Slot::Waiting(waker @ None) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Slot::Done { written, .. } => {
                let written = *written;
                *entry = Slot::Free;
                state.free.push(slot);
                wake_fellows(state);
                Poll::Ready(written)
            }
            Slot::Free | Slot::Abandoned => Poll::Ready(false),
        }
    }

    fn abandon(&self, slot: usize) {
        let mut state = self.lock();
        let Some(entry) = state.all.get_mut(slot) else { return };
        match entry {
            Slot::Waiting(_) => *entry = Slot::Abandoned,
            Slot::Done { .. } => {
                *entry = Slot::Free;
                state.free.push(slot);
                wake_fellows(state);
            }
            Slot::Free | Slot::Abandoned => {}
        }
    }

    /// Marks a row as written or lost. [`Self::announce`] must follow.
    pub(super) fn complete(&self, slot: usize, written: bool) {
        let mut state = self.lock();
        let Some(entry) = state.all.get_mut(slot) else { return };
        match entry {
            Slot::Waiting(waker) => {
                let waker = waker.take();
                *entry = Slot::Done { written, waker };
                state.done.push(slot);
            }
            Slot::Abandoned => {
                *entry = Slot::Free;
                state.free.push(slot);
            }
            Slot::Free | Slot::Done { .. } => {}
        }
    }

    /// Wakes one waiter of those that are done.
    pub(super) fn announce(&self) {
        let mut state = self.lock();
        let Slots { all, done, .. } = &mut *state;
        let first = done.iter().find_map(|slot| match all.get_mut(*slot) {
            Some(Slot::Done { waker, .. }) => waker.take(),
            _ => None,
        });
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

/// Wakes all that are done, outside the lock.
fn wake_fellows(mut state: MutexGuard<'_, Slots>) {
    if state.done.is_empty() {
        return;
    }
    let Slots { all, done, .. } = &mut *state;
    let wakers: Vec<Waker> = done
        .drain(..)
        .filter_map(|slot| match all.get_mut(slot) {
            Some(Slot::Done { waker, .. }) => waker.take(),
            _ => None,
        })
        .collect();
    drop(state);
    for waker in wakers {
        waker.wake();
    }
}
