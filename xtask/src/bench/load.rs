//! Kept-alive TLS connections that ask again as soon as they are answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{cpu, measure::CONNECTIONS};
pub(crate) use crate::client::https::{Connection, Target, get, post};

/// What a turn of load came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Answers with the wanted status.
    pub(crate) wanted: u64,
    /// 503 with `Retry-After`.
    pub(crate) shed: u64,
    /// Anything else.
    pub(crate) other: u64,
    /// How long each took, in milliseconds, sorted.
    pub(crate) millis: Vec<f64>,
    /// How long the turn took.
    pub(crate) wall: Duration,
    /// A few of the bodies.
    pub(crate) sample: Vec<Vec<u8>>,
}

impl Tally {
    /// The slowest of the fastest `share`.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into the samples"
        )]
        let index = (self.millis.len() as f64 * share) as usize;
        self.millis.get(index.min(self.millis.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}

/// What a turn of load does.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// The status that counts as wanted.
    pub(crate) status: u16,
    /// Pause between a connection's requests.
    pub(crate) pause: Duration,
}

impl Turn {
    /// As many connections as figures are taken with, each asking again as soon as it is answered.
    pub(crate) fn steady(requests: Vec<Vec<u8>>, status: u16, time: Duration) -> Self {
        Self { requests, connections: CONNECTIONS, time, status, pause: Duration::ZERO }
    }
}

/// Runs a turn on the load's cores, on a thread of its own.
pub(crate) fn run(target: &Target, turn: &Turn) -> anyhow::Result<Tally> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                cpu::pin(cpu::load_cores())?;
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?
                    .block_on(drive(target, turn))
            })
            .join()
            .map_err(|_| anyhow::anyhow!("the load panicked"))?
    })
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
async fn drive(target: &Target, turn: &Turn) -> anyhow::Result<Tally> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut connections = Vec::new();
    for _ in 0..turn.connections {
        connections.push(Connection::open(target).await?);
    }
    // The load's core never sleeps: waking it would be an interrupt that the server's core pays
    // for, which a client on another machine does not cost.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (index, mut connection) in connections.into_iter().enumerate() {
        let stop = Arc::clone(&stop);
        let mut requests = turn.requests.clone();
        let shift = index % requests.len();
        requests.rotate_left(shift);
        let (status, pause) = (turn.status, turn.pause);
        tasks.spawn(async move {
            let mut tally = Tally::default();
            for request in requests.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let asked = Instant::now();
                let answer = connection.ask(request).await?;
                tally.millis.push(asked.elapsed().as_secs_f64() * 1e3);
                if answer.status == status {
                    tally.wanted += 1;
                    if tally.sample.is_empty() {
                        tally.sample.push(answer.body);
                    }
                } else if answer.status == 503 && answer.retry_after {
                    tally.shed += 1;
                } else {
                    tally.other += 1;
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            anyhow::Ok(tally)
        });
    }
    tokio::time::sleep(turn.time).await;
    stop.store(true, Ordering::Relaxed);
    awake.abort();
    let wall = started.elapsed();
    let mut total = Tally { wall, ..Tally::default() };
    while let Some(tally) = tasks.join_next().await {
        let tally = tally??;
        total.wanted += tally.wanted;
        total.shed += tally.shed;
        total.other += tally.other;
        total.millis.extend(tally.millis);
        total.sample.extend(tally.sample);
    }
    total.millis.sort_by(f64::total_cmp);
    Ok(total)
}
