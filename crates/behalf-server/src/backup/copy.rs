//! A directory that moves to another store while it is served.
//!
//! A copy of one moment, then passes that carry over what changed meanwhile, each shorter than the
//! one before; when little is left, nothing is written any more, the last pass makes both sides
//! equal, and both are read again and compared.

use std::collections::VecDeque;

use aws_lc_rs::digest::{Context, SHA256};
use behalf_store::{CommitError, Expect, Held, Kind, ReadError, Snapshot, Store, Whole, WriteSet};
use serde::{Deserialize, Serialize};

use super::{
    Saved, format,
    import::{ClearError, Import, clear},
    order,
    unfinished::{Mark, Unfinished, Work},
};
use crate::{
    clock::SharedClock,
    database::{Database, OpenError},
    entropy::SharedEntropy,
};

/// Changes of a pass after which the next may be the last: it takes well below a second.
const FEW: u64 = 1_000;
/// Passes after which the next is the last, however much is written meanwhile.
const PASSES: u32 = 10;

/// Whether the directory moves, or only shows that it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The source goes on as if nothing had been; the target stays marked and is not served.
    Rehearse,
    /// The source writes nothing any more; the target may be served.
    Move,
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "step")]
pub enum Step {
    /// All records of one moment are there.
    Copied {
        /// How many.
        records: u64,
    },
    /// What had changed meanwhile is too.
    CaughtUp {
        /// Which pass, from 1.
        pass: u32,
        /// How many records were written or removed.
        changed: u64,
    },
    /// From now on the source answers writes with 503.
    Held,
    /// Both sides were read again and are the same.
    Verified {
        /// How many records.
        records: u64,
        /// SHA-256 over all of them, as hexadecimal digits.
        digest: String,
    },
    /// The target may be served.
    Moved,
    /// It did not come to its end.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// Why a directory did not move. The source is as it was, and is written again.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Other nodes write too and cannot be held.
    #[error(
        "other nodes may write into the source at the same time, and this one cannot hold them: stop all, then use behalf backup and behalf restore --keep-sessions"
    )]
    Shared,
    /// There is something in the target.
    #[error(
        "the target is not empty: it holds a record of kind {kind:?}; copy into an empty store, nothing is ever merged"
    )]
    NotEmpty {
        /// The kind of the first record found.
        kind: Kind,
    },
    /// One of the two cannot be read.
    #[error("{0}; run behalf storage copy again, it begins anew")]
    Read(#[from] ReadError),
    /// Somebody else writes into the target.
    #[error(
        "somebody else writes into the target at the same time: see who it is, then run behalf storage copy again"
    )]
    NotAlone,
    /// The target cannot be written.
    #[error("{0}; run behalf storage copy again, it begins anew")]
    Commit(CommitError),
    /// The target does not hold what the source does.
    #[error(
        "the two sides differ after the copy ({source_digest} and {target_digest}): the target cannot be trusted, use another one"
    )]
    Differs {
        /// Of the source.
        source_digest: String,
        /// Of the target.
        target_digest: String,
    },
}

impl From<CommitError> for CopyError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::NotAlone,
            other => Self::Commit(other),
        }
    }
}

impl From<ClearError> for CopyError {
    fn from(error: ClearError) -> Self {
        match error {
            ClearError::Read(error) => error.into(),
            ClearError::Commit(error) => error.into(),
        }
    }
}

/// Two stores.
#[derive(Debug)]
pub struct Copying {
    /// The one that is served.
    pub source: Store,
    /// The empty one.
    pub target: Store,
    /// The time.
    pub clock: SharedClock,
    /// For the mark.
    pub entropy: SharedEntropy,
}

/// Copies `source` into `target` and tells each step. If the future is dropped before its end, the
/// source is written again and the target stays marked: the next copy begins anew.
pub async fn copy(
    copying: &Copying,
    ending: Ending,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<(), CopyError> {
    let Copying { source, target, clock, entropy } = copying;
    if source.is_shared() {
        return Err(CopyError::Shared);
    }
    let before = Mark::find(target).await?.and_then(Mark::of_half);
    if before.is_none()
        && let Some(first) = target.snapshot().await?.next().await?.first()
    {
        return Err(CopyError::NotEmpty { kind: first.record.key.kind });
    }
    let unfinished = Unfinished { work: Work::Copy, begun: clock.now() };
    let mark = Mark::set(target, before.as_ref(), unfinished, &**entropy).await?;
    if before.is_some() {
        clear(target, &mark).await?;
    }
    let records = bulk(copying, &mark).await?;
    tell(Step::Copied { records });
    let mut pass = 0;
    let mut last = loop {
        pass += 1;
        let side = difference(copying, &mark).await?;
        tell(Step::CaughtUp { pass, changed: side.changed });
        if side.changed <= FEW || pass >= PASSES {
            break side;
        }
    };
    let held = match ending {
        Ending::Rehearse => None,
        Ending::Move => {
            let held = source.hold().await?;
            tell(Step::Held);
            last = difference(copying, &mark).await?;
            tell(Step::CaughtUp { pass: pass + 1, changed: last.changed });
            Some(held)
        }
    };
    let verified = verify(target, last).await?;
    tell(verified);
    if let Some(held) = held {
        // Whoever asked may go away now: it happens whole all the same.
        let finishing = tokio::spawn(finish(target.clone(), mark, held));
        let ended = |error: tokio::task::JoinError| CommitError::Unavailable(error.to_string());
        finishing.await.map_err(ended)??;
        tell(Step::Moved);
    }
    Ok(())
}

/// The source is marked and never written again, the target may be served: in this order, so that
/// there is no moment at which both may be.
async fn finish(target: Store, mark: Mark, held: Held) -> Result<(), CommitError> {
    held.commit(Mark::moved(mark.unfinished.begun)).await?;
    let lifted = target.commit(mark.lift(WriteSet::new())).await;
    match lifted {
        // What is unavailable may have happened: the source stays shut.
        Ok(_) | Err(CommitError::Unavailable(_)) => held.for_good(),
        Err(_) => {
            let mut back = WriteSet::new();
            back.delete(Mark::key(), Expect::Any);
            held.commit(back).await?;
        }
    }
    lifted.map(|_| ())
}

/// Why a store was not taken back into use.
#[derive(Debug, thiserror::Error)]
pub enum ReopenError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Nothing moved from it.
    #[error("no directory moved from this store: it is served as it is")]
    NotMoved,
}

