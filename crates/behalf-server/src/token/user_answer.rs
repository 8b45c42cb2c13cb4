//! The answer on behalf of a user: what is signed and sealed for it, and its body.

use std::{sync::Arc, time::Duration};

use behalf_core::{
    application::TokenAlg,
    claims::{Stamped, Validity, id_token, user_token},
    ticket::{RefreshTicket, SealError},
    token::{Refusal, UserIssuance},
};
use behalf_protocol::{
    ClientInfo, EndpointVersion,
    claims::Actor,
    token::{TokenResponse, UserTokenResponse, request::TokenExchangeRequest},
};

use crate::{
    keys::{Slot, TokenKey},
    state::Core,
    unserved,
};

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::{Access, Granted, Unsigned},
};

/// How long an ID token lives (protocol 5.3).
const ID_TOKEN_LIFETIME: Duration = Duration::from_hours(1);
/// From this life on, clients are told to renew at half of it.
const RENEWED_EARLY: u64 = 2 * 3600;

/// Places in the signing queue, taken before anything is consumed: who is turned away for want of
/// one can come again.
pub(super) struct Slots {
    access: Slot,
    id: Option<Slot>,
}

impl Slots {
    /// One for the access token, one for an ID token if there will be one.
    pub(super) fn reserve(core: &Core, id_token: bool) -> Result<Self, Denied> {
        let reserve = || core.signer.reserve().map_err(|_| Denied::Unavailable);
        Ok(Self { access: reserve()?, id: id_token.then(reserve).transpose()? })
    }
}

/// What an answer on behalf of a user has besides the access token.
pub(super) struct UserAnswer {
    /// For the access token.
    pub(super) slot: Option<Slot>,
    /// Signed after the access token.
    pub(super) id_token: Option<(Slot, Unsigned)>,
    scope: String,
    refresh_token: Option<String>,
    client_info: Option<String>,
    refresh_in: Option<u64>,
    refresh_token_expires_in: Option<u64>,
    issued_token_type: Option<&'static str>,
}

/// Writes the claims, seals what is sealed, and picks the keys.
pub(super) fn prepare(
    inquiry: &Inquiry<'_>,
    asked: &Asked<'_>,
    issuance: &UserIssuance<'_>,
    (actors, slots): (&[Actor], Slots),
) -> Result<Granted, Denied> {
    let (core, request) = (inquiry.core, &inquiry.circumstances);
    let (server, issuers) = (&core.server, &asked.tenant.issuers);
    let (id, now) = (request.id, request.now);
    let facts = &issuance.resource.resource;
    let usual = || server.token_lifetime(id, issuance.handles_challenges);
    let lifetime = facts.lifetime.unwrap_or_else(usual);
    let validity = Validity::new(now, lifetime);
    let aio = server.tickets.seal_aio((issuance.tenant, id), &issuance.aio, now);
    let aio = aio.map_err(unsealed)?;
    let stamped = Stamped { issuers, id, validity };
    let claims = user_token(issuance, stamped, (&aio, actors)).map_err(|_| Denied::Unavailable)?;
    let keys = server.keys.current();
    let key = Arc::clone(keys.active(facts.alg, now));
    let id_key: Arc<TokenKey> = Arc::clone(keys.active(TokenAlg::default(), now));
    drop(keys);
    let id_token = match (&issuance.id_token, slots.id) {
        (Some(wish), Some(slot)) => {
            let validity = Validity::new(now, ID_TOKEN_LIFETIME);
            let claims = id_token(issuance, wish, Stamped { validity, ..stamped });
            let claims = claims.map_err(|_| Denied::Unavailable)?;
            let version = match wish.version {
                EndpointVersion::V1 => behalf_core::application::TokenVersion::V1,
                EndpointVersion::V2 => behalf_core::application::TokenVersion::V2,
            };
            Some((slot, Unsigned { key: id_key, version, claims }))
        }
        _ => None,
    };
    let refresh = issuance.refresh.as_ref();
    let sealed = refresh.map(|ticket| server.tickets.seal(issuance.tenant, ticket, now));
    let left = |ticket: &RefreshTicket| ticket.span.ends().since(now).as_secs();
    let info = ClientInfo { uid: issuance.user.id.0, utid: issuance.tenant.0 };
    let is_exchange = inquiry.event.grant == behalf_core::event::Grant::TokenExchange;
    let user = UserAnswer {
        slot: Some(slots.access),
        id_token,
        scope: issuance.granted_scope(naming(inquiry.version, asked)),
        refresh_token: sealed.transpose().map_err(unsealed)?,
        client_info: ClientInfo::requested(asked.form.client_info.as_deref())
            .then(|| info.encode()),
        refresh_in: (lifetime.as_secs() >= RENEWED_EARLY).then_some(lifetime.as_secs() / 2),
        refresh_token_expires_in: refresh.filter(|ticket| ticket.client.spa).map(left),
        issued_token_type: is_exchange.then_some(TokenExchangeRequest::ISSUED_TOKEN_TYPE),
    };
    let token = Access::new(Unsigned { key, version: facts.version, claims })?;
    Ok(Granted::for_user(token, validity, &issuance.target.resource, &facts.roles, user))
}

/// How the answer names scopes: as the request does, or a client's cache does not find them again. In
/// the tenant `adfs` MSAL asks v1 with `scope`.
fn naming(version: EndpointVersion, asked: &Asked<'_>) -> EndpointVersion {
    let full = |scope: &str| scope.split(' ').any(|name| name.contains('/'));
    match (&asked.form.resource, asked.form.scope.as_deref()) {
        (None, Some(scope)) if full(scope) => EndpointVersion::V2,
        _ => version,
    }
}

fn unsealed(error: SealError) -> Denied {
    match error {
        SealError::TooLong { length, max } => Refusal::TokenTooLong { length, most: max }.into(),
        SealError::NoEpoch | SealError::Crypto => {
            unserved::tell(&error, "a ticket could not be sealed");
            Denied::Unavailable
        }
    }
}

impl UserAnswer {
    /// The body.
    pub(super) fn to_json(
        &self,
        token: TokenResponse<'_>,
        id_token: Option<&str>,
        version: EndpointVersion,
    ) -> String {
        UserTokenResponse {
            token,
            scope: &self.scope,
            refresh_token: self.refresh_token.as_deref(),
            id_token,
            client_info: self.client_info.as_deref(),
            refresh_in: self.refresh_in,
            refresh_token_expires_in: self.refresh_token_expires_in,
            issued_token_type: self.issued_token_type,
        }
        .to_json(version)
    }
}
