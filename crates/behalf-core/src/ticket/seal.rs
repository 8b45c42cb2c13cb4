//! Sealing and opening: pure, with entropy and the time as arguments.

use behalf_jose::{
    hkdf::TooMuch,
    jwe::{self, JweError, Sealed},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    Purpose,
    header::Header,
    ring::{Place, SealRing},
};
use crate::{id::TenantId, time::Timestamp};

/// What can be sealed.
pub trait TicketClaims: Serialize + DeserializeOwned {
    /// What it is for.
    const PURPOSE: Purpose;

    /// When it was issued: must lie within its epoch.
    fn issued(&self) -> Timestamp;
}

/// Randomness for one ticket.
#[derive(Debug, Clone, Copy)]
pub struct SealEntropy(pub [u8; 28]);

impl SealEntropy {
    pub(super) fn split(&self) -> ([u8; 16], [u8; 12]) {
        let (mut salt, mut iv) = ([0; 16], [0; 12]);
        salt.copy_from_slice(&self.0[..16]);
        iv.copy_from_slice(&self.0[16..]);
        (salt, iv)
    }
}

/// Why a ticket cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The clock is before the first epoch, or the ring is behind.
    #[error("no epoch of the sealing key is in force now; check the clock")]
    NoEpoch,
    /// Redirect URI, scopes or the chain are too long.
    #[error("the ticket would have {length} bytes, at most {max} are issued: ask for fewer scopes")]
    TooLong {
        /// Bytes it would have.
        length: usize,
        /// Bytes allowed for its purpose.
        max: usize,
    },
    /// The crypto library refused.
    #[error("the ticket could not be sealed")]
    Crypto,
}

/// A text that is no ticket of ours for this purpose (70000). To the outside every cause looks the
/// same and takes the same time; [`Self::cause`] is for the sign-in log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ticket is malformed, or was not issued here for this purpose")]
pub struct NotATicket(pub(super) Cause);

impl NotATicket {
    /// Why, for the log only.
    pub fn cause(self) -> Cause {
        self.0
    }
}

/// Why a text is no ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Too long, or not five parts of which the header is exactly ours for this purpose.
    Form,
    /// Sealed in an epoch that is unknown, over or revoked.
    Epoch,
    /// Changed, or sealed by somebody else.
    Key,
    /// Opened, but its claims are not of this version.
    Claims,
    /// Opened, but says that it was issued outside its epoch.
    Window,
}

/// A ticket that opened: what it says was written by us, for this purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<T> {
    claims: T,
    tenant: TenantId,
}

impl<T> Opened<T> {
    /// What it says.
    pub fn claims(&self) -> &T {
        &self.claims
    }

    /// The tenant it was sealed for: its user's home.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What it says, on its own.
    pub fn into_claims(self) -> T {
        self.claims
    }
}

impl SealRing {
    /// Seals `claims` for `tenant` as a compact JWE of the epoch in force.
    pub fn seal<T: TicketClaims>(
        &self,
        tenant: TenantId,
        claims: &T,
        entropy: SealEntropy,
        now: Timestamp,
    ) -> Result<String, SealError> {
        let epoch = self.sealing(now).ok_or(SealError::NoEpoch)?;
        let (salt, iv) = entropy.split();
        let place = Place { purpose: T::PURPOSE, tenant, salt };
        let header = Header { epoch: epoch.number(), tenant, salt }.to_json(T::PURPOSE);
        let plaintext = Zeroizing::new(serde_json::to_vec(claims).map_err(|_| SealError::Crypto)?);
        let cek = epoch.content_key(&place)?;
        let ticket = jwe::seal(header.as_bytes(), &cek, iv, &plaintext)?;
        let (length, max) = (ticket.len(), T::PURPOSE.max_len());
        if length > max { Err(SealError::TooLong { length, max }) } else { Ok(ticket) }
    }

    /// Opens `text` as a ticket for `T`'s purpose and no other. Whether it opens or not, as much is
    /// computed.
    pub fn open<T: TicketClaims>(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Opened<T>, NotATicket> {
        let max = T::PURPOSE.max_len();
        let parsed = Sealed::parse(text, max).ok().and_then(|sealed| {
            let header = Header::parse(sealed.unverified_header_json(), T::PURPOSE)?;
            Some((sealed, header))
        });
        let malformed = parsed.is_none();
        let (sealed, header) = parsed.unwrap_or_else(|| {
            let nobody = Header { epoch: 0, tenant: TenantId::NIL, salt: [0; 16] };
            (Sealed::decoy(text.len().min(max) / 4 * 3), nobody)
        });
        let epoch = self.epoch(header.epoch);
        let place = Place { purpose: T::PURPOSE, tenant: header.tenant, salt: header.salt };
        let cek = match epoch {
            Some(epoch) => epoch.content_key(&place),
            None => self.decoy(&place),
        };
        let plaintext = cek.ok().and_then(|cek| sealed.open(&cek).ok());
        let refused = |cause| Err(NotATicket(cause));
        match (malformed, epoch, plaintext) {
            (true, ..) => refused(Cause::Form),
            (_, None, _) => refused(Cause::Epoch),
            (_, _, None) => refused(Cause::Key),
            (false, Some(epoch), Some(plaintext)) => {
                let Ok(claims) = serde_json::from_slice::<T>(&plaintext) else {
                    return refused(Cause::Claims);
                };
                if !epoch.covers(claims.issued(), now) {
                    return refused(Cause::Window);
                }
                Ok(Opened { claims, tenant: header.tenant })
            }
        }
    }
}

impl From<TooMuch> for SealError {
    fn from(_: TooMuch) -> Self {
        Self::Crypto
    }
}

impl From<JweError> for SealError {
    fn from(_: JweError) -> Self {
        Self::Crypto
    }
}
