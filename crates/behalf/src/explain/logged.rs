//! One logged request as it is told: the checks in their order, the first that failed, what was
//! found and expected, who can mend it and with which command.

use std::{collections::BTreeMap, fmt::Write as _};

use behalf_core::{event::Step, time::written};
use behalf_protocol::error::AadSts;
use behalf_server::admin_socket::wire::{Outcome, SignIn};
use http::StatusCode;

use crate::admin::{Admin, AdminError};

/// What people call those that events name by id.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// The names that `events` need. Who is not there any more keeps his id; all do while the
    /// directory cannot be read.
    pub(super) async fn of(admin: &Admin, events: &[SignIn]) -> Result<Self, AdminError> {
        match Self::read(admin, events).await {
            Err(AdminError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. }) => {
                Ok(Self::default())
            }
            read => read,
        }
    }

    async fn read(admin: &Admin, events: &[SignIn]) -> Result<Self, AdminError> {
        let mut names = BTreeMap::new();
        if events.is_empty() {
            return Ok(Self(names));
        }
        for tenant in admin.tenants().await? {
            let id = tenant.id.to_string();
            for app in admin.applications(&id).await? {
                names.insert(app.app_id.to_string(), app.name);
            }
            names.insert(id, tenant.domains.first().cloned().unwrap_or(tenant.name));
        }
        for event in events {
            let Some(user) = event.user else { continue };
            let (tenant, user) = (event.tenant.to_string(), user.to_string());
            if let Ok(found) = admin.user((&tenant, &user)).await {
                names.insert(user, found.name);
            }
        }
        Ok(Self(names))
    }

    fn name(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

/// The text for people.
pub(super) fn explained(event: &SignIn, names: &Names) -> String {
    let mut text = head(event, names);
    for check in &event.steps {
        let sign = match check.result.as_str() {
            "ok" => "ok",
            "failed" => "FAIL",
            _ => "-",
        };
        let _ = writeln!(text, "  {sign:<4} {}", check.step);
    }
    if let Outcome::Refused { code, found, expected } = &event.outcome {
        let _ = writeln!(text, "       found     {found}");
        let _ = writeln!(text, "       expected  {expected}");
        let unreached = unreached(event);
        if !unreached.is_empty() {
            let _ = writeln!(text, "  …    not reached: {}", unreached.join(", "));
        }
        mended(&mut text, event, *code, names);
    }
    let _ = writeln!(text, "Ids");
    let _ = writeln!(text, "  request        {}", event.request_id);
    let _ = writeln!(text, "  correlation    {}", event.correlation);
    if let Some(node) = event.node {
        let _ = writeln!(text, "  node           {node}");
    }
    text
}

/// Who asked for what, when, and what came of it.
fn head(event: &SignIn, names: &Names) -> String {
    let outcome = match &event.outcome {
        Outcome::Issued { version, roles, .. } if roles.is_empty() => format!("issued v{version}"),
        Outcome::Issued { version, roles, .. } => {
            format!("issued v{version} [{}]", roles.join(", "))
        }
        Outcome::SignedIn { methods } => format!("signed in [{}]", methods.join(", ")),
        Outcome::Revoked => "revoked".to_owned(),
        Outcome::Refused { code, .. } => {
            let error = AadSts::by_code(*code).next().map_or("", |row| row.oauth().as_str());
            format!("refused AADSTS{code} {error}").trim_end().to_owned()
        }
    };
    let client = names.name(&event.client);
    let user = event.user.map(|user| format!(" for {}", names.name(&user.to_string())));
    let asked = event.resource.as_deref().unwrap_or("-");
    let tenant = names.name(&event.tenant.to_string());
    let mut text = format!(
        "{}  {client}{} -> {asked}   {outcome}\n",
        written(event.time.unix_seconds()),
        user.unwrap_or_default()
    );
    let _ = writeln!(text, "  {} at the {} endpoint of {tenant}", event.grant, event.endpoint);
    if !event.chain.is_empty() {
        let hops: Vec<String> = event.chain.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  through the service principals {}", hops.join(" -> "));
    }
    text
}

/// The checks that a token request of this grant still had before it; in the browser there are
/// others.
fn unreached(event: &SignIn) -> Vec<&'static str> {
    let made = |step: &&Step| event.steps.iter().any(|check| check.step == step.as_str());
    if !made(&&Step::Grant) && event.steps.len() > 2 {
        return Vec::new();
    }
    let user_steps = [Step::Presented, Step::User, Step::Consent, Step::Policy, Step::SingleUse];
    let userless = event.grant == "client_credentials";
    let steps = Step::ALL.iter().filter(|step| !made(step));
    steps
        .filter(|step| !(userless && user_steps.contains(step)))
        .filter(|step| !matches!(step, Step::SingleUse | Step::Freshness))
        .map(|step| step.as_str())
        .collect()
}

