//! Metrics in the Prometheus text format (`OpenMetrics` 1.0).
//!
//! Every series a request can touch exists from the start, in arrays: counting is one atomic
//! addition, and no label comes from outside, so hostile input cannot grow anything.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use behalf_core::{
    application::credential::Method,
    event::{Endpoint, Grant, Outcome, SignInEvent, Step},
};
use behalf_protocol::error::AadSts;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::histogram::Histogram;

const GRANTS: [Grant; Grant::ALL.len()] = Grant::ALL;
const VERSIONS: [&str; 2] = ["1.0", "2.0"];
const METHODS: [&str; 3] = ["none", "secret", "certificate"];
const CACHES: [&str; 5] = ["tenant", "client", "resource", "user", "delegation"];
const HIT_MISS: [&str; 2] = ["hit", "miss"];
const AUTH_OUTCOMES: [&str; 2] = ["success", "failure"];
const SIGN_IN_OUTCOMES: [&str; 2] = ["signed_in", "refused"];
/// Kinds of requests that were turned away without a decision.
const SHED_MAX: usize = 16;

/// The caches that count hits and misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheName {
    /// Tenants by path segment.
    Tenant = 0,
    /// Clients in a tenant.
    Client = 1,
    /// Resources as a client sees them.
    Resource = 2,
    /// Users of a tenant.
    User = 3,
    /// Resources as a client sees them that acts for a user.
    Delegation = 4,
}

/// What a value read at scrape time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// Only grows; `_total` is added to its name.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One value that is read when somebody asks, rather than counted: lengths, ages, totals that
/// another room keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name without `behalf_` and `_total`.
    pub name: &'static str,
    /// What people read.
    pub help: &'static str,
    /// What it is.
    pub kind: SampleKind,
    /// Its label, if the name has several series. Bounded by whoever gives it.
    pub label: Option<(&'static str, &'static str)>,
    /// The value; seconds for times.
    pub value: f64,
}

type Source = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// The metrics of one process, shared by all cores.
pub struct Metrics {
    counts: Arc<Counts>,
    registry: Registry,
}

struct Counts {
    codes: Box<[u32]>,
    issued: [[AtomicU64; VERSIONS.len()]; GRANTS.len()],
    /// By code; the last is "other".
    refused: [[Box<[AtomicU64]>; VERSIONS.len()]; GRANTS.len()],
    client_auth: [[AtomicU64; AUTH_OUTCOMES.len()]; METHODS.len()],
    sign_ins: [AtomicU64; SIGN_IN_OUTCOMES.len()],
    revoked: AtomicU64,
    caches: [[AtomicU64; HIT_MISS.len()]; CACHES.len()],
    seconds: [Histogram; GRANTS.len()],
    shed: Mutex<Vec<(&'static str, u64)>>,
    sources: Mutex<Vec<Source>>,
}

impl Metrics {
    /// Metrics at zero, of the version that `build_info` names.
    pub fn new(version: &'static str) -> Self {
        let mut codes: Vec<u32> = AadSts::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        let refused = || (0..=codes.len()).map(|_| AtomicU64::new(0)).collect();
        let counts = Arc::new(Counts {
            issued: Default::default(),
            refused: std::array::from_fn(|_| [refused(), refused()]),
            client_auth: Default::default(),
            sign_ins: Default::default(),
            revoked: AtomicU64::new(0),
            caches: Default::default(),
            seconds: Default::default(),
            shed: Mutex::default(),
            sources: Mutex::default(),
            codes: codes.into(),
        });
        let mut registry = Registry::with_prefix("behalf");
        let build = prometheus_client::metrics::info::Info::new([("version", version)]);
        registry.register("build", "The version that runs", build);
        registry.register_collector(Box::new(Shared(Arc::clone(&counts))));
        Self { counts, registry }
    }

    /// A decision is in the log.
    pub fn decided(&self, event: &SignInEvent) {
        let counts = &self.counts;
        let (grant, version) = (grant(event.grant), version(event.endpoint));
        match event.outcome {
            Outcome::Issued { .. } => add(&counts.issued[grant][version]),
            Outcome::SignedIn { .. } => add(&counts.sign_ins[0]),
            Outcome::Revoked => add(&counts.revoked),
            Outcome::Refused { .. } if event.grant == Grant::Authorize => add(&counts.sign_ins[1]),
            Outcome::Refused { code, .. } => {
                let index = counts.codes.binary_search(&code).unwrap_or(counts.codes.len());
                add(&counts.refused[grant][version][index]);
            }
        }
        counts.client_auth(event);
    }

    /// A request was turned away before a decision. At most sixteen kinds; a seventeenth counts as
    /// `other`. Not on the way of a request that gets a decision, so a lock is good enough.
    pub fn shed(&self, kind: &'static str) {
        let mut shed = self.counts.shed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shed.len();
        let kind =
            if known < SHED_MAX || shed.iter().any(|(k, _)| *k == kind) { kind } else { "other" };
        match shed.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += 1,
            None => shed.push((kind, 1)),
        }
    }

    /// How long a token request took from its arrival to its answer, issued or refused.
    pub fn took(&self, of: Grant, duration: Duration) {
        self.counts.seconds[grant(of)].observe(duration);
    }

    /// A look into a cache.
    pub fn cache(&self, cache: CacheName, hit: bool) {
        add(&self.counts.caches[cache as usize][usize::from(!hit)]);
    }

    /// Adds values that `source` reads at each scrape.
    pub fn attach(&self, source: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        let mut sources = self.counts.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.push(Box::new(source));
    }

