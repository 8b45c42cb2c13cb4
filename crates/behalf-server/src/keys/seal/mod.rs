//! The sealing key of tickets: a root for each epoch, wrapped in the store, a new one every two
//! weeks and whenever somebody asks (tickets.md 2).

mod entry;
mod schedule;

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use behalf_core::{
    ticket::SealRing,
    time::{Timestamp, written},
};
use behalf_store::{
    CommitError, Expect, ReadError, Stamp, Store, Version, WriteSet, records::deployment,
};

use super::master::{MasterKey, Unopened};
use crate::{
    clock::SharedClock,
    entropy::SharedEntropy,
    keys::{Failing, heard},
};
use entry::Entry;
use schedule::Plan;

pub use schedule::{EPOCH, EPOCH_ANNOUNCED, EpochSchedule, EpochState, NoSuchEpoch};

/// How often a write is decided anew because another node was faster.
const TRIES: usize = 5;

/// Why the epochs cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A root cannot be unwrapped.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// The stored document makes no sense.
    #[error("epoch {number} of the sealing key is damaged: {cause}; restore it from a backup")]
    Damaged {
        /// Which.
        number: u32,
        /// What was found.
        cause: String,
    },
    /// Nothing to revoke.
    #[error(transparent)]
    Unknown(#[from] NoSuchEpoch),
    /// The clock is behind the one that made the epochs, so nothing can be sealed or opened.
    #[error(
        "the clock says {now}, but no sealing key of this deployment is in force before {from}: this node's clock is behind, or the clock of the node that made the key was ahead; compare them (`date -u` on each node), set the wrong one (NTP) and start this node again"
    )]
    ClockBehind {
        /// What the clock says.
        now: String,
        /// When the first epoch begins.
        from: String,
    },
}

/// What the epochs are kept with.
#[derive(Debug, Clone)]
pub struct SealParts {
    /// Where they are.
    pub store: Store,
    /// What wraps them.
    pub master: Arc<MasterKey>,
    /// The time.
    pub clock: SharedClock,
    /// For roots and nonces.
    pub entropy: SharedEntropy,
}

/// The epochs. Requests read them without waiting; one task of the process looks after them.
pub struct SealKeys {
    parts: SealParts,
    current: ArcSwap<Snapshot>,
    /// One change at a time; others wait and then see what was done.
    changing: tokio::sync::Mutex<()>,
}

struct Snapshot {
    ring: SealRing,
    schedules: Vec<EpochSchedule>,
    stamp: Stamp,
}

struct Loaded {
    entries: Vec<(Entry, Version)>,
    stamp: Stamp,
}

impl Loaded {
    fn schedules(&self) -> Vec<EpochSchedule> {
        self.entries.iter().map(|(entry, _)| entry.schedule.clone()).collect()
    }
}

impl SealKeys {
    /// Reads the epochs, and makes the first one at the first start.
    pub async fn open(parts: SealParts) -> Result<Arc<Self>, EpochError> {
        let empty = Snapshot {
            ring: SealRing::new([]),
            schedules: Vec::new(),
            stamp: parts.store.reading().stamp(),
        };
        let current = ArcSwap::from_pointee(empty);
        let keys = Self { parts, current, changing: tokio::sync::Mutex::default() };
        keys.change(|ring, now| Ok(schedule::plan(ring, now))).await?;
        keys.in_force()?;
        Ok(Arc::new(keys))
    }

    /// Whether an epoch seals, or will in a moment.
    fn in_force(&self) -> Result<(), EpochError> {
        let now = self.parts.clock.now();
        match schedule::not_begun(&self.current.load().schedules, now) {
            None => Ok(()),
            Some(from) => Err(EpochError::ClockBehind {
                now: written(now.unix_seconds()),
                from: written(from.unix_seconds()),
            }),
        }
    }

    /// What they were opened with.
    pub(crate) fn parts(&self) -> &SealParts {
        &self.parts
    }

    /// The epochs as they are. Wait-free; hold the result for one request only.
    pub fn current(&self) -> Epochs {
        Epochs(self.current.load())
    }

    /// The epochs and their states, oldest first.
    pub fn schedules(&self) -> Vec<EpochSchedule> {
        self.current.load().schedules.clone()
    }

    /// Looks after the epochs for as long as the future is polled.
    pub async fn run(self: Arc<Self>) {
        let mut failing = Failing::default();
        loop {
            let again = failing.note("the sealing key", self.maintain().await);
            tokio::time::sleep(again).await;
        }
    }

    /// One look after the epochs. Costs next to nothing when there is nothing to do.
    pub async fn maintain(&self) -> Result<(), EpochError> {
        let snapshot = self.current.load_full();
        let due = !schedule::plan(&snapshot.schedules, self.parts.clock.now()).is_empty();
        if due || !self.parts.store.is_current(&snapshot.stamp) {
            self.change(|ring, now| Ok(schedule::plan(ring, now))).await?;
        }
        self.in_force()
    }

