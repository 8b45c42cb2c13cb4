//! One try to commit a batch: lock and read, judge, write.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use behalf_core::id::TenantId;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    connection::Link,
    judge::{Batch, Found, Wanted},
    statements::{Keys, Logged, Statements, run, tenants_and_kinds},
    trouble::Trouble,
};
use crate::{
    backend::{Change, CommitError, Seq},
    change_log::bounded,
    record::{Key, Kind, Version},
    stored::{counted, decode, signed},
    write_set::WriteSet,
};

/// Versions of one block; `migrations/0001_records.sql` says the same.
const BLOCK: u64 = 10_000;
/// What a round trip may take.
const ROUND_TRIP: Duration = Duration::from_secs(2);

/// The writer's connection.
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) statements: Statements,
    /// Versions that nobody else gives. Not kept beyond the connection: a server that was failed
    /// over to may have forgotten whom it gave a block.
    pub(super) versions: Range<u64>,
    /// Set when the server warned.
    pub(super) warned: Arc<AtomicBool>,
    /// [`super::connection::Connector::hangs`] when it was made.
    pub(super) hangs: u64,
}

/// What tells this transaction from every other, and what it does besides.
pub(super) struct Ticket<'a> {
    pub(super) writer: Uuid,
    pub(super) n: i64,
    /// The channel on which others are told, if the database has channels.
    pub(super) channel: Option<&'a str>,
    /// Up to where the change log is removed.
    pub(super) tidy: Option<u64>,
    /// The transaction before which this one removes this writer's rows of `batch`.
    pub(super) forget: Option<i64>,
    pub(super) deadline: Instant,
}

/// What each write set of a batch came to, with numbers counted from those the batch is given.
pub(super) struct Judged {
    verdicts: Vec<Result<(u64, Vec<Change>), CommitError>>,
    pub(super) numbered: u64,
}

/// One write set that was committed.
pub(super) struct Applied {
    pub(super) seq: Seq,
    pub(super) changes: Vec<Change>,
}

impl Judged {
    /// The results, now that the counter is known to be `newest`.
    pub(super) fn at(self, newest: u64) -> Vec<Result<Applied, CommitError>> {
        let before = newest.saturating_sub(self.numbered);
        let applied = |(nth, changes)| Applied { seq: Seq(before + nth), changes };
        self.verdicts.into_iter().map(|verdict| verdict.map(applied)).collect()
    }
}

/// How a try ended.
pub(super) enum Tried {
    /// Committed; the counter is now so. `wrote`: there was something to commit.
    Done { judged: Judged, newest: u64, wrote: bool },
    /// `COMMIT` was sent and what came of it is not known.
    Unknown { judged: Judged, cause: String },
    /// It did not happen.
    Failed(Trouble),
}

/// Tries once. After [`Trouble::Lost`] and `Unknown` the connection is of no more use.
pub(super) async fn attempt(
    session: &mut Session,
    sets: &[&WriteSet],
    ticket: &Ticket<'_>,
) -> Tried {
    let wanted = Wanted::by(sets);
    let lock_by = limit(ticket.deadline, Duration::ZERO);
    let locked = timeout_at(lock_by, session.lock(&wanted, sets.len())).await;
    let (found, tails) = match locked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Tried::Failed(session.undo(error.into()).await),
        Err(_) => return Tried::Failed(Trouble::overdue()),
    };
    let mut batch = Batch::new(&wanted, found, tails);
    let judged = judge(&mut batch, sets, &mut session.versions);
    session.write(&batch, judged, sets, ticket).await
}

fn judge<'a>(batch: &mut Batch<'a>, sets: &[&'a WriteSet], versions: &mut Range<u64>) -> Judged {
    let mut numbered = 0;
    let verdict = |set: &&'a WriteSet| {
        // There are more versions than sets (`Session::lock`).
        let version = Version(versions.next().unwrap_or_default());
        let changes = bounded(batch.judge(set, version)?);
        // What changed nothing takes no number: a number without a change would be a gap.
        numbered += u64::from(!changes.is_empty());
        Ok((numbered, changes))
    };
    let verdicts = sets.iter().map(verdict).collect();
    Judged { verdicts, numbered }
}

/// When a round trip with this much to carry is overdue.
fn limit(deadline: Instant, more: Duration) -> Instant {
    deadline.min(Instant::now() + ROUND_TRIP + more)
}

