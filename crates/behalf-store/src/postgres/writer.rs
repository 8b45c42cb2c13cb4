//! The writer: takes what has queued into one transaction after another, and says of each write
//! set what came of it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{
    commit::{self, Applied, Session, Ticket, Tried},
    connection::Connector,
    fence,
    history::{self, Past},
    statements::Statements,
    trouble::Trouble,
};
use crate::{
    backend::{CommitError, Seq},
    change_log,
    told::Told,
    write_set::WriteSet,
};

/// Write sets of one transaction.
const BATCH: usize = 256;
/// Operations, and bytes, after which a transaction takes no further write set.
const BATCH_OPERATIONS: usize = 50_000;
const BATCH_BYTES: usize = 16 << 20;
/// When a caller is answered at the latest.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// With less time than this nothing is begun any more: too little is left to learn what came of it.
const TRY: Duration = Duration::from_millis(2_500);
/// After how many transactions the rows of those before are removed.
const FORGET: i64 = 256;
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nothing but the directory is written now.
pub(super) const UNSETTLED: &str =
    "the database has changed hands, and it is not settled yet what that ends";

/// A write set and who waits for it.
pub(super) struct Job {
    pub(super) set: WriteSet,
    pub(super) queued: Instant,
    pub(super) answer: oneshot::Sender<Result<Seq, CommitError>>,
    /// Its share of what may be in memory.
    pub(super) room: OwnedSemaphorePermit,
}

/// What a writer has besides its queue.
pub(super) struct Parts {
    pub(super) connector: Connector,
    pub(super) told: Told,
    /// Set while the database cannot be reached: nothing is queued then.
    pub(super) away: Arc<AtomicBool>,
    /// Wakes whoever follows the change log.
    pub(super) news: Arc<Notify>,
    /// Whether others are told through the database.
    pub(super) channel: bool,
    /// This process among all that write; made by the database.
    pub(super) id: Uuid,
    /// Which history it writes to.
    pub(super) past: Arc<Past>,
}

pub(super) struct Writer {
    parts: Parts,
    queue: mpsc::Receiver<Job>,
    session: Option<Session>,
    /// The newest transaction.
    n: i64,
    /// Up to where the change log may be removed by the next transaction.
    tidy: Option<u64>,
}

impl Writer {
    pub(super) fn new(parts: Parts, queue: mpsc::Receiver<Job>) -> Self {
        Self { parts, queue, session: None, n: 0, tidy: None }
    }

