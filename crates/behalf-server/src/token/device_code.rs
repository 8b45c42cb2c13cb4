//! A device polls (protocol 8.5, RFC 8628 3.4).

use behalf_core::{
    ticket::Chain,
    token::{Target, device_code},
};
use behalf_protocol::token::request::DeviceCodeRequest;

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::Slots,
};
use crate::unserved;

/// `msal`: the client is one of those that give up on `slow_down`.
pub(super) async fn judge(
    inquiry: &mut Inquiry<'_>,
    asked: Asked<'_>,
    msal: bool,
) -> Result<Granted, Denied> {
    let core = inquiry.core;
    let request = inquiry.parameters(DeviceCodeRequest::of(asked.form))?;
    let claims = inquiry.claims(&asked)?;
    let scopes = inquiry.scopes(&asked)?;
    let facts = inquiry.client(asked.tenant, asked.named, asked.credential).await?;
    let client = inquiry.identify_without_redirect(&facts, asked.credential).await?;

    let grants = &core.server.device_grants;
    let found = grants.presented(request.device_code.expose()).await?;
    let (version, now) = inquiry.here();
    let presented = device_code::Presentation {
        tenant: asked.tenant.tenant.id,
        version,
        too_fast: found.as_ref().is_some_and(|found| grants.too_fast(&found.grant, now)),
        msal,
        now,
    };
    let (grant, place) = found.map(|found| (found.grant, found.place)).unzip();
    let trail = &mut inquiry.event.trail;
    let approved = device_code::admit(grant, &client, presented, trail)?;
    let target = match &scopes {
        Some(scopes) => Target::again(scopes, approved.requested()),
        None => Target::remembered(approved.requested()),
    };
    let target = inquiry.target(target)?;
    let through = Chain::default();
    let from = (approved.user(), approved.family(), &through);
    let gathered = inquiry.gather(&client, from, (target, claims)).await?;
    let slots = Slots::reserve(core, gathered.wants_id_token())?;
    let on = gathered.on(&client, core, inquiry.here());
    let id = core.server.tickets.new_id();
    let trail = &mut inquiry.event.trail;
    let redeemable = device_code::decide(approved, &on, gathered.family, id, trail)?;
    // The last step: from here on nothing is refused.
    let taken = match place {
        Some(place) => grants.take(place).await,
        None => Ok(false),
    };
    let taken = taken.map_err(|error| {
        unserved::tell(&error, "a device code's redemption could not be recorded");
        Denied::Unavailable
    })?;
    if !taken {
        return Err(redeemable.gone(&mut inquiry.event.trail).into());
    }
    let issuance = redeemable.taken(&mut inquiry.event.trail);
    inquiry.prepare(&asked, &issuance, slots).await
}
