//! The deployment's signing ring: read from the store, kept in order, handed to requests.

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use behalf_core::{application::TokenAlg, time::Timestamp};
use behalf_jose::SigningKey;
use behalf_store::{
    CommitError, Expect, ReadError, Stamp, Store, Stored, Version, WriteSet, records::deployment,
};

use super::{
    entry::{Entry, EntryError, Schedule, algorithm},
    master::MasterKey,
    rotate::{self, Make, Plan, RotateError, Times, When},
    set::{KeySet, SetError},
};
use crate::{clock::SharedClock, entropy::SharedEntropy, keys::Failing};

/// How often a write is decided anew because another node was faster.
const TRIES: usize = 5;
/// The setting in which made keys are counted, so that of several nodes that find one missing one
/// makes it.
const COUNT: &str = "signing keys made";

/// Why the ring cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A key cannot be made or opened.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The ring lacks a key.
    #[error(transparent)]
    Set(#[from] SetError),
    /// Nothing to rotate to.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// The thread that makes keys did not come back.
    #[error("making a key was cut short")]
    Interrupted,
}

/// An RSA key that is being made on a thread of its own while the process starts.
#[derive(Debug)]
pub struct EarlyKey(Option<std::thread::JoinHandle<Option<SigningKey>>>);

impl EarlyKey {
    /// Begins: 50 to 160 ms of CPU.
    pub fn begin() -> Self {
        let make = || SigningKey::generate(algorithm(TokenAlg::Rs256)).ok();
        Self(std::thread::Builder::new().name("first-key".to_owned()).spawn(make).ok())
    }

    fn take(&mut self) -> Option<SigningKey> {
        self.0.take()?.join().ok()?
    }
}

/// What a ring works with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where the keys are.
    pub store: Store,
    /// What wraps them.
    pub master: Arc<MasterKey>,
    /// The time.
    pub clock: SharedClock,
    /// For nonces and serial numbers.
    pub entropy: SharedEntropy,
    /// When keys change.
    pub times: Times,
    /// The deployment's origin, without a slash at the end.
    pub public_url: String,
}

/// The signing ring. Requests read it without waiting; one task of the process looks after it.
pub struct KeyRing {
    parts: Parts,
    current: ArcSwap<Snapshot>,
    /// One change at a time; others wait and then see what was done.
    changing: tokio::sync::Mutex<()>,
}

struct Snapshot {
    set: Arc<KeySet>,
    stamp: Stamp,
    /// What the set was made of, to make it anew when time alone changes it.
    entries: Arc<[Entry]>,
}

struct Loaded {
    /// Counts the keys that were made: what makes one expects that nobody else did.
    count: Option<Stored<Vec<u8>>>,
    entries: Vec<Entry>,
    versions: Vec<Version>,
    stamp: Stamp,
}

impl Loaded {
    fn schedules(&self) -> Vec<Schedule> {
        self.entries.iter().map(|entry| entry.schedule.clone()).collect()
    }
}