/// Who can mend it, and how.
fn mended(text: &mut String, event: &SignIn, code: u32, names: &Names) {
    let client = names.name(&event.client);
    let tenant = names.name(&event.tenant.to_string());
    let failed = event.steps.iter().find(|check| check.result == "failed");
    let step = failed.and_then(|check| Step::ALL.iter().find(|step| step.as_str() == check.step));
    let who = match step {
        Some(Step::Consent) => {
            format!("an administrator of {tenant}; the user too, where he may consent himself")
        }
        Some(Step::Policy) => "the user, by signing in again".to_owned(),
        Some(
            Step::Tenant
            | Step::Form
            | Step::Grant
            | Step::Target
            | Step::Credential
            | Step::Presented,
        ) => format!("whoever runs {client}"),
        _ => format!("an administrator of {tenant}"),
    };
    let _ = writeln!(text, "Who can mend it   {who}");
    if let Some(row) = AadSts::by_code(code).next() {
        let _ = writeln!(text, "  how            {}", row.fix());
    }
    let command = match code {
        65_001 | 90_094 | 90_095 | 501_051 => {
            let wanted = missing(event, names).map(|value| format!(" {value}")).unwrap_or_default();
            Some(format!("behalf grant {client} --admin{wanted} --tenant {tenant}"))
        }
        500_011 | 700_016 => Some(format!("behalf app list --tenant {tenant}")),
        50_057 => {
            event.user.map(|user| format!("behalf user enable {}", names.name(&user.to_string())))
        }
        _ => None,
    };
    if let Some(command) = command {
        let _ = writeln!(text, "  command        {command}");
    }
}

/// The permissions that were missing, as `behalf grant` takes them; none where all that the client
/// requires is meant.
fn missing(event: &SignIn, names: &Names) -> Option<String> {
    let Outcome::Refused { found, .. } = &event.outcome else { return None };
    let values = found.strip_prefix("no consent to ").filter(|values| *values != "any scope")?;
    let api = names.name(&event.resource_app?.to_string());
    let each: Vec<String> = values.split(' ').map(|value| format!("{api}:{value}")).collect();
    Some(each.join(" "))
}

#[cfg(test)]
mod tests {
    use behalf_core::{id::ObjectId, time::Timestamp};
    use behalf_server::admin_socket::wire::Check;
    use uuid::Uuid;

    use super::*;

    const ACME: &str = "ac3e0000-0000-4000-8000-000000000001";
    const ORDERS: &str = "a9100000-0000-4000-8000-000000000003";
    const BOB: Uuid = uuid::uuid!("b0b00000-0000-5000-8000-000000000001");

    fn event(outcome: Outcome, steps: &[(&str, &str)]) -> SignIn {
        let check = |(step, result): &(&str, &str)| Check {
            step: (*step).to_owned(),
            result: (*result).to_owned(),
        };
        SignIn {
            request_id: "01987654-3210-7000-8000-000000000001".parse().unwrap(),
            time: Timestamp(1_790_000_000_000),
            tenant: ACME.parse().unwrap(),
            grant: "on_behalf_of".into(),
            endpoint: "v2".into(),
            client: ORDERS.into(),
            user: Some(ObjectId(BOB)),
            chain: Vec::new(),
            resource: Some("api://ledger".into()),
            resource_app: None,
            method: None,
            credential: None,
            address: None,
            correlation: Uuid::nil(),
            steps: steps.iter().map(check).collect(),
            outcome,
            node: None,
        }
    }

    fn names() -> Names {
        let pairs = [(ACME, "acme.test"), (ORDERS, "orders-api")];
        let mut names: BTreeMap<String, String> =
            pairs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        names.insert(BOB.to_string(), "bob@acme.test".to_owned());
        Names(names)
    }

    fn refused(code: u32) -> Outcome {
        Outcome::Refused { code, found: "Entries.Read".into(), expected: "Entries.Post".into() }
    }

    #[test]
    fn a_refusal_says_what_failed_who_can_mend_it_and_how() {
        let steps = [
            ("grant type", "ok"),
            ("resource", "ok"),
            ("assignment", "skipped"),
            ("consent", "failed"),
        ];
        insta::assert_snapshot!(explained(&event(refused(65_001), &steps), &names()));
    }

    #[test]
    fn what_was_missing_is_what_the_command_grants() {
        let command = |found: &str, resource_app: Option<&str>| {
            let (code, expected) = (65_001, "a grant".to_owned());
            let refused = Outcome::Refused { code, found: found.to_owned(), expected };
            let mut event = event(refused, &[("consent", "failed")]);
            event.resource_app = resource_app.map(|id| id.parse().unwrap());
            let text = explained(&event, &names());
            let (_, rest) = text.split_once("behalf grant orders-api --admin").unwrap();
            rest.lines().next().unwrap().trim().to_owned()
        };
        let on = " --tenant acme.test";
        let own = Some(ORDERS);
        assert_eq!(command("no consent to A B", own), format!("orders-api:A orders-api:B{on}"));
        assert_eq!(command("no consent to any scope", own), on.trim());
        assert_eq!(command("no consent to A", None), on.trim());
        assert_eq!(command("something else", own), on.trim());
    }

    #[test]
    fn what_was_issued_has_nothing_to_mend() {
        let issued = Outcome::Issued {
            kid: "k".into(),
            version: "2.0".into(),
            expires: 0,
            roles: Vec::new(),
        };
        let text = explained(&event(issued, &[("tenant", "ok")]), &names());
        assert!(
            text.contains("orders-api for bob@acme.test -> api://ledger   issued v2.0"),
            "{text}"
        );
        assert!(!text.contains("Who can mend it"), "{text}");
    }

    #[test]
    fn what_was_refused_in_the_browser_had_no_token_request_before_it() {
        let steps = [("tenant", "ok"), ("form", "ok"), ("client", "ok"), ("grant", "failed")];
        let text = explained(&event(refused(50_126), &steps), &names());
        assert!(!text.contains("not reached"), "{text}");
    }

    #[test]
    fn who_has_no_name_any_more_keeps_his_id() {
        let text = explained(&event(refused(50_057), &[("user", "failed")]), &Names::default());
        assert!(text.contains(&format!("behalf user enable {BOB}")), "{text}");
        assert!(text.contains(ORDERS), "{text}");
    }
}
