//! A refresh token is redeemed (protocol 8.4, tickets.md 4).

use behalf_core::{
    event::Step,
    ticket::RefreshTicket,
    token::{GrantRefusal, Refusal, Target, refresh_token},
};
use behalf_protocol::token::request::RefreshTokenRequest;

use crate::{tickets::RenewError, unserved};

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::Slots,
};

pub(super) async fn judge(inquiry: &mut Inquiry<'_>, asked: Asked<'_>) -> Result<Granted, Denied> {
    let core = inquiry.core;
    let request = inquiry.parameters(RefreshTokenRequest::of(asked.form))?;
    let claims = inquiry.claims(&asked)?;
    let scopes = inquiry.scopes(&asked)?;
    let facts = inquiry.client(asked.tenant, asked.named, asked.credential).await?;
    let client = inquiry.identify(&facts, &asked).await?;

    let text = request.refresh_token.expose();
    let opened = inquiry.opened::<RefreshTicket>(text, "refresh token")?;
    let presented = refresh_token::Presentation {
        tenant: asked.tenant.tenant.id,
        from_page: asked.from_page,
        now: inquiry.circumstances.now,
    };
    let trail = &mut inquiry.event.trail;
    let redemption = refresh_token::admit(opened, &client, presented, trail)?;
    let ticket = redemption.ticket();
    let target = match &scopes {
        Some(scopes) => Target::again(scopes, &ticket.requested),
        None => Target::remembered(&ticket.requested),
    };
    let target = inquiry.target(target)?;
    let from = (ticket.user, ticket.family, &ticket.chain);
    let gathered = inquiry.gather(&client, from, (target, claims)).await?;
    let slots = Slots::reserve(core, gathered.wants_id_token())?;
    let on = gathered.on(&client, core, inquiry.here());
    let trail = &mut inquiry.event.trail;
    let renewable = refresh_token::decide(redemption, &on, gathered.family, trail)?;
    // The last step: from here on nothing is refused.
    let now = inquiry.circumstances.now;
    let tickets = &core.server.tickets;
    let renewed = tickets.renew(renewable.redemption(), inquiry.footing, now).await;
    let successor = inquiry.inspect_renewal(renewed)?;
    let issuance = renewable.renewed(successor, &mut inquiry.event.trail);
    inquiry.prepare(&asked, &issuance, slots).await
}

impl Inquiry<'_> {
    fn inspect_renewal(
        &mut self,
        renewed: Result<RefreshTicket, RenewError>,
    ) -> Result<RefreshTicket, Denied> {
        let refusal = match renewed {
            Ok(successor) => return Ok(successor),
            Err(RenewError::Reused) => GrantRefusal::RefreshReused,
            Err(RenewError::Ended) => GrantRefusal::FamilyEnded,
            Err(error @ (RenewError::Read(_) | RenewError::Commit(_))) => {
                unserved::tell(&error, "a refresh token could not be renewed");
                return Err(Denied::Unavailable);
            }
        };
        self.event.trail.failed(Step::SingleUse);
        Err(Refusal::from(refusal).into())
    }
}
