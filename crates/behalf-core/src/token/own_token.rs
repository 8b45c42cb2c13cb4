//! An access token of ours that is looked at and not redeemed: the bearer of a userinfo request, the
//! object of an introspection.

use behalf_protocol::claims::{PresentedKind, PresentedToken};

use crate::{
    id::{AppId, FamilyId, ObjectId, TenantId},
    ticket::{Aio, Counters, Standing},
    token::{
        ClientFacts,
        presented_token::{TokenCheck, chain_of, in_time, is_for, is_ours, signed},
    },
    user::User,
};

/// An access token of ours within its time. Only [`read`] makes one. Whether what it rests on is
/// still so is [`OwnToken::lives`].
#[derive(Debug)]
pub struct OwnToken {
    claims: PresentedToken,
    client: AppId,
    bearer: Bearer,
}

/// Whom a token is about.
#[derive(Debug)]
enum Bearer {
    /// A user, through the client's chain.
    User(ObjectId, Box<Aio>),
    /// The client itself, by its service principal.
    Client(ObjectId),
}

/// What an access token rests on, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// The client that got it, in the token's tenant.
    pub client: Option<&'a ClientFacts>,
    /// Its user, if it has one.
    pub user: Option<&'a User>,
    /// The state of its family, if it has one.
    pub family: Standing,
}

/// Reads a token: a signed access token that this server issued for the tenant it names, within its
/// time. `None` for anything else, ID tokens among it: who presents it is not told what it is.
pub fn read(text: &str, check: &TokenCheck<'_>) -> Option<OwnToken> {
    let claims = signed(text, check).ok()?;
    if !is_ours(&claims, TenantId(claims.tid), check.bases) {
        return None;
    }
    in_time(&claims, check.now).ok()?;
    let (client, bearer) = match claims.kind() {
        PresentedKind::Delegated { user, client, .. } => {
            let chain = chain_of(&claims, check.ring)?;
            (client, Bearer::User(ObjectId(user), Box::new(chain)))
        }
        PresentedKind::AppOnly => (claims.client()?, Bearer::Client(ObjectId(claims.oid?))),
        PresentedKind::IdToken => return None,
    };
    Some(OwnToken { client: AppId(client), bearer, claims })
}

impl OwnToken {
    /// Its claims.
    pub fn claims(&self) -> &PresentedToken {
        &self.claims
    }

    /// `tid`.
    pub fn tenant(&self) -> TenantId {
        TenantId(self.claims.tid)
    }

    /// Whom it was issued to.
    pub fn client(&self) -> AppId {
        self.client
    }

    /// On whose behalf, and to which family it belongs; `None` of an app-only token.
    pub fn user(&self) -> Option<(ObjectId, FamilyId)> {
        match &self.bearer {
            Bearer::User(user, aio) => Some((*user, aio.family)),
            Bearer::Client(_) => None,
        }
    }

    /// Its scopes; `None` of an app-only token.
    pub fn scopes(&self) -> Option<&str> {
        self.claims.scp.as_deref()
    }

    /// Whether `resource` is whom it is for, in its tenant. A user's token is for one service
    /// principal: another one of the same name has nothing of it.
    pub fn is_for(&self, resource: &ClientFacts) -> bool {
        let principal = resource.service_principal.map(|principal| principal.id);
        let same = match &self.bearer {
            Bearer::User(_, aio) => principal == Some(aio.resource),
            Bearer::Client(_) => true,
        };
        same && resource.tenant.id == self.tenant() && is_for(&self.claims, resource)
    }

    /// Whether nothing that it rests on was taken away since: tenant and client are there, enabled and the
    /// same, the user is there and enabled, nothing that he was given is revoked, and the family of
    /// his sign-in lives.
    pub fn lives(&self, now: &Now<'_>) -> bool {
        let same = |client: &&ClientFacts| {
            let here = client.tenant.id == self.tenant() && !client.tenant.disabled;
            here && client.app_id == self.client && !client.disabled
        };
        let Some(client) = now.client.filter(same) else { return false };
        let principal = client.service_principal.filter(|principal| !principal.disabled);
        let Some(principal) = principal else { return false };
        match &self.bearer {
            Bearer::Client(own) => principal.id == *own,
            Bearer::User(user, aio) => {
                let own = |found: &&User| found.id == *user && found.tenant == self.tenant();
                let user = now.user.filter(own).filter(|user| !user.disabled);
                let current = user.is_some_and(|user| {
                    let counters = Counters::of(user, &client.tenant);
                    aio.counters.still_equal(counters, aio.sign_in.password_based()).is_ok()
                });
                current
                    && aio.chain.as_slice().last() == Some(&principal.id)
                    && now.family == Standing::Live
            }
        }
    }
}