    /// Reads the epochs if they have changed, and says whether they had: for whoever would refuse a
    /// ticket of an epoch that another node has just begun.
    pub(crate) async fn learned(&self) -> bool {
        let current = self.parts.store.is_current(&self.current.load().stamp);
        !current && self.maintain().await.is_ok()
    }

    /// Begins a new epoch, once it has been announced to every node.
    pub async fn rotate(&self) -> Result<(), EpochError> {
        self.change(|ring, now| Ok(schedule::rotate(ring, now))).await
    }

    /// Ends every ticket that an epoch sealed.
    pub async fn revoke(&self, number: u32) -> Result<(), EpochError> {
        let heard = heard(&self.parts.store);
        self.change(|ring, now| schedule::revoke(ring, number, now, heard)).await
    }

    /// What to write so that nothing that was ever sealed opens any more and a new epoch seals from
    /// now on: what a restored deployment begins with.
    pub(crate) async fn begin_anew(parts: &SealParts) -> Result<WriteSet, EpochError> {
        let loaded = load(&parts.store).await?;
        write(parts, &loaded, &schedule::begin_anew(&loaded.schedules(), parts.clock.now()))
    }

    /// The schedules as they are stored, oldest first.
    pub(crate) async fn stored(parts: &SealParts) -> Result<Vec<EpochSchedule>, EpochError> {
        Ok(load(&parts.store).await?.schedules())
    }

    /// Reads, decides and writes until there is nothing to write: decisions come to rest once they
    /// are carried out, and are made anew when somebody else wrote meanwhile.
    async fn change(
        &self,
        decide: impl Fn(&[EpochSchedule], Timestamp) -> Result<Plan, NoSuchEpoch>,
    ) -> Result<(), EpochError> {
        let _alone = self.changing.lock().await;
        let mut tries = 0;
        loop {
            let loaded = load(&self.parts.store).await?;
            let plan = decide(&loaded.schedules(), self.parts.clock.now())?;
            let set = write(&self.parts, &loaded, &plan)?;
            if set.puts.is_empty() && set.deletes.is_empty() {
                self.current.store(Arc::new(self.snapshot(&loaded)?));
                return Ok(());
            }
            match self.parts.store.commit(set).await {
                Ok(_) => log(&plan),
                Err(CommitError::Conflict { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn snapshot(&self, loaded: &Loaded) -> Result<Snapshot, EpochError> {
        let mut epochs = Vec::with_capacity(loaded.entries.len());
        for (entry, _) in &loaded.entries {
            epochs.extend(entry.open(&self.parts.master)?);
        }
        let ring = SealRing::new(epochs);
        Ok(Snapshot { ring, schedules: loaded.schedules(), stamp: loaded.stamp })
    }
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKeys")
            .field("epochs", &self.current.load().schedules)
            .finish_non_exhaustive()
    }
}

/// The epochs as they were when they were asked for.
pub struct Epochs(Guard<Arc<Snapshot>>);

impl std::ops::Deref for Epochs {
    type Target = SealRing;
    fn deref(&self) -> &SealRing {
        &self.0.ring
    }
}

async fn load(store: &Store) -> Result<Loaded, EpochError> {
    let reading = store.reading();
    let mut entries = Vec::new();
    for (number, stored) in reading.seal_epochs().await? {
        entries.push((Entry::from_document(number, &stored.value)?, stored.version));
    }
    Ok(Loaded { entries, stamp: reading.stamp() })
}

/// What was planned as one write set, with whatever an older line of the master key has wrapped.
fn write(parts: &SealParts, loaded: &Loaded, plan: &Plan) -> Result<WriteSet, EpochError> {
    let SealParts { master, entropy, .. } = parts;
    let mut set = WriteSet::new();
    for (entry, version) in &loaded.entries {
        let number = entry.schedule.number;
        let (id, expect) = (deployment::epoch_id(number), Expect::Version(*version));
        if plan.remove.contains(&number) {
            deployment::delete_key(&mut set, &id, expect);
            continue;
        }
        let changed = plan.change.iter().find(|schedule| schedule.number == number);
        let new = entry.with(changed.unwrap_or(&entry.schedule), master, &**entropy)?;
        if new == *entry {
            // What a decision was made on must still hold when it is written.
            set.expect(deployment::key_ring_key(&id), expect);
        } else {
            deployment::put_key(&mut set, &id, new.to_document(), expect);
        }
    }
    if let Some(schedule) = &plan.make {
        let entry = Entry::new(schedule.clone(), master, &**entropy)?;
        let id = deployment::epoch_id(schedule.number);
        deployment::put_key(&mut set, &id, entry.to_document(), Expect::Absent);
    }
    Ok(set)
}

fn log(plan: &Plan) {
    if let Some(made) = &plan.make {
        tracing::info!(epoch = made.number, "an epoch of the sealing key was made");
    }
    for changed in plan.change.iter().filter(|schedule| schedule.revoked) {
        tracing::warn!(epoch = changed.number, "an epoch of the sealing key was revoked");
    }
    for epoch in &plan.remove {
        tracing::info!(epoch, "an epoch of the sealing key is over and was removed");
    }
}

#[cfg(test)]
mod tests;
