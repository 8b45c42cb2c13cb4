//! Ships the journal of this node to the log that all nodes share: in order, each row once.
//!
//! What was shipped last is asked of the shared log itself, at the start and after every failure:
//! a shipment whose answer was lost is found there or not, and nothing has to be remembered here.
//! The last row's request id tells whether the rows there are this journal's; a copied data folder
//! ships nothing and says so.

mod progress;
mod tail;
#[cfg(test)]
pub(super) mod tests;

use std::{
    mem::{Discriminant, discriminant},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use behalf_core::{
    id::{RequestId, TenantId},
    time::Timestamp,
};
use behalf_store::shared_log::{LogRow, Mark, NodeId, SharedLog, ShipError, Shipment};
use uuid::Uuid;

use super::{Journal, Place, ReadError, gap::Gap, record, writer::Shared};
use crate::entropy::{RequestIds, SharedEntropy, random};
pub(super) use progress::Progress;
pub use progress::Shipped;
pub(super) use tail::last_of;
use tail::{Row, Tail};

/// Most rows and bytes of a shipment; one row more than the bytes allow is taken.
const BATCH: (usize, usize) = (1_000, 512 * 1024);
/// How long rows gather when nobody waits for them.
const LINGER: Duration = Duration::from_millis(200);
/// The longest a shipment may take before it counts as failed.
const DEADLINE: Duration = Duration::from_secs(5);
/// The first rest after a failure; it doubles up to the longest.
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(1);
/// The rest when nothing can be shipped until somebody mends it.
const MENDING: Duration = Duration::from_mins(1);
/// How often days are forgotten.
const SWEEP: Duration = Duration::from_hours(1);

/// Where a node ships to, and who it is there.
#[derive(Clone)]
pub struct Destination {
    /// The log of all nodes.
    pub log: Arc<dyn SharedLog>,
    /// This node.
    pub node: NodeId,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Destination({})", self.node)
    }
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There was nothing to ship.
    Idle,
    /// So many rows went, those that stand for gaps included.
    Shipped(usize),
}

/// Why a step did nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] ReadError),
    #[error("{0}")]
    Away(String),
    /// Somebody shipped meanwhile; what he shipped has to be looked at.
    #[error("rows of this node were shipped by somebody else meanwhile")]
    Overtaken,
    #[error(
        "the shared log has rows of node {node} up to number {seq} that are not in this journal: the data folder was copied from another node, or is an older copy of its own. This node's rows stay in its journal. Stop this node, remove node.id from its data folder and start it: it then counts as a node of its own and ships what it has"
    )]
    Foreign { node: NodeId, seq: i64 },
}

/// What was shipped, once it is known.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// What the shared log has.
    mark: Option<Mark>,
    /// Its number, or that of the row before the first there is.
    seq: i64,
}

/// The task that ships. Two of one node do no harm: one finds itself overtaken.
pub struct Shipper {
    to: Destination,
    folder: PathBuf,
    shared: Arc<Shared>,
    ids: RequestIds,
    entropy: SharedEntropy,
    retention: Option<Duration>,
    tail: Option<Tail>,
    position: Option<Position>,
    /// Failures since the last success.
    failures: u32,
    /// The kind of failure that was said last.
    said: Option<Discriminant<Failure>>,
    swept: Option<Duration>,
}

impl Journal {
    /// What ships this journal to `to`; `None` when it is forgotten with the process.
    pub fn shipper(&self, to: Destination, entropy: SharedEntropy) -> Option<Shipper> {
        let Place::Folder(folder) = &self.place else { return None };
        Some(Shipper::new(folder.clone(), to, (Arc::clone(&self.shared), self.retention), entropy))
    }

    /// How far it is shipped; `None` where it is not.
    pub fn shipped(&self) -> Option<Shipped> {
        self.shared.progress.counts()
    }
}

