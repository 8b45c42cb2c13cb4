//! The code that a user's client gets.

use behalf_protocol::{EndpointVersion, authorize::AuthorizeRequest};

use super::{Account, Trusted, requested};
use crate::{
    application::{Platform, Require},
    id::TicketId,
    service_principal::ServicePrincipal,
    tenant::Tenant,
    ticket::{CODE_LIFETIME, CodeClient, CodeTicket, Counters, SignIn, whole_second},
    time::Timestamp,
};

/// The id of a new code, random; it becomes the family of all that is redeemed for it.
#[derive(Debug, Clone, Copy)]
pub struct CodeEntropy(pub TicketId);

/// What user and client agreed on.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    /// The request.
    pub request: &'a AuthorizeRequest<'a>,
    /// The endpoint it was sent to.
    pub version: EndpointVersion,
    /// Where the code goes.
    pub trusted: &'a Trusted,
    /// What the resources demand of the sign-in; all of it is met.
    pub demand: &'a Require,
}

/// The code for `account` of `tenant` and the client's service principal there.
pub fn code(
    agreed: &Agreed<'_>,
    (tenant, principal): (&Tenant, &ServicePrincipal),
    account: &Account,
    CodeEntropy(id): CodeEntropy,
    now: Timestamp,
) -> CodeTicket {
    let Agreed { request, version, trusted, demand } = *agreed;
    let issued = whole_second(now);
    let met = std::iter::once(account.sign_in.acr.as_str());
    let met = met.chain(demand.acrs.iter().map(String::as_str)).collect::<Vec<_>>();
    CodeTicket {
        id,
        issued,
        expires: issued.plus(CODE_LIFETIME),
        user: account.user.id,
        counters: Counters::of(&account.user, tenant),
        client: CodeClient {
            app_id: trusted.client(),
            service_principal: principal.id,
            revision: principal.revision,
            confidential: trusted.platform() == Platform::Web,
            spa: trusted.platform() == Platform::Spa,
        },
        endpoint: version,
        redirect_uri: trusted.uri().to_owned(),
        challenge: request.challenge.clone(),
        requested: requested(&request.scopes),
        nonce: request.nonce.map(str::to_owned),
        // OIDC Core 2: where `max_age` is asked for, or the claim itself.
        auth_time: request.max_age.is_some() || request.claims.id_token.asks_for("auth_time"),
        sign_in: SignIn { acr: met.join(" "), ..account.sign_in.clone() },
    }
}
