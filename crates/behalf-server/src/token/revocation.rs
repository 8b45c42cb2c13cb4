//! Revocation (RFC 7009): a client gives up a refresh token, and with it everything that stems from
//! the same sign-in.

use axum::body::Body;
use behalf_core::{
    event::{Grant, Outcome, Step},
    ticket::{Opened, Presenter, Redemption, RefreshRefusal, RefreshTicket, Standing},
    token::{GrantRefusal, IdentifiedClient, Refusal},
};
use behalf_protocol::revocation::NamedToken;
use http::{HeaderMap, Response};

use crate::{error::no_store, journal::Shed, own_token, state::Core, unserved};

use super::inquiry::{Asked, Denied, Inquiry};

/// Ends what is to be ended, in one durable write. `Ok` also where there is nothing to end: a token
/// that nobody issued is revoked already (RFC 7009 2.2).
pub(super) async fn judge(
    inquiry: &mut Inquiry<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Denied> {
    inquiry.event.grant = Grant::Revocation;
    inquiry.needs_fresh_facts()?;
    let tenant = inquiry.tenant(headers, body).await?;
    let form = inquiry.form(headers, body)?;
    let basic = inquiry.basic_credentials(headers)?;
    let (named, credential) = inquiry.named(&form, basic.as_ref())?;
    let token = inquiry.parameters(NamedToken::of(&form))?;
    let facts = inquiry.client(&tenant, named, &credential).await?;
    let asked = Asked {
        tenant: &tenant,
        form: &form,
        named,
        credential: &credential,
        from_page: headers.contains_key(http::header::ORIGIN),
    };
    let client = inquiry.identify(&facts, &asked).await?;
    if client.authenticated().is_none() {
        inquiry.charge(facts.app_id)?;
    }
    let (text, now) = (token.token.expose(), inquiry.circumstances.now);
    match inquiry.core.server.tickets.open::<RefreshTicket>(text, now) {
        Ok(opened) => end(inquiry, opened, &client).await,
        Err(_) => not_a_refresh_token(inquiry, text, &client),
    }
}

/// Only its own client ends a token, shown as when it got it (RFC 7009 2.1); that it is over or
/// ended before is no reason not to.
async fn end(
    inquiry: &mut Inquiry<'_>,
    opened: Opened<RefreshTicket>,
    client: &IdentifiedClient<'_>,
) -> Result<(), Denied> {
    let presenter = Presenter {
        app_id: client.facts().app_id,
        authenticated: client.authenticated().is_some(),
    };
    let tenant = inquiry.event.tenant;
    let own = |opened| -> Result<_, RefreshRefusal> {
        Redemption::of(opened).presented_by(presenter)?.in_tenant(Some(tenant))
    };
    let own = own(opened).map_err(|refusal| Refusal::from(GrantRefusal::Refresh(refusal)));
    let own = inquiry.step(Step::Presented, own)?;
    let ticket = own.ticket();
    inquiry.event.user = Some(ticket.user);
    inquiry.event.chain = ticket.chain.as_slice().to_vec();
    let tickets = &inquiry.core.server.tickets;
    if tickets.family(tenant, ticket.family).await? == Standing::Live {
        let ended = tickets.end_family(tenant, ticket.family, inquiry.circumstances.now).await;
        ended.map_err(|error| {
            unserved::tell(&error, "a refresh token could not be revoked");
            Denied::Unavailable
        })?;
    }
    Ok(())
}

fn not_a_refresh_token(
    inquiry: &mut Inquiry<'_>,
    text: &str,
    client: &IdentifiedClient<'_>,
) -> Result<(), Denied> {
    let (server, now) = (&inquiry.core.server, inquiry.circumstances.now);
    let own = own_token::read(server, text, now).is_some_and(|token| {
        token.client() == client.facts().app_id && token.tenant() == inquiry.event.tenant
    });
    if own {
        let stays = Err(Refusal::from(GrantRefusal::AccessTokenStays));
        return Ok(inquiry.inspect(Step::Presented, stays)?);
    }
    inquiry.event.trail.skipped(Step::Presented);
    Ok(())
}

/// Logs and answers, with 200 and nothing else.
pub(super) async fn answer(core: &Core, mut inquiry: Inquiry<'_>) -> Response<Body> {
    inquiry.event.outcome = Outcome::Revoked;
    let logged = match core.journal.submit(&inquiry.event) {
        Ok(pending) => pending.await.is_ok(),
        Err(_) => false,
    };
    if !logged {
        return core.unavailable(Shed::Overload, &inquiry.circumstances);
    }
    core.decided(&inquiry.event, &inquiry.circumstances);
    let mut response = Response::new(Body::empty());
    no_store(response.headers_mut(), &inquiry.circumstances);
    inquiry.share(response.headers_mut());
    response
}
