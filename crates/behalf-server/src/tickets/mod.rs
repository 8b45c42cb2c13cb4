//! Tickets with a store behind them: sealed with this node's randomness, redeemed once, ended.

mod revocations;

use std::sync::Arc;

use behalf_core::{
    id::{FamilyId, RequestId, SessionId, TenantId, TicketId},
    ticket::{
        Aio, Alive, Family, LONGEST, NotATicket, Opened, Redemption, RefreshTicket, Renewal,
        SealEntropy, SealError, Standing, TicketClaims,
    },
    time::{CLOCK_SKEW, Timestamp},
};
use behalf_store::{
    CommitError, Expect, Footing, ReadError, Store, WriteSet,
    records::{
        family,
        revoked::{self, Ended},
        used_ticket::{self, Used},
    },
};

use crate::{
    entropy::{self, SharedEntropy},
    keys::SealKeys,
};
use revocations::Revocations;

/// How often a rotation is decided anew because another one of its family was faster.
const TRIES: usize = 5;

/// The deployment's tickets.
#[derive(Debug)]
pub struct Tickets {
    keys: Arc<SealKeys>,
    store: Store,
    entropy: SharedEntropy,
    revocations: Revocations,
}

/// Whether a ticket that counts once was used for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// By this very use.
    First,
    /// It had been before.
    Again,
}

/// Why a refresh token was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// It had been renewed before, and its family is ended now (70000 `bad_token`).
    #[error("the refresh token was used before; everything of the same sign-in has been revoked")]
    Reused,
    /// Its family was ended meanwhile (50173 `bad_token`).
    #[error("the refresh token was revoked with everything that stems from the same sign-in")]
    Ended,
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Tickets {
    /// Tickets that `keys` seal.
    pub fn new(keys: Arc<SealKeys>, store: Store, entropy: SharedEntropy) -> Self {
        let revocations = Revocations::new(store.clone());
        Self { keys, store, entropy, revocations }
    }

    /// The epochs of the sealing key.
    pub fn keys(&self) -> &Arc<SealKeys> {
        &self.keys
    }

    /// The id of a new ticket, and with it of a new family; random, so that nobody guesses one.
    pub fn new_id(&self) -> TicketId {
        TicketId(entropy::random_uuid(&*self.entropy))
    }

    /// The id of a new session.
    pub fn new_session(&self) -> SessionId {
        SessionId(entropy::random_uuid(&*self.entropy))
    }

    /// Seals `claims` for `tenant`.
    pub fn seal<T: TicketClaims>(
        &self,
        tenant: TenantId,
        claims: &T,
        now: Timestamp,
    ) -> Result<String, SealError> {
        self.keys.current().seal(tenant, claims, self.randomness(), now)
    }

    /// Opens a ticket of `T`'s purpose.
    pub fn open<T: TicketClaims>(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, NotATicket> {
        self.keys.current().open(text, now)
    }

    /// Seals the chain of an access token of this tenant and `uti`.
    pub fn seal_aio(
        &self,
        token: (TenantId, RequestId),
        aio: &Aio,
        now: Timestamp,
    ) -> Result<String, SealError> {
        self.keys.current().seal_aio(token, aio, self.randomness(), now)
    }

    /// Opens the chain of an access token whose `tid` and `uti` are verified.
    pub fn open_aio(&self, token: (TenantId, RequestId), text: &str) -> Result<Aio, NotATicket> {
        self.keys.current().open_aio(token, text)
    }

    /// Whether a family lives. Reads nothing from the store while it is warm.
    pub async fn family(&self, tenant: TenantId, id: FamilyId) -> Result<Standing, ReadError> {
        self.revocations.standing(tenant, Ended::Family(id)).await
    }

    /// Whether a session was signed out. Reads nothing from the store while it is warm.
    pub async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Standing, ReadError> {
        self.revocations.standing(tenant, Ended::Session(id)).await
    }

    /// The last step before a refreshed token is issued: its successor. A public client's is
    /// written first, of many at once by one; a token that has been renewed already ends its family.
    pub async fn renew(
        &self,
        redeemed: &Redemption<Alive>,
        footing: Footing,
        now: Timestamp,
    ) -> Result<RefreshTicket, RenewError> {
        let place = (redeemed.tenant(), redeemed.ticket().family);
        let rotates = redeemed.ticket().client.class.generation().is_some();
        let mut tries = 0;
        loop {
            let found =
                if rotates { self.store.reading().family(place.0, place.1).await? } else { None };
            let row: Option<&Family> = found.as_deref();
            let (ticket, family) = match redeemed.renew(row, self.new_id(), now) {
                Renewal::Ready(ticket) => return Ok(ticket),
                Renewal::AfterWriting { ticket, family } => (ticket, family),
                refused @ (Renewal::Reuse | Renewal::Ahead) => {
                    if refused == Renewal::Ahead {
                        let (tenant, family) = place;
                        tracing::error!(%tenant, %family, "a refresh token is newer than the store: it lost writes, as after an unannounced restore");
                    }
                    self.end_family(place.0, place.1, now).await?;
                    return Err(RenewError::Reused);
                }
            };
            let ended = revoked::key(place.0, Ended::Family(place.1));
            let mut set = WriteSet::new();
            let kept = Family { expires: family.expires.plus(CLOCK_SKEW), ..family };
            family::put(&mut set, place, &kept, found.as_ref());
            set.expect(ended.clone(), Expect::Absent);
            set.stand_on(footing);
            match self.store.commit(set).await {
                Ok(_) => return Ok(ticket),
                Err(CommitError::Conflict { key, .. }) if key == ended => {
                    return Err(RenewError::Ended);
                }
                Err(CommitError::Conflict { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Records that a ticket which counts once, and which ends at `expires`, is used. Of two uses
    /// at once exactly one is the first. It was opened on `footing`.
    pub async fn use_once(
        &self,
        tenant: TenantId,
        (used, footing): (Used, Footing),
        expires: Timestamp,
    ) -> Result<Use, CommitError> {
        let mut set = WriteSet::new();
        set.stand_on(footing);
        used_ticket::record(&mut set, tenant, used, expires.plus(CLOCK_SKEW));
        match self.store.commit(set).await {
            Ok(_) => Ok(Use::First),
            Err(CommitError::Conflict { .. }) => Ok(Use::Again),
            Err(error) => Err(error),
        }
    }

    /// Ends a family: everything that stems from one sign-in, on this node at once.
    pub async fn end_family(
        &self,
        tenant: TenantId,
        id: FamilyId,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        // Nothing of it is issued any more, so its last ticket is over by then.
        self.end(tenant, Ended::Family(id), now.plus(LONGEST)).await
    }

    /// Ends a session whose absolute end is `expires`.
    pub async fn end_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        expires: Timestamp,
    ) -> Result<(), CommitError> {
        self.end(tenant, Ended::Session(id), expires).await
    }

    async fn end(
        &self,
        tenant: TenantId,
        what: Ended,
        until: Timestamp,
    ) -> Result<(), CommitError> {
        let mut set = WriteSet::new();
        revoked::put(&mut set, tenant, what, until.plus(CLOCK_SKEW));
        self.store.commit(set).await.map(|_| ())
    }

    fn randomness(&self) -> SealEntropy {
        SealEntropy(entropy::random(&*self.entropy))
    }
}

#[cfg(test)]
mod tests;