    /// All metrics as text (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(8 * 1024);
        // Writing to a string cannot fail; a collector that did would leave its part out.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

impl Counts {
    /// What the event says about the client's credential; nothing if it was not looked at.
    fn client_auth(&self, event: &SignInEvent) {
        let (method, outcome) = match (&event.outcome, event.credential) {
            (_, Some((Method::Secret, _))) => (1, 0),
            (_, Some((Method::Certificate, _))) => (2, 0),
            (Outcome::Refused { code, .. }, None)
                if event.trail.first_failed() == Some(Step::Credential) =>
            {
                (method_of(*code), 1)
            }
            _ => return,
        };
        add(&self.client_auth[method][outcome]);
    }
}

/// Which method a refused credential was of, by the code that refused it (implementation.md 5).
fn method_of(code: u32) -> usize {
    match code {
        7_000_215 | 7_000_222 => 1,
        700_027 | 700_021 | 50_048 | 700_023 | 700_024 | 1_000_502 => 2,
        _ => 0,
    }
}

fn grant(grant: Grant) -> usize {
    usize::from(grant as u8)
}

fn version(endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::V1 => 0,
        Endpoint::V2 => 1,
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

struct Shared(Arc<Counts>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(…)")
    }
}

impl Collector for Shared {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = &*self.0;
        counts.encode_requests(&mut encoder)?;
        counts.encode_seconds(&mut encoder)?;
        counts.encode_tables(&mut encoder)?;
        counts.encode_sources(&mut encoder)
    }
}

impl Counts {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Token requests that reached a decision";
        let mut family = counter_family(encoder, "token_requests", help)?;
        for (g, grant) in GRANTS.iter().enumerate() {
            for (v, version) in VERSIONS.iter().enumerate() {
                let common = [("grant", grant.as_str()), ("api_version", *version)];
                let mut row = |outcome: &str, error: &str, n| {
                    let [g, v] = common;
                    count(&mut family, &[g, v, ("outcome", outcome), ("error", error)], n)
                };
                if grant.issues_tokens() {
                    row("issued", "", get(&self.issued[g][v]))?;
                }
                for (i, n) in self.refused[g][v].iter().enumerate().filter(|(_, n)| get(n) > 0) {
                    let code = self.codes.get(i).map_or("other".to_owned(), ToString::to_string);
                    row("refused", &code, get(n))?;
                }
            }
        }
        let issued = self.issued.iter().flatten().map(get).sum();
        let mut family = counter_family(encoder, "tokens_issued", "Tokens signed")?;
        count(&mut family, &[("kind", "app")], issued)
    }

    fn encode_seconds(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Time from a token request's arrival to its answer";
        let mut family = encoder.encode_descriptor(
            "token_request_seconds",
            help,
            None,
            MetricType::Histogram,
        )?;
        for (grant, histogram) in GRANTS.iter().zip(&self.seconds) {
            let (sum, total, buckets) = histogram.read();
            family
                .encode_family(&[("grant", grant.as_str())])?
                .encode_histogram::<NoLabelSet>(sum, total, &buckets, None)?;
        }
        Ok(())
    }

    fn encode_tables(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Client credentials that were judged";
        let mut family = counter_family(encoder, "client_auth", help)?;
        for (method, row) in METHODS.iter().zip(&self.client_auth) {
            for (outcome, n) in AUTH_OUTCOMES.iter().zip(row) {
                count(&mut family, &[("method", *method), ("outcome", *outcome)], get(n))?;
            }
        }
        let help = "Sign-ins and consents of users with their browsers";
        let mut family = counter_family(encoder, "interactive_signins", help)?;
        for (outcome, n) in SIGN_IN_OUTCOMES.iter().zip(&self.sign_ins) {
            count(&mut family, &[("outcome", *outcome)], get(n))?;
        }
        let help = "Revocations that clients asked for";
        counter_family(encoder, "token_revocations", help)?
            .encode_counter::<NoLabelSet, _, f64>(&get(&self.revoked), None)?;
        let help = "Facts found in memory, and facts that had to be read";
        let mut family = counter_family(encoder, "cache_events", help)?;
        for (cache, row) in CACHES.iter().zip(&self.caches) {
            for (result, n) in HIT_MISS.iter().zip(row) {
                count(&mut family, &[("cache", *cache), ("result", *result)], get(n))?;
            }
        }
        let help = "Requests turned away without a decision";
        let mut family = counter_family(encoder, "requests_shed", help)?;
        let shed = self.shed.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, n) in shed.iter() {
            count(&mut family, &[("kind", *kind)], *n)?;
        }
        Ok(())
    }

    fn encode_sources(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let mut samples: Vec<Sample> = sources.iter().flat_map(|source| source()).collect();
        // The format wants the series of one name together.
        samples.sort_by_key(|sample| sample.name);
        for series in samples.chunk_by(|a, b| a.name == b.name) {
            let Some(first) = series.first() else { continue };
            let kind = match first.kind {
                SampleKind::Counter => MetricType::Counter,
                SampleKind::Gauge => MetricType::Gauge,
            };
            let mut family = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for sample in series {
                match sample.label {
                    Some(label) => encode_sample(&mut family.encode_family(&[label])?, sample)?,
                    None => encode_sample(&mut family, sample)?,
                }
            }
        }
        Ok(())
    }
}

fn counter_family<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Counter)
}

fn count<const N: usize>(
    family: &mut MetricEncoder<'_>,
    labels: &[(&str, &str); N],
    value: u64,
) -> fmt::Result {
    family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn encode_sample(encoder: &mut MetricEncoder<'_>, sample: &Sample) -> fmt::Result {
    match sample.kind {
        SampleKind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&sample.value, None),
        SampleKind::Gauge => encoder.encode_gauge(&sample.value),
    }
}

#[cfg(test)]
mod tests;
