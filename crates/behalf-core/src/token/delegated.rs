//! What every grant on behalf of a user checks in the same way: user, client, resource, assignment,
//! consent, policy (protocol 3.2, tickets.md 4).

use behalf_protocol::{EndpointVersion, claims_request::ClaimsRequest};

use crate::{
    application::{OptionalClaim, Require, Scope, SignInAudience, credential::Method},
    event::{Step, Trail, loggable_target},
    id::{ObjectId, parse_guid},
    pairwise::PairwiseKey,
    ticket::{Aio, AuthenticationMethod, Chain, ClientBinding, ClientClass, Counters, SignIn},
    time::Timestamp,
    token::{
        AssertionFault, ClientFacts, ClientPrincipal, DelegatedFacts, Demand, Echo, GrantRefusal,
        IdTokenWish, IdentifiedClient, Refusal, Target, TargetScopes, UserIssuance,
    },
    user::User,
};

/// What a decision on behalf of a user rests on, whatever is presented.
#[derive(Debug, Clone, Copy)]
pub struct Delegating<'f, 'r> {
    /// Who asks.
    pub client: &'r IdentifiedClient<'f>,
    /// The user that what is presented names, if the tenant has one of that id.
    pub user: Option<&'f User>,
    /// What the target's resource resolves to in the tenant, for this client and user.
    pub resource: Option<&'f DelegatedFacts>,
    /// What is asked for.
    pub target: &'r Target,
    /// `claims` of the request.
    pub claims: &'r ClaimsRequest,
    /// The endpoint's version: it changes spelling, and that v1 answers with a refresh token
    /// unasked (decisions.md 17).
    pub version: EndpointVersion,
    /// The key of pairwise subjects.
    pub pairwise: &'r PairwiseKey,
    /// Now.
    pub now: Timestamp,
}

/// Everything but what is presented was checked.
#[derive(Debug)]
pub(super) struct Delegated<'f> {
    pub(super) user: &'f User,
    resource: &'f DelegatedFacts,
    scopes: Vec<&'f Scope>,
    demanded: Require,
}

/// By what a user is known to have signed in, and through whom he came.
#[derive(Debug)]
pub(super) struct Provenance {
    pub(super) sign_in: SignIn,
    pub(super) family: crate::id::FamilyId,
    pub(super) absolute: Option<Timestamp>,
    /// The services before this client.
    pub(super) through: Chain,
    pub(super) echo: Echo,
}

