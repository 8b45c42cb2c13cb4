//! A clock that is wrong, and one that jumps, by libfaketime.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use behalf_jose::base64url;
use serde_json::Value;

use super::{Line, NotHere, embedded::NODE};
use crate::faults::{
    Context,
    client::{Client, client_credentials},
    clock,
    node::Options,
    report::Finding,
    site::{Site, Storage},
    world::World,
};

/// A client secret whose time is over.
const SECRET_EXPIRED: u64 = 7_000_222;
/// Longest time a token may live: `tokens.lifetime` and `tokens.jitter` as installed, and what is
/// set back for clients whose clocks are behind.
const LONGEST: i64 = 60 * 60 + 30 * 60 + 5 * 60 + 5;

pub(super) const CLOCK_JUMP: Line = Line {
    name: "clock-jump",
    promise: "a clock that jumps stops no node and makes no token that lives longer than one should; a node whose clock is more than 5 minutes behind its log does not start",
    run: |context| Box::pin(clock_jump(context)),
};

/// What makes a node's clock another one.
pub(super) struct FakeClock {
    file: PathBuf,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that is right.
    pub(super) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let places =
            ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
        let library = places
            .iter()
            .map(|place| Path::new(place).join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.exists())
            .ok_or_else(|| NotHere("no libfaketime here; Debian's package: faketime".to_owned()))?;
        let this = Self { file: folder.join(format!("{name}.clock")), library };
        this.set(0)?;
        Ok(this)
    }

    /// Puts the clock this many seconds before the right time or, negative, behind it. Monotonic
    /// time goes on as it does.
    pub(super) fn set(&self, seconds: i64) -> anyhow::Result<()> {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        // At once: a file that is half written is a clock nobody meant.
        fs::rename(new, &self.file)?;
        Ok(())
    }

    /// What its node is started with.
    pub(super) fn options(&self) -> Options {
        Options::default()
            .with("LD_PRELOAD", &self.library)
            .with("FAKETIME_TIMESTAMP_FILE", &self.file)
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

/// Issue and end of an access token, in seconds since 1970.
pub(super) fn span(body: &Value) -> anyhow::Result<(i64, i64)> {
    let token = body["access_token"].as_str().context("no token")?;
    let claims = token.split('.').nth(1).context("no JWT")?;
    let claims: Value = serde_json::from_slice(&base64url::decode(claims)?)?;
    let of = |name: &str| claims[name].as_i64().with_context(|| format!("no {name}"));
    Ok((of("iat")?, of("exp")?))
}

async fn clock_jump(context: &Context) -> anyhow::Result<Finding> {
    const HOUR: i64 = 3_600;
    const YEAR: i64 = 365 * 24 * HOUR;
    let site = Site::new(context, Storage::Embedded).await?;
    let fake = FakeClock::new(site.folder(), NODE)?;
    let mut node = site.start_with(NODE, &fake.options()).await?;
    let world = World::make(&site, NODE, 1).await?;
    let form = client_credentials(&world.daemon);
    let mut client = Client::new(site.target()?);
    let mut finding = Finding::default();
    let jumps = [0, HOUR, 0, -HOUR, 0, 240, -240, 0, 10 * YEAR, 0, -10 * YEAR, 0];
    for jump in jumps {
        fake.set(jump)?;
        let (mut tokens, mut expired, mut others) = (0, 0, Vec::new());
        for _ in 0..20 {
            let answer = client.token(&form).await?;
            match (answer.status, answer.aadsts()) {
                (200, _) => tokens += 1,
                (401, Some(SECRET_EXPIRED)) => {
                    expired += 1;
                    continue;
                }
                other => {
                    others.push(other);
                    continue;
                }
            }
            let (issued, ends) = span(&answer.body)?;
            let now = clock::wall_millis() / 1_000 + jump;
            ensure!((issued - now).abs() <= 305, "iat {issued} where the clock says {now}");
            ensure!(ends > now, "a token that is over: exp {ends} where the clock says {now}");
            ensure!(ends - issued <= LONGEST, "a token of {} s", ends - issued);
        }
        ensure!(node.runs(), "the node died of a jump by {jump} s");
        finding.holds(
            others.is_empty() && (jump == 10 * YEAR || tokens == 20),
            format!("{jump:>+11} s: {tokens} tokens, {expired} told that the secret has expired, others {others:?}"),
        );
    }
    finding.holds(node.terminate().await?.success(), "the node ended in good order");
    behind(context, &mut finding).await?;
    finding.done("one node; its clock jumped by an hour, four minutes and ten years, forth and back; then starts with a clock behind the log");
    Ok(finding)
}

/// Starts of a node whose clock is behind the newest event of its log.
async fn behind(context: &Context, finding: &mut Finding) -> anyhow::Result<()> {
    let site = Site::new(context, Storage::Embedded).await?;
    let fake = FakeClock::new(site.folder(), NODE)?;
    let node = site.start_with(NODE, &fake.options()).await?;
    let world = World::make(&site, NODE, 0).await?;
    let form = client_credentials(&world.daemon);
    let answer = Client::new(site.target()?).token(&form).await?;
    ensure!(answer.status == 200, "no token: {}", answer.status);
    node.terminate().await?;
    for (seconds, starts) in [(-600, false), (-240, true), (0, true)] {
        fake.set(seconds)?;
        let started = site.start_with(NODE, &fake.options()).await;
        let right = match &started {
            Ok(_) => starts,
            Err(error) => !starts && format!("{error:#}").contains("the clock says"),
        };
        let told = match started {
            Ok(node) => {
                node.terminate().await?;
                "it starts".to_owned()
            }
            Err(error) => format!("{error:#}"),
        };
        finding.holds(right, format!("started {seconds} s from the right time: {told}"));
    }
    Ok(())
}
