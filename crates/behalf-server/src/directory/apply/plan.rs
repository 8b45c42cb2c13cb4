//! The plan: pure, from the directory's state and the manifest to ordered steps and what people
//! read of them.

use std::fmt;

use behalf_core::{
    application::Application,
    id::{AppId, CredentialId, TenantId},
    secret::Pepper,
    time::{Timestamp, written},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Manifest, difference,
    manifest::{Credential, SecretSource, Span},
    overlay::Wanted,
    people::{self, WantedUser},
    resolve::{self, References, Target},
    state::State,
};
use crate::directory::{NewApplication, NewCertificate, NewSecret, Refusal, consent, credentials};

/// How long a secret is good for unless the manifest says so.
const SECRET_LIFE: Span = Span(std::time::Duration::from_hours(180 * 24));

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// It comes to be.
    #[serde(rename = "+")]
    Add,
    /// It becomes another.
    #[serde(rename = "~")]
    Change,
    /// It goes.
    #[serde(rename = "-")]
    Remove,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What happens.
    pub sign: Sign,
    /// To what.
    pub what: String,
}

impl Line {
    pub(super) fn new(sign: Sign, what: String) -> Self {
        Self { sign, what }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Add => '+',
            Sign::Change => '~',
            Sign::Remove => '-',
        };
        write!(f, "{sign} {}", self.what)
    }
}

/// What applying a manifest will do. Empty when the directory is as the manifest wants it.
#[derive(Debug)]
pub struct Plan {
    /// What people read.
    pub lines: Vec<Line>,
    pub(super) tenant: TenantId,
    pub(super) steps: Vec<Step>,
}

/// One commit of a plan.
#[derive(Debug)]
pub(super) enum Step {
    Create(NewApplication, Box<Wanted>),
    Update(AppId, Box<Wanted>),
    CreatePrincipal(AppId),
    AssignmentRequired(AppId, bool),
    AddSecret(AppId, NewSecret),
    AddCertificate(AppId, NewCertificate),
    RemoveCredential(AppId, CredentialId),
    User(Box<WantedUser>),
    Grant(AppId),
    Revoke(AppId),
}

/// What planning needs besides state and manifest.
pub(super) struct Context<'a> {
    pub(super) now: Timestamp,
    pub(super) pepper: &'a Pepper,
    /// An id nothing else has, for a kind and a name.
    pub(super) fresh: &'a dyn Fn(&str, &str) -> Uuid,
}

/// Plans, or says everything that is wrong.
pub(super) fn plan(
    state: &State,
    manifest: &Manifest,
    context: &Context<'_>,
) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    let targets = resolve::resolve(state, manifest, context, &mut problems);
    let references = References { state, targets: &targets };
    let steps = Vec::new();
    let (tenant, lines) = (state.tenant.id, Vec::new());
    let mut planner = Planner { context, references, tenant, lines, steps, problems };
    for target in &targets {
        planner.definition(target);
    }
    for target in &targets {
        planner.credentials(target);
    }
    planner.grants(manifest, &targets);
    let Planner { mut lines, mut steps, mut problems, .. } = planner;
    people::plan(state, &manifest.users, (&mut lines, &mut steps), &mut problems);
    if problems.is_empty() {
        Ok(Plan { lines, tenant: state.tenant.id, steps })
    } else {
        Err(problems)
    }
}

struct Planner<'a> {
    context: &'a Context<'a>,
    references: References<'a, 'a>,
    tenant: TenantId,
    lines: Vec<Line>,
    steps: Vec<Step>,
    problems: Vec<String>,
}

