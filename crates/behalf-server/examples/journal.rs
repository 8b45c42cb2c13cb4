//! What the sign-in log and the signer's queue cost beside the signature itself.
//!
//! `cargo run --release -p behalf-server --example journal [FOLDER]`, pinned to one core for
//! figures that mean something (`taskset -c 0 …`). Prints, for each setting, rows a second, rows a
//! sync, CPU microseconds a row and what of it is not the bare signature.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use behalf_core::{
    application::{TokenVersion, credential::Method},
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail},
    id::{AppId, CredentialId, TenantId},
};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, sign_compact};
use behalf_server::{
    clock::{Clock as _, SharedClock, SystemClock},
    entropy::{RequestIds, SystemEntropy},
    journal::{Backlog, Journal, Lane, Options, SealKey},
    keys::{Cost, Signer},
};
use uuid::Uuid;

const LASTS: Duration = Duration::from_secs(3);

struct Setting {
    name: &'static str,
    connections: usize,
    key: Option<(Arc<SigningKey>, EncodedHeader, Cost)>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("behalf-journal-{}", std::process::id()));
    let key = |algorithm, cost| {
        let key = Arc::new(SigningKey::generate(algorithm)?);
        let header = EncodedHeader::new("JWT", &key, "kid", None);
        Ok::<_, behalf_jose::KeyError>((key, header, cost))
    };
    let rsa = key(Algorithm::Rs256, Cost::Rsa)?;
    let ecdsa = key(Algorithm::Es256, Cost::Ecdsa)?;
    let bare = [("bare RS256", &rsa), ("bare ES256", &ecdsa)].map(|(name, key)| (name, bare(key)));
    for (name, micros) in bare {
        println!("{name:<22} {micros:>8.1} µs CPU");
    }
    for (name, connections, key, bare) in [
        ("log alone, 1", 1, None, 0.0),
        ("log alone, 64", 64, None, 0.0),
        ("RS256 + log, 1", 1, Some(&rsa), bare[0].1),
        ("RS256 + log, 64", 64, Some(&rsa), bare[0].1),
        ("ES256 + log, 1", 1, Some(&ecdsa), bare[1].1),
        ("ES256 + log, 64", 64, Some(&ecdsa), bare[1].1),
    ] {
        let setting = Setting { name, connections, key: key.cloned() };
        run(&setting, &folder.join(name), bare)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// CPU microseconds of one signature over a token's claims.
fn bare((key, header, _): &(Arc<SigningKey>, EncodedHeader, Cost)) -> f64 {
    let clock = SystemClock::new();
    let (before, mut count) = (cpu_nanos(), 0_u32);
    while clock.monotonic() < Duration::from_secs(1) {
        for _ in 0..16 {
            std::hint::black_box(sign_compact(header, &[b'a'; 900], key).is_ok());
            count += 1;
        }
    }
    micros_each(cpu_nanos() - before, count.into())
}

fn run(
    setting: &Setting,
    folder: &std::path::Path,
    bare: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let backlog = Backlog::new(1);
    let options = Options::default();
    let seal = SealKey::new([1; 32]);
    let journal = Journal::open(folder, seal, &options, Arc::clone(&clock), Arc::clone(&backlog))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let done = Arc::new(AtomicU64::new(0));
    let before = cpu_nanos();
    runtime.block_on(async {
        let signer = Signer::new(0, LASTS, backlog, Arc::clone(&clock));
        let signing = tokio::spawn(signer.clone().run());
        let ids = Arc::new(RequestIds::new(Arc::new(SystemEntropy)));
        let lane = journal.lane();
        let tasks: Vec<_> = (0..setting.connections)
            .map(|_| {
                let key = setting.key.clone();
                let (lane, signer) = (lane.clone(), signer.clone());
                let (ids, clock, done) = (Arc::clone(&ids), Arc::clone(&clock), Arc::clone(&done));
                tokio::spawn(connection(lane, signer, key, (ids, clock), done))
            })
            .collect();
        tokio::time::sleep(LASTS).await;
        for task in tasks {
            task.abort();
        }
        signing.abort();
    });
    let spent = cpu_nanos() - before;
    journal.close();
    let (counts, rows) = (journal.counts(), done.load(Ordering::Relaxed));
    let each = micros_each(spent, rows);
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let (a_sync, a_second) =
        (counts.rows as f64 / counts.syncs as f64, rows as f64 / LASTS.as_secs_f64());
    println!(
        "{:<22} {each:>8.1} µs CPU/row, {:>6.1} beside the signature, {a_second:>8.0} rows/s, {a_sync:>5.1} rows/sync",
        setting.name,
        each - bare,
    );
    Ok(())
}

async fn connection(
    lane: Lane,
    signer: Signer,
    key: Option<(Arc<SigningKey>, EncodedHeader, Cost)>,
    (ids, clock): (Arc<RequestIds>, SharedClock),
    done: Arc<AtomicU64>,
) {
    loop {
        let Ok(slot) = signer.reserve() else {
            tokio::task::yield_now().await;
            continue;
        };
        let Ok(logged) = lane.submit(&event(&ids, &clock)) else { return };
        if let Some((key, header, cost)) = &key {
            let (key, header) = (Arc::clone(key), header.clone());
            let signature = slot.sign(*cost, move || sign_compact(&header, &[b'a'; 900], &key));
            // The signature first: by then the row is mostly safe, and nobody need be woken for it.
            let token = signature.await;
            std::hint::black_box((token.is_ok(), logged.await.is_ok()));
        } else {
            drop(slot);
            std::hint::black_box(logged.await.is_ok());
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn event(ids: &RequestIds, clock: &SharedClock) -> SignInEvent {
    let now = clock.now();
    let mut trail = Trail::default();
    for step in Step::ALL {
        trail.ok(step);
    }
    SignInEvent {
        user: None,
        chain: Vec::new(),
        id: ids.next(now),
        time: now,
        tenant: TenantId(Uuid::from_u128(1)),
        grant: Grant::ClientCredentials,
        endpoint: Endpoint::V2,
        client: ClientRef::Id(AppId(Uuid::from_u128(2))),
        resource: Some("api://ledger/.default".to_owned()),
        resource_app: Some(AppId(Uuid::from_u128(3))),
        credential: Some((Method::Secret, CredentialId(Uuid::from_u128(4)))),
        address: Some([192, 0, 2, 1].into()),
        correlation: Uuid::from_u128(5),
        trail,
        outcome: Outcome::Issued {
            kid: "A".repeat(27),
            version: TokenVersion::V2,
            expires: now.unix_seconds(),
            roles: vec!["Entries.Read.All".to_owned()],
        },
    }
}

/// CPU time of all threads of this process, by the scheduler's account.
fn cpu_nanos() -> u64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn micros_each(nanos: u64, count: u64) -> f64 {
    nanos as f64 / 1000.0 / count as f64
}
