//! Two hundred wrong passwords at a time, while a daemon goes on getting tokens.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::{Browser, Options, PORTAL, PORTAL_BACK, authorize, client_id};
use crate::bench::{
    cpu,
    load::{self, Connection, Target, Turn},
    report::Report,
    server::{Running, form_of, token_path},
};

/// Wrong passwords at a time.
const GUESSERS: u8 = 200;

/// What the guessers saw.
#[derive(Debug, Default)]
struct Seen {
    wrong: AtomicU64,
    turned_away: AtomicU64,
    cut: AtomicU64,
}

/// Good token requests without and with the flood.
pub(super) fn measure(
    server: &Running<'_>,
    origin: &str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let requests = vec![load::post(&token_path(), &form_of(0, "api://bench"))];
    let turn = Turn::steady(requests, 200, options.turn());
    let rate = || -> anyhow::Result<f64> {
        let tally = load::run(&server.target, &turn)?;
        ensure!(tally.other + tally.shed == 0, "{} others, {} shed", tally.other, tally.shed);
        #[expect(clippy::cast_precision_loss, reason = "a count for a rate")]
        Ok(tally.wanted as f64 / tally.wall.as_secs_f64())
    };
    let calm = rate()?;
    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let (flooded, memory) = std::thread::scope(|scope| {
        let guessers = scope.spawn(|| {
            cpu::pin(cpu::load_cores())?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(guess(&server.target, origin, &seen, &stop))
        });
        while seen.wrong.load(Ordering::Relaxed) == 0 && !guessers.is_finished() {
            std::thread::yield_now();
        }
        let flooded = rate();
        let memory = cpu::resident_mib(server.pid());
        stop.store(true, Ordering::Relaxed);
        guessers.join().map_err(|_| anyhow::anyhow!("the flood panicked"))??;
        anyhow::Ok((flooded?, memory?))
    })?;
    report.at_least("token rate under 200 wrong passwords ÷ without", flooded / calm, 0.8, "≥ 0.8");
    report.at_most("resident memory meanwhile, MiB", memory, 150.0, "≤ 150");
    report.note(format!(
        "{} passwords found wrong, {} turned away, {} cut off; client {} had {calm:.0} tokens/s, then {flooded:.0}",
        seen.wrong.load(Ordering::Relaxed),
        seen.turned_away.load(Ordering::Relaxed),
        seen.cut.load(Ordering::Relaxed),
        client_id(0)
    ));
    Ok(())
}

async fn guess(
    target: &Target,
    origin: &str,
    seen: &Arc<Seen>,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let mut guessers = JoinSet::new();
    for number in 1..=GUESSERS {
        let mut browser = Browser::new(target, origin).await?;
        let form = browser.open(&authorize(PORTAL, PORTAL_BACK)).await?.form()?;
        // Each from an address of its own, or the limit of one address would stop them.
        let from = Ipv4Addr::new(127, 0, 1, number);
        let mut connection = Connection::open_from(target, from).await?;
        let (seen, stop, target) = (Arc::clone(seen), Arc::clone(stop), target.clone());
        guessers.spawn(async move {
            let mut tries = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                // And each time for another name, or the limit of a name would.
                tries += 1;
                let name = format!("user-{number}-{tries}@bench.test");
                let fields =
                    [("username", &*name), ("password", "not the password"), ("do", "sign-in")];
                let request = browser.request_of(&form, &fields);
                let Ok(answer) = connection.ask(request.as_bytes()).await else {
                    seen.cut.fetch_add(1, Ordering::Relaxed);
                    connection = Connection::open_from(&target, from).await?;
                    continue;
                };
                match answer.status {
                    200 | 401 => seen.wrong.fetch_add(1, Ordering::Relaxed),
                    429 | 503 => seen.turned_away.fetch_add(1, Ordering::Relaxed),
                    other => anyhow::bail!("{other} {}", String::from_utf8_lossy(&answer.body)),
                };
                if answer.retry_after {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = guessers.join_next().await {
        ended??;
    }
    Ok(())
}
