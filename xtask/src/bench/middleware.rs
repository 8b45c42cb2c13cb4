//! The figures of the middleware: what validating a token costs beside the bare verification of its
//! signature, and what a remembered verdict saves.
//!
//! Everything runs on one thread, pinned to one core; a turn of the yardstick (the bare
//! verification) comes before, between and after the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use behalf_jose::{Algorithm, SigningKey, base64url};
use behalf_resource::{Clock, FetchError, Fetched, MetadataSource, ResourceServer, ValidToken};
use clap::Args;
use serde_json::{Value, json};

use super::cpu;
use super::report::{Report, median};

const HOST: &str = "https://login.bench.test";
const TENANT: &str = "11111111-1111-4111-8111-111111111111";
const API: &str = "3f6c2a0e-0000-4000-8000-00000000000a";
const NOW: u64 = 1_800_000_000;
/// Tokens in turn, so many that none is remembered when its turn comes again.
const DISTINCT: usize = 256;

/// How long.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Seconds a turn lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Turns of each kind; the median counts
    #[arg(long, default_value_t = 3)]
    repeats: u32,
    /// A second in all, of an unoptimised build, for CI: prints, and says that it proves nothing
    #[arg(long)]
    short: bool,
}

pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    if options.short {
        return measure(Duration::from_millis(100), 1, true);
    }
    if cfg!(debug_assertions) {
        return again_optimised(options);
    }
    measure(Duration::from_secs(options.seconds), options.repeats, false)
}

/// What is measured is in this very program, so the program must be a release build.
fn again_optimised(options: Options) -> anyhow::Result<()> {
    let status = std::process::Command::new("cargo")
        .args(["run", "--release", "--quiet", "--package", "xtask", "--", "bench", "middleware"])
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--repeats", &options.repeats.to_string()])
        .status()
        .context("cargo could not be run")?;
    ensure!(status.success(), "the release build of the bench failed: {status}");
    Ok(())
}

/// On a thread of its own, for it is pinned.
fn measure(turn: Duration, repeats: u32, short: bool) -> anyhow::Result<()> {
    println!("{}\n", cpu::machine());
    let measured = std::thread::spawn(move || pinned(turn, repeats)).join();
    measured.map_err(|_| anyhow::anyhow!("the bench panicked"))??.finish(short);
    Ok(())
}

fn pinned(turn: Duration, repeats: u32) -> anyhow::Result<Report> {
    cpu::pin([cpu::SERVER_CORE])?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let bench = Bench::new().await?;
        bench.check().await?;
        let (mut raw, mut fresh, mut remembered) = (vec![bench.raw(turn)?], vec![], vec![]);
        for _ in 0..repeats {
            fresh.push(bench.fresh(turn).await?);
            raw.push(bench.raw(turn)?);
            remembered.push(bench.remembered(turn).await?);
            raw.push(bench.raw(turn)?);
        }
        let drift = drift(&raw);
        let (raw, fresh, remembered) = (median(raw), median(fresh), median(remembered));
        let mut report = Report::default();
        report.at_most("middleware, RS256, uncached ÷ raw verify", fresh / raw, 1.3, "≤ 1.3");
        report.at_least("uncached ÷ remembered verdict", fresh / remembered, 15.0, "≥ 15");
        report.note(format!(
            "raw verify {raw:.2} µs, uncached {fresh:.2} µs, remembered {remembered:.2} µs of CPU; \
             a token of {} bytes",
            bench.tokens[0].len()
        ));
        if drift > 0.10 {
            let percent = drift * 100.0;
            report.note(format!("the yardstick drifted by {percent:.0} %: too noisy to record"));
        }
        Ok(report)
    })
}

/// How far the turns of the yardstick are apart.
fn drift(turns: &[f64]) -> f64 {
    let most = turns.iter().copied().fold(f64::MIN, f64::max);
    let least = turns.iter().copied().fold(f64::MAX, f64::min);
    most / least - 1.0
}

struct Bench {
    key: ParsedPublicKey,
    tokens: Vec<String>,
    /// Signing input and signature of each token.
    parts: Vec<(Vec<u8>, Vec<u8>)>,
    forgetful: ResourceServer,
    server: ResourceServer,
}

impl Bench {
    async fn new() -> anyhow::Result<Self> {
        let key = SigningKey::generate(Algorithm::Rs256)?;
        let jwk = serde_json::to_value(key.public_jwk())?;
        let public = parsed(&jwk)?;
        let source = Documents::new(jwk);
        let build = |remembered| {
            ResourceServer::builder(format!("{HOST}/{TENANT}"))
                .audience(API)
                .source(source.clone())
                .clock(Fixed)
                .remembered_tokens(remembered)
                .build()
        };
        let mut tokens = Vec::with_capacity(DISTINCT);
        let mut parts = Vec::with_capacity(DISTINCT);
        for number in 0..DISTINCT {
            let (input, signature) = token(&key, number)?;
            tokens.push(format!("{input}.{}", base64url::encode(&signature)));
            parts.push((input.into_bytes(), signature));
        }
        let (forgetful, server) = (build(1).await?, build(10_000).await?);
        Ok(Self { key: public, tokens, parts, forgetful, server })
    }

