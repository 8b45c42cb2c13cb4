//! The shared sign-in log on PostgreSQL.

use std::time::Duration;

use behalf_core::{id::RequestId, time::Timestamp};
use tokio::runtime::Handle;

use super::{
    connection::Connector,
    connection::Link,
    log_day::LogDay,
    log_line::{Line, Work},
    log_query,
    log_ship::{self, Made, Taken},
    trouble::Trouble,
};
use crate::{
    backend::{Boxed, ReadError},
    shared_log::{
        LogPage, LogQuery, LogRow, Mark, NodeId, SharedLog, ShipError, Shipment, ShippedNode,
    },
};

/// What a shipment may take. Answers may wait for it.
const SHIPMENT: Duration = Duration::from_secs(4);
/// What a question may take: an operator asks.
const QUESTION: Duration = Duration::from_secs(10);

/// The tables of the log, over connections of their own.
pub(super) struct PostgresLog {
    shipping: Line,
    asking: Line,
    made: Made,
}

impl PostgresLog {
    /// On connections of `connector`, driven by `runtime`; none is made before it is needed.
    pub(super) fn new(connector: &Connector, runtime: &Handle) -> Self {
        let line = |patience| Line::new(connector.clone(), runtime.clone(), patience);
        Self { shipping: line(SHIPMENT), asking: line(QUESTION), made: Made::default() }
    }

    /// Asks again on a new connection where the old one turns out to be lost.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl for<'a> Fn(&'a mut Link) -> Work<'a, T> + Clone + Send + 'static,
    ) -> Result<T, ReadError> {
        let mut done = self.asking.run(work.clone()).await;
        if let Err(Trouble::Lost(_) | Trouble::Again(_)) = done {
            done = self.asking.run(work).await;
        }
        done.map_err(|trouble| ReadError::Unavailable(trouble.text().to_owned()))
    }
}

impl SharedLog for PostgresLog {
    fn ship(&self, shipment: Shipment) -> Boxed<'_, Result<(), ShipError>> {
        let made = Made::clone(&self.made);
        Box::pin(async move {
            let shipped = self.shipping.run(move |link| {
                Box::pin(async move { log_ship::ship(link, &made, &shipment).await })
            });
            match shipped.await {
                Ok(Taken::Stored) => Ok(()),
                Ok(Taken::Displaced(found)) => Err(ShipError::Displaced { found }),
                Err(trouble) => Err(ShipError::Unavailable(trouble.text().to_owned())),
            }
        })
    }

    fn shipped(&self, node: NodeId) -> Boxed<'_, Result<Option<Mark>, ReadError>> {
        // Asked where it is shipped: behind a shipment that is still under way.
        Box::pin(async move {
            let asked = self
                .shipping
                .run(move |link| Box::pin(async move { Ok(log_ship::shipped(link, node).await?) }));
            asked.await.map_err(|trouble| ReadError::Unavailable(trouble.text().to_owned()))
        })
    }

    fn query(&self, query: LogQuery) -> Boxed<'_, Result<LogPage, ReadError>> {
        Box::pin(
            self.ask(move |link| Box::pin(async move { Ok(log_query::page(link, &query).await?) })),
        )
    }

    fn find(&self, request: RequestId) -> Boxed<'_, Result<Option<(NodeId, LogRow)>, ReadError>> {
        Box::pin(
            self.ask(move |link| {
                Box::pin(async move { Ok(log_query::find(link, request).await?) })
            }),
        )
    }

    fn forget(&self, oldest: Timestamp) -> Boxed<'_, Result<u32, ReadError>> {
        let made = Made::clone(&self.made);
        Box::pin(self.ask(move |link| {
            let made = Made::clone(&made);
            Box::pin(async move { forget(link, &made, oldest).await })
        }))
    }

    fn nodes(&self) -> Boxed<'_, Result<Vec<ShippedNode>, ReadError>> {
        Box::pin(self.ask(|link| Box::pin(async move { Ok(log_query::nodes(link).await?) })))
    }
}

/// Drops the tables of the days that ended before `oldest`.
async fn forget(link: &mut Link, made: &Made, oldest: Timestamp) -> Result<u32, Trouble> {
    let mut forgotten = 0;
    for day in log_query::days(link, (None, Some(oldest))).await? {
        if day < LogDay::of(oldest) {
            log_ship::forget(link, made, day).await?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}
