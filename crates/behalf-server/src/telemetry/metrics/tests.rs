use behalf_core::{
    application::TokenVersion,
    event::{ClientRef, Trail},
    id::{AppId, CredentialId, RequestId, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

use super::*;

fn event(outcome: Outcome, credential: Option<Method>, failed: Option<Step>) -> SignInEvent {
    let mut trail = Trail::default();
    if let Some(step) = failed {
        trail.failed(step);
    }
    SignInEvent {
        user: None,
        chain: Vec::new(),
        id: RequestId::NIL,
        time: Timestamp(0),
        tenant: TenantId::NIL,
        grant: Grant::ClientCredentials,
        endpoint: Endpoint::V2,
        client: ClientRef::Id(AppId::NIL),
        resource: None,
        resource_app: None,
        credential: credential.map(|method| (method, CredentialId::NIL)),
        address: None,
        correlation: Uuid::nil(),
        trail,
        outcome,
    }
}

fn issued() -> SignInEvent {
    let outcome = Outcome::Issued {
        kid: "k".to_owned(),
        version: TokenVersion::V2,
        expires: 1,
        roles: Vec::new(),
    };
    event(outcome, Some(Method::Certificate), None)
}

fn refused(code: u32) -> SignInEvent {
    let outcome = Outcome::Refused { code, found: String::new(), expected: String::new() };
    event(outcome, None, Some(Step::Credential))
}

/// The value of the one line that begins with `series` and a space.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.encode();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = lines.next().map(|text| text.parse().unwrap());
    assert_eq!(lines.next(), None, "{series} appears twice");
    value
}

#[test]
fn decisions_are_counted_by_grant_version_outcome_and_code() {
    let metrics = Metrics::new("0.1.0");
    metrics.decided(&issued());
    metrics.decided(&issued());
    metrics.decided(&refused(7_000_215));
    for (series, expected) in [
        (
            r#"behalf_token_requests_total{grant="client_credentials",api_version="2.0",outcome="issued",error=""}"#,
            Some(2.0),
        ),
        (
            r#"behalf_token_requests_total{grant="client_credentials",api_version="1.0",outcome="issued",error=""}"#,
            Some(0.0),
        ),
        (
            r#"behalf_token_requests_total{grant="client_credentials",api_version="2.0",outcome="refused",error="7000215"}"#,
            Some(1.0),
        ),
        (
            r#"behalf_token_requests_total{grant="client_credentials",api_version="1.0",outcome="refused",error="7000215"}"#,
            None,
        ),
        (r#"behalf_tokens_issued_total{kind="app"}"#, Some(2.0)),
        (r#"behalf_client_auth_total{method="certificate",outcome="success"}"#, Some(2.0)),
        (r#"behalf_client_auth_total{method="secret",outcome="failure"}"#, Some(1.0)),
        (r#"behalf_client_auth_total{method="secret",outcome="success"}"#, Some(0.0)),
        (r#"behalf_build_info{version="0.1.0"}"#, Some(1.0)),
    ] {
        assert_eq!(value(&metrics, series), expected, "{series}");
    }
}

#[test]
fn sign_ins_and_revocations_are_no_token_requests() {
    let metrics = Metrics::new("0");
    let authorize = |outcome| SignInEvent { grant: Grant::Authorize, ..event(outcome, None, None) };
    let cancelled =
        Outcome::Refused { code: 65_004, found: String::new(), expected: String::new() };
    metrics.decided(&authorize(Outcome::SignedIn { methods: Vec::new() }));
    metrics.decided(&authorize(Outcome::SignedIn { methods: Vec::new() }));
    metrics.decided(&authorize(cancelled));
    metrics.decided(&SignInEvent {
        grant: Grant::Revocation,
        ..event(Outcome::Revoked, Some(Method::Secret), None)
    });
    for (series, expected) in [
        (r#"behalf_interactive_signins_total{outcome="signed_in"}"#, 2.0),
        (r#"behalf_interactive_signins_total{outcome="refused"}"#, 1.0),
        ("behalf_token_revocations_total", 1.0),
        (r#"behalf_tokens_issued_total{kind="app"}"#, 0.0),
        (r#"behalf_client_auth_total{method="secret",outcome="success"}"#, 1.0),
    ] {
        assert_eq!(value(&metrics, series), Some(expected), "{series}");
    }
    assert!(!metrics.encode().contains(r#"token_requests_total{grant="authorize""#));
}

#[test]
fn a_client_that_was_let_in_and_then_refused_counts_as_authenticated() {
    let metrics = Metrics::new("0");
    let outcome = Outcome::Refused { code: 500_011, found: String::new(), expected: String::new() };
    metrics.decided(&event(outcome.clone(), Some(Method::Secret), Some(Step::Resource)));
    metrics.decided(&event(outcome, None, Some(Step::Client)));
    let success = r#"behalf_client_auth_total{method="secret",outcome="success"}"#;
    let failure = r#"behalf_client_auth_total{method="none",outcome="failure"}"#;
    assert_eq!(value(&metrics, success), Some(1.0));
    assert_eq!(value(&metrics, failure), Some(0.0), "the second never got to its credential");
}

#[test]
fn ds_13_nothing_from_outside_becomes_a_label() {
    let metrics = Metrics::new("0");
    let lines = |m: &Metrics| m.encode().lines().count();
    metrics.decided(&refused(1));
    let before = lines(&metrics);
    for code in 2..10_000 {
        metrics.decided(&refused(code));
    }
    assert_eq!(lines(&metrics), before);
    for kind in
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"]
    {
        metrics.shed(kind);
    }
    assert_eq!(lines(&metrics), before + SHED_MAX + 1);
    assert_eq!(value(&metrics, r#"behalf_requests_shed_total{kind="other"}"#), Some(2.0));
}

#[test]
fn times_fall_into_their_buckets() {
    let metrics = Metrics::new("0");
    for micros in [80, 300, 300, 7_000_000] {
        metrics.took(Grant::ClientCredentials, Duration::from_micros(micros));
    }
    let bucket = |le| {
        let series = format!(
            r#"behalf_token_request_seconds_bucket{{le="{le}",grant="client_credentials"}}"#
        );
        value(&metrics, &series)
    };
    assert_eq!(bucket("0.0001"), Some(1.0));
    assert_eq!(bucket("0.0005"), Some(3.0));
    assert_eq!(bucket("5.0"), Some(3.0));
    assert_eq!(bucket("+Inf"), Some(4.0));
    let count = r#"behalf_token_request_seconds_count{grant="client_credentials"}"#;
    assert_eq!(value(&metrics, count), Some(4.0));
}

#[test]
fn hits_and_misses_are_told_apart() {
    let metrics = Metrics::new("0");
    metrics.cache(CacheName::Client, true);
    metrics.cache(CacheName::Client, true);
    metrics.cache(CacheName::Resource, false);
    let series = |cache, result| {
        format!(r#"behalf_cache_events_total{{cache="{cache}",result="{result}"}}"#)
    };
    assert_eq!(value(&metrics, &series("client", "hit")), Some(2.0));
    assert_eq!(value(&metrics, &series("client", "miss")), Some(0.0));
    assert_eq!(value(&metrics, &series("resource", "miss")), Some(1.0));
}

#[test]
fn values_of_other_rooms_are_read_at_each_scrape_and_kept_together() {
    let metrics = Metrics::new("0");
    let age = Arc::new(AtomicU64::new(5));
    let read = Arc::clone(&age);
    let sample = |state, value| Sample {
        name: "signing_key_age_seconds",
        help: "Age of the signing keys",
        kind: SampleKind::Gauge,
        label: Some(("state", state)),
        value,
    };
    metrics.attach(move || vec![sample("active", f64::from(u32::try_from(get(&read)).unwrap()))]);
    metrics.attach(move || vec![sample("announced", 1.0)]);
    let active = r#"behalf_signing_key_age_seconds{state="active"}"#;
    assert_eq!(value(&metrics, active), Some(5.0));
    age.store(6, Ordering::Relaxed);
    assert_eq!(value(&metrics, active), Some(6.0));
    let text = metrics.encode();
    assert_eq!(text.matches("# TYPE behalf_signing_key_age_seconds gauge").count(), 1);
    assert!(text.ends_with("# EOF\n"));
}
