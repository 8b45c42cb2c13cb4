//! A file whose bytes changed is refused with a reason, or serves what was written: never something
//! else, never nothing where there was something. `BEHALF_MUTATIONS` says how many are tried
//! (100 000 for the long form).

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail a test so")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use behalf_core::id::TenantId;
use behalf_store::{
    Backend as _, Entry, Expect, Find, Index, Key, Kind, ReadError, Scan, Whole, WriteSet,
    sqlite::{OpenError, Sqlite},
};
use uuid::Uuid;

const PAGE: usize = 4_096;

fn tenant(n: u8) -> TenantId {
    TenantId(Uuid::from_bytes([n; 16]))
}

/// `SplitMix64`: the same mutations in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

fn mutations() -> usize {
    #[expect(clippy::disallowed_methods, reason = "the long form is chosen by who runs the tests")]
    let chosen = std::env::var("BEHALF_MUTATIONS");
    chosen.map_or(100, |text| text.parse().unwrap())
}

fn record(n: usize, round: usize) -> (Key, Vec<u8>, Vec<Entry>) {
    let kind = [Kind::User, Kind::ServicePrincipal, Kind::Revoked][n % 3];
    let key = Key::new(tenant(u8::try_from(1 + n % 4).unwrap()), kind, (n * 7_919).to_be_bytes());
    let document = format!("{{\"record\":{n},\"round\":{round}}}").repeat(1 + n % 40);
    let index = match kind {
        Kind::ServicePrincipal => Some(Index::ServicePrincipalById),
        Kind::Revoked => Some(Index::RevokedByBucket),
        _ => None,
    };
    let value = vec![u8::try_from(n % 5).unwrap()];
    (key, document.into(), index.map(|index| Entry { index, value }).into_iter().collect())
}

const RECORDS: usize = 300;

async fn write(database: &Sqlite, round: usize, records: impl Iterator<Item = usize>) {
    let mut set = WriteSet::new();
    for n in records {
        let (key, document, entries) = record(n, round);
        set.put_indexed(key, document, entries, Expect::Any);
    }
    set.append(tenant(1), Kind::Audit, round.to_string().into());
    database.commit(set).await.unwrap();
}

type Contents = BTreeMap<Key, Whole>;

async fn contents(database: &Sqlite) -> Result<Contents, ReadError> {
    let (mut snapshot, mut all) = (database.snapshot().await?, Contents::new());
    loop {
        let page = snapshot.next().await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|whole| (whole.record.key.clone(), whole)));
    }
}

/// Every way to read: each answers with an error or with what was written.
async fn serves_only(database: &Sqlite, expected: &Contents) {
    if let Ok(found) = contents(database).await {
        assert_eq!(&found, expected, "a snapshot");
    }
    for (key, whole) in expected {
        if let Ok(found) = database.get(std::slice::from_ref(key)).await {
            assert_eq!(found, [Some(whole.record.clone())]);
        }
    }
    for t in 1..=4 {
        let tenant = tenant(t);
        for kind in [Kind::User, Kind::ServicePrincipal, Kind::Revoked, Kind::Audit] {
            let scan = Scan { tenant, kind, after: None, limit: 1_000 };
            let right = |w: &&Whole| w.record.key.tenant == tenant && w.record.key.kind == kind;
            if let Ok(page) = database.scan(scan).await {
                let expected: Vec<_> = expected.values().filter(right).collect();
                assert!(page.records.iter().eq(expected.iter().map(|w| &w.record)), "{kind:?}");
            }
        }
        for (index, value) in [Index::ServicePrincipalById, Index::RevokedByBucket]
            .into_iter()
            .flat_map(|index| (0..5).map(move |value| (index, vec![value])))
        {
            let entry = Entry { index, value: value.clone() };
            let find = Find { tenant, index, value, after: None, limit: 1_000 };
            let right = |w: &&Whole| w.record.key.tenant == tenant && w.entries.contains(&entry);
            if let Ok(page) = database.find(find).await {
                let expected: Vec<_> = expected.values().filter(right).collect();
                assert!(page.records.iter().eq(expected.iter().map(|w| &w.record)), "{entry:?}");
            }
        }
    }
}

/// Opens what a mutation left: whether it was refused.
async fn judge(path: &Path, expected: &Contents, what: &str) -> bool {
    match Sqlite::open(path) {
        Err(OpenError::Damaged { cause, .. }) => {
            assert!(!cause.is_empty(), "{what}");
            true
        }
        Err(OpenError::Newer { .. } | OpenError::Io { .. }) => true,
        Err(other) => panic!("{what}: {other}"),
        Ok(database) => {
            serves_only(&database, expected).await;
            false
        }
    }
}

