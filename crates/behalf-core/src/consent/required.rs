//! What a client still needs, and whether who is asked may give it (protocol 6.6 and 6.7).

use std::collections::BTreeSet;

use crate::{
    access::{self, Actor},
    application::{AppRole, Application, Consent, MemberType, RequiredResource},
    consent::{
        AppInTenant, ConsentFacts, ConsentList, ConsentRefusal, ListedPermission, NamedScopes,
        Part, Party, PermissionKind, Request, Wanted,
    },
    id::{AppId, ObjectId, PermissionId},
};

/// What has to happen before a client gets what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Required {
    /// Nothing: it goes on with what is granted.
    Nothing,
    /// The user is asked, and may accept.
    Dialog(ConsentList),
    /// Only an administrator may accept (90094).
    NeedsAdmin(ConsentList),
}

/// What `actor`, who is signed in, has to be asked before the client gets what it asks for.
pub fn required(
    request: &Request,
    facts: &ConsentFacts,
    actor: Actor<'_>,
) -> Result<Required, ConsentRefusal> {
    let builder = Builder::new(facts, request.admin)?;
    let user = actor.id();
    let list = match &request.wanted {
        Wanted::Registered { target } => {
            // Whether what is asked for can be had at all is looked at first.
            let lacks = builder.lacks(target.as_deref(), user)?;
            let all = request.prompt || request.admin || facts.client.principal.is_none();
            let needed = all || lacks;
            if !needed {
                return Ok(Required::Nothing);
            }
            builder.registered(true)?
        }
        Wanted::Named(named) => {
            let all = request.prompt || request.admin;
            let had = |resource| {
                if all {
                    return BTreeSet::new();
                }
                facts.effective_ids(facts.client.app_id(), resource, user)
            };
            let list = builder.named(named, had, false)?;
            if !all && list.is_empty() {
                return Ok(Required::Nothing);
            }
            list
        }
    };
    Ok(match access::may_consent(actor, &list, request.admin, facts) {
        Ok(()) => Required::Dialog(list),
        Err(_) => Required::NeedsAdmin(list),
    })
}

/// Everything that a client's registration requires, app roles too, for an administrator who grants
/// it to everyone; `combined` with what the APIs need that know it as client. A manifest says what
/// each of its applications gets and combines nothing.
pub fn registered(facts: &ConsentFacts, combined: bool) -> Result<ConsentList, ConsentRefusal> {
    Builder::new(facts, true)?.registered(combined)
}

/// Permissions that an operator names, for everyone: a value is a scope's or else an app role's.
pub fn named(facts: &ConsentFacts, scopes: &[NamedScopes]) -> Result<ConsentList, ConsentRefusal> {
    Builder::new(facts, true)?.named(scopes, |_| BTreeSet::new(), true)
}

/// Puts a list together.
struct Builder<'a> {
    facts: &'a ConsentFacts,
    list: ConsentList,
}

impl<'a> Builder<'a> {
    fn new(facts: &'a ConsentFacts, for_everyone: bool) -> Result<Self, ConsentRefusal> {
        let client = &facts.client;
        if !client.may_be_used_in(&facts.tenant) {
            return Err(ConsentRefusal::ClientUnknown { client: client.app_id() });
        }
        if client.disabled() {
            return Err(ConsentRefusal::ClientDisabled { client: client.app_id() });
        }
        let creates = if client.principal.is_none() { vec![party(client)] } else { Vec::new() };
        let list = ConsentList {
            tenant: facts.tenant.id,
            client: party(client),
            creates,
            parts: Vec::new(),
            for_everyone,
        };
        Ok(Self { facts, list })
    }

