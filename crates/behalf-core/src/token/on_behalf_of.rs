//! On-behalf-of: an API presents the access token that it was called with and gets one for the next
//! API, on behalf of the same user (protocol 3). Token exchange (RFC 8693) is the same decision
//! (decisions.md 16).

use crate::{
    event::{Step, Trail},
    id::TicketId,
    ticket::{Origin, RefreshTicket, Span, Standing},
    token::{
        AssertionFault, Delegating, Echo, GrantRefusal, Refusal, UserIssuance,
        delegated::Provenance, presented_token::VerifiedAssertion,
    },
};

/// Decides, after the assertion verified, in the order of protocol 3.2. `family` is the state of
/// the assertion's family, `ticket` the id of the refresh token and by which grant it is asked for.
///
/// Issued scopes are at most what the caller has for the user; tenant, user and the sign-in stay
/// what they were; the caller becomes the newest hop of the chain; a dead family ends it all
/// (tickets.md 6).
pub fn decide<'f>(
    assertion: &VerifiedAssertion,
    on: &Delegating<'f, '_>,
    family: Standing,
    ticket: (TicketId, Origin),
    trail: &mut Trail,
) -> Result<UserIssuance<'f>, Refusal> {
    check(assertion, on, family, ticket, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    assertion: &VerifiedAssertion,
    on: &Delegating<'f, '_>,
    family: Standing,
    (id, origin): (TicketId, Origin),
    trail: &mut Trail,
) -> Result<UserIssuance<'f>, Refusal> {
    on.client.confidential()?;
    let aio = assertion.aio();
    let user = on.living_user(assertion.user())?;
    let rests_on_password = aio.sign_in.password_based();
    aio.counters
        .still_equal(on.counters(user), rests_on_password)
        .map_err(GrantRefusal::Revoked)?;
    if family == Standing::Ended {
        return Err(GrantRefusal::FamilyEnded.into());
    }
    trail.ok(Step::User);
    let principal = on.living_client()?;
    if aio.resource != principal.id {
        return Err(GrantRefusal::AssertionInvalid(AssertionFault::OtherPrincipal).into());
    }
    trail.ok(Step::ServicePrincipal);
    let delegated = on.authorised(user, &aio.sign_in, trail)?;
    let from = Provenance {
        sign_in: aio.sign_in.clone(),
        family: aio.family,
        absolute: aio.absolute,
        through: aio.chain.clone(),
        echo: Echo::default(),
    };
    let mut issuance = on.issuance(delegated, principal, from)?;
    if on.wants_refresh_token() {
        issuance.refresh = Some(RefreshTicket {
            id,
            span: Span::within(on.now, aio.absolute),
            family: aio.family,
            user: user.id,
            counters: on.counters(user),
            password_based: rests_on_password,
            client: on.binding(principal, false),
            sign_in: aio.sign_in.clone(),
            requested: on.target.to_remember(),
            origin,
            chain: aio.chain.clone(),
            confirmation: None,
        });
    }
    Ok(issuance)
}
