//! The readers: a few connections, and no more who wait for them than there is time for.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_postgres::{Client, Config, Error};

use super::{
    connection::{Connector, Link},
    open::OpenError,
    trouble::Trouble,
};
use crate::backend::ReadError;

/// Read connections.
const READERS: usize = 4;
/// Reads that are under way or wait for a connection; another one is refused at once.
const WAITING: usize = 1_024;
/// What a read may take, the wait for a connection included.
const READ: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(50);

/// A read: one statement.
pub(super) trait Query: Send + Sync + 'static {
    type Answer: Send + 'static;

    fn ask(&self, link: &Link) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// The pool, on the runtime of the backend's thread.
pub(super) struct Readers {
    pool: Pool,
    connector: Connector,
    /// [`Connector::hangs`] when idle connections were given up last.
    hangs: AtomicU64,
    places: Arc<Semaphore>,
    runtime: Handle,
}

impl Readers {
    pub(super) fn new(connector: &Connector, runtime: Handle) -> Result<Self, OpenError> {
        let how = Through(connector.clone());
        // The configuration is the connector's; the manager only hands it on.
        let manager = Manager::from_connect(Config::new(), how, ManagerConfig::default());
        let pool = Pool::builder(manager)
            .max_size(READERS)
            .build()
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        let (connector, hangs) = (connector.clone(), AtomicU64::new(connector.hangs()));
        let places = Arc::new(Semaphore::new(WAITING));
        Ok(Self { pool, connector, hangs, places, runtime })
    }

    /// Runs a read on a connection of the pool.
    pub(super) async fn read<Q: Query>(&self, query: Q) -> Result<Q::Answer, ReadError> {
        let unavailable = |cause: &str| ReadError::Unavailable(cause.to_owned());
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| unavailable("too many reads wait for the database"))?;
        let hangs = self.connector.hangs();
        if self.hangs.swap(hangs, Ordering::AcqRel) != hangs {
            self.pool.retain(|_, _| false);
        }
        let (pool, connector) = (self.pool.clone(), self.connector.clone());
        let read = async move {
            let _place = place;
            by(Instant::now() + READ, (&pool, &connector), &query).await
        };
        match self.runtime.spawn(read).await {
            Ok(answer) => answer.map_err(|trouble| unavailable(trouble.text())),
            Err(_) => Err(unavailable("the store is closed")),
        }
    }
}

/// Asks until there is an answer: a read may be repeated wherever its connection is lost.
async fn by<Q: Query>(
    deadline: Instant,
    (pool, connector): (&Pool, &Connector),
    query: &Q,
) -> Result<Q::Answer, Trouble> {
    let mut last = Trouble::overdue();
    while Instant::now() < deadline {
        let Ok(link) = timeout_at(deadline, pool.get()).await else { break };
        let trouble = match link {
            Err(deadpool_postgres::PoolError::Backend(error)) => Trouble::from(error),
            Err(error) => Trouble::Failed(error.to_string()),
            Ok(link) => {
                let answer = timeout_at(deadline, query.ask(&link)).await;
                match answer {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(error)) => Trouble::from(error),
                    Err(_) => {
                        // What it still owes must not be waited for by the next.
                        drop(Object::take(link));
                        connector.hung();
                        break;
                    }
                }
            }
        };
        match trouble {
            Trouble::Again(_) => {}
            Trouble::Lost(_) => {
                let _over = timeout_at(deadline, tokio::time::sleep(PAUSE)).await;
            }
            Trouble::Full | Trouble::Failed(_) => return Err(trouble),
        }
        last = trouble;
    }
    Err(last)
}

struct Through(Connector);

impl Connect for Through {
    fn connect(
        &self,
        _config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(self.0.connect(|_| {}))
    }
}
