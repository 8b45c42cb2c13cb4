//! From the manifest's names to ids: what each application of it will be.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use behalf_core::{
    application::{
        AppKind, AppRole, Application, IdentifierUri, OptionalClaims, PreAuthorized, Redirect,
        Require, RequiredResource, Scope, SignInAudience, TokenVersion, identifier_uri::name_key,
    },
    id::{AppId, ObjectId, PermissionId, parse_guid},
};

use super::{
    manifest::{App, Manifest, Offers, RedirectTo},
    overlay::Wanted,
    plan::Context,
    state::{Known, State},
};
use crate::directory::check;

/// An application of the manifest: as it is, as it is wanted, as it will be.
pub(super) struct Target<'a> {
    pub(super) app: &'a App,
    pub(super) known: Option<&'a Known>,
    pub(super) wanted: Wanted,
    pub(super) after: Application,
}

/// Resolves every application of `manifest`, or says everything that is wrong with them.
pub(super) fn resolve<'a>(
    state: &'a State,
    manifest: &'a Manifest,
    context: &Context<'_>,
    problems: &mut Vec<String>,
) -> Vec<Target<'a>> {
    let mut names = HashSet::new();
    let mut targets = Vec::new();
    for app in &manifest.apps {
        if !names.insert(&app.name) {
            problems.push(format!("apps: {:?} is there twice, expected each name once", app.name));
            continue;
        }
        targets.push(offered(state, app, context, problems));
    }
    for n in 0..targets.len() {
        let references = References { state, targets: &targets };
        let Some(target) = targets.get(n) else { continue };
        let mut said = Problems { app: &target.app.name, problems };
        let wanted = references.called(target, &mut said);
        if let Some(target) = targets.get_mut(n) {
            target.wanted = wanted;
            target.wanted.lay_over(&mut target.after);
            if let Err(refusal) = check::check(&target.after, &state.tenant) {
                problems.push(format!("{}: {refusal}", target.app.name));
            }
        }
    }
    targets
}

/// Says where a problem is.
struct Problems<'a> {
    app: &'a str,
    problems: &'a mut Vec<String>,
}

impl Problems<'_> {
    fn say(&mut self, what: &str) {
        self.problems.push(format!("{}: {what}", self.app));
    }
}

/// The first half: what an application is and offers, which others refer to.
fn offered<'a>(
    state: &'a State,
    app: &'a App,
    context: &Context<'_>,
    problems: &mut Vec<String>,
) -> Target<'a> {
    let known = state.known.get(&app.name);
    let mut said = Problems { app: &app.name, problems };
    let mut after =
        known.map_or_else(|| blank(state, app, context), |known| known.application.clone());
    if app.id.is_some_and(|id| id != after.app_id) {
        said.say(&format!("id: it has the id {} already, which never changes", after.app_id));
    }
    let token = app.token.unwrap_or_default();
    let mut wanted = Wanted {
        display_name: app.display.clone(),
        kind: app.kind,
        audience: app.audience.map(SignInAudience::from),
        version: token.version,
        alg: token.alg,
        lifetime_secs: token.lifetime.map(|l| u32::try_from(l.0.as_secs()).unwrap_or(u32::MAX)),
        strict_assertions: app.strict_assertions,
        allowed_methods: app.allowed_methods.clone(),
        disabled: app.disabled,
        logout_url: app.logout.clone(),
        fallback_public_client: app.fallback_public_client,
        password_grant: app.password_grant,
        no_degraded_service: app.degraded_service.map(|allowed| !allowed),
        optional_claims: app.optional_claims.as_ref().map(OptionalClaims::from),
        require: app.require.as_ref().map(Require::from),
        ..Wanted::default()
    };
    if let Some(offers) = &app.offers {
        wanted.scopes = scopes(&after, offers, context);
        wanted.roles = roles(&after, offers, context);
    }
    wanted.lay_over(&mut after);
    if let Some(redirects) = &app.redirects {
        let register = |to: &RedirectTo| {
            let (uri, platform) = to.of(after.kind);
            Redirect::register(uri, platform)
        };
        match redirects.iter().map(register).collect() {
            Ok(redirects) => wanted.redirects = Some(redirects),
            Err(refusal) => said.say(&format!("redirects: {refusal}")),
        }
    }
    if let Some(uris) = &app.uri {
        let register = |uri: &String| {
            IdentifierUri::register(uri, after.app_id, &state.tenant, after.audience)
        };
        let registered: Result<_, _> = uris.as_slice().iter().map(register).collect();
        match registered {
            Ok(uris) => wanted.uris = Some(uris),
            Err(refusal) => said.say(&format!("uri: {refusal}")),
        }
    }
    wanted.lay_over(&mut after);
    Target { app, known, wanted, after }
}

/// A new application, before anything is laid over it.
fn blank(state: &State, app: &App, context: &Context<'_>) -> Application {
    let offers = app.offers.as_ref().is_some_and(|offers| {
        let scopes = offers.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty());
        scopes || offers.roles.as_ref().is_some_and(|roles| !roles.is_empty())
    });
    Application {
        requested_access_token_version: Some(TokenVersion::V2),
        ..Application::new(
            ObjectId::NIL,
            app.id.unwrap_or_else(|| AppId((context.fresh)("appId", &app.name))),
            (state.tenant.id, app.name.clone()),
            if offers { AppKind::Api } else { AppKind::Daemon },
            context.now,
        )
    }
}