/// Changes some of `bytes` and says what.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let (length, at) = (bytes.len(), random.below(bytes.len()));
    let page = at / PAGE * PAGE;
    let end = (page + PAGE).min(length);
    match random.below(8) {
        0..=2 => {
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
        3 => {
            let many = (1 + random.below(200)).min(length - at);
            bytes[at..at + many].iter_mut().for_each(|byte| *byte = random.next().to_le_bytes()[0]);
            format!("{many} bytes at {at}")
        }
        4 => {
            bytes[page..end].fill(0);
            format!("the page at {page} is zero")
        }
        5 => {
            bytes.truncate(at);
            format!("cut to {at}")
        }
        6 => {
            let other = random.below(length) / PAGE * PAGE;
            let copied = bytes[other..(other + PAGE).min(length)].to_vec();
            let many = copied.len().min(end - page);
            bytes[page..page + many].copy_from_slice(&copied[..many]);
            format!("the page at {other} is at {page} too")
        }
        _ => {
            let sector = at / 512 * 512;
            bytes[sector..(sector + 512).min(length)].fill(0xff);
            format!("the sector at {sector} is all ones")
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// A database at rest: everything is in one file.
#[tokio::test]
async fn no_change_of_a_file_at_rest_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    let database = Sqlite::open(&path).unwrap();
    write(&database, 0, 0..RECORDS).await;
    write(&database, 1, (0..RECORDS).step_by(3)).await;
    let expected = contents(&database).await.unwrap();
    assert_eq!(expected.len(), RECORDS + 2);
    drop(database);
    let good = fs::read(&path).unwrap();
    let (mut random, mut refused) = (Random(1), 0);
    let many = mutations();
    for _ in 0..many {
        let mut bad = good.clone();
        let what = mutate(&mut bad, &mut random);
        fs::write(&path, &bad).unwrap();
        refused += usize::from(bad != good && judge(&path, &expected, &what).await);
        let _none = fs::remove_file(log_of(&path));
    }
    println!("{many} changes: {refused} refused, {} harmless", many - refused);
    assert!(refused > many / 2, "changes that show something: {refused}");
}

/// What is on the disk when the process dies.
struct Crash {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Crash {
    fn of(path: &Path) -> Self {
        Self { database: fs::read(path).unwrap(), log: fs::read(log_of(path)).unwrap() }
    }

    fn leave(&self, path: &Path) {
        fs::write(path, &self.database).unwrap();
        fs::write(log_of(path), &self.log).unwrap();
    }
}

/// A database that died with most of what was written in its log. A damaged last transaction looks
/// like one that was under way, so what was before it counts too; where the log is cut, whatever
/// was there at some time.
#[tokio::test]
async fn no_change_of_what_a_crash_leaves_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    let database = Sqlite::open(&path).unwrap();
    let mut times = Vec::new();
    for round in 0..6 {
        write(&database, round, (0..RECORDS).filter(|n| round == 0 || n % 7 == round)).await;
        times.push(contents(&database).await.unwrap());
    }
    let crash = Crash::of(&path);
    let crashed = folder.path().join("c.db");
    let (mut random, mut refused) = (Random(2), 0);
    let many = mutations();
    for _ in 0..many {
        let mut bad = Crash { database: crash.database.clone(), log: crash.log.clone() };
        let (what, in_log) = match random.below(5) {
            0 => (mutate(&mut bad.database, &mut random), false),
            _ => (mutate(&mut bad.log, &mut random), true),
        };
        bad.leave(&crashed);
        let earliest = if in_log && bad.log.len() < crash.log.len() { 0 } else { times.len() - 2 };
        let Ok(database) = Sqlite::open(&crashed) else {
            refused += 1;
            continue;
        };
        let Ok(found) = contents(&database).await else { continue };
        let at = times.iter().position(|time| *time == found);
        let empty = found.is_empty() && earliest == 0;
        assert!(empty || at.is_some_and(|at| at >= earliest), "{what} (log: {in_log}): {at:?}");
        serves_only(&database, &found).await;
        drop(database);
    }
    println!("{many} changes: {refused} refused");
    assert!(refused > many / 4, "changes that show something: {refused}");
}

/// A file of yesterday under the log of today, and the other way round: SQLite would mix them.
#[tokio::test]
async fn a_database_and_a_log_that_are_not_of_one_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    let (mut crashes, mut times) = (Vec::new(), Vec::new());
    for round in 0..3 {
        // Closing moves the log into the file; the next one begins anew.
        let database = Sqlite::open(&path).unwrap();
        write(&database, round, 0..RECORDS).await;
        write(&database, round, 0..RECORDS).await;
        crashes.push(Crash::of(&path));
        times.push(contents(&database).await.unwrap());
    }
    let mixed = folder.path().join("m.db");
    for (database, log) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
        let both =
            Crash { database: crashes[database].database.clone(), log: crashes[log].log.clone() };
        both.leave(&mixed);
        let told = Sqlite::open(&mixed).unwrap_err().to_string();
        assert!(told.contains("is not its own"), "file {database}, log {log}: {told}");
    }
    // A log and the file into which all of it was moved already are of one time.
    for (database, log) in [(0, 0), (1, 1), (2, 2), (1, 0), (2, 1)] {
        let both =
            Crash { database: crashes[database].database.clone(), log: crashes[log].log.clone() };
        both.leave(&mixed);
        assert_eq!(contents(&Sqlite::open(&mixed).unwrap()).await.unwrap(), times[log]);
    }
}