impl Shipper {
    fn new(
        folder: PathBuf,
        to: Destination,
        (shared, retention): (Arc<Shared>, Option<Duration>),
        entropy: SharedEntropy,
    ) -> Self {
        Self {
            to,
            shared,
            ids: RequestIds::new(Arc::clone(&entropy)),
            entropy,
            retention,
            folder,
            tail: None,
            position: None,
            failures: 0,
            said: None,
            swept: None,
        }
    }

    /// Ships what is written, for as long as the process runs.
    pub async fn run(mut self) {
        loop {
            let rest = match self.step().await {
                Ok(Step::Idle) => {
                    self.succeeded().await;
                    self.shared.progress.news().await;
                    self.linger()
                }
                Ok(Step::Shipped(rows)) => {
                    self.succeeded().await;
                    if rows < BATCH.0 { self.linger() } else { Duration::ZERO }
                }
                Err(failure) => self.rest_after(&failure),
            };
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
        }
    }

    /// Ships what is there and ends: for the end of a process. Answers whether all of it went.
    pub async fn finish(mut self) -> bool {
        loop {
            match self.step().await {
                Ok(Step::Idle) => return true,
                Ok(Step::Shipped(_)) | Err(Failure::Overtaken) => {}
                Err(_) => return false,
            }
        }
    }

    /// Ships one batch.
    async fn step(&mut self) -> Result<Step, Failure> {
        let position = match self.position.take() {
            Some(position) => position,
            None => self.find_position().await?,
        };
        let rows = self.read(position.seq).await?;
        let Some(first) = rows.first() else {
            self.shared.progress.advance(position.seq, 0);
            self.position = Some(position);
            return Ok(Step::Idle);
        };
        self.shared.progress.oldest(first.at);
        let rows = self.rows_of(rows, position.seq);
        let count = rows.len();
        let at = self.shared.clock.now();
        let shipment = Shipment { node: self.to.node, after: position.mark, rows, at };
        let Some(end) = shipment.end() else { return Ok(Step::Idle) };
        // Whatever does not succeed leaves the position unknown: it is asked for next time.
        match within(self.to.log.ship(shipment)).await? {
            Ok(()) => {}
            Err(ShipError::Displaced { .. }) => return Err(Failure::Overtaken),
            Err(ShipError::Unavailable(cause)) => return Err(Failure::Away(cause)),
        }
        self.position = Some(Position { mark: Some(end), seq: end.seq });
        self.shared.progress.advance(end.seq, count);
        Ok(Step::Shipped(count))
    }

    /// Asks what was shipped and sees whether it is of this journal.
    async fn find_position(&mut self) -> Result<Position, Failure> {
        let node = self.to.node;
        let mark = within(self.to.log.shipped(node)).await?;
        let mark = mark.map_err(|error| Failure::Away(error.to_string()))?;
        let Some(mark) = mark else {
            // What retention took before anything was shared is no gap.
            let first = self.blocking(|tail| tail.first()).await?.unwrap_or(1);
            return Ok(Position { mark: None, seq: first - 1 });
        };
        let ours = match self.blocking(move |tail| tail.at(mark.seq)).await? {
            Some(row) => id_of(&row) == mark.request,
            // Retention took it, if it ever was here.
            None => self.shared.progress.newest() >= mark.seq,
        };
        if !ours {
            return Err(Failure::Foreign { node, seq: mark.seq });
        }
        self.shared.progress.advance(mark.seq, 0);
        Ok(Position { mark: Some(mark), seq: mark.seq })
    }

    async fn read(&mut self, after: i64) -> Result<Vec<Row>, Failure> {
        self.blocking(move |tail| tail.read(after, BATCH)).await
    }

