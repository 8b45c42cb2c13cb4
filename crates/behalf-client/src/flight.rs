//! One request at a time for the same thing. The request runs in a task of its own: a caller that
//! stops waiting takes nothing from the others.

use std::sync::Mutex;

use tokio::sync::watch;

use crate::error::Error;

/// The outcome of work in another task, to be waited for by any number of callers.
#[derive(Debug, Clone)]
pub(crate) struct Landing<T>(watch::Receiver<Option<Result<T, Error>>>);

impl<T: Clone + Send + Sync + 'static> Landing<T> {
    /// Starts `work` on the current Tokio runtime.
    pub(crate) fn launch(work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            // Nobody may be waiting any more; what the work stored is there for the next.
            sender.send_replace(Some(work.await));
        });
        Self(receiver)
    }

    /// Whether the work still runs.
    pub(crate) fn is_flying(&self) -> bool {
        self.0.borrow().is_none() && self.0.has_changed().is_ok()
    }

    /// Waits for the outcome; [`Error::Abandoned`] if the work's runtime was shut down.
    pub(crate) async fn wait(mut self) -> Result<T, Error> {
        let landed = self.0.wait_for(Option::is_some).await.map_err(|_| Error::Abandoned)?;
        landed.clone().unwrap_or(Err(Error::Abandoned))
    }
}

/// The place of one flight.
#[derive(Debug)]
pub(crate) struct Runway<T>(Mutex<Option<Landing<T>>>);

impl<T: Clone + Send + Sync + 'static> Runway<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Joins the flight that is under way, or starts `work`.
    pub(crate) fn join<F>(&self, work: impl FnOnce() -> F) -> Landing<T>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut place = crate::lock(&self.0);
        match place.as_ref().filter(|landing| landing.is_flying()) {
            Some(landing) => landing.clone(),
            None => place.insert(Landing::launch(work())).clone(),
        }
    }
}
