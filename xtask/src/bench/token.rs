//! The figures of the token endpoint.

use std::{path::Path, time::Duration};

use anyhow::ensure;

use super::{
    Options, cpu, directory,
    load::{self, Turn},
    measure::{CONNECTIONS, binary, measure},
    report::{Report, Row, median},
    server::{Deployment, Running, form_of, token_path},
    stall,
    yardstick::Yardstick,
};

const FEW: usize = 100;
const MANY: usize = 1_000;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let binary = binary(options)?;
    println!("{}", cpu::machine());
    println!(
        "limits are raised out of the way (BEHALF_LIMITS_*; a second of signatures may queue, but while overloaded); the log is durable before each answer\n"
    );
    let mut report = Report::default();
    let yardstick = Yardstick::new()?;
    let deployment = Deployment::new(&binary)?;
    deployment.seed(FEW)?;

    let few = small_store(&deployment, &yardstick, options, &mut report)?;
    slow_disk(&deployment, options, &mut report)?;
    large_store(&binary, few, options, &mut report)?;
    report.finish(options.short);
    Ok(())
}

/// What the large store is compared with.
#[derive(Clone, Copy)]
struct Few {
    tokens: f64,
    start: Duration,
}

fn small_store(
    deployment: &Deployment,
    yardstick: &Yardstick,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<Few> {
    let start = starts(deployment, options)?;
    report.at_most("start to first token, ms", start.as_secs_f64() * 1e3, 200.0, "≤ 200");
    let server = deployment.start(&[])?;
    std::thread::sleep(Duration::from_secs(1));
    report.at_most("idle resident memory, MiB", cpu::resident_mib(server.pid())?, 40.0, "≤ 40");

    warm(&server, FEW)?;
    let reads = server.metric("behalf_store_reads_total")?;
    let (rows, syncs) = log_counts(&server)?;
    let rs256 = measure(&server, yardstick, options, &token_turn("api://bench", FEW, options))?;
    let (rows_after, syncs_after) = log_counts(&server)?;
    let es256 = measure(&server, yardstick, options, &token_turn("api://bench-es", FEW, options))?;
    let refusal = measure(&server, yardstick, options, &refusal_turn(options))?;

    let rsa = rs256.rates.rs256_micros();
    let other = rs256.cpu_micros - rsa;
    report.at_least(
        "RS256 tokens per CPU-second ÷ bare RSA-2048",
        rsa / rs256.cpu_micros,
        0.80,
        "≥ 0.80 (aim 0.88)",
    );
    report.at_least(
        "ES256 tokens per CPU-second ÷ bare ES256",
        1e6 / es256.rates.es256 / es256.cpu_micros,
        0.35,
        "≥ 0.35",
    );
    report.at_most("all but the signature ÷ bare RSA-2048", other / rsa, 0.095, "≤ 0.095");
    report.at_most("a refusal ÷ a token", refusal.cpu_micros / rs256.cpu_micros, 0.10, "≤ 0.10");
    report.at_least(
        "log rows per fsync at 64 concurrent requests",
        (rows_after - rows) / (syncs_after - syncs).max(1.0),
        8.0,
        "≥ 8",
    );
    let reads = server.metric("behalf_store_reads_total")? - reads;
    report.at_most("database reads of warm requests", reads, 0.0, "0");
    report.note(format!(
        "bare RSA-2048 {rsa:.1} µs, bare ES256 {:.1} µs, RS256 token {:.1} µs, ES256 token {:.1} µs, refusal {:.1} µs of CPU; {:.0} RS256 tokens/s",
        1e6 / rs256.rates.es256, rs256.cpu_micros, es256.cpu_micros, refusal.cpu_micros, rs256.per_second
    ));
    if rs256.drift > 0.10 {
        report.note(format!(
            "the yardstick drifted by {:.0} %: too noisy to record",
            rs256.drift * 100.0
        ));
    }
    drop(server);
    let server = deployment.start(&[("BEHALF_LIMITS_SIGN_QUEUE", "50ms")])?;
    overload(&server, rs256.per_second, options, report)?;
    Ok(Few { tokens: 1e6 / rs256.cpu_micros / rs256.rates.rs256, start })
}

/// Metadata while the token endpoint is asked for four times what it can do.
fn overload(
    server: &Running<'_>,
    capacity: f64,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    // Each connection pauses so that together they ask four times the capacity, waiting included:
    // half of their time they wait for an answer.
    let connections = 1_024;
    let mut storm = token_turn("api://bench", FEW, options);
    storm.connections = connections;
    #[expect(clippy::cast_precision_loss, reason = "a count for a rate")]
    let pause = connections as f64 / (8.0 * capacity);
    storm.pause = Duration::from_secs_f64(pause);
    let calm = Turn {
        requests: vec![
            load::get(&format!("/{}/v2.0/.well-known/openid-configuration", super::server::TENANT)),
            load::get(&format!("/{}/discovery/v2.0/keys", super::server::TENANT)),
        ],
        connections: 4,
        time: options.turn(),
        status: 200,
        pause: Duration::from_millis(5),
    };
    let (storm, calm) = std::thread::scope(|scope| {
        let storm = scope.spawn(|| load::run(&server.target, &storm));
        let calm = load::run(&server.target, &calm);
        anyhow::Ok((storm.join().map_err(|_| anyhow::anyhow!("the load panicked"))??, calm?))
    })?;
    report.at_most("metadata p99 while overloaded, ms", calm.percentile(0.99), 10.0, "≤ 10");
    #[expect(clippy::cast_precision_loss, reason = "a count for display")]
    report.at_most("metadata errors while overloaded", (calm.other + calm.shed) as f64, 0.0, "0");
    #[expect(clippy::cast_precision_loss, reason = "counts for a ratio")]
    let asked = (storm.wanted + storm.shed + storm.other) as f64 / storm.wall.as_secs_f64();
    report.push(Row {
        name: "surplus shed with 503 and Retry-After",
        figure: storm.shed.to_string(),
        bar: "> 0, nothing else",
        met: storm.shed > 0 && storm.other == 0,
    });
    report.note(format!(
        "asked {:.1} times the capacity; {} tokens, {} shed",
        asked / capacity,
        storm.wanted,
        storm.shed
    ));
    Ok(())
}

/// With each fsync taking four milliseconds.
fn slow_disk(
    deployment: &Deployment,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let library = stall::library(deployment.folder())?;
    let turn = token_turn("api://bench", FEW, options);
    let rate = |extra: &[(&str, &str)]| -> anyhow::Result<f64> {
        let server = deployment.start(extra)?;
        warm(&server, FEW)?;
        let tally = load::run(&server.target, &turn)?;
        ensure!(tally.other == 0, "{} unexpected answers", tally.other);
        #[expect(clippy::cast_precision_loss, reason = "a count for a rate")]
        Ok(tally.wanted as f64 / tally.wall.as_secs_f64())
    };
    let undelayed = rate(&[])?;
    let path = library.to_string_lossy();
    let delayed = rate(&[("LD_PRELOAD", &path), ("STALL_MICROS", "4000")])?;
    #[expect(clippy::cast_precision_loss, reason = "64 is exact")]
    let possible = undelayed.min(CONNECTIONS as f64 / 0.004);
    report.at_least(
        "rate with 4 ms fsyncs ÷ min(undelayed, 64 / 4 ms)",
        delayed / possible,
        0.4,
        "≥ 0.4",
    );
    Ok(())
}

/// A million applications in the store, a thousand of them in use.
fn large_store(
    binary: &Path,
    few: Few,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let deployment = Deployment::new(binary)?;
    deployment.seed(MANY)?;
    directory::fill(&deployment.database(), options.applications)?;
    let start = starts(&deployment, options)?;
    let server = deployment.start(&[])?;
    warm(&server, MANY)?;
    let yardstick = Yardstick::new()?;
    let many = measure(&server, &yardstick, options, &token_turn("api://bench", MANY, options))?;
    let tokens = 1e6 / many.cpu_micros / many.rates.rs256;
    report.at_least(
        "throughput with the large store ÷ with 100 apps",
        tokens / few.tokens,
        0.9,
        "≥ 0.9",
    );
    report.at_most("start with the large store, ms", start.as_secs_f64() * 1e3, 200.0, "≤ 200");
    report.at_most(
        "resident memory with the large store, MiB",
        cpu::resident_mib(server.pid())?,
        150.0,
        "≤ 150",
    );
    report.note(format!(
        "{} applications; database {} MiB; start {:.0} ms against {:.0} ms with {FEW}",
        options.applications + MANY,
        std::fs::metadata(deployment.database()).map_or(0, |m| m.len() >> 20),
        start.as_secs_f64() * 1e3,
        few.start.as_secs_f64() * 1e3,
    ));
    Ok(())
}

/// The median of several starts, from exec to the first token.
fn starts(deployment: &Deployment, options: &Options) -> anyhow::Result<Duration> {
    // The first one makes the keys.
    drop(deployment.start(&[])?);
    let mut times = Vec::new();
    for _ in 0..options.repeats.max(3) {
        times.push(deployment.start(&[])?.to_first_token.as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(times)))
}

pub(crate) fn token_turn(resource: &str, clients: usize, options: &Options) -> Turn {
    let requests =
        (0..clients).map(|index| load::post(&token_path(), &form_of(index, resource))).collect();
    Turn::steady(requests, 200, options.turn())
}

fn refusal_turn(options: &Options) -> Turn {
    let wrong = form_of(0, "api://bench")
        .replace(super::server::SECRET, "wrong-wrong-wrong-wrong-wrong-wr");
    let requests = vec![load::post(&token_path(), &wrong)];
    Turn::steady(requests, 401, options.turn())
}

/// Lets every client be asked for once, so that its facts are in memory.
pub(crate) fn warm(server: &Running<'_>, clients: usize) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = load::Connection::open(&server.target).await?;
        for index in 0..clients {
            for resource in ["api://bench", "api://bench-es"] {
                let request = load::post(&token_path(), &form_of(index, resource));
                let answer = connection.ask(&request).await?;
                let body = String::from_utf8_lossy(&answer.body);
                ensure!(
                    answer.status == 200,
                    "client {index}, {resource}: {} {body}",
                    answer.status
                );
            }
        }
        Ok(())
    })
}

fn log_counts(server: &Running<'_>) -> anyhow::Result<(f64, f64)> {
    Ok((server.metric("behalf_journal_rows_total")?, server.metric("behalf_journal_syncs_total")?))
}
