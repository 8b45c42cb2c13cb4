//! Devices that wait for their user, with a store behind them: asked for by the client, answered by
//! the user in a browser, redeemed once by the device that polls (RFC 8628).

mod paces;

use std::{net::IpAddr, sync::Arc};

use behalf_core::{
    device::{
        DEVICE_CODE_LIFETIME, Decision, DeviceCode, DeviceGrant, PresentedDeviceCode,
        PresentedGrant, UserCode,
    },
    id::{AppId, TenantId, TicketId},
    ticket::{Requested, whole_second},
    time::Timestamp,
};
use behalf_store::{
    CommitError, Expect, Footing, ReadError, Store, Version, WriteSet, records::device_grant,
};

use crate::{
    entropy::{Entropy, SharedEntropy, random, random_uuid},
    history::Ended,
};
use paces::Paces;

/// How often a user code is drawn anew because somebody else has it: codes are so many that the
/// second is a wonder.
const TRIES: usize = 5;

/// The deployment's device grants.
#[derive(Debug)]
pub(crate) struct DeviceGrants {
    store: Store,
    entropy: SharedEntropy,
    ended: Arc<Ended>,
    paces: Paces,
}

/// What a client asks for a device.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Who asks.
    pub(crate) client: AppId,
    /// The client's home tenant.
    pub(crate) home: TenantId,
    /// The tenant whose endpoint was asked; `None`: `common`.
    pub(crate) tenant: Option<TenantId>,
    /// The v1 endpoint was asked.
    pub(crate) v1: bool,
    /// The client proved who it is.
    pub(crate) confidential: bool,
    /// What it asks for.
    pub(crate) requested: Requested,
}

/// A grant's two codes.
#[derive(Debug)]
pub(crate) struct Codes {
    /// What the user types.
    pub(crate) user: UserCode,
    /// What the device polls with.
    pub(crate) device: DeviceCode,
}

/// Why a client gets no codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCodes {
    /// Too many wait already; seconds until there is room.
    #[error("too many devices wait for their users: try again in {0} seconds")]
    TooMany(u64),
    /// The store cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A grant that was found.
#[derive(Debug)]
pub(crate) struct Found<G> {
    /// The grant.
    pub(crate) grant: G,
    /// Where, and as what: what is written next is written in its place.
    pub(crate) place: Place,
}

/// Where a grant was found, in the state it was found in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    user_code: UserCode,
    version: Version,
    footing: Footing,
}

impl DeviceGrants {
    /// Grants of `store`; whose codes `entropy` draws.
    pub(crate) fn new(store: Store, entropy: SharedEntropy, ended: Arc<Ended>) -> Self {
        let paces = Paces::new(&*entropy);
        Self { store, entropy, ended, paces }
    }

    /// Begins to wait for a user: the one durable write of asking. Whoever asks has mostly proved
    /// nothing, so it is counted by its address and by the tenant that must keep it.
    pub(crate) async fn ask(
        &self,
        asked: Asked,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Codes, NoCodes> {
        let place = asked.tenant.unwrap_or(asked.home);
        self.paces.ask(address, place, now).map_err(NoCodes::TooMany)?;
        let Asked { client, home, tenant, v1, confidential, requested } = asked;
        let entropy: &dyn Entropy = &*self.entropy;
        let mut tries = 0;
        loop {
            let user = UserCode::draw(random(entropy));
            let device = DeviceCode::draw(user, &random(entropy));
            let grant = DeviceGrant {
                id: TicketId(random_uuid(entropy)),
                code: device.hash(),
                client,
                home,
                tenant,
                v1,
                confidential,
                requested: requested.clone(),
                expires: whole_second(now).plus(DEVICE_CODE_LIFETIME),
                decision: Decision::Waiting,
            };
            let mut set = WriteSet::new();
            device_grant::put(&mut set, user, &grant, Expect::Absent);
            match self.store.commit(set).await {
                Ok(_) => return Ok(Codes { user, device }),
                Err(CommitError::Conflict { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Counts that somebody types a code; the error is how many seconds he must wait. Counted
    /// before it is looked at, by address and by browser.
    pub(crate) fn guess(
        &self,
        address: Option<IpAddr>,
        browser: &str,
        now: Timestamp,
    ) -> Result<(), u64> {
        self.paces.guess(address, browser, now)
    }

    /// What was typed was somebody's code: it does not count.
    pub(crate) fn guessed_right(&self, address: Option<IpAddr>, browser: &str, now: Timestamp) {
        self.paces.guessed_right(address, browser, now);
    }

    /// The grant that a user code finds, over or answered as it may be. One that was asked for before
    /// everything ended may have been redeemed.
    pub(crate) async fn find(
        &self,
        user_code: UserCode,
    ) -> Result<Option<Found<DeviceGrant>>, ReadError> {
        let footing = self.store.footing();
        let ended = self.ended.at().map(|at| at.plus(DEVICE_CODE_LIFETIME));
        let found = self.store.reading().device_grant(user_code).await?;
        let counts = |grant: &DeviceGrant| ended.is_none_or(|ended| grant.expires > ended);
        Ok(found.filter(|found| counts(&found.value)).map(|found| Found {
            place: Place { user_code, version: found.version, footing },
            grant: found.value,
        }))
    }

    /// The grant whose device code this is.
    pub(crate) async fn presented(
        &self,
        text: &str,
    ) -> Result<Option<Found<PresentedGrant>>, ReadError> {
        let Some(code) = PresentedDeviceCode::parse(text) else { return Ok(None) };
        let found = self.find(code.user_code()).await?;
        Ok(found.and_then(|Found { grant, place }| {
            grant.presented(&code).map(|grant| Found { grant, place })
        }))
    }

    /// Whether a device polls before its time. Counts the poll.
    pub(crate) fn too_fast(&self, grant: &PresentedGrant, now: Timestamp) -> bool {
        self.paces.poll(grant.grant().id, now).is_err()
    }

    /// Writes what the user answered, in place of the grant as it was found. `false`: it was
    /// answered or redeemed meanwhile.
    pub(crate) async fn answer(
        &self,
        place: Place,
        answered: &DeviceGrant,
    ) -> Result<bool, CommitError> {
        let mut set = WriteSet::new();
        set.stand_on(place.footing);
        device_grant::put(&mut set, place.user_code, answered, Expect::Version(place.version));
        self.committed(set).await
    }

    /// Takes a grant away, for the tokens that are issued next. `false`: another poll was faster.
    pub(crate) async fn take(&self, place: Place) -> Result<bool, CommitError> {
        let mut set = WriteSet::new();
        set.stand_on(place.footing);
        device_grant::take(&mut set, place.user_code, place.version);
        self.committed(set).await
    }

    async fn committed(&self, set: WriteSet) -> Result<bool, CommitError> {
        match self.store.commit(set).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
