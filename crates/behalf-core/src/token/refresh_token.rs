//! A refresh token is redeemed for new tokens, of the same resource or of another (protocol 8.4).
//!
//! The checks and their order are those of tickets.md 4: what concerns the token itself is
//! [`Redemption`]'s, the rest is what every grant on behalf of a user checks.

use crate::{
    event::{Step, Trail},
    id::TenantId,
    ticket::{
        Alive, InTenant, Opened, Presenter, Redemption, RefreshRefusal, RefreshTicket, Standing,
        Unexpired,
    },
    time::Timestamp,
    token::{
        Delegating, Echo, GrantRefusal, IdentifiedClient, Refusal, UserIssuance,
        delegated::Provenance,
    },
};

impl From<RefreshRefusal> for Refusal {
    fn from(refusal: RefreshRefusal) -> Self {
        GrantRefusal::Refresh(refusal).into()
    }
}

/// How a refresh token is presented.
#[derive(Debug, Clone, Copy)]
pub struct Presentation {
    /// The tenant that the path names.
    pub tenant: TenantId,
    /// The request has the header `Origin`: it comes from a page.
    pub from_page: bool,
    /// Now.
    pub now: Timestamp,
}

/// The checks that need no record of the user: the token is this client's, presented where it
/// belongs, and not over.
pub fn admit(
    opened: Opened<RefreshTicket>,
    client: &IdentifiedClient<'_>,
    presented: Presentation,
    trail: &mut Trail,
) -> Result<Redemption<Unexpired>, Refusal> {
    let admitted =
        admitted(opened, client, presented).inspect_err(|refusal| trail.failed(refusal.step()))?;
    trail.ok(Step::Presented);
    Ok(admitted)
}

fn admitted(
    opened: Opened<RefreshTicket>,
    client: &IdentifiedClient<'_>,
    presented: Presentation,
) -> Result<Redemption<Unexpired>, Refusal> {
    let who = Presenter {
        app_id: client.facts().app_id,
        authenticated: client.authenticated().is_some(),
    };
    let redemption: Redemption<InTenant> =
        Redemption::of(opened).presented_by(who)?.in_tenant(Some(presented.tenant))?;
    match (redemption.ticket().client.spa, presented.from_page) {
        (true, false) => return Err(GrantRefusal::PageExpected.into()),
        (false, true) => return Err(GrantRefusal::NotAPage.into()),
        _ => {}
    }
    Ok(redemption.unexpired(presented.now)?)
}

/// Everything but the last step: the token must still be renewed, last before anything is issued,
/// so that a refusal never burns it.
#[derive(Debug)]
pub struct Renewable<'f> {
    redemption: Redemption<Alive>,
    issuance: UserIssuance<'f>,
}

impl<'f> Renewable<'f> {
    /// What is to be renewed.
    pub fn redemption(&self) -> &Redemption<Alive> {
        &self.redemption
    }

    /// Renewed: `successor` is what takes the token's place.
    pub fn renewed(self, successor: RefreshTicket, trail: &mut Trail) -> UserIssuance<'f> {
        if self.redemption.ticket().client.class.generation().is_some() {
            trail.ok(Step::SingleUse);
        } else {
            trail.skipped(Step::SingleUse);
        }
        UserIssuance { refresh: Some(successor), ..self.issuance }
    }
}

/// Decides, up to the renewal. The new access token's chain is the ticket's with the client behind
/// it; its counters are today's.
pub fn decide<'f>(
    redemption: Redemption<Unexpired>,
    on: &Delegating<'f, '_>,
    family: Standing,
    trail: &mut Trail,
) -> Result<Renewable<'f>, Refusal> {
    check(redemption, on, family, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    redemption: Redemption<Unexpired>,
    on: &Delegating<'f, '_>,
    family: Standing,
    trail: &mut Trail,
) -> Result<Renewable<'f>, Refusal> {
    let facts = on.client.facts();
    let redemption = redemption.user_stands(on.user, &facts.tenant)?;
    let stands = redemption.client_stands(facts.service_principal.as_ref(), facts.disabled)?;
    let redemption = stands.family_lives(family)?;
    let user = on.living_user(redemption.ticket().user)?;
    trail.ok(Step::User);
    let principal = on.living_client()?;
    trail.ok(Step::ServicePrincipal);
    let ticket = redemption.ticket();
    let delegated = on.authorised(user, &ticket.sign_in, trail)?;
    let from = Provenance {
        sign_in: ticket.sign_in.clone(),
        family: ticket.family,
        absolute: ticket.span.absolute,
        through: ticket.chain.clone(),
        echo: Echo::default(),
    };
    let issuance = on.issuance(delegated, principal, from)?;
    Ok(Renewable { redemption, issuance })
}
