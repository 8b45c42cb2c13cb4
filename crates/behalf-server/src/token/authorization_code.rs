//! An authorization code is redeemed (protocol 8.3).

use behalf_core::{
    ticket::{Chain, CodeTicket},
    token::{Target, authorization_code},
};
use behalf_protocol::token::request::AuthorizationCodeRequest;
use behalf_store::records::used_ticket::Used;

use crate::{tickets::Use, unserved};

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::Slots,
};

pub(super) async fn judge(inquiry: &mut Inquiry<'_>, asked: Asked<'_>) -> Result<Granted, Denied> {
    let core = inquiry.core;
    let request = inquiry.parameters(AuthorizationCodeRequest::of(asked.form))?;
    let claims = inquiry.claims(&asked)?;
    let scopes = inquiry.scopes(&asked)?;
    let facts = inquiry.client(asked.tenant, asked.named, asked.credential).await?;
    let client = inquiry.identify(&facts, &asked).await?;

    let text = request.code.expose();
    let opened = inquiry.opened::<CodeTicket>(text, "authorization code")?;
    let tenant = asked.tenant.tenant.id;
    let (version, now) = inquiry.here();
    let presented =
        authorization_code::Presentation::of(&request, (tenant, version), asked.from_page, now);
    let trail = &mut inquiry.event.trail;
    let admitted = authorization_code::admit(opened, &client, presented, trail)?;
    let ticket = admitted.ticket();
    let target = match &scopes {
        Some(scopes) => Target::again(scopes, &ticket.requested),
        None => Target::remembered(&ticket.requested),
    };
    let target = inquiry.target(target)?;
    let through = Chain::default();
    let from = (ticket.user, ticket.family(), &through);
    let gathered = inquiry.gather(&client, from, (target, claims)).await?;
    let slots = Slots::reserve(core, gathered.wants_id_token())?;
    let on = gathered.on(&client, core, inquiry.here());
    let id = core.server.tickets.new_id();
    let trail = &mut inquiry.event.trail;
    let redeemable = authorization_code::decide(admitted, &on, gathered.family, id, trail)?;
    // The last step: from here on nothing is refused.
    let (id, expires) = redeemable.code();
    let tickets = &core.server.tickets;
    let unwritten = |error| {
        unserved::tell(&error, "a code's redemption could not be recorded");
        Denied::Unavailable
    };
    let used = (Used::Code(id), inquiry.footing);
    let used = tickets.use_once(tenant, used, expires).await.map_err(unwritten)?;
    if used == Use::Again {
        // One of the two who have the code is a thief, and nobody knows which.
        tickets.end_family(tenant, id.into(), now).await.map_err(unwritten)?;
        return Err(redeemable.replayed(&mut inquiry.event.trail).into());
    }
    let issuance = redeemable.consumed(&mut inquiry.event.trail);
    inquiry.prepare(&asked, &issuance, slots).await
}