    /// That the one validates anew each time, and the other remembers.
    async fn check(&self) -> anyhow::Result<()> {
        let first = self.all(&self.forgetful).await?;
        let again = self.all(&self.forgetful).await?;
        ensure!(first.iter().zip(&again).all(|(a, b)| !Arc::ptr_eq(a, b)), "one was remembered");
        let first = self.all(&self.server).await?;
        let again = self.all(&self.server).await?;
        ensure!(first.iter().zip(&again).all(|(a, b)| Arc::ptr_eq(a, b)), "one was forgotten");
        Ok(())
    }

    async fn all(&self, server: &ResourceServer) -> anyhow::Result<Vec<Arc<ValidToken>>> {
        let mut valid = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            valid.push(server.validate(token).await?);
        }
        Ok(valid)
    }

    /// Microseconds of a bare verification, with a key parsed once.
    fn raw(&self, turn: Duration) -> anyhow::Result<f64> {
        let mut clock = Stopwatch::start(turn);
        while clock.runs() {
            for (input, signature) in &self.parts {
                let held = self.key.verify_sig(input, signature).is_ok();
                ensure!(held, "a bare verification failed");
            }
            clock.count(self.parts.len());
        }
        Ok(clock.micros())
    }

    /// Microseconds of validating a token that is not remembered.
    async fn fresh(&self, turn: Duration) -> anyhow::Result<f64> {
        let mut clock = Stopwatch::start(turn);
        while clock.runs() {
            for token in &self.tokens {
                self.forgetful.validate(token).await?;
            }
            clock.count(self.tokens.len());
        }
        Ok(clock.micros())
    }

    /// Microseconds of the same token again, as one client's calls are.
    async fn remembered(&self, turn: Duration) -> anyhow::Result<f64> {
        let mut clock = Stopwatch::start(turn);
        while clock.runs() {
            for _ in 0..DISTINCT {
                self.server.validate(&self.tokens[0]).await?;
            }
            clock.count(DISTINCT);
        }
        Ok(clock.micros())
    }
}

/// CPU time per operation, in a turn that lasts a given time.
struct Stopwatch {
    until: Instant,
    before: Duration,
    operations: usize,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
impl Stopwatch {
    fn start(turn: Duration) -> Self {
        Self { until: Instant::now() + turn, before: cpu::thread_time(), operations: 0 }
    }

    fn runs(&self) -> bool {
        Instant::now() < self.until
    }

    const fn count(&mut self, operations: usize) {
        self.operations += operations;
    }

    fn micros(&self) -> f64 {
        let spent = cpu::thread_time().saturating_sub(self.before);
        let operations = u32::try_from(self.operations).unwrap_or(u32::MAX).max(1);
        spent.as_secs_f64() * 1e6 / f64::from(operations)
    }
}

fn parsed(jwk: &Value) -> anyhow::Result<ParsedPublicKey> {
    let number = |name: &str| -> anyhow::Result<Vec<u8>> {
        let text = jwk[name].as_str().context("the key is no RSA key")?;
        Ok(base64url::decode(text)?)
    };
    let (n, e) = (number("n")?, number("e")?);
    let components = aws_lc_rs::rsa::PublicKeyComponents { n, e };
    let key: aws_lc_rs::rsa::PublicEncryptingKey =
        components.try_into().map_err(|_| anyhow::anyhow!("the key has no public part"))?;
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> =
        aws_lc_rs::encoding::AsDer::as_der(&key)
            .map_err(|_| anyhow::anyhow!("the key cannot be written"))?;
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref())
        .map_err(|_| anyhow::anyhow!("the key cannot be parsed"))
}

/// Signing input and signature of a token as the token service issues it to a daemon.
fn token(key: &SigningKey, number: usize) -> anyhow::Result<(String, Vec<u8>)> {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "k1", "x5t": "k1" });
    let claims = json!({
        "aud": API, "iss": format!("{HOST}/{TENANT}/v2.0"),
        "iat": NOW - 300, "nbf": NOW - 300, "exp": NOW + 3600,
        "aio": "A".repeat(60),
        "azp": "3f6c2a0e-0000-4000-8000-00000000000c", "azpacr": "1",
        "oid": "44444444-4444-4444-8444-444444444444",
        "rh": "0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.",
        "roles": ["Entries.Read.All", "Entries.ReadWrite.All"],
        "sub": "44444444-4444-4444-8444-444444444444",
        "tid": TENANT, "uti": format!("{number:022}"), "ver": "2.0",
    });
    let part = |value: &Value| base64url::encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = key.sign(input.as_bytes())?;
    Ok((input, signature))
}

/// Metadata and keys, from memory.
#[derive(Clone)]
struct Documents(Arc<Value>);

impl Documents {
    fn new(mut jwk: Value) -> Self {
        jwk["kid"] = "k1".into();
        Self(Arc::new(json!({ "keys": [jwk] })))
    }
}

impl MetadataSource for Documents {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        _etag: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        let body = if url.ends_with("/keys") {
            self.0.to_string()
        } else {
            let version = if url.contains("/v2.0/") { "v2.0" } else { "" };
            let issuer = format!("{HOST}/{TENANT}/{version}");
            json!({ "issuer": issuer, "jwks_uri": format!("{HOST}/keys") }).to_string()
        };
        Box::pin(async move { Ok(Fetched::Document { body: body.into_bytes(), etag: None }) })
    }
}

/// The keys stay fresh: fetching is no part of the figures.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> u64 {
        NOW
    }
}
