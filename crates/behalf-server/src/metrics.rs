//! The values that are read when somebody asks for metrics.

use std::sync::{Arc, Weak};

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
        sample(
            "ready",
            "Whether requests may be sent here",
            SampleKind::Gauge,
            u64::from(server.journal.ready()),
        ),
    ];
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

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
fn sample(name: &'static str, help: &'static str, kind: SampleKind, value: u64) -> Sample {
    Sample { name, help, kind, label: None, value: value as f64 }
}