impl KeyRing {
    /// Reads the ring and makes the keys without which nothing can be signed. `early` is used for
    /// the first RSA key, if one is needed.
    pub async fn open(parts: Parts, mut early: Option<EarlyKey>) -> Result<Arc<Self>, RingError> {
        let mut loaded = load(&parts.store).await?;
        for _ in 0..TRIES {
            let make = rotate::missing(&loaded.schedules(), parts.clock.now());
            if make.is_empty() {
                break;
            }
            let plan = Plan { make, ..Plan::default() };
            match apply(&parts, &loaded, &plan, early.as_mut()).await {
                Ok(()) | Err(RingError::Commit(CommitError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
            loaded = load(&parts.store).await?;
        }
        let snapshot = snapshot(&parts, loaded)?;
        let current = ArcSwap::from_pointee(snapshot);
        Ok(Arc::new(Self { parts, current, changing: tokio::sync::Mutex::default() }))
    }

    /// The ring as it is. Wait-free; hold the result for one request only.
    pub fn current(&self) -> Current {
        Current(self.current.load())
    }

    /// Looks after the ring for as long as the future is polled: makes the next key, lets retired
    /// ones go, follows other nodes.
    pub async fn run(self: Arc<Self>) {
        let mut failing = Failing::default();
        loop {
            let again = failing.note("the key ring", self.maintain().await);
            tokio::time::sleep(again).await;
        }
    }

    /// One look after the ring. Costs next to nothing when there is nothing to do.
    pub async fn maintain(&self) -> Result<(), RingError> {
        let now = self.parts.clock.now();
        let mut snapshot = self.current.load_full();
        if snapshot.set.outdated(now) {
            // By the clock alone: a key is retired whether the database is there or not.
            snapshot = self.retire(&snapshot)?;
        }
        let changed = !self.parts.store.is_current(&snapshot.stamp);
        let due = !rotate::plan(snapshot.set.schedules(), now, self.parts.times).is_empty();
        let stale = !snapshot.set.wrapped_before.is_empty();
        if changed || due || stale {
            self.change(|ring, now, times| Ok(rotate::plan(ring, now, times))).await?;
        }
        Ok(())
    }

    /// Takes what is retired by now out of what is published; what else there is stays as known.
    fn retire(&self, before: &Arc<Snapshot>) -> Result<Arc<Snapshot>, RingError> {
        let set = build(&self.parts, &before.entries)?;
        let after = Snapshot { set, stamp: before.stamp, entries: Arc::clone(&before.entries) };
        // Who read the ring meanwhile knows at least as much.
        self.current.compare_and_swap(before, Arc::new(after));
        Ok(self.current.load_full())
    }

    /// Lets the next key of `alg` sign, after the announcement or as soon as every node knows.
    pub async fn rotate(&self, alg: TokenAlg, when: When) -> Result<(), RingError> {
        self.change(|ring, now, times| rotate::rotate(ring, alg, when, now, times)).await
    }

    /// Withdraws a key: tokens it signed are dead wherever the JWKS is fetched anew. One that signs
    /// goes when its successor can take over.
    pub async fn revoke(&self, kid: &str) -> Result<(), RingError> {
        self.change(|ring, now, _| rotate::revoke(ring, kid, now)).await
    }

    /// Reads, decides, writes and reads again; decides anew when somebody else wrote meanwhile.
    async fn change(
        &self,
        decide: impl Fn(&[Schedule], Timestamp, Times) -> Result<Plan, RotateError>,
    ) -> Result<(), RingError> {
        let _alone = self.changing.lock().await;
        let mut tries = 0;
        loop {
            let loaded = load(&self.parts.store).await?;
            let plan = decide(&loaded.schedules(), self.parts.clock.now(), self.parts.times)?;
            match apply(&self.parts, &loaded, &plan, None).await {
                Err(RingError::Commit(CommitError::Conflict { .. })) if tries < TRIES => tries += 1,
                applied => {
                    applied?;
                    break;
                }
            }
        }
        let loaded = load(&self.parts.store).await?;
        self.current.store(Arc::new(snapshot(&self.parts, loaded)?));
        Ok(())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.current.load().set.schedules())
            .finish_non_exhaustive()
    }
}

/// A ring as it was when it was asked for.
pub struct Current(Guard<Arc<Snapshot>>);

impl std::ops::Deref for Current {
    type Target = KeySet;
    fn deref(&self) -> &KeySet {
        &self.0.set
    }
}

async fn load(store: &Store) -> Result<Loaded, RingError> {
    let reading = store.reading();
    // First: a key that is made after this is found below, or its maker is found out.
    let count = reading.setting(COUNT).await?;
    let (mut entries, mut versions) = (Vec::new(), Vec::new());
    for (kid, stored) in reading.key_ring().await? {
        entries.push((Entry::from_document(&kid, &stored.value)?, stored.version));
    }
    entries.sort_by(|(a, _), (b, _)| {
        let order = |entry: &Entry| (entry.schedule.active_from, entry.schedule.kid.clone());
        order(a).cmp(&order(b))
    });
    let stamp = reading.stamp();
    let entries = entries
        .into_iter()
        .map(|(entry, version)| {
            versions.push(version);
            entry
        })
        .collect();
    Ok(Loaded { count, entries, versions, stamp })
}

fn snapshot(parts: &Parts, loaded: Loaded) -> Result<Snapshot, RingError> {
    let set = build(parts, &loaded.entries)?;
    Ok(Snapshot { set, stamp: loaded.stamp, entries: loaded.entries.into() })
}

fn build(parts: &Parts, entries: &[Entry]) -> Result<Arc<KeySet>, SetError> {
    KeySet::build(entries, &parts.master, &parts.public_url, parts.clock.now()).map(Arc::new)
}

/// Writes what was planned, and wraps again what the first line of the master key has not wrapped.
async fn apply(
    parts: &Parts,
    loaded: &Loaded,
    plan: &Plan,
    early: Option<&mut EarlyKey>,
) -> Result<(), RingError> {
    let mut set = WriteSet::new();
    for (entry, version) in loaded.entries.iter().zip(&loaded.versions) {
        let kid = &entry.schedule.kid;
        let expect = Expect::Version(*version);
        if plan.remove.contains(kid) {
            deployment::delete_key(&mut set, kid, expect);
            continue;
        }
        let mut new = entry.clone();
        if let Some(schedule) = plan.change.iter().find(|schedule| schedule.kid == *kid) {
            new.schedule = schedule.clone();
        }
        if !entry.open(&parts.master)?.1 {
            new.rewrap(&parts.master, &*parts.entropy)?;
        }
        if new == *entry {
            // What a decision was made on must still hold when it is written.
            set.expect(deployment::key_ring_key(kid), expect);
        } else {
            deployment::put_key(&mut set, kid, new.to_document(), expect);
        }
    }
    if !plan.make.is_empty() {
        let before =
            loaded.count.as_ref().and_then(|count| serde_json::from_slice(&count.value).ok());
        let made: u64 = before.unwrap_or(0) + u64::try_from(plan.make.len()).unwrap_or(0);
        let expect = Expect::as_found(loaded.count.as_ref());
        deployment::put_setting(&mut set, COUNT, made.to_string().into_bytes(), expect);
    }
    let keys = generate(&plan.make, early).await?;
    let now = parts.clock.now();
    for (make, key) in plan.make.iter().zip(&keys) {
        let times = (now, make.active_from);
        let entry = Entry::new(key, make.alg, times, &parts.master, &*parts.entropy)?;
        deployment::put_key(&mut set, &entry.schedule.kid, entry.to_document(), Expect::Absent);
    }
    if set.puts.is_empty() && set.deletes.is_empty() {
        return Ok(());
    }
    parts.store.commit(set).await?;
    for schedule in &plan.change {
        tracing::info!(kid = schedule.kid, "a signing key's schedule was changed");
    }
    for kid in &plan.remove {
        tracing::info!(kid, "a retired signing key was removed");
    }
    Ok(())
}

async fn generate(
    make: &[Make],
    early: Option<&mut EarlyKey>,
) -> Result<Vec<SigningKey>, RingError> {
    let mut early = early.and_then(EarlyKey::take);
    let mut keys = Vec::with_capacity(make.len());
    for Make { alg, .. } in make.iter().copied() {
        if alg == TokenAlg::Rs256
            && let Some(key) = early.take()
        {
            keys.push(key);
            continue;
        }
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm(alg)));
        keys.push(key.await.map_err(|_| RingError::Interrupted)?.map_err(EntryError::from)?);
    }
    Ok(keys)
}
