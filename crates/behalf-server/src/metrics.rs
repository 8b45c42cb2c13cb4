//! The values that are read when somebody asks for metrics.

use std::sync::{Arc, Weak};

use behalf_store::{Standing, Store};

use crate::{
    state::Server,
    telemetry::{Sample, SampleKind},
};

/// Attaches what `server` knows to its own metrics.
pub(crate) fn attach(server: &Arc<Server>) {
    let weak = Arc::downgrade(server);
    server.metrics.attach(move || samples(&weak));
}

fn samples(server: &Weak<Server>) -> Vec<Sample> {
    let Some(server) = server.upgrade() else { return Vec::new() };
    let log = server.journal.counts();
    let refused = server.limits.refusals();
    let count = |name, help, value| sample(name, help, SampleKind::Counter, value);
    let mut samples = vec![
        count("journal_rows", "Rows written to the sign-in log", log.rows),
        count("journal_syncs", "Commits of the sign-in log that were synced to disk", log.syncs),
        count("journal_failures", "Commits of the sign-in log that failed", log.failures),
        sample(
            "audit_backlog",
            "Rows that wait for the sign-in log's writer",
            SampleKind::Gauge,
            log.waiting,
        ),
        count("store_reads", "Look-ups in the database", server.store.reads()),
        count("store_writes", "Write sets committed to the database", server.store.writes()),
        count(
            "store_transactions",
            "Transactions that made them durable",
            server.store.transactions(),
        ),
        count(
            "store_unanswered",
            "Look-ups and write sets that the database did not answer or take",
            server.store.unanswered().count,
        ),
        sample(
            "ready",
            "Whether requests may be sent here",
            SampleKind::Gauge,
            u64::from(server.journal.ready() && server.store.standing() != Standing::Lost),
        ),
    ];
    samples.extend(standing(&server.store));
    samples.extend(shipping(&server));
    for (reason, value) in [
        ("address", refused.address),
        ("address_and_client", refused.address_and_client),
        ("client", refused.client),
        ("tenant", refused.tenant),
    ] {
        samples.push(Sample {
            label: Some(("reason", reason)),
            ..count("rate_limited", "Requests held back by a limit", value)
        });
    }
    samples
}

/// How far what is remembered may be trusted, and how well the other nodes are followed.
fn standing(store: &Store) -> Vec<Sample> {
    let now = store.standing().as_str();
    let state = |name: &'static str| Sample {
        label: Some(("standing", name)),
        ..sample(
            "storage_standing",
            "Whether what is remembered of the database is current, or it is away, or lost",
            SampleKind::Gauge,
            u64::from(now == name),
        )
    };
    let mut samples: Vec<_> = ["current", "away", "lost"].into_iter().map(state).collect();
    let Some(followed) = store.followed() else { return samples };
    let lag = "Time since everything that other nodes committed was last known";
    let looks = "Looks at what other nodes committed";
    let looks = |outcome, value| Sample {
        label: Some(("outcome", outcome)),
        ..sample("storage_catch_ups", looks, SampleKind::Counter, value)
    };
    samples.extend([
        Sample {
            value: followed.lag.as_secs_f64(),
            ..sample("storage_lag_seconds", lag, SampleKind::Gauge, 0)
        },
        sample(
            "storage_commits_behind",
            "Commits of other nodes that are known to be there and not taken note of yet",
            SampleKind::Gauge,
            followed.behind,
        ),
        looks("success", followed.catch_ups),
        looks("failure", followed.failures),
    ]);
    samples
}

/// How far the sign-in log is shipped, where nodes share one.
fn shipping(server: &Server) -> Vec<Sample> {
    let Some(shipped) = server.journal.shipped() else { return Vec::new() };
    let waits = shipped.oldest.map(|oldest| server.clock.now().0.saturating_sub(oldest.0));
    let waits = waits.and_then(|millis| u64::try_from(millis / 1_000).ok()).unwrap_or(0);
    let count = |name, help, value| sample(name, help, SampleKind::Counter, value);
    let gauge = |name, help, value| sample(name, help, SampleKind::Gauge, value);
    vec![
        count("log_shipped_rows", "Rows of the sign-in log sent to the database", shipped.rows),
        count("log_shipments", "Transactions that took them", shipped.batches),
        count("log_shipment_failures", "Shipments that failed", shipped.failures),
        gauge("log_unshipped_rows", "Rows that are only in this node's journal", shipped.waiting),
        gauge("log_unshipped_seconds", "How long the oldest of them waits", waits),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
fn sample(name: &'static str, help: &'static str, kind: SampleKind, value: u64) -> Sample {
    Sample { name, help, kind, label: None, value: value as f64 }
}
