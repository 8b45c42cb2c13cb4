//! What every grant on behalf of a user gathers and does in the same way.

use std::sync::Arc;

use behalf_core::{
    application::OptionalClaim,
    event::{Step, loggable_target},
    id::{FamilyId, ObjectId},
    ticket::{Chain, Opened, Standing, TicketClaims},
    time::Timestamp,
    token::{
        ClientFacts, DelegatedFacts, Delegating, GrantRefusal, IdentifiedClient, Refusal, Target,
        UserIssuance,
        client_auth::{self, Presented},
    },
    user::User,
};
use behalf_protocol::{
    EndpointVersion,
    claims_request::ClaimsRequest,
    token::request::{GrantParameterError, RequestedScopes, TargetError},
};

use crate::state::Core;

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::{self, Slots},
};

/// What a decision on behalf of a user rests on, kept while it is made.
pub(super) struct Gathered {
    user: Option<Arc<User>>,
    resource: Option<Arc<DelegatedFacts>>,
    pub(super) family: Standing,
    target: Target,
    claims: ClaimsRequest,
}

impl Gathered {
    /// Whether there will be an ID token, if there will be any.
    pub(super) fn wants_id_token(&self) -> bool {
        self.target.oidc.openid()
    }

    /// The facts as the decisions take them.
    pub(super) fn on<'g>(
        &'g self,
        client: &'g IdentifiedClient<'g>,
        core: &'g Core,
        (version, now): (EndpointVersion, Timestamp),
    ) -> Delegating<'g, 'g> {
        Delegating {
            client,
            user: self.user.as_deref(),
            resource: self.resource.as_deref(),
            target: &self.target,
            claims: &self.claims,
            version,
            pairwise: &core.server.pairwise,
            now,
        }
    }
}

impl Inquiry<'_> {
    /// The endpoint's version, and now.
    pub(super) fn here(&self) -> (EndpointVersion, Timestamp) {
        (self.version, self.circumstances.now)
    }

    /// Parameters of the grant, which are part of the form.
    pub(super) fn parameters<T>(
        &mut self,
        parsed: Result<T, GrantParameterError>,
    ) -> Result<T, Refusal> {
        let parsed = parsed.map_err(|error| Refusal::from(GrantRefusal::Parameters(error)));
        let step = parsed.as_ref().err().map_or(Step::Form, Refusal::step);
        self.inspect(step, parsed)
    }

    /// What the request says about claims.
    pub(super) fn claims(&mut self, asked: &Asked<'_>) -> Result<ClaimsRequest, Refusal> {
        let parsed = match asked.form.claims.as_deref() {
            Some(json) => ClaimsRequest::parse(json).map_err(GrantRefusal::Claims),
            None => Ok(ClaimsRequest::default()),
        };
        self.inspect(Step::Form, parsed.map_err(Refusal::from))
    }

    /// What is asked for, if the request says so.
    pub(super) fn scopes<'r>(
        &mut self,
        asked: &Asked<'r>,
    ) -> Result<Option<RequestedScopes<'r>>, Refusal> {
        let (resource, scope) = (asked.form.resource.as_deref(), asked.form.scope.as_deref());
        let parsed = RequestedScopes::optional(self.version, resource, scope);
        self.inspect(Step::Target, parsed.map_err(Refusal::Target))
    }

    /// Notes for what a token is asked.
    pub(super) fn target(
        &mut self,
        target: Result<Target, TargetError>,
    ) -> Result<Target, Refusal> {
        let target = self.step(Step::Target, target.map_err(Refusal::Target))?;
        self.event.resource = loggable_target(&target.resource).map(str::to_owned);
        Ok(target)
    }

    /// Who asks: by a credential, or named where a public client may be.
    pub(super) async fn identify<'f>(
        &mut self,
        facts: &'f ClientFacts,
        asked: &Asked<'_>,
    ) -> Result<IdentifiedClient<'f>, Denied> {
        let judge = self.judge_of_credentials();
        let trail = &mut self.event.trail;
        let client = client_auth::identify(asked.credential, facts, judge, trail)?;
        self.identified(client).await
    }

    /// The same where no redirect URI says what the client is.
    pub(super) async fn identify_without_redirect<'f>(
        &mut self,
        facts: &'f ClientFacts,
        credential: &Presented<'_>,
    ) -> Result<IdentifiedClient<'f>, Denied> {
        let judge = self.judge_of_credentials();
        let trail = &mut self.event.trail;
        let client = client_auth::identify_without_redirect(credential, facts, judge, trail)?;
        self.identified(client).await
    }

    async fn identified<'f>(
        &mut self,
        client: IdentifiedClient<'f>,
    ) -> Result<IdentifiedClient<'f>, Denied> {
        if let Some(proof) = client.authenticated() {
            self.admit(proof).await?;
        }
        Ok(client)
    }

    /// A ticket that was presented, opened. `what` it should be.
    pub(super) fn opened<T: TicketClaims>(
        &mut self,
        text: &str,
        what: &'static str,
    ) -> Result<Opened<T>, Refusal> {
        // First: what ends tickets takes the footing away when none of them opens any more.
        self.footing = self.core.server.store.footing();
        let opened = self.core.server.tickets.open(text, self.circumstances.now);
        let opened = opened.map_err(|error| {
            tracing::debug!(cause = ?error.cause(), "{what} does not open");
            Refusal::from(GrantRefusal::NotATicket { what })
        });
        self.inspect(Step::Presented, opened)
    }

    /// Notes the user that is meant and whom he came through, and looks both him and the target up.
    /// A client that proved nothing is charged from here on: what it presented is its own.
    pub(super) async fn gather(
        &mut self,
        client: &IdentifiedClient<'_>,
        (user, family, chain): (ObjectId, FamilyId, &Chain),
        (target, claims): (Target, ClaimsRequest),
    ) -> Result<Gathered, Denied> {
        self.event.user = Some(user);
        self.event.chain = chain.as_slice().to_vec();
        if client.authenticated().is_none() {
            self.charge(client.facts().app_id)?;
        }
        let server = &self.core.server;
        let tenant = self.event.tenant;
        let found = server.facts.user(tenant, user).await?;
        let family = server.tickets.family(tenant, family).await?;
        let resource = server.facts.delegated(client.facts(), user, &target.resource).await?;
        self.event.resource_app = resource.as_ref().map(|found| found.resource.app_id);
        Ok(Gathered { user: found, resource, family, target, claims })
    }

    /// Makes the answer of what was decided.
    pub(super) async fn prepare(
        &self,
        asked: &Asked<'_>,
        issuance: &UserIssuance<'_>,
        slots: Slots,
    ) -> Result<Granted, Denied> {
        let server = &self.core.server;
        if let Some((_, credential)) = self.event.credential {
            let now = self.circumstances.now;
            server.store.credential_used(issuance.client.home, credential, now);
        }
        let chain = issuance.aio.chain.as_slice();
        let actors = if issuance.resource.resource.claims.contains(&OptionalClaim::Act) {
            server.facts.actors(issuance.tenant, chain).await?
        } else {
            Vec::new()
        };
        user_answer::prepare(self, asked, issuance, (&actors, slots))
    }
}
