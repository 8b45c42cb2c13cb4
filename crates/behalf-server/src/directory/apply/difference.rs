//! What people are told of a change of an application: a line for each thing that differs.

use std::collections::{BTreeMap, BTreeSet};

use behalf_core::application::{
    AppKind, Application, OptionalClaim, OptionalClaims, Require, SignInAudience, TokenVersion,
};

use super::plan::{Line, Sign};

/// The lines of a change from `before` (or nothing) to `after`. `call` names a resource.
pub(super) fn lines(
    before: Option<&Application>,
    after: &Application,
    call: &dyn Fn(&behalf_core::id::AppId) -> String,
) -> Vec<Line> {
    let mut lines = Lines { name: &after.name, lines: Vec::new() };
    match before {
        None => {
            let (kind, audience) = (kind(after.kind), audience(after.audience));
            lines
                .lines
                .push(Line::new(Sign::Add, format!("app {}: {kind}, {audience}", after.name)));
        }
        Some(before) => {
            lines.value("kind", kind(before.kind), kind(after.kind));
            lines.value("audience", audience(before.audience), audience(after.audience));
        }
    }
    let nothing = blank(after);
    let before = before.unwrap_or(&nothing);
    lines.value("display name", before.display_name(), after.display_name());
    let state = |app: &Application| if app.disabled { "disabled" } else { "enabled" };
    lines.value("state", state(before), state(after));
    lines.value("token version", version(before), version(after));
    lines.value("token algorithm", &algorithm(before), &algorithm(after));
    lines.value("token lifetime", &lifetime(before), &lifetime(after));
    lines.value("assertions", assertions(before), assertions(after));
    lines.value("allowed methods", &methods(before), &methods(after));
    let allowed = |allowed: bool| if allowed { "allowed" } else { "not allowed" };
    let grant = |app: &Application| allowed(app.behalf.password_grant);
    lines.value("password grant", grant(before), grant(after));
    let degraded = |app: &Application| allowed(!app.behalf.no_degraded_service);
    lines.value("degraded service", degraded(before), degraded(after));
    let public = |app: &Application| if app.fallback_public_client { "public" } else { "none" };
    lines.value("fallback client", public(before), public(after));
    let logout = |app: &Application| app.logout_url.clone().unwrap_or_else(|| "none".to_owned());
    lines.value("logout URL", &logout(before), &logout(after));
    lines.value("demand", &demand(&before.require), &demand(&after.require));
    for (what, of) in COLLECTIONS {
        lines.items(what, &of(before), &of(after));
    }
    lines.items("call", &calls(before, call), &calls(after, call));
    lines.lines
}

/// A new application differs from an empty one of its name and kind.
fn blank(after: &Application) -> Application {
    Application {
        display_name: None,
        identifier_uris: Vec::new(),
        requested_access_token_version: Some(TokenVersion::V2),
        scopes: Vec::new(),
        roles: Vec::new(),
        required_resource_access: Vec::new(),
        redirects: Vec::new(),
        logout_url: None,
        fallback_public_client: false,
        optional_claims: OptionalClaims::default(),
        require: Require::default(),
        known_clients: Vec::new(),
        pre_authorized: Vec::new(),
        disabled: false,
        behalf: behalf_core::application::Settings::default(),
        ..after.clone()
    }
}

/// Items by what people call them, with what else is to be told of them.
type Items = BTreeMap<String, String>;

/// What an application has several of.
type Collection = fn(&Application) -> Items;

const COLLECTIONS: [(&str, Collection); 8] = [
    ("uri", |app| {
        app.identifier_uris.iter().map(|uri| (uri.as_str().to_owned(), String::new())).collect()
    }),
    ("scope", |app| app.scopes.iter().map(|s| (s.value.clone(), format!("{s:?}"))).collect()),
    ("role", |app| app.roles.iter().map(|r| (r.value.clone(), format!("{r:?}"))).collect()),
    ("redirect", |app| {
        app.redirects.iter().map(|r| (r.uri.clone(), format!("{:?}", r.platform))).collect()
    }),
    ("optional claim in access tokens", |app| claims(&app.optional_claims.access_token)),
    ("optional claim in ID tokens", |app| claims(&app.optional_claims.id_token)),
    ("combined consent for", |app| {
        app.known_clients.iter().map(|id| (id.to_string(), String::new())).collect()
    }),
    ("pre-authorized", |app| {
        let scopes = |p: &behalf_core::application::PreAuthorized| format!("{:?}", p.scopes);
        app.pre_authorized.iter().map(|p| (p.app_id.to_string(), scopes(p))).collect()
    }),
];

fn calls(app: &Application, name: &dyn Fn(&behalf_core::id::AppId) -> String) -> Items {
    let required = app.required_resource_access.iter();
    required.map(|r| (name(&r.app_id), format!("{:?}{:?}", r.scopes, r.roles))).collect()
}

fn claims(claims: &BTreeSet<OptionalClaim>) -> Items {
    claims.iter().map(|claim| (claim.as_str().to_owned(), String::new())).collect()
}

fn demand(require: &Require) -> String {
    let mfa = require.mfa.then(|| "mfa".to_owned());
    let age = require.max_age().map(|age| format!("sign-in within {}", super::manifest::Span(age)));
    let said: Vec<_> = mfa.into_iter().chain(age).chain(require.acrs.iter().cloned()).collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}

fn kind(kind: AppKind) -> &'static str {
    match kind {
        AppKind::Api => "api",
        AppKind::Daemon => "daemon",
        AppKind::Native => "native",
        AppKind::Web => "web",
    }
}

fn audience(audience: SignInAudience) -> &'static str {
    match audience {
        SignInAudience::Single => "single tenant",
        SignInAudience::Multi => "multi tenant",
    }
}

fn version(app: &Application) -> &'static str {
    match app.token_version() {
        TokenVersion::V1 => "1",
        TokenVersion::V2 => "2",
    }
}

fn algorithm(app: &Application) -> String {
    format!("{:?}", app.behalf.token_alg.unwrap_or_default()).to_uppercase()
}

fn lifetime(app: &Application) -> String {
    app.behalf
        .token_lifetime()
        .map_or("the server's".to_owned(), |lifetime| super::manifest::Span(lifetime).to_string())
}

fn assertions(app: &Application) -> &'static str {
    if app.behalf.strict_assertions { "strict" } else { "compatible" }
}

fn methods(app: &Application) -> String {
    let methods = &app.behalf.allowed_methods;
    let named: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if named.is_empty() { "all".to_owned() } else { named.join(", ") }
}

struct Lines<'a> {
    name: &'a str,
    lines: Vec<Line>,
}

impl Lines<'_> {
    fn push(&mut self, sign: Sign, what: &str) {
        self.lines.push(Line::new(sign, format!("{}: {what}", self.name)));
    }

    fn value(&mut self, what: &str, before: &str, after: &str) {
        if before != after {
            self.push(Sign::Change, &format!("{what} {before} -> {after}"));
        }
    }

    fn items(&mut self, what: &str, before: &Items, after: &Items) {
        for (item, details) in after {
            match before.get(item) {
                None => self.push(Sign::Add, &format!("{what} {item}")),
                Some(other) if other != details => {
                    self.push(Sign::Change, &format!("{what} {item}"));
                }
                Some(_) => {}
            }
        }
        for item in before.keys().filter(|item| !after.contains_key(*item)) {
            self.push(Sign::Remove, &format!("{what} {item}"));
        }
    }
}
