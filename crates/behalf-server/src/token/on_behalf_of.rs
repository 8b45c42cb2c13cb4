//! On-behalf-of (protocol 3), and token exchange (RFC 8693), which is the same decision.

use behalf_core::{
    event::Step,
    ticket::Origin,
    token::{
        AuthenticatedClient, Refusal, Target, on_behalf_of,
        presented_token::{self, TokenCheck, VerifiedAssertion},
    },
};
use behalf_protocol::token::{
    GrantType,
    request::{OnBehalfOfRequest, RequestedScopes, TargetError, TokenExchangeRequest},
};

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::Slots,
};

pub(super) async fn judge(
    inquiry: &mut Inquiry<'_>,
    asked: Asked<'_>,
    grant: GrantType,
) -> Result<Granted, Denied> {
    let core = inquiry.core;
    let (assertion, origin, target) = presented(inquiry, &asked, grant)?;
    let claims = inquiry.claims(&asked)?;
    let target = inquiry.target(target)?;
    let facts = inquiry.client(asked.tenant, asked.named, asked.credential).await?;
    let client = inquiry.identify(&facts, &asked).await?;
    let caller = client.confidential();
    let caller = inquiry.inspect(Step::Credential, caller)?;

    let verified = verify(inquiry, assertion, caller)?;
    let aio = verified.aio();
    let from = (verified.user(), aio.family, &aio.chain);
    let gathered = inquiry.gather(&client, from, (target, claims)).await?;
    let slots = Slots::reserve(core, gathered.wants_id_token())?;
    let on = gathered.on(&client, core, inquiry.here());
    let ticket = (core.server.tickets.new_id(), origin);
    let trail = &mut inquiry.event.trail;
    let issuance = on_behalf_of::decide(&verified, &on, gathered.family, ticket, trail)?;
    inquiry.prepare(&asked, &issuance, slots).await
}

/// Checks the token that the caller received with the keys of this moment.
fn verify(
    inquiry: &mut Inquiry<'_>,
    assertion: &str,
    caller: &AuthenticatedClient<'_>,
) -> Result<VerifiedAssertion, Refusal> {
    let (server, now) = (&inquiry.core.server, inquiry.circumstances.now);
    let (keys, ring) = (server.keys.current(), server.tickets.keys().current());
    let check = TokenCheck {
        key: &|kid, issued| keys.verifying(kid, issued, now),
        ring: &ring,
        bases: &server.addressees,
        now,
    };
    let verified = presented_token::verify(assertion, caller, &check, &mut inquiry.event.trail);
    Ok(verified?)
}

/// What is presented, and for what.
fn presented<'r>(
    inquiry: &mut Inquiry<'_>,
    asked: &Asked<'r>,
    grant: GrantType,
) -> Result<(&'r str, Origin, Result<Target, TargetError>), Refusal> {
    if grant == GrantType::TokenExchange {
        let request = inquiry.parameters(TokenExchangeRequest::of(asked.form))?;
        let target = Target::sole(&request.scopes);
        return Ok((request.subject_token.expose(), Origin::TokenExchange, target));
    }
    let request = inquiry.parameters(OnBehalfOfRequest::of(asked.form))?;
    let (resource, scope) = (asked.form.resource.as_deref(), asked.form.scope.as_deref());
    let scopes = RequestedScopes::parse(inquiry.version, resource, scope);
    let target = scopes.and_then(|scopes| Target::sole(&scopes));
    Ok((request.assertion.expose(), Origin::OnBehalfOf, target))
}
