//! One kind of request, measured: the server's CPU time for each answer, between bare signatures.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, ensure};

use super::{
    Options, cpu,
    load::{self, Tally, Turn},
    report::median,
    server::Running,
    yardstick::{Rates, Yardstick},
};

/// How many ask at the same time.
pub(crate) const CONNECTIONS: usize = 64;

/// The program to measure: the one that was given, or one built for it.
pub(crate) fn binary(options: &Options) -> anyhow::Result<PathBuf> {
    match &options.binary {
        Some(given) => Ok(std::path::absolute(given)?),
        None => build(if options.short { "release" } else { "dist" }),
    }
}

/// One kind of request against the bare signature, A-B-A.
pub(crate) struct Measured {
    pub(crate) cpu_micros: f64,
    pub(crate) per_second: f64,
    pub(crate) rates: Rates,
    /// How far the yardstick's turns lie apart.
    pub(crate) drift: f64,
}

pub(crate) fn measure(
    server: &Running<'_>,
    yardstick: &Yardstick,
    options: &Options,
    turn: &Turn,
) -> anyhow::Result<Measured> {
    let bare = |rates: &mut Vec<Rates>| -> anyhow::Result<()> {
        rates.push(yardstick.measure(options.turn().min(Duration::from_secs(2)))?);
        Ok(())
    };
    let (mut rates, mut costs, mut speeds) = (Vec::new(), Vec::new(), Vec::new());
    bare(&mut rates)?;
    for _ in 0..options.repeats {
        let before = cpu::process_time(server.pid())?;
        let tally = load::run(&server.target, turn)?;
        let spent = cpu::process_time(server.pid())?.saturating_sub(before);
        check(&tally)?;
        #[expect(clippy::cast_precision_loss, reason = "a count for a rate")]
        let answers = tally.wanted as f64;
        costs.push(spent.as_secs_f64() * 1e6 / answers);
        speeds.push(answers / tally.wall.as_secs_f64());
        bare(&mut rates)?;
    }
    let rs256: Vec<f64> = rates.iter().map(|r| r.rs256).collect();
    let spread =
        rs256.iter().copied().fold(0.0, f64::max) / rs256.iter().copied().fold(f64::MAX, f64::min);
    Ok(Measured {
        cpu_micros: median(costs),
        per_second: median(speeds),
        rates: Rates {
            rs256: median(rs256),
            es256: median(rates.iter().map(|r| r.es256).collect()),
        },
        drift: spread - 1.0,
    })
}

/// A run counts only if every answer was the one asked for, and the tokens are tokens.
fn check(tally: &Tally) -> anyhow::Result<()> {
    ensure!(tally.wanted > 0, "no answers");
    ensure!(
        tally.other == 0 && tally.shed == 0,
        "{} other answers, {} shed",
        tally.other,
        tally.shed
    );
    for body in &tally.sample {
        let json: serde_json::Value = serde_json::from_slice(body)?;
        let token = json.get("access_token").and_then(serde_json::Value::as_str);
        let refused = json.get("error").is_some();
        let whole = token.is_some_and(|t| t.split('.').count() == 3);
        ensure!(refused || whole, "neither a token nor an error: {json}");
    }
    Ok(())
}

/// The binary as it is shipped (`dist`), or one that is quickly built.
fn build(profile: &str) -> anyhow::Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--profile", profile, "--package", "behalf"])
        .status()
        .context("cargo build")?;
    ensure!(status.success(), "the {profile} build failed");
    let target = std::path::absolute(std::env::current_exe()?)?;
    let folder = target.ancestors().nth(2).context("no target folder")?;
    Ok(folder.join(profile).join("behalf"))
}