    /// Reads the journal on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&mut Tail) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Failure> {
        // A step that was dropped half-way took it along.
        let mut tail = self.tail.take().unwrap_or_else(|| Tail::new(self.folder.clone()));
        let done = tokio::task::spawn_blocking(move || {
            let done = read(&mut tail);
            (tail, done)
        });
        let (tail, done) = done.await.map_err(|error| Failure::Away(error.to_string()))?;
        self.tail = Some(tail);
        Ok(done?)
    }

    /// The rows as they are shipped, with one more for each gap in their numbers.
    fn rows_of(&self, rows: Vec<Row>, after: i64) -> Vec<LogRow> {
        let mut shipped = Vec::with_capacity(rows.len());
        let mut next = after + 1;
        for row in rows {
            if row.seq > next {
                let (id, time) = (self.ids.next(row.at), row.at);
                let gap = Gap { id, time, first: next, last: row.seq - 1 };
                tracing::error!(
                    first = gap.first,
                    last = gap.last,
                    "rows of the sign-in log were gone before they were shipped"
                );
                shipped.push(row_of(next, row.at, record::encode_gap(&gap).to_vec()));
            }
            next = row.seq + 1;
            shipped.push(row_of(row.seq, row.at, row.record));
        }
        shipped
    }

    /// A moment in which rows gather, where no answer waits for them.
    fn linger(&self) -> Duration {
        if self.shared.progress.is_awaited() { Duration::ZERO } else { LINGER }
    }

    async fn succeeded(&mut self) {
        self.failures = 0;
        if self.said.take().is_some() {
            tracing::info!("the sign-in log is shipped again");
        }
        let now = self.shared.clock.monotonic();
        let due = self.swept.is_none_or(|swept| now.saturating_sub(swept) >= SWEEP);
        if let (true, Some(retention)) = (due, self.retention) {
            self.swept = Some(now);
            let oldest = self.shared.clock.now().minus(retention);
            if let Err(error) = self.to.log.forget(oldest).await {
                tracing::warn!(%error, "old days of the shared sign-in log could not be forgotten");
            }
        }
    }

    /// Says once what is wrong; how long to rest.
    fn rest_after(&mut self, failure: &Failure) -> Duration {
        if let Failure::Overtaken = failure {
            return self.spread(REST);
        }
        self.shared.progress.failed(self.shared.clock.now());
        if self.said.replace(discriminant(failure)) != Some(discriminant(failure)) {
            let waits = self.shared.progress.is_awaited();
            tracing::error!(
                error = %failure,
                "the sign-in log is not shipped; its rows are kept in this node's journal{}",
                if waits { ", and token requests answer 503" } else { "" }
            );
        }
        self.failures = self.failures.saturating_add(1);
        if let Failure::Foreign { .. } = failure {
            return MENDING;
        }
        let rest = REST.saturating_mul(1 << (self.failures - 1).min(10));
        self.spread(rest.min(LONGEST_REST))
    }

    /// Up to a quarter less, so that nodes do not come back all at once.
    fn spread(&self, rest: Duration) -> Duration {
        let [byte] = random(&*self.entropy);
        rest.saturating_sub(rest / 1024 * u32::from(byte))
    }
}

/// `future`'s answer, unless it takes too long.
async fn within<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(DEADLINE, future)
        .await
        .map_err(|_| Failure::Away(format!("no answer within {} s", DEADLINE.as_secs())))
}

/// A row with what queries ask for. One that this version cannot read is shipped all the same.
pub(super) fn row_of(seq: i64, at: Timestamp, record: Vec<u8>) -> LogRow {
    let (fixed, request) = (record::fixed(&record), id_in(&record, seq, at));
    LogRow {
        seq,
        time: fixed.map_or(at, |fixed| fixed.time),
        tenant: fixed.map_or(TenantId(Uuid::nil()), |fixed| fixed.tenant),
        app: fixed.and_then(|fixed| fixed.client),
        request,
        correlation: fixed.map_or(Uuid::nil(), |fixed| fixed.correlation),
        record,
    }
}

fn id_of(row: &Row) -> RequestId {
    id_in(&row.record, row.seq, row.at)
}

/// The request of a record; of one that cannot be read, an id made of where it lies.
fn id_in(record: &[u8], seq: i64, at: Timestamp) -> RequestId {
    record::fixed(record).map_or_else(
        || RequestId(Uuid::from_u64_pair(at.0.cast_unsigned(), seq.cast_unsigned())),
        |fixed| fixed.id,
    )
}
