//! `behalf log`: the sign-in log, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use behalf_core::{
    id::{AppId, RequestId},
    time::{Timestamp, written},
};
use behalf_server::admin_socket::wire::{
    LogEntry, LogPage, LogQuery, Missing, Outcome, SignIn, TurnedAway,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::failure::Failure;

/// `behalf log`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this tenant, by domain or id
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Only of this client, by its application id
    #[arg(long, value_name = "GUID", value_parser = app_id)]
    pub(crate) app: Option<AppId>,
    /// Only this request: `x-ms-request-id`, `trace_id`
    #[arg(long, value_name = "GUID", value_parser = request_id, conflicts_with_all = ["tenant", "app", "since"])]
    pub(crate) request: Option<RequestId>,
    /// Only since then: a time ago (15m, 2h, 3d) or a date and time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Most entries, the newest ones
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: crate::door::AskArgs,
}

fn app_id(text: &str) -> Result<AppId, behalf_core::id::NotAGuid> {
    text.parse()
}

fn request_id(text: &str) -> Result<RequestId, behalf_core::id::NotAGuid> {
    text.parse()
}

/// What to ask for.
pub(crate) fn query(args: &Args, now: Timestamp) -> Result<LogQuery, Failure> {
    Ok(LogQuery {
        tenant: args.tenant.clone(),
        app: args.app,
        since: args.since.as_deref().map(|text| since(text, now)).transpose()?,
        limit: Some(args.limit.into()),
        ..LogQuery::default()
    })
}

/// Milliseconds since 1970.
fn since(text: &str, now: Timestamp) -> Result<i64, Failure> {
    if let Some(ago) = duration(text) {
        return Ok(now.minus(ago).0);
    }
    let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        Failure::usage(format!(
            "--since {text:?}: expected a time ago (15m, 2h, 3d) or a date and time \
             (2026-01-31T12:00:00Z)"
        ))
    })?;
    Ok(date.unix_timestamp() * 1000)
}

fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(Duration::from_secs(number.checked_mul(unit)?))
}

/// Entries as lines, oldest first: the newest is next to the prompt. Where there is more than one
/// node each line ends with its own.
pub(crate) fn lines(page: &LogPage) -> String {
    let several = page.nodes.len() > 1;
    let line = |entry: &LogEntry| {
        let (line, node) = match entry {
            LogEntry::SignIn(event) => (sign_in_line(event), event.node),
            LogEntry::TurnedAway(tally) => (turned_away_line(tally), tally.node),
            LogEntry::Missing(missing) => (missing_line(missing), missing.node),
        };
        match node.filter(|_| several) {
            Some(node) => format!("{line}  node {node}\n"),
            None => line + "\n",
        }
    };
    page.entries.iter().rev().map(line).collect()
}

fn sign_in_line(event: &SignIn) -> String {
    let asked = event.resource.as_deref().unwrap_or("-");
    let outcome = match &event.outcome {
        Outcome::Issued { version, roles, .. } => {
            format!("issued v{version} [{}]", roles.join(", "))
        }
        Outcome::SignedIn { methods } => format!("signed in [{}]", methods.join(", ")),
        Outcome::Revoked => "revoked".to_owned(),
        Outcome::Refused { code, .. } => match failed(event) {
            Some(step) => format!("REFUSED AADSTS{code} at {step}"),
            None => format!("REFUSED AADSTS{code}"),
        },
    };
    let method = event.method.as_deref().unwrap_or("-");
    format!(
        "{}  {}  {} -> {asked}  {method}  {outcome}",
        written(event.time.unix_seconds()),
        event.request_id,
        event.client
    )
}

fn turned_away_line(tally: &TurnedAway) -> String {
    let from = tally.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let time = written(tally.time.unix_seconds());
    format!("{time}  {} requests from {from} turned away: {}", tally.count, tally.why)
}

fn missing_line(missing: &Missing) -> String {
    let time = written(missing.time.unix_seconds());
    format!("{time}  {} rows before this are MISSING: they were lost on their node", missing.count)
}

fn failed(event: &SignIn) -> Option<&str> {
    event.steps.iter().find(|check| check.result == "failed").map(|check| check.step.as_str())
}

