//! Introspection (RFC 7662): a resource asks about an access token for it, a client about a refresh
//! token of its own. Whoever else asks is told that it is not active, and not why.

use axum::body::Body;
use behalf_core::{
    event::{Grant, Step},
    ticket::{Opened, Presenter, Redemption, RefreshTicket, Unexpired},
    token::{
        AuthenticatedClient,
        introspection::{self, LivingRefreshToken},
    },
};
use behalf_protocol::{introspection::IntrospectionResponse, revocation::NamedToken};
use http::{HeaderMap, Response};

use crate::{
    error::no_store,
    facts::TenantFacts,
    own_token::{self, Behind},
};

use super::inquiry::{Asked, Denied, Inquiry};

/// The answer's body. That a token was asked about is not in the log: nothing is issued or changed.
pub(super) async fn judge(
    inquiry: &mut Inquiry<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, Denied> {
    inquiry.event.grant = Grant::Introspection;
    inquiry.needs_fresh_facts()?;
    let tenant = inquiry.tenant(headers, body).await?;
    let form = inquiry.form(headers, body)?;
    let basic = inquiry.basic_credentials(headers)?;
    let (named, credential) = inquiry.named(&form, basic.as_ref())?;
    let token = inquiry.parameters(NamedToken::of(&form))?;
    let facts = inquiry.client(&tenant, named, &credential).await?;
    let asked =
        Asked { tenant: &tenant, form: &form, named, credential: &credential, from_page: false };
    let client = inquiry.identify(&facts, &asked).await?;
    let caller = client.confidential();
    let caller = inquiry.inspect(Step::Credential, caller)?;
    let living = client.living();
    inquiry.step(Step::ServicePrincipal, living)?;
    let (text, now) = (token.token.expose(), inquiry.circumstances.now);
    match inquiry.core.server.tickets.open::<RefreshTicket>(text, now) {
        Ok(opened) => refresh_token(inquiry, opened, (caller, &tenant)).await,
        Err(_) => access_token(inquiry, text, caller).await,
    }
}

async fn access_token(
    inquiry: &Inquiry<'_>,
    text: &str,
    caller: &AuthenticatedClient<'_>,
) -> Result<String, Denied> {
    let server = &inquiry.core.server;
    let Some(token) = own_token::read(server, text, inquiry.circumstances.now) else {
        return Ok(IntrospectionResponse::Inactive.to_json());
    };
    let behind = Behind::gather(server, &token).await?;
    Ok(introspection::access_token(&token, caller, &behind.now()).to_json())
}

async fn refresh_token(
    inquiry: &Inquiry<'_>,
    opened: Opened<RefreshTicket>,
    (caller, tenant): (&AuthenticatedClient<'_>, &TenantFacts),
) -> Result<String, Denied> {
    let (server, now) = (&inquiry.core.server, inquiry.circumstances.now);
    let here = tenant.tenant.id;
    let presenter = Presenter { app_id: caller.facts().app_id, authenticated: true };
    let own = Redemption::of(opened).presented_by(presenter);
    let own = own.and_then(|own| own.in_tenant(Some(here))).and_then(|own| own.unexpired(now));
    let Ok(own): Result<Redemption<Unexpired>, _> = own else {
        return Ok(IntrospectionResponse::Inactive.to_json());
    };
    let user = server.facts.user(here, own.ticket().user).await?;
    let family = server.tickets.family(here, own.ticket().family).await?;
    let found = LivingRefreshToken::of(own, caller, (user.as_deref(), family), &server.pairwise);
    Ok(match found {
        Some(living) => living.response(&tenant.issuers).to_json(),
        None => IntrospectionResponse::Inactive.to_json(),
    })
}

/// Answers with `json`.
pub(super) fn answer(inquiry: &Inquiry<'_>, json: String) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    no_store(response.headers_mut(), &inquiry.circumstances);
    response
}