impl<'f> Delegating<'f, '_> {
    fn facts(&self) -> &'f ClientFacts {
        self.client.facts()
    }

    /// The user is there, of this tenant, and enabled.
    pub(super) fn living_user(&self, expected: ObjectId) -> Result<&'f User, GrantRefusal> {
        let tenant = self.facts().tenant.id;
        match self.user.filter(|user| user.id == expected && user.tenant == tenant) {
            None => Err(GrantRefusal::UserUnknown { user: expected, tenant }),
            Some(user) if user.disabled => Err(GrantRefusal::UserDisabled { user: expected }),
            Some(user) => Ok(user),
        }
    }

    /// The client's application and service principal are there and enabled.
    pub(super) fn living_client(&self) -> Result<ClientPrincipal, Refusal> {
        self.client.living()
    }

    /// Resource, assignment, consent and policy, in this order.
    pub(super) fn authorised(
        &self,
        user: &'f User,
        sign_in: &SignIn,
        trail: &mut Trail,
    ) -> Result<Delegated<'f>, Refusal> {
        let resource = self.living_resource()?;
        trail.ok(Step::Resource);
        self.assigned(user, resource, trail)?;
        let scopes = self.consented(resource)?;
        trail.ok(Step::Consent);
        let demanded = self.demanded(resource, &scopes);
        if demanded.is_empty() {
            trail.skipped(Step::Policy);
        } else {
            self.satisfied(&demanded, resource, sign_in)?;
            trail.ok(Step::Policy);
        }
        Ok(Delegated { user, resource, scopes, demanded })
    }

    /// The user is assigned to the client and to the resource, where they require it. A sign-in to
    /// the client must not outlive the assignment that it took.
    fn assigned(
        &self,
        user: &User,
        found: &DelegatedFacts,
        trail: &mut Trail,
    ) -> Result<(), GrantRefusal> {
        let missing = |app_id, display_name: &str| GrantRefusal::UserNotAssigned {
            user: user.name.as_str().to_owned(),
            resource: app_id,
            display_name: display_name.to_owned(),
        };
        let (client, resource) = (self.facts(), &found.resource);
        if found.client_closed {
            return Err(missing(client.app_id, &client.display_name));
        }
        if !resource.assignment_required {
            trail.skipped(Step::Assignment);
        } else if resource.assigned {
            trail.ok(Step::Assignment);
        } else {
            return Err(missing(resource.app_id, &resource.display_name));
        }
        Ok(())
    }

    fn living_resource(&self) -> Result<&'f DelegatedFacts, Refusal> {
        let requested = &self.target.resource;
        let Some(found) = self.resource else {
            return Err(Refusal::ResourceUnknown {
                requested: loggable_target(requested).map(str::to_owned),
                tenant: self.facts().tenant.display_name.clone(),
            });
        };
        if found.resource.disabled {
            return Err(Refusal::ResourceDisabled {
                resource: found.resource.app_id,
                display_name: found.resource.display_name.clone(),
            });
        }
        let client = self.facts().app_id;
        if found.resource.app_id == client && parse_guid(requested).is_err() {
            return Err(GrantRefusal::ItselfByUri { client }.into());
        }
        Ok(found)
    }

    /// Which scopes are issued: of those asked for, what the client has for the user. Scopes of
    /// `OpenID` Connect need no consent (decisions.md 15).
    fn consented(&self, found: &'f DelegatedFacts) -> Result<Vec<&'f Scope>, GrantRefusal> {
        let missing = |scopes: String| GrantRefusal::ConsentMissing {
            client: self.facts().app_id,
            client_name: self.facts().display_name.clone(),
            resource: found.resource.app_id,
            display_name: found.resource.display_name.clone(),
            scopes,
        };
        let all = || found.granted.iter().collect::<Vec<_>>();
        let names = match &self.target.scopes {
            TargetScopes::Default if found.granted.is_empty() && self.unregistered(found) => {
                return Err(GrantRefusal::ResourceNotRequired {
                    client: self.facts().app_id,
                    resource: found.resource.app_id,
                    display_name: found.resource.display_name.clone(),
                });
            }
            TargetScopes::Default if found.granted.is_empty() => {
                return Err(missing("any scope".to_owned()));
            }
            TargetScopes::Default => return Ok(all()),
            TargetScopes::Named(names) => names,
        };
        let mut granted = all();
        granted.retain(|scope| names.contains(&scope.value));
        let absent = names.iter().filter(|name| granted.iter().all(|scope| scope.value != **name));
        let absent: Vec<&String> = absent.collect();
        let (resource, graph) = (found.resource.app_id, found.is_graph());
        let nothing_but_openid = graph && names.is_empty();
        if let Some(unknown) = absent.iter().find(|name| !found.others.contains(name))
            && !self.target.remembered
        {
            let whole = format!("{}/{unknown}", self.target.resource);
            let scope = loggable_target(&whole).map_or("that was asked for", |_| unknown.as_str());
            return Err(GrantRefusal::ScopeUnknown { scope: scope.to_owned(), resource, graph });
        }
        let refused = if self.target.remembered { granted.is_empty() } else { !absent.is_empty() };
        if refused && !nothing_but_openid {
            let known = absent.into_iter().filter(|name| found.others.contains(name));
            let listed = known.map(String::as_str).collect::<Vec<_>>().join(" ");
            let scopes = if listed.is_empty() { "any scope".to_owned() } else { listed };
            return Err(missing(scopes));
        }
        let says_something = !granted.is_empty()
            || self.target.oidc.iter().any(|name| graph && name != "offline_access");
        if says_something { Ok(granted) } else { Err(missing("any scope".to_owned())) }
    }

    /// v1, an application of one directory, and a resource that its registration does not require:
    /// consent could not be asked for either (decisions.md 24).
    fn unregistered(&self, found: &DelegatedFacts) -> bool {
        let client = self.facts();
        self.version == EndpointVersion::V1
            && client.audience == SignInAudience::Single
            && client.app_id != found.resource.app_id
            && !client.required.contains(&found.resource.app_id)
    }

    /// What the resource, each scope, and the client's own `claims` demand of the sign-in.
    fn demanded(&self, found: &DelegatedFacts, scopes: &[&Scope]) -> Require {
        let all = scopes.iter().fold(found.require.clone(), |all, scope| all.and(&scope.require));
        let asked = Require {
            acrs: self.claims.authentication_contexts().map(str::to_owned).collect(),
            ..Require::default()
        };
        // What is no context can be met by no sign-in, and be repeated in no answer.
        if asked.is_well_formed() { all.and(&asked) } else { all }
    }

    fn satisfied(
        &self,
        demanded: &Require,
        found: &DelegatedFacts,
        sign_in: &SignIn,
    ) -> Result<(), GrantRefusal> {
        let (display_name, resource) =
            (|| found.resource.display_name.clone(), found.resource.app_id);
        let too_weak =
            |demand| GrantRefusal::SignInTooWeak { display_name: display_name(), demand, resource };
        if demanded.mfa && !sign_in.methods.contains(&AuthenticationMethod::MultiFactor) {
            return Err(too_weak(Demand::SecondFactor));
        }
        let unmet = |acr: &&String| !sign_in.contexts().any(|met| met == acr.as_str());
        if let Some(context) = demanded.acrs.iter().find(unmet) {
            return Err(too_weak(Demand::Context(context.clone())));
        }
        match demanded.max_age() {
            Some(max_age) if self.now.since(sign_in.time) > max_age => {
                Err(GrantRefusal::SignInTooOld {
                    display_name: display_name(),
                    seconds: max_age.as_secs(),
                    resource,
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether the answer carries a refresh token: v2 when asked, v1 always, unless the tenant
    /// wants it asked for too (decisions.md 17).
    pub(super) fn wants_refresh_token(&self) -> bool {
        let unasked =
            self.version == EndpointVersion::V1 && !self.facts().tenant.users.v1_refresh_on_request;
        unasked || self.target.oidc.offline_access()
    }

    /// How what is issued now is bound to the client.
    pub(super) fn binding(&self, principal: ClientPrincipal, spa: bool) -> ClientBinding {
        ClientBinding {
            app_id: self.facts().app_id,
            service_principal: principal.id,
            revision: principal.revision,
            class: match self.client.method() {
                None => ClientClass::Public { generation: 0 },
                Some(Method::Secret) => ClientClass::Secret,
                Some(Method::Certificate) => ClientClass::Assertion,
            },
            spa,
        }
    }

    /// The counters as they are: what is issued now ends when they change.
    pub(super) fn counters(&self, user: &User) -> Counters {
        Counters::of(user, &self.facts().tenant)
    }

    /// The tokens, without a refresh token yet.
    pub(super) fn issuance(
        &self,
        delegated: Delegated<'f>,
        principal: ClientPrincipal,
        from: Provenance,
    ) -> Result<UserIssuance<'f>, GrantRefusal> {
        let Delegated { user, resource, scopes, demanded } = delegated;
        let client = self.facts();
        let chain = from
            .through
            .followed_by(principal.id)
            .map_err(|_| GrantRefusal::AssertionInvalid(AssertionFault::TooLong))?;
        let aio = Aio {
            counters: self.counters(user),
            family: from.family,
            absolute: from.absolute,
            resource: resource.principal,
            sign_in: from.sign_in.clone(),
            chain,
        };
        let wish = (self.target.oidc, from.echo);
        Ok(UserIssuance {
            tenant: client.tenant.id,
            user,
            client,
            method: self.client.method(),
            resource,
            target: self.target.clone(),
            scopes: scopes.iter().map(|scope| scope.value.as_str()).collect(),
            demanded,
            sign_in: from.sign_in,
            subject: self.pairwise.subject(client.tenant.id, user.id, resource.resource.app_id),
            handles_challenges: self.claims.handles_challenges()
                && resource.resource.claims.contains(&OptionalClaim::XmsCc),
            aio,
            id_token: IdTokenWish::of(wish, self.version, (client, user), self.pairwise),
            refresh: None,
        })
    }
}
