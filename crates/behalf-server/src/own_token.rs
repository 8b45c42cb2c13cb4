//! Tokens of ours that come back and are not redeemed, and what they rest on.

use std::sync::Arc;

use behalf_core::{
    authorize::IdTokenHint,
    ticket::Standing,
    time::Timestamp,
    token::{
        ClientFacts,
        own_token::{self, Now, OwnToken},
        presented_token::TokenCheck,
    },
    user::User,
};
use behalf_store::ReadError;

use crate::state::Server;

/// Reads an access token with the keys of this moment.
pub(crate) fn read(server: &Server, text: &str, now: Timestamp) -> Option<OwnToken> {
    checked(server, now, |check| own_token::read(text, check))
}

/// Reads an ID token that a client brings back.
pub(crate) fn read_hint(server: &Server, text: &str, now: Timestamp) -> Option<IdTokenHint> {
    checked(server, now, |check| IdTokenHint::read(text, check))
}

fn checked<T>(server: &Server, now: Timestamp, read: impl FnOnce(&TokenCheck<'_>) -> T) -> T {
    let (keys, ring) = (server.keys.current(), server.tickets.keys().current());
    let check = TokenCheck {
        key: &|kid, issued| keys.verifying(kid, issued, now),
        ring: &ring,
        bases: &server.addressees,
        now,
    };
    read(&check)
}

/// What a token rests on, kept while it is judged.
pub(crate) struct Behind {
    client: Option<Arc<ClientFacts>>,
    user: Option<Arc<User>>,
    family: Standing,
}

impl Behind {
    /// Looks it up. Reads nothing from the store while it is warm.
    pub(crate) async fn gather(server: &Server, token: &OwnToken) -> Result<Self, ReadError> {
        let tenant = token.tenant();
        let client = server.facts.client(tenant, token.client()).await?;
        let (user, family) = match token.user() {
            Some((user, family)) => {
                let family = server.tickets.family(tenant, family).await?;
                (server.facts.user(tenant, user).await?, family)
            }
            None => (None, Standing::Live),
        };
        Ok(Self { client, user, family })
    }

    /// As decisions take it.
    pub(crate) fn now(&self) -> Now<'_> {
        let (client, user) = (self.client.as_deref(), self.user.as_deref());
        Now { client, user, family: self.family }
    }
}
