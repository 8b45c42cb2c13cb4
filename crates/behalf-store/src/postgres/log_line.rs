//! Connections of the shared sign-in log: its own, so that the directory never waits for it. One
//! for what is shipped and one for what is asked; whoever finds it busy waits, but not for long.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::{
    connection::{Connector, Link},
    trouble::Trouble,
};

/// What is done on a connection.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// One connection, made when it is needed, on the runtime of the backend's thread.
#[derive(Clone)]
pub(super) struct Line {
    link: Arc<Mutex<Option<Link>>>,
    connector: Connector,
    runtime: Handle,
    /// What one piece of work may take, the wait for the connection included.
    patience: Duration,
}

impl Line {
    pub(super) fn new(connector: Connector, runtime: Handle, patience: Duration) -> Self {
        Self { link: Arc::default(), connector, runtime, patience }
    }

    /// Does `work`, which goes on when the caller no longer waits for it. A connection on which
    /// anything failed or took too long is not used again.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a mut Link) -> Work<'a, T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let line = self.clone();
        let done = self.runtime.spawn(async move { line.by_deadline(work).await });
        done.await.unwrap_or_else(|_| Err(Trouble::Failed("the store is closed".into())))
    }

    async fn by_deadline<T>(
        self,
        work: impl for<'a> FnOnce(&'a mut Link) -> Work<'a, T> + Send,
    ) -> Result<T, Trouble> {
        let deadline = Instant::now() + self.patience;
        let overdue = |_| Trouble::overdue();
        let mut place = timeout_at(deadline, self.link.lock()).await.map_err(overdue)?;
        let mut link = match place.take().filter(|link| !link.is_closed()) {
            Some(link) => link,
            None => self.connect(deadline).await?,
        };
        let done = timeout_at(deadline, work(&mut link)).await.map_err(overdue)??;
        *place = Some(link);
        Ok(done)
    }

    async fn connect(&self, deadline: Instant) -> Result<Link, Trouble> {
        let unheard = Arc::new(AtomicBool::new(false));
        let link = self.connector.link(deadline, &unheard).await?;
        // A question over many days may take longer than a look-up in the directory.
        let longer = format!("SET statement_timeout = {}", self.patience.as_millis());
        timeout_at(deadline, link.batch_execute(&longer))
            .await
            .map_err(|_| Trouble::overdue())??;
        Ok(link)
    }
}