    /// Whether the user must be asked before `.default` or v1 goes on: only if the client has no
    /// scope at all yet of what it asks for (protocol 6.6).
    fn lacks(&self, target: Option<&str>, user: Option<ObjectId>) -> Result<bool, ConsentRefusal> {
        let client = &self.facts.client;
        let none = |resource| self.facts.effective(client.app_id(), resource, user).is_empty();
        let required = &client.application.required_resource_access;
        let Some(target) = target else {
            return Ok(required.iter().any(|r| !r.scopes.is_empty() && none(r.app_id)));
        };
        let resource = self.resolve(target)?;
        if !none(resource.app_id()) {
            return Ok(false);
        }
        let roles_too = self.list.for_everyone;
        let listed = |r: &RequiredResource| {
            r.app_id == resource.app_id()
                && (!r.scopes.is_empty() || roles_too && !r.roles.is_empty())
        };
        if required.iter().any(listed) {
            Ok(true)
        } else {
            Err(ConsentRefusal::NotRequired { resource: target.to_owned() })
        }
    }

    /// The resource that the client means by `name`.
    fn resolve(&self, name: &str) -> Result<&'a AppInTenant, ConsentRefusal> {
        match self.facts.named(name) {
            Some((app, false)) => Ok(app),
            _ => Err(self.missing(name)),
        }
    }

    fn missing(&self, resource: &str) -> ConsentRefusal {
        ConsentRefusal::ResourceMissing {
            resource: resource.to_owned(),
            tenant: self.facts.tenant.display_name.clone(),
        }
    }

    /// The static set, and that of every API it is combined with.
    fn registered(mut self, with_combined: bool) -> Result<ConsentList, ConsentRefusal> {
        let client = &self.facts.client;
        for required in &client.application.required_resource_access {
            self.required_of(client, required, combined(&client.application, required.app_id))?;
        }
        for required in &client.application.required_resource_access {
            if with_combined {
                self.combine(required.app_id)?;
            }
        }
        Ok(self.list)
    }

    /// The scopes that are named, but for those it `had`. An API that becomes known with the client
    /// brings its own needs.
    fn named(
        mut self,
        named: &[NamedScopes],
        had: impl Fn(AppId) -> BTreeSet<PermissionId>,
        with_roles: bool,
    ) -> Result<ConsentList, ConsentRefusal> {
        let client = &self.facts.client;
        let mut created = Vec::new();
        for NamedScopes { resource: name, values } in named {
            let resource = self.resolve(name)?;
            let (mut ids, mut roles) = (BTreeSet::new(), BTreeSet::new());
            for value in values {
                let role = if with_roles { app_role(&resource.application, value) } else { None };
                match (enabled(&resource.application, value), role) {
                    (Err(_), Some(role)) => roles.insert(role),
                    (scope, _) => ids.insert(scope?),
                };
            }
            let had = had(resource.app_id());
            let scopes: BTreeSet<_> = ids.difference(&had).copied().collect();
            if resource.principal.is_none() && resource.app_id() != client.app_id() {
                created.push(resource.app_id());
            }
            let required = RequiredResource { app_id: resource.app_id(), scopes, roles };
            self.required_of(client, &required, combined(&client.application, required.app_id))?;
        }
        for resource in created {
            self.combine(resource)?;
        }
        Ok(self.list)
    }

    /// Adds what an API needs that is combined with the client: one level, and only of resources
    /// that are known here or become known with it (decisions.md 22).
    fn combine(&mut self, resource: AppId) -> Result<(), ConsentRefusal> {
        let client = &self.facts.client;
        let Some(middle) = self.facts.app(resource) else { return Ok(()) };
        if !combined(&client.application, resource)(&middle.application) {
            return Ok(());
        }
        for required in &middle.application.required_resource_access {
            self.required_of(middle, required, |_| false)?;
        }
        Ok(())
    }

    /// Adds what `client` requires of one resource, as far as that offers it.
    fn required_of(
        &mut self,
        client: &AppInTenant,
        required: &RequiredResource,
        comes_along: impl Fn(&Application) -> bool,
    ) -> Result<(), ConsentRefusal> {
        let id = required.app_id;
        let Some(resource) = self.facts.app(id) else { return Err(self.missing(&id.to_string())) };
        let created = self.list.creates.iter().any(|party| party.app_id == id);
        let usable = resource.may_be_used_in(&self.facts.tenant);
        if resource.principal.is_none() && !created {
            if !usable || !comes_along(&resource.application) {
                return Err(self.missing(&name_of(resource)));
            }
            self.list.creates.push(party(resource));
        }
        if resource.disabled() {
            let resource = resource.application.display_name().to_owned();
            return Err(ConsentRefusal::ResourceDisabled { resource });
        }
        let permissions = offered(&resource.application, required, self.list.for_everyone);
        if permissions.is_empty() {
            return Ok(());
        }
        let (client, resource) = (party(client), party(resource));
        let same =
            |part: &&mut Part| part.client.app_id == client.app_id && part.resource.app_id == id;
        match self.list.parts.iter_mut().find(same) {
            Some(part) => {
                for permission in permissions {
                    if !part.permissions.contains(&permission) {
                        part.permissions.push(permission);
                    }
                }
            }
            None => self.list.parts.push(Part { client, resource, permissions }),
        }
        Ok(())
    }
}

