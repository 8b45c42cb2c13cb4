//! The epochs of the sealing root: which one seals, which ones open, and the keys made of them.

use std::fmt;

use behalf_jose::hkdf::{DerivationKey, TooMuch};
use zeroize::Zeroizing;

use super::{Purpose, header::EPOCH_MAX};
use crate::{
    id::TenantId,
    time::{CLOCK_SKEW, Timestamp},
};

const SALT: &[u8] = b"behalf.seal.v1";
const TENANT_KEY: &[u8] = b"behalf.seal.v1|";
const CONTENT_KEY: &[u8] = b"cek|";

/// One root and the time in which it seals. A revoked epoch is simply not in the ring.
pub struct Epoch {
    number: u32,
    from: Timestamp,
    to: Option<Timestamp>,
    key: DerivationKey,
}

impl Epoch {
    /// The epoch `number` (1 to 999,999) that seals from `from` until `to`, or on and on while it
    /// has no successor. The caller wipes `root`.
    pub fn new(number: u32, root: &[u8; 32], from: Timestamp, to: Option<Timestamp>) -> Self {
        Self { number, from, to, key: DerivationKey::extract(SALT, root) }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The key of one ticket.
    pub(super) fn content_key(&self, place: &Place) -> Result<Zeroizing<[u8; 32]>, TooMuch> {
        content_key(&self.key, place)
    }

    /// Whether a ticket issued at `issued` and presented at `now` can be this epoch's, give or
    /// take the skew: a stolen old root seals nothing that counts (tickets.md 2).
    pub(super) fn covers(&self, issued: Timestamp, now: Timestamp) -> bool {
        let until = self.to.map_or(now, |to| to.min(now));
        issued.plus(CLOCK_SKEW) >= self.from && issued <= until.plus(CLOCK_SKEW)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({} from {:?} to {:?})", self.number, self.from, self.to)
    }
}

/// Every epoch that still opens tickets.
#[derive(Debug)]
pub struct SealRing {
    /// By number.
    epochs: Vec<Epoch>,
    /// Opens nothing: does the work for tickets of epochs that there are not.
    decoy: DerivationKey,
}

impl SealRing {
    /// The ring of `epochs`. Those with a number that no header can name are left out.
    pub fn new(epochs: impl IntoIterator<Item = Epoch>) -> Self {
        let mut epochs: Vec<_> =
            epochs.into_iter().filter(|epoch| (1..=EPOCH_MAX).contains(&epoch.number)).collect();
        epochs.sort_by_key(|epoch| epoch.number);
        Self { epochs, decoy: DerivationKey::extract(SALT, b"opens nothing") }
    }

    /// The epoch that seals at `now`: the newest that has begun and not ended.
    pub(super) fn sealing(&self, now: Timestamp) -> Option<&Epoch> {
        let seals = |epoch: &&Epoch| epoch.from <= now && epoch.to.is_none_or(|to| now < to);
        self.epochs.iter().rev().find(seals)
    }

    /// The number of the epoch that seals at `now`.
    pub fn sealing_epoch(&self, now: Timestamp) -> Option<u32> {
        self.sealing(now).map(|epoch| epoch.number)
    }

    /// The epoch of a number, if its tickets still open.
    pub(super) fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == number)
    }

    /// As long a computation as for an epoch that there is, for a key that opens nothing.
    pub(super) fn decoy(&self, place: &Place) -> Result<Zeroizing<[u8; 32]>, TooMuch> {
        content_key(&self.decoy, place)
    }
}

/// Whose content key: of which purpose, tenant and ticket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) purpose: Purpose,
    pub(super) tenant: TenantId,
    /// Sixteen bytes of the ticket's own.
    pub(super) salt: [u8; 16],
}

/// PRK → K(epoch, purpose, tenant) → CEK (tickets.md 2).
fn content_key(prk: &DerivationKey, place: &Place) -> Result<Zeroizing<[u8; 32]>, TooMuch> {
    let word = place.purpose.word().as_bytes();
    let tenant = prk.expand(&[TENANT_KEY, word, b"|", &place.tenant.bytes()])?;
    DerivationKey::from_key(&tenant).expand(&[CONTENT_KEY, &place.salt])
}