/// What a set of this size may take longer than a small one.
pub(super) fn allowance(set: &WriteSet) -> Duration {
    let bytes = bytes(set);
    let rows = Duration::from_millis(u64::try_from(set.len() / 5).unwrap_or(u64::MAX));
    rows + Duration::from_millis(u64::try_from(bytes >> 12).unwrap_or(u64::MAX))
}

/// The bytes of a set's documents and keys, about.
pub(super) fn bytes(set: &WriteSet) -> usize {
    let puts = set.puts.iter().map(|put| put.document.len() + put.key.id.len());
    let appends = set.appends.iter().map(|append| append.document.len());
    puts.chain(appends).sum::<usize>() + 64 * set.len()
}

/// The last id of a tenant and kind.
type Tail = ((TenantId, Kind), Vec<u8>);
type Read = (BTreeMap<Key, Found>, BTreeMap<(TenantId, Kind), Vec<u8>>);

impl Session {
    /// Begins the transaction, locks and reads what it wants: one round trip.
    async fn lock(&mut self, wanted: &Wanted<'_>, sets: usize) -> Result<Read, Error> {
        let Self { link, statements, .. } = self;
        let left = self.versions.end - self.versions.start;
        let more = usize::try_from(left).unwrap_or(usize::MAX) < sets;
        let Keys { tenants, kinds, ids } = wanted.keys.iter().copied().collect();
        let keys = async { link.query(&statements.lock, &[&tenants, &kinds, &ids]).await };
        let (of, kinds_of) = tenants_and_kinds(&wanted.tails);
        let tails = async {
            if of.is_empty() {
                return Ok(Vec::new());
            }
            link.query(&statements.tails, &[&of, &kinds_of]).await
        };
        let versions = async {
            if !more {
                return Ok(None);
            }
            link.query_one(&statements.versions, &[]).await.map(Some)
        };
        let (begun, keys, tails, versions) =
            tokio::join!(biased; link.batch_execute("BEGIN"), keys, tails, versions);
        begun?;
        let found = keys?.iter().map(found).collect::<Result<Vec<_>, _>>()?;
        let tails = tails?.iter().map(tail).collect::<Result<Vec<_>, _>>()?;
        if let Some(row) = versions? {
            let first = counted(row.try_get(0)?);
            self.versions = first..first + BLOCK;
        }
        Ok((found.into_iter().flatten().collect(), tails.into_iter().flatten().collect()))
    }

    /// Writes and commits what `batch` came to: one round trip.
    async fn write(
        &self,
        batch: &Batch<'_>,
        judged: Judged,
        sets: &[&WriteSet],
        ticket: &Ticket<'_>,
    ) -> Tried {
        if batch.plan().is_empty() {
            return self.only_read(judged, ticket).await;
        }
        self.warned.store(false, Ordering::Release);
        let more = sets.iter().map(|set| allowance(set)).sum();
        let sent =
            timeout_at(limit(ticket.deadline, more), self.send(batch, &judged, ticket)).await;
        let unknown = |judged, cause: &str| Tried::Unknown { judged, cause: cause.to_owned() };
        match sent {
            Err(_) => unknown(judged, "it did not answer in time"),
            // What the server calls an error of a statement ends the transaction, and the COMMIT behind
            // it undid it. Of any other error the server may know nothing.
            Ok((Err(error), _)) => match Trouble::from(&error) {
                Trouble::Lost(cause) => unknown(judged, &cause),
                trouble if error.as_db_error().is_some() => Tried::Failed(trouble),
                trouble => unknown(judged, trouble.text()),
            },
            Ok((Ok(_), Err(error))) => unknown(judged, Trouble::from(&error).text()),
            Ok((Ok(_), Ok(()))) if self.warned.load(Ordering::Acquire) => {
                unknown(judged, "it warned of the commit")
            }
            Ok((Ok(newest), Ok(()))) => Tried::Done { judged, newest, wrote: true },
        }
    }