/// One request in full: every check, and why it ended as it did.
pub(crate) fn explained(event: &SignIn) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    line("request", &event.request_id);
    line("time", &written(event.time.unix_seconds()));
    line("tenant", &event.tenant);
    line("endpoint", &format!("{} {}", event.endpoint, event.grant));
    line("client", &event.client);
    if let Some(user) = &event.user {
        line("on behalf of", user);
    }
    for hop in &event.chain {
        line("through", hop);
    }
    if let Some(resource) = &event.resource {
        line("asked for", resource);
    }
    if let (Some(method), Some(id)) = (&event.method, event.credential) {
        line("credential", &format!("{method} {id}"));
    }
    if let Some(address) = event.address {
        line("from", &address);
    }
    line("correlation", &event.correlation);
    if let Some(node) = event.node {
        line("node", &node);
    }
    for check in &event.steps {
        let sign = match check.result.as_str() {
            "ok" => "ok",
            "failed" => "FAIL",
            _ => "-",
        };
        let _ = writeln!(text, "  {sign:<4} {}", check.step);
    }
    match &event.outcome {
        Outcome::Issued { kid, version, expires, roles } => {
            let until = written(*expires);
            let _ = writeln!(
                text,
                "issued: v{version}, roles [{}], key {kid}, until {until}",
                roles.join(", ")
            );
        }
        Outcome::SignedIn { methods } => {
            let _ = writeln!(text, "signed in: {}", methods.join(", "));
        }
        Outcome::Revoked => text.push_str("revoked\n"),
        Outcome::Refused { code, found, expected } => {
            let _ = writeln!(
                text,
                "refused: AADSTS{code}\n  found     {found}\n  expected  {expected}"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use behalf_server::admin_socket::wire::{Check, LogNode};

    use super::*;

    fn refused() -> SignIn {
        let check = |step: &str, result: &str| Check { step: step.into(), result: result.into() };
        SignIn {
            request_id: "01987654-3210-7000-8000-000000000001".parse().unwrap(),
            time: Timestamp(1_790_000_000_000),
            tenant: "ac3e0000-0000-4000-8000-000000000001".parse().unwrap(),
            grant: "client_credentials".into(),
            endpoint: "v2".into(),
            client: "dae00000-0000-4000-8000-000000000001".into(),
            user: None,
            chain: Vec::new(),
            resource: Some("api://ledger/.default".into()),
            resource_app: None,
            method: None,
            credential: None,
            address: Some("127.0.0.1".parse().unwrap()),
            correlation: uuid::Uuid::nil(),
            steps: vec![check("tenant", "ok"), check("credential", "failed")],
            outcome: Outcome::Refused {
                code: 7_000_215,
                found: "a secret of 9 characters".into(),
                expected: "one of the application's secrets".into(),
            },
            node: None,
        }
    }

    #[test]
    fn a_line_says_who_asked_for_what_and_where_it_failed() {
        let entries = vec![LogEntry::SignIn(Box::new(refused()))];
        insta::assert_snapshot!(lines(&LogPage { entries, ..LogPage::default() }));
    }

    #[test]
    fn where_there_are_several_nodes_a_line_names_its_own() {
        let [one, other] = [1, 2].map(uuid::Uuid::from_u128);
        let nodes = [one, other].map(|id| LogNode { id, shipped_at: Timestamp(0) });
        let event = SignIn { node: Some(one), ..refused() };
        let missing = Missing { time: event.time, count: 3, node: Some(other) };
        let entries = vec![LogEntry::Missing(missing), LogEntry::SignIn(Box::new(event))];
        let mut page = LogPage { entries, nodes: nodes.to_vec(), ..LogPage::default() };
        let told = lines(&page);
        let told: Vec<_> = told.lines().collect();
        assert!(told[0].ends_with(&format!("  node {one}")), "{told:?}");
        assert!(told[1].contains("3 rows before this are MISSING"), "{told:?}");
        assert!(told[1].ends_with(&format!("  node {other}")), "{told:?}");
        page.nodes.pop();
        assert!(!lines(&page).contains("node 0"), "one node needs no name");
    }

    #[test]
    fn one_request_is_told_in_full() {
        insta::assert_snapshot!(explained(&refused()));
    }

    #[test]
    fn since_is_a_time_ago_or_a_date() {
        let now = Timestamp(1_790_000_000_000);
        assert_eq!(since("15m", now).unwrap(), now.0 - 900_000);
        assert_eq!(since("2d", now).unwrap(), now.0 - 172_800_000);
        assert_eq!(since("1970-01-01T00:00:01Z", now).unwrap(), 1_000);
        for bad in ["", "m", "-1h", "yesterday", "5", "5w", "99999999999999999999d"] {
            assert!(since(bad, now).is_err(), "{bad}");
        }
    }
}