/// Takes the store that a directory moved from back into use: what was written where it moved to
/// is not in it.
pub async fn reopen(database: &Database) -> Result<(), ReopenError> {
    let store = Store::open(database.open().await?).await?;
    let moved = Mark::find(&store).await?.filter(|mark| mark.unfinished.work == Work::Moved);
    let mark = moved.ok_or(ReopenError::NotMoved)?;
    store.commit(mark.lift(WriteSet::new())).await?;
    Ok(())
}

/// Everything at one moment.
async fn bulk(copying: &Copying, mark: &Mark) -> Result<u64, CopyError> {
    let mut source = Listing::begin(&copying.source).await?;
    let (mut import, mut records) = (Import::new(&copying.target, mark), 0);
    while let Some(whole) = source.next().await? {
        import.put(saved(whole), Expect::Absent).await?;
        records += 1;
    }
    import.commit().await?;
    Ok(records)
}

fn saved(Whole { record, entries }: Whole) -> Saved {
    Saved { key: record.key, entries, document: record.document }
}

/// What a pass found in the source.
struct Side {
    changed: u64,
    records: u64,
    digest: String,
}

/// Makes the target what the source is at this moment.
async fn difference(copying: &Copying, mark: &Mark) -> Result<Side, CopyError> {
    let mut source = Listing::begin(&copying.source).await?;
    let mut target = Listing::begin(&copying.target).await?;
    let mut import = Import::new(&copying.target, mark);
    let (mut changed, mut digest) = (0, Digest::new());
    loop {
        let (Some(here), there) = (source.peek().await?, target.peek().await?) else {
            // Whatever else the target holds was removed in the source.
            while let Some(gone) = target.next().await? {
                import.delete(gone.record.key).await?;
                changed += 1;
            }
            break;
        };
        let place = there.map(|there| order(&there.record.key).cmp(&order(&here.record.key)));
        match place {
            Some(std::cmp::Ordering::Less) => {
                if let Some(gone) = target.next().await? {
                    import.delete(gone.record.key).await?;
                    changed += 1;
                }
            }
            Some(std::cmp::Ordering::Equal) => {
                let same = there.is_some_and(|there| is_same(here, there));
                target.next().await?;
                digest.add(here);
                let Some(whole) = source.next().await? else { break };
                if !same {
                    import.put(saved(whole), Expect::Any).await?;
                    changed += 1;
                }
            }
            Some(std::cmp::Ordering::Greater) | None => {
                digest.add(here);
                let Some(whole) = source.next().await? else { break };
                import.put(saved(whole), Expect::Any).await?;
                changed += 1;
            }
        }
    }
    import.commit().await?;
    Ok(Side { changed, records: digest.records, digest: digest.finish() })
}

fn is_same(one: &Whole, other: &Whole) -> bool {
    one.record.document == other.record.document && one.entries == other.entries
}

/// Reads the target again and compares it with what the source was.
async fn verify(target: &Store, source: Side) -> Result<Step, CopyError> {
    let (mut listing, mut digest) = (Listing::begin(target).await?, Digest::new());
    while let Some(whole) = listing.next().await? {
        digest.add(&whole);
    }
    let target_digest = digest.finish();
    if target_digest != source.digest {
        return Err(CopyError::Differs { source_digest: source.digest, target_digest });
    }
    Ok(Step::Verified { records: source.records, digest: target_digest })
}

const HEX: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// A digest over records in their order.
struct Digest {
    context: Context,
    frame: Vec<u8>,
    records: u64,
}

impl Digest {
    fn new() -> Self {
        Self { context: Context::new(&SHA256), frame: Vec::new(), records: 0 }
    }

    fn add(&mut self, Whole { record, entries }: &Whole) {
        self.frame.clear();
        format::put_record(&mut self.frame, &record.key, entries, &record.document);
        self.context.update(&self.frame);
        self.records += 1;
    }

    fn finish(self) -> String {
        let digest = self.context.finish();
        let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
        digest.as_ref().iter().flat_map(digits).collect()
    }
}

/// A snapshot record by record, without the mark.
struct Listing {
    snapshot: Box<dyn Snapshot>,
    page: VecDeque<Whole>,
    over: bool,
}

impl Listing {
    async fn begin(store: &Store) -> Result<Self, ReadError> {
        let snapshot = store.snapshot().await?;
        Ok(Self { snapshot, page: VecDeque::new(), over: false })
    }

    async fn peek(&mut self) -> Result<Option<&Whole>, ReadError> {
        while self.page.is_empty() && !self.over {
            let page = self.snapshot.next().await?;
            self.over = page.is_empty();
            self.page.extend(page.into_iter().filter(|whole| whole.record.key != Mark::key()));
        }
        Ok(self.page.front())
    }

    async fn next(&mut self) -> Result<Option<Whole>, ReadError> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }
}

#[cfg(test)]
mod tests;