    /// Runs until nobody can ask any more and everything queued is answered.
    pub(super) async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let jobs = self.batch(first);
            let Some(oldest) = jobs.first() else { continue };
            let more = jobs.iter().map(|job| commit::allowance(&job.set)).sum::<Duration>();
            let deadline = oldest.queued + ANSWER + more;
            let sets: Vec<&WriteSet> = jobs.iter().map(|job| &job.set).collect();
            let results = self.commit(&sets, deadline).await;
            let lost = results.is_err() && self.session.is_none();
            self.answer(jobs, results);
            if lost {
                Box::pin(self.recover()).await;
            }
        }
    }

    /// What goes into one transaction with `first`. What has waited too long is refused.
    fn batch(&mut self, first: Job) -> Vec<Job> {
        let overdue = Instant::now().checked_sub(ANSWER.saturating_sub(TRY));
        let (mut jobs, mut operations, mut bytes) = (Vec::new(), 0, 0);
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if overdue.is_some_and(|overdue| job.queued < overdue) {
                refuse(job, "the database is too slow");
            } else {
                operations += job.set.len();
                bytes += commit::bytes(&job.set);
                jobs.push(job);
            }
            if jobs.len() < BATCH && operations < BATCH_OPERATIONS && bytes < BATCH_BYTES {
                next = self.queue.try_recv().ok();
            }
        }
        jobs
    }

    /// Commits `sets` in one transaction: tries until it is known what came of it.
    async fn commit(
        &mut self,
        sets: &[&WriteSet],
        deadline: Instant,
    ) -> Result<Vec<Result<Applied, CommitError>>, CommitError> {
        loop {
            let trouble = match self.attempt(sets, deadline).await {
                Ok(results) => return Ok(results),
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Full => return Err(CommitError::Full),
                Trouble::Failed(cause) => return Err(CommitError::Unavailable(cause)),
                Trouble::Again(_) | Trouble::Lost(_) if Instant::now() + TRY < deadline => {}
                Trouble::Again(cause) | Trouble::Lost(cause) => {
                    return Err(CommitError::Unavailable(cause));
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        sets: &[&WriteSet],
        deadline: Instant,
    ) -> Result<Vec<Result<Applied, CommitError>>, Trouble> {
        self.connect(deadline - TRY).await?;
        if !sets.iter().all(|set| self.parts.past.admits(set)) {
            return Err(Trouble::Failed(UNSETTLED.to_owned()));
        }
        self.n += 1;
        let ticket = Ticket {
            writer: self.parts.id,
            n: self.n,
            channel: self.parts.channel.then_some(&self.parts.connector.schema),
            tidy: self.tidy,
            // Now and then; never the row by which the next connection sees that nothing is lost.
            forget: (self.n % FORGET == 0).then(|| self.parts.past.to_be_there().unwrap_or(self.n)),
            deadline,
        };
        let Some(session) = &mut self.session else { return Err(Trouble::overdue()) };
        let (judged, newest, wrote) = match commit::attempt(session, sets, &ticket).await {
            Tried::Done { judged, newest, wrote } => (judged, newest, wrote),
            Tried::Failed(trouble) => {
                if matches!(trouble, Trouble::Lost(_)) {
                    self.session = None;
                }
                if trouble == Trouble::overdue() {
                    self.parts.connector.hung();
                }
                return Err(trouble);
            }
            Tried::Unknown { judged, cause } => {
                self.session = None;
                match self.settle(deadline).await {
                    Some(Some(newest)) => (judged, newest, true),
                    Some(None) => return Err(Trouble::Lost(cause)),
                    None => {
                        // It may have happened; then whoever follows the log finds it there.
                        self.parts.news.notify_one();
                        let told = format!("{cause}; the write may have happened");
                        return Err(Trouble::Failed(told));
                    }
                }
            }
        };
        if wrote {
            self.parts.past.answered(self.n);
            self.parts.told.transaction();
            self.tidy = change_log::removable(newest, judged.numbered);
        }
        Ok(judged.at(newest))
    }

    /// Learns what came of the newest transaction; `None`: not by the deadline.
    async fn settle(&mut self, deadline: Instant) -> Option<Option<u64>> {
        while Instant::now() < deadline {
            if self.connect(deadline).await.is_err() {
                continue;
            }
            let session = self.session.as_ref()?;
            session.warned.store(false, Ordering::Release);
            let asked = fence::settle(&session.link, self.parts.id, self.n);
            match timeout_at(deadline, asked).await {
                // What it warned of may be lost with the primary: ask again.
                Ok(Ok(_)) if session.warned.load(Ordering::Acquire) => {}
                Ok(Ok(settled)) => return Some(settled),
                Ok(Err(error)) if matches!(Trouble::from(&error), Trouble::Again(_)) => {}
                Ok(Err(_)) | Err(_) => self.session = None,
            }
        }
        None
    }

    /// Makes the connection if there is none; waits a little where that fails.
    async fn connect(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let hangs = self.parts.connector.hangs();
        let good = |session: &Session| !session.link.is_closed() && session.hangs == hangs;
        if self.session.as_ref().is_some_and(good) {
            return Ok(());
        }
        self.session = None;
        match session(&self.parts, deadline).await {
            Ok(session) => {
                self.session = Some(session);
                Ok(())
            }
            Err(trouble) => {
                let _over = timeout_at(deadline, tokio::time::sleep(PAUSE)).await;
                // Whatever refused the connection may be over in a moment.
                Err(Trouble::Lost(trouble.text().to_owned()))
            }
        }
    }

    fn answer(
        &self,
        jobs: Vec<Job>,
        results: Result<Vec<Result<Applied, CommitError>>, CommitError>,
    ) {
        match results {
            Ok(results) => {
                for (job, result) in jobs.into_iter().zip(results) {
                    let result = result.map(|Applied { seq, changes }| {
                        self.parts.told.committed(seq, &changes);
                        seq
                    });
                    // Who no longer waits does not mind.
                    let _gone = job.answer.send(result);
                    drop(job.room);
                }
            }
            Err(error) => {
                for job in jobs {
                    let _gone = job.answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// The database cannot be reached: says so at once to everybody, until it can.
    async fn recover(&mut self) {
        self.parts.away.store(true, Ordering::Release);
        self.session = refusing_until(Box::pin(reconnect(&self.parts)), &mut self.queue).await;
        self.parts.away.store(false, Ordering::Release);
    }
}

async fn session(parts: &Parts, deadline: Instant) -> Result<Session, Trouble> {
    let (warned, hangs) = (Arc::default(), parts.connector.hangs());
    let link = parts.connector.link(deadline, &warned).await?;
    let prepared = timeout_at(deadline, Statements::prepare(&link)).await;
    let statements = prepared.map_err(|_| Trouble::overdue())??;
    let looked = timeout_at(deadline, history::look(&link, parts.id, &parts.past)).await;
    looked.map_err(|_| Trouble::overdue())??;
    Ok(Session { link, statements, versions: 0..0, warned, hangs })
}

/// Refuses what is queued until there is a connection; `None` when nobody can ask any more.
async fn refusing_until(
    mut connected: Pin<Box<impl Future<Output = Session>>>,
    queue: &mut mpsc::Receiver<Job>,
) -> Option<Session> {
    loop {
        tokio::select! {
            session = &mut connected => return Some(session),
            job = queue.recv() => refuse(job?, "the database cannot be reached"),
        }
    }
}

async fn reconnect(parts: &Parts) -> Session {
    loop {
        if let Ok(session) = session(parts, Instant::now() + parts.connector.patience()).await {
            return session;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn refuse(job: Job, cause: &str) {
    // Who no longer waits does not mind.
    let _gone = job.answer.send(Err(CommitError::Unavailable(cause.to_owned())));
}
