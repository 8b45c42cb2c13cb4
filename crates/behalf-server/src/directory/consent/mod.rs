//! Consent: the page's button, a manifest, the command line and the development seed all end here,
//! each in one commit with its audit entry. What may be granted is decided by
//! [`behalf_core::consent`] and [`behalf_core::access`].

mod approvals;
mod gather;
mod listing;
mod revoke;
mod write;

pub use listing::Held;
pub use revoke::Selection;

use behalf_core::{
    access::{self, Actor, Denied, GrantConsent, Permit},
    application::{Application, MemberType, RequiredResource, Scope},
    consent::{
        self, Accepted, ConsentFacts, ConsentList, ConsentRefusal, GrantOutcome, ListDigest,
        NamedScopes, PermissionKind, Request, Required, Wanted,
    },
    id::{AppId, ObjectId, PermissionId, TenantId},
    service_principal::AppRoleAssignment,
    user::User,
};
use behalf_store::{Expect, WriteSet, records::user};

use super::{Directory, Refusal, commit};
use gather::{Question, gather};

pub(super) use revoke::remove_of_principal;

/// A permission that was granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// Who may use it, as people call it.
    pub client: String,
    /// The resource, as people call it.
    pub resource: String,
    /// The scope's or role's value.
    pub value: String,
    /// Scope or app role.
    pub kind: PermissionKind,
}

/// A user pressed Accept.
#[derive(Debug, Clone, Copy)]
pub struct Acceptance<'a> {
    /// The user's tenant.
    pub tenant: TenantId,
    /// The client.
    pub client: AppId,
    /// What it asks for, now as when the page was made.
    pub request: &'a Request,
    /// What the page showed.
    pub shown: &'a ListDigest,
    /// Who accepts. What he may is read with the rest.
    pub user: ObjectId,
    /// He ticked "for everyone".
    pub for_everyone: bool,
    /// What is committed with it, or not at all: that the page counts once.
    pub also: &'a WriteSet,
}

/// What an acceptance came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consented {
    /// It is granted.
    Granted(GrantOutcome),
    /// There is nothing left to grant: the client goes on with what it has.
    Nothing,
    /// What was shown is not so any more: the page is shown again, with this. Nothing was written.
    Again(Box<ConsentList>),
}

/// What an operator grants to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// What the client's registration requires.
    Registered,
    /// That, and what the APIs require that know it as client.
    Combined,
    /// Scopes and app roles by value.
    Named(Vec<NamedScopes>),
}

impl Extent {
    fn wanted(&self) -> Wanted {
        match self {
            Self::Registered | Self::Combined => Wanted::Registered { target: None },
            Self::Named(scopes) => Wanted::Named(scopes.clone()),
        }
    }

    fn list(&self, facts: &ConsentFacts) -> Result<ConsentList, ConsentRefusal> {
        match self {
            Self::Registered => consent::registered(facts, false),
            Self::Combined => consent::registered(facts, true),
            Self::Named(scopes) => consent::named(facts, scopes),
        }
    }
}

impl Directory {
    /// What `user` has to be asked before `client` gets what it asks for.
    pub async fn consent_required(
        &self,
        (tenant, client): (TenantId, AppId),
        request: &Request,
        user: &User,
    ) -> Result<Required, Refusal> {
        let question = Question { tenant, client, wanted: &request.wanted, user: Some(user.id) };
        let gathered = gather(&self.store.reading(), &question, self.now()).await?;
        Ok(consent::required(request, &gathered.facts, Actor::User(user))?)
    }

    /// Grants what a user accepted: service principals, grants and app roles in one commit.
    pub async fn accept_consent(&self, acceptance: &Acceptance<'_>) -> Result<Consented, Refusal> {
        commit!(self, self.draft_acceptance(acceptance))
    }

    async fn draft_acceptance(
        &self,
        acceptance: &Acceptance<'_>,
    ) -> Result<(WriteSet, Consented), Refusal> {
        let Acceptance { tenant, client, request, shown, user, for_everyone, also } = *acceptance;
        let reading = self.store.reading();
        let who = reading.user(tenant, user).await?.ok_or(Denied::NoUserHere)?;
        let question = Question { tenant, client, wanted: &request.wanted, user: Some(user) };
        let mut gathered = gather(&reading, &question, self.now()).await?;
        gathered.rests_on(user::key(tenant, user), Expect::Version(who.version));
        let actor = Actor::User(&who);
        let now = match consent::required(request, &gathered.facts, actor)? {
            Required::Nothing => return Ok((WriteSet::new(), Consented::Nothing)),
            Required::Dialog(list) | Required::NeedsAdmin(list) => list,
        };
        let accepted = match consent::accept(shown, now) {
            Ok(accepted) => accepted,
            Err(list) => return Ok((WriteSet::new(), Consented::Again(list))),
        };
        let permit = access::grant_consent(actor, accepted, for_everyone, &gathered.facts)?;
        let (mut set, outcome) = self.write(&gathered, &permit).await?;
        write::join(&mut set, also);
        Ok((set, Consented::Granted(outcome)))
    }