impl Planner<'_> {
    fn line(&mut self, sign: Sign, what: String) {
        self.lines.push(Line::new(sign, what));
    }

    /// What an application is, offers and needs.
    fn definition(&mut self, target: &Target<'_>) {
        let (after, name) = (&target.after, &target.after.name);
        let before = target.known.map(|known| &known.application);
        let resource = |id: &AppId| {
            let named = self.references.find(&id.to_string());
            named.map_or_else(|| id.to_string(), |app| app.name.clone())
        };
        let lines = difference::lines(before, after, &resource);
        self.lines.extend(lines);
        let wanted = Box::new(target.wanted.clone());
        match before {
            None => {
                let new = NewApplication {
                    tenant: after.tenant,
                    name: name.clone(),
                    app_id: Some(after.app_id),
                    kind: after.kind,
                    audience: after.audience,
                };
                self.steps.push(Step::Create(new, wanted));
            }
            Some(before) if before != after => self.steps.push(Step::Update(after.app_id, wanted)),
            Some(_) => {}
        }
        let principal = target.known.and_then(|known| known.principal.as_ref());
        if before.is_some() && principal.is_none() {
            self.line(Sign::Add, format!("{name}: service principal"));
            self.steps.push(Step::CreatePrincipal(after.app_id));
        }
        let required = principal.is_some_and(|principal| principal.assignment_required);
        if let Some(wanted) = target.app.assignment_required.filter(|wanted| *wanted != required) {
            let word = |required| if required { "required" } else { "not required" };
            let change = format!("{name}: assignment {} -> {}", word(required), word(wanted));
            self.line(Sign::Change, change);
            self.steps.push(Step::AssignmentRequired(after.app_id, wanted));
        }
    }

    /// Secrets and certificates, if the manifest manages them.
    fn credentials(&mut self, target: &Target<'_>) {
        let Some(wanted) = &target.app.credentials else { return };
        let (after, name) = (&target.after, &target.after.name);
        if after.kind.is_public() && !wanted.is_empty() {
            let refusal = Refusal::Public(name.clone(), "credential");
            self.problems.push(format!("{name}: credentials: {refusal}"));
            return;
        }
        let mut kept = Vec::new();
        for credential in wanted {
            let key = (credential.secret.is_some(), credential.name.as_str());
            if kept.contains(&key) {
                let twice = "is there twice, expected each name once";
                self.problems.push(format!("{name}: credentials: {:?} {twice}", credential.name));
            }
            kept.push(key);
            if let Err(problem) = self.credential(after, credential) {
                self.problems.push(format!("{name}: credential {:?}: {problem}", credential.name));
            }
        }
        let secrets = after.secrets.iter().map(|s| (true, &s.name, s.id));
        let certificates = after.certificates.iter().map(|c| (false, &c.name, c.id));
        let gone: Vec<_> = secrets
            .chain(certificates)
            .filter(|(secret, known, _)| !kept.contains(&(*secret, known.as_str())))
            .collect();
        for (secret, known, id) in gone {
            let what = if secret { "secret" } else { "certificate" };
            self.line(Sign::Remove, format!("{name}: {what} {known}"));
            self.steps.push(Step::RemoveCredential(after.app_id, id));
        }
    }

    fn credential(&mut self, app: &Application, wanted: &Credential) -> Result<(), String> {
        match (&wanted.secret, &wanted.certificate) {
            (Some(source), None) => self.secret(app, wanted, source),
            (None, Some(_)) if wanted.expires.is_some() => {
                Err("`expires` is for secrets: a certificate says itself when it ends".into())
            }
            (None, Some(pem)) => self.certificate(app, &wanted.name, pem),
            _ => Err("expected `secret` or `certificate`, exactly one of them".into()),
        }
    }

    fn secret(
        &mut self,
        app: &Application,
        wanted: &Credential,
        source: &SecretSource,
    ) -> Result<(), String> {
        let known = app.secrets.iter().find(|known| known.name == wanted.name);
        let value = match source {
            // Made once for each name.
            SecretSource::Generate if known.is_some() => return Ok(()),
            SecretSource::Generate => None,
            SecretSource::Value(value) => Some(value.clone()),
            SecretSource::FromEnv(_) | SecretSource::FromFile(_) => {
                return Err(
                    "its value was not read: `behalf apply` reads it before it sends".into()
                );
            }
        };
        let unchanged = |value: &behalf_core::secret::SecretText| {
            let hash = self.context.pepper.hash(value.expose());
            known.is_some_and(|known| known.hash.matches(&hash))
        };
        if value.as_ref().is_some_and(unchanged) {
            return Ok(());
        }
        let life = wanted.expires.unwrap_or(SECRET_LIFE);
        let expires = self.context.now.plus(life.0);
        if life.0.is_zero() {
            return Err("`expires: 0s` would end it at once".into());
        }
        let sign = if known.is_some() { Sign::Change } else { Sign::Add };
        let made = if value.is_some() { "given" } else { "generated" };
        let until = written(expires.unix_seconds());
        let day = until.split(' ').next().unwrap_or_default();
        let what = format!("{}: secret {} ({made}, until {day})", app.name, wanted.name);
        self.line(sign, what);
        let (name, replaces) = (wanted.name.clone(), known.map(|known| known.id));
        self.steps.push(Step::AddSecret(app.app_id, NewSecret { name, value, expires, replaces }));
        Ok(())
    }

    fn certificate(&mut self, app: &Application, name: &str, pem: &str) -> Result<(), String> {
        let read = credentials::read(pem.as_bytes()).map_err(|error| error.to_string())?;
        let known = app.certificates.iter().find(|known| known.name == name);
        if known.is_some_and(|known| known.der == read.der()) {
            return Ok(());
        }
        let usable = credentials::usable(name, pem.as_bytes(), self.context.now);
        usable.map_err(|refusal| refusal.to_string())?;
        if let Some(same) = app.certificates.iter().find(|c| c.der == read.der()) {
            return Err(format!("the same certificate is registered as {:?}", same.name));
        }
        let sign = if known.is_some() { Sign::Change } else { Sign::Add };
        let until = written(read.not_after());
        let day = until.split(' ').next().unwrap_or_default();
        self.line(sign, format!("{}: certificate {name} (until {day})", app.name));
        let (bytes, replaces) = (pem.as_bytes().to_vec(), known.map(|known| known.id));
        let new = NewCertificate { name: name.to_owned(), bytes, replaces };
        self.steps.push(Step::AddCertificate(app.app_id, new));
        Ok(())
    }

    /// Admin consent, if the manifest manages it.
    fn grants(&mut self, manifest: &Manifest, targets: &[Target<'_>]) {
        let Some(list) = manifest.grants.as_ref().and_then(|grants| grants.admin_consent.as_ref())
        else {
            return;
        };
        let mut granted = Vec::new();
        for name in list {
            match self.references.find(name).cloned() {
                Some(client) => {
                    if let Err(problem) = self.grant(&client) {
                        self.problems.push(format!("grants: admin-consent: {name}: {problem}"));
                    }
                    granted.push(client.app_id);
                }
                None => self.problems.push(format!(
                    "grants: admin-consent: there is no application {name:?}, neither in this manifest nor in the tenant"
                )),
            }
        }
        for target in targets.iter().filter(|t| !granted.contains(&t.after.app_id)) {
            let held = target.known.map_or(0, |known| {
                let scopes = known.grants.iter().map(|grant| grant.scopes.len());
                known.assignments.len() + scopes.sum::<usize>()
            });
            if held > 0 {
                let what = format!("grant {}: all of its {held} permissions", target.after.name);
                self.line(Sign::Remove, what);
                self.steps.push(Step::Revoke(target.after.app_id));
            }
        }
    }

    fn grant(&mut self, client: &Application) -> Result<(), String> {
        let mut lines = Vec::new();
        for required in &client.required_resource_access {
            let id = required.app_id;
            let known = self.references.state.by_app_id(id);
            let resource = self.references.find(&id.to_string());
            let resource = resource.or(known.map(|known| &known.application));
            let Some(resource) = resource else {
                return Err(Refusal::NoServicePrincipal(id.to_string()).to_string());
            };
            let principal = known.and_then(|known| known.principal.as_ref());
            let held: Vec<_> = self
                .references
                .state
                .by_app_id(client.app_id)
                .map(|known| known.assignments.iter())
                .into_iter()
                .flatten()
                .filter(|held| principal.is_some_and(|principal| principal.id == held.resource))
                .cloned()
                .collect();
            let missing = consent::missing(client, required, resource, &held)
                .map_err(|refusal| refusal.to_string())?;
            let known = self.references.state.by_app_id(client.app_id);
            let granted = known.iter().flat_map(|known| &known.grants);
            let granted: Vec<_> = granted
                .filter(|grant| principal.is_some_and(|own| own.id == grant.resource))
                .collect();
            let scopes = resource.scopes.iter().filter(|scope| {
                required.scopes.contains(&scope.id)
                    && !granted.iter().any(|grant| grant.scopes.contains(&scope.id))
                    && consent::needs_grant(client.app_id, resource, scope, self.tenant)
            });
            let scopes = scopes.map(|scope| scope.value.clone());
            let line = |value| format!("grant {}: {} {value}", client.name, resource.name);
            lines.extend(scopes.chain(missing.into_iter().map(|(_, role)| role)).map(line));
        }
        if !lines.is_empty() {
            self.lines.extend(lines.into_iter().map(|what| Line::new(Sign::Add, what)));
            self.steps.push(Step::Grant(client.app_id));
        }
        Ok(())
    }
}