    /// Sends everything with `COMMIT` at the end: the counter, and whether it was committed.
    async fn send(
        &self,
        batch: &Batch<'_>,
        judged: &Judged,
        ticket: &Ticket<'_>,
    ) -> (Result<u64, Error>, Result<(), Error>) {
        let Self { link, statements, .. } = self;
        let plan = batch.plan();
        let mut pipeline = statements.insert(link, &plan.inserts);
        pipeline.extend(statements.update(link, &plan.updates));
        pipeline.extend(statements.delete(link, &plan.deletes));
        pipeline.extend(statements.leave(link, &plan.left));
        pipeline.extend(statements.join(link, &plan.joined));
        if let Some(until) = ticket.tidy {
            let forget = &statements.forget_log;
            pipeline.push(Box::pin(async move { link.execute(forget, &[&signed(until)]).await }));
        }
        if let Some(needed) = ticket.forget {
            let (forget, writer) = (&statements.forget_batches, ticket.writer);
            pipeline.push(Box::pin(async move { link.execute(forget, &[&writer, &needed]).await }));
        }
        let notify = async {
            match ticket.channel {
                Some(channel) if judged.numbered > 0 => {
                    link.batch_execute(&format!("NOTIFY {channel}")).await
                }
                _ => Ok(()),
            }
        };
        // A message of its own: a COMMIT behind a failed statement in the same message is not
        // looked at, and the transaction stays.
        let (rows, newest, notified, committed) = tokio::join!(
            biased;
            run(pipeline),
            self.number(judged, ticket),
            notify,
            link.batch_execute("COMMIT")
        );
        (rows.and(newest).and_then(|newest| notified.map(|()| newest)), committed)
    }

    /// Takes the numbers, logs the changes and leaves the row by which the fence knows.
    async fn number(&self, judged: &Judged, ticket: &Ticket<'_>) -> Result<u64, Error> {
        let Self { link, statements, .. } = self;
        let (writer, n) = (&ticket.writer, &ticket.n);
        let row = if judged.numbered == 0 {
            link.query_one(&statements.follow, &[writer, n]).await?
        } else {
            let mut log = Logged::default();
            for (nth, changes) in judged.verdicts.iter().flatten() {
                log.add(*nth, changes);
            }
            let Logged { nths, ns, tenants, kinds, ids } = &log;
            let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [writer, n, &signed(judged.numbered), nths, ns, tenants, kinds, ids];
            link.query_one(&statements.number, &columns).await?
        };
        Ok(counted(row.try_get(0)?))
    }

    /// Nothing is written: what was read is judged, and that was all.
    async fn only_read(&self, judged: Judged, ticket: &Ticket<'_>) -> Tried {
        let Self { link, statements, .. } = self;
        let read = async {
            tokio::join!(
                biased;
                link.query_one(&statements.newest, &[]),
                link.batch_execute("ROLLBACK")
            )
        };
        match timeout_at(limit(ticket.deadline, Duration::ZERO), read).await {
            Err(_) => Tried::Failed(Trouble::overdue()),
            Ok((row, undone)) => {
                let newest = row.and_then(|row| row.try_get(0)).and_then(|n| undone.map(|()| n));
                match newest {
                    Ok(n) => Tried::Done { judged, newest: counted(n), wrote: false },
                    Err(error) => Tried::Failed(error.into()),
                }
            }
        }
    }

    /// Ends a transaction that met `trouble`; where that fails the connection is lost.
    async fn undo(&self, trouble: Trouble) -> Trouble {
        if matches!(trouble, Trouble::Lost(_)) {
            return trouble;
        }
        let by = Instant::now() + Duration::from_millis(500);
        match timeout_at(by, self.link.batch_execute("ROLLBACK")).await {
            Ok(Ok(())) => trouble,
            Ok(Err(error)) => Trouble::Lost(super::trouble::text(&error)),
            Err(_) => Trouble::overdue(),
        }
    }
}

/// A locked record; `None` for one of a kind that this version does not know.
fn found(row: &Row) -> Result<Option<(Key, Found)>, Error> {
    let Some(kind) = known(row.try_get(1)?) else { return Ok(None) };
    let key = Key { tenant: TenantId(row.try_get(0)?), kind, id: row.try_get(2)? };
    let version = Version(counted(row.try_get(3)?));
    let entries: Option<&[u8]> = row.try_get(4)?;
    Ok(Some((key, Found { version, entries: entries.map(decode).unwrap_or_default() })))
}

/// The last id of a tenant and kind; `None` where there is no record yet.
fn tail(row: &Row) -> Result<Option<Tail>, Error> {
    let (tenant, id) = (TenantId(row.try_get(0)?), row.try_get::<_, Option<Vec<u8>>>(2)?);
    Ok(known(row.try_get(1)?).zip(id).map(|(kind, id)| ((tenant, kind), id)))
}

fn known(kind: i16) -> Option<Kind> {
    Kind::from_number(u8::try_from(kind).ok()?)
}