    /// Grants a client what its registration requires, for everyone in this tenant. Adds what is
    /// missing, removes nothing, and answers with what it added.
    pub async fn grant_admin_consent(
        &self,
        tenant: TenantId,
        client: AppId,
    ) -> Result<Vec<Granted>, Refusal> {
        self.grant_consent(tenant, client, &Extent::Registered).await
    }

    /// Grants a client what an operator names, for everyone in this tenant; a client or API that
    /// is not known here becomes so where it may (protocol 6.7).
    pub async fn grant_consent(
        &self,
        tenant: TenantId,
        client: AppId,
        extent: &Extent,
    ) -> Result<Vec<Granted>, Refusal> {
        commit!(self, self.draft_consent((tenant, client), extent))
    }

    async fn draft_consent(
        &self,
        (tenant, client): (TenantId, AppId),
        extent: &Extent,
    ) -> Result<(WriteSet, Vec<Granted>), Refusal> {
        let wanted = extent.wanted();
        let question = Question { tenant, client, wanted: &wanted, user: None };
        let gathered = gather(&self.store.reading(), &question, self.now()).await?;
        if !matches!(extent, Extent::Named(_)) {
            let app = &gathered.facts.client.application;
            for required in &app.required_resource_access {
                let resource = gathered.facts.app(required.app_id);
                let resource = resource
                    .ok_or_else(|| Refusal::NoServicePrincipal(required.app_id.to_string()))?;
                missing(app, required, &resource.application, &[])?;
            }
        }
        let list = extent.list(&gathered.facts)?;
        let accepted = Accepted::named(list);
        let permit = access::grant_consent(Actor::Operator, accepted, true, &gathered.facts)?;
        let (set, outcome) = self.write(&gathered, &permit).await?;
        let granted = told(&permit, &outcome);
        Ok((set, granted))
    }
}

/// What an outcome adds, as people read it.
fn told(permit: &Permit<GrantConsent>, outcome: &GrantOutcome) -> Vec<Granted> {
    let mut granted = Vec::new();
    for part in &permit.deed().list.parts {
        let pair = (part.client.app_id, part.resource.app_id);
        let scopes = outcome.grants.iter().filter(|add| (add.client, add.resource) == pair);
        let scopes = scopes.flat_map(|add| add.scopes.iter().copied());
        let roles = outcome.roles.iter().filter(|add| (add.client, add.resource) == pair);
        let added: Vec<PermissionId> = scopes.chain(roles.map(|add| add.role)).collect();
        for permission in part.permissions.iter().filter(|p| added.contains(&p.id)) {
            granted.push(Granted {
                client: part.client.name.clone(),
                resource: part.resource.name.clone(),
                value: permission.value.clone(),
                kind: permission.kind,
            });
        }
    }
    granted
}

/// Whether `client` has an enabled scope only if it is granted: it is not pre-authorised for it in
/// `tenant`.
pub(super) fn needs_grant(
    client: AppId,
    resource: &Application,
    scope: &Scope,
    tenant: TenantId,
) -> bool {
    !scope.disabled && !consent::is_pre_authorized(client, resource, scope, tenant)
}

/// The roles that `client` requires of a resource and does not have; a role that the resource
/// does not offer to applications cannot be granted.
pub(super) fn missing(
    client: &Application,
    required: &RequiredResource,
    resource: &Application,
    held: &[AppRoleAssignment],
) -> Result<Vec<(PermissionId, String)>, Refusal> {
    let mut missing = Vec::new();
    for id in &required.roles {
        let role = resource.roles.iter().find(|role| role.id == *id);
        let offered = role.filter(|r| !r.disabled && r.members.contains(&MemberType::App));
        let Some(role) = offered else {
            return Err(Refusal::NoSuchRole {
                client: client.name.clone(),
                resource: resource.name.clone(),
                role: role.map_or_else(|| id.to_string(), |role| role.value.clone()),
            });
        };
        if !held.iter().any(|held| held.role == *id) {
            missing.push((*id, role.value.clone()));
        }
    }
    Ok(missing)
}