/// Whether an API is combined with `client`: each lists the other, and they have one home.
fn combined(client: &Application, resource: AppId) -> impl Fn(&Application) -> bool + use<> {
    let listed = client.required_resource_access.iter().any(|r| r.app_id == resource);
    let (id, home) = (client.app_id, client.tenant);
    move |other| {
        listed
            && other.app_id == resource
            && other.app_id != id
            && other.tenant == home
            && other.known_clients.contains(&id)
    }
}

/// The enabled scope of that value.
fn enabled(resource: &Application, value: &str) -> Result<PermissionId, ConsentRefusal> {
    let found = resource.scopes.iter().find(|scope| scope.value == value && !scope.disabled);
    found.map(|scope| scope.id).ok_or_else(|| ConsentRefusal::ScopeUnknown {
        scope: value.to_owned(),
        resource: resource.display_name().to_owned(),
    })
}

/// The enabled app role for applications of that value.
fn app_role(resource: &Application, value: &str) -> Option<PermissionId> {
    let is = |role: &&AppRole| {
        role.value == value && !role.disabled && role.members.contains(&MemberType::App)
    };
    resource.roles.iter().find(is).map(|role| role.id)
}

/// What `resource` offers of what is required: enabled scopes, and app roles for applications
/// where those may be granted.
fn offered(
    resource: &Application,
    required: &RequiredResource,
    with_roles: bool,
) -> Vec<ListedPermission> {
    let scopes = resource.scopes.iter().filter(|s| !s.disabled && required.scopes.contains(&s.id));
    let scopes = scopes.map(|scope| ListedPermission {
        id: scope.id,
        kind: PermissionKind::Scope,
        value: scope.value.clone(),
        text: scope.text.clone(),
        admin_only: scope.consent == Consent::Admin,
    });
    let roles = resource.roles.iter().filter(|role| {
        with_roles
            && !role.disabled
            && role.members.contains(&MemberType::App)
            && required.roles.contains(&role.id)
    });
    let roles = roles.map(|role| ListedPermission {
        id: role.id,
        kind: PermissionKind::Role,
        value: role.value.clone(),
        text: role.text.clone(),
        admin_only: true,
    });
    scopes.chain(roles).collect()
}

fn party(app: &AppInTenant) -> Party {
    Party {
        app_id: app.app_id(),
        name: app.application.display_name().to_owned(),
        home: app.application.tenant,
        home_name: app.home_name.clone(),
    }
}

/// What a resource without a service principal may be called in a refusal: the names it would be
/// asked for by, never what its owner calls it.
fn name_of(app: &AppInTenant) -> String {
    let uri = app.application.identifier_uris.first();
    uri.map_or_else(|| app.app_id().to_string(), |uri| uri.as_str().to_owned())
}