/// A permission keeps its id as long as its value stays.
fn permission(
    given: Option<PermissionId>,
    known: Option<PermissionId>,
    (app, value): (&Application, &str),
    context: &Context<'_>,
) -> PermissionId {
    let fresh = || (context.fresh)("permission", &format!("{}{value}", app.name)).into();
    given.or(known).unwrap_or_else(fresh)
}

fn scopes(before: &Application, offers: &Offers, context: &Context<'_>) -> Option<Vec<Scope>> {
    let offered = offers.scopes.as_ref()?;
    let scope = |(value, scope): (&String, &super::manifest::Scope)| {
        let known = before.scopes.iter().find(|known| known.value == *value).map(|s| s.id);
        Scope {
            id: permission(scope.id, known, (before, value), context),
            value: value.clone(),
            consent: scope.consent,
            text: scope.text.clone(),
            disabled: !scope.enabled,
            require: scope.require.as_ref().map(Require::from).unwrap_or_default(),
        }
    };
    Some(offered.iter().map(scope).collect())
}

fn roles(before: &Application, offers: &Offers, context: &Context<'_>) -> Option<Vec<AppRole>> {
    let offered = offers.roles.as_ref()?;
    let role = |(value, role): (&String, &super::manifest::Role)| {
        let known = before.roles.iter().find(|known| known.value == *value).map(|r| r.id);
        AppRole {
            id: permission(role.id, known, (before, value), context),
            value: value.clone(),
            members: role.members.clone(),
            text: role.text.clone(),
            disabled: !role.enabled,
        }
    };
    Some(offered.iter().map(role).collect())
}

/// Where a manifest's references lead: to its own applications first, as they will be, then to
/// what the tenant knows.
pub(super) struct References<'s, 'a> {
    pub(super) state: &'s State,
    pub(super) targets: &'s [Target<'a>],
}

impl References<'_, '_> {
    /// The application a reference names.
    pub(super) fn find(&self, name: &str) -> Option<&Application> {
        let uri = name_key(name);
        let named = |app: &Application| {
            app.name == name
                || parse_guid(name).is_ok_and(|id| app.app_id.0 == id)
                || app.identifier_uris.iter().any(|known| name_key(known.as_str()) == uri)
        };
        let own = self.targets.iter().map(|target| &target.after).find(|app| named(app));
        own.or_else(|| self.state.known.get(name).map(|known| &known.application))
    }

    fn client(&self, name: &str, what: &str, said: &mut Problems<'_>) -> Option<AppId> {
        let found = self.find(name);
        if found.is_none() {
            said.say(&format!(
                "{what}: there is no application {name:?}, neither in this manifest nor in the tenant"
            ));
        }
        found.map(|app| app.app_id)
    }

    /// The second half: what an application needs of others.
    fn called(&self, target: &Target<'_>, said: &mut Problems<'_>) -> Wanted {
        let mut wanted = target.wanted.clone();
        if let Some(calls) = &target.app.calls {
            let mut required = BTreeMap::new();
            for (name, call) in calls {
                let Some(id) = self.client(name, "calls", said) else { continue };
                let Some(resource) = self.find(name) else { continue };
                let scopes = resource.scopes.iter().map(|s| (&s.value, s.id)).collect();
                let roles = resource.roles.iter().map(|r| (&r.value, r.id)).collect();
                let resource = RequiredResource {
                    app_id: id,
                    scopes: pick(("calls", name, "scope"), (&call.as_user, &scopes), said),
                    roles: pick(("calls", name, "role"), (&call.as_app, &roles), said),
                };
                if required.insert(id, resource).is_some() {
                    said.say(&format!("calls: {name:?} is there under another name too"));
                }
            }
            wanted.required = Some(required.into_values().collect());
        }
        if let Some(clients) = &target.app.combined_consent_for {
            let ids = clients.iter().filter_map(|c| self.client(c, "combined-consent-for", said));
            wanted.known_clients = Some(ids.collect::<BTreeSet<_>>().into_iter().collect());
        }
        if let Some(clients) = &target.app.pre_authorized {
            let own = target.after.scopes.iter().map(|s| (&s.value, s.id)).collect();
            let one = |(name, scopes): (&String, &BTreeSet<String>)| {
                let app_id = self.client(name, "pre-authorized", said)?;
                let place = ("pre-authorized", target.app.name.as_str(), "scope");
                Some(PreAuthorized { app_id, scopes: pick(place, (scopes, &own), said) })
            };
            wanted.pre_authorized = Some(clients.iter().filter_map(one).collect());
        }
        wanted
    }
}

/// The ids of the permissions that are called for by value.
fn pick(
    (place, resource, what): (&str, &str, &str),
    (values, offered): (&BTreeSet<String>, &BTreeMap<&String, PermissionId>),
    said: &mut Problems<'_>,
) -> BTreeSet<PermissionId> {
    let mut ids = BTreeSet::new();
    for value in values {
        if let Some(id) = offered.get(value) {
            ids.insert(*id);
            continue;
        }
        let known: Vec<&str> = offered.keys().map(|value| value.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        said.say(&format!("{place}: {resource} offers no {what} {value:?}, but {known}"));
    }
    ids
}
