//! Rate limits: who may go on, and who is to come back later.
//!
//! What a caller does *before* it has proved who it is counts against its address prefix, and
//! against that prefix together with the client it names; never against the client alone, or
//! anybody could lock anybody out. Only after authentication do the client's and the tenant's own
//! buckets count (decisions.md 8).
//!
//! Everything is bounded by construction: four tables of fixed size, whatever callers invent. A
//! look or a charge is a keyed hash and a few atomic operations; nothing allocates or waits.

mod cell;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use behalf_core::{
    event::ClientRef,
    id::{AppId, TenantId},
    time::Timestamp,
};

pub(crate) use self::cell::{Pace, Table};
use crate::entropy::{Entropy, random};

/// The longest `Retry-After`, in seconds: longer ones make a repaired client look broken.
pub const RETRY_AFTER_MAX: u64 = 30;
/// `Retry-After` is spread over this many seconds, so that refused callers do not return as one.
const SPREAD: u64 = 4;
/// From this rate on (a second) a limit is off.
pub const OFF: u32 = 1_000_000;

/// A steady rate with a burst on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run; [`OFF`] and above: unlimited.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// `per_second` with ten seconds' worth at once: fleets start together.
    pub const fn per_second(per_second: u32) -> Self {
        Self { per_second, burst: per_second.saturating_mul(10) }
    }

    /// No limit.
    pub const UNLIMITED: Self = Self { per_second: OFF, burst: OFF };

    /// A tenth of it, at least one: what one client may use of its address's failures.
    const fn tenth(self) -> Self {
        if self.per_second >= OFF {
            return Self::UNLIMITED;
        }
        let per_second = if self.per_second < 10 { 1 } else { self.per_second / 10 };
        let burst = if self.burst < 10 { 1 } else { self.burst / 10 };
        Self { per_second, burst }
    }
}

/// How much is allowed, per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Token requests of one authenticated client in one tenant.
    pub client: Rate,
    /// Failures from one address prefix (IPv4 /32, IPv6 /64). One client there may use a tenth, and
    /// so may all requests that name none, and all that name nonsense, so that who is broken does
    /// not use up what its neighbours behind the same NAT need.
    pub address: Rate,
    /// Token requests of one tenant's authenticated clients together.
    pub tenant: Rate,
}

impl Default for LimitSettings {
    /// What a company's daemons stay far below, and a client that forgot to cache tokens does not.
    fn default() -> Self {
        Self {
            client: Rate::per_second(100),
            address: Rate::per_second(20),
            tenant: Rate::per_second(2_000),
        }
    }
}

impl LimitSettings {
    /// Everything allowed: for measurements.
    pub const UNLIMITED: Self =
        Self { client: Rate::UNLIMITED, address: Rate::UNLIMITED, tenant: Rate::UNLIMITED };
}

/// How often each limit refused, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals {
    /// An address prefix with too many failures.
    pub address: u64,
    /// A client with too many failures at one address prefix.
    pub address_and_client: u64,
    /// An authenticated client with too many requests.
    pub client: u64,
    /// A tenant with too many requests.
    pub tenant: u64,
}

/// The limits of one process, shared by all cores.
#[derive(Debug)]
pub struct Limits {
    addresses: Table,
    clients_at_addresses: Table,
    clients: Table,
    tenants: Table,
    jitter: AtomicU64,
    refused: [AtomicU64; 4],
}

/// What a bucket is kept for, as the bytes that are hashed.
type Key = [u8; 33];

impl Limits {
    /// Empty buckets, hashed under a key drawn from `entropy`, so that nobody outside can choose
    /// names which share a bucket with another's.
    pub fn new(settings: &LimitSettings, entropy: &dyn Entropy) -> Self {
        let table = |rate: Rate, sets| {
            let key = random::<16>(entropy);
            Table::new(Pace::new(rate.per_second, rate.burst), sets, u128::from_le_bytes(key))
        };
        Self {
            addresses: table(settings.address, 4_096),
            clients_at_addresses: table(settings.address.tenth(), 4_096),
            clients: table(settings.client, 16_384),
            tenants: table(settings.tenant, 4_096),
            jitter: AtomicU64::new(0),
            refused: [const { AtomicU64::new(0) }; 4],
        }
    }

    /// Whether `address` has used up its failures; then the seconds for `Retry-After`. Charges
    /// nothing: asked before the body is read.
    pub fn address_exhausted(&self, address: Option<IpAddr>, now: Timestamp) -> Option<u64> {
        let wait = self.addresses.look(&address_key(address?), now)?;
        Some(self.refuse(0, wait))
    }

    /// Whether `client` has failed too often at `address`; then the seconds for `Retry-After`.
    /// Charges nothing: asked as soon as the client has named itself, before its credential is
    /// looked at.
    pub fn failing(
        &self,
        address: Option<IpAddr>,
        client: ClientRef,
        now: Timestamp,
    ) -> Option<u64> {
        let key = address_and_client_key(address?, client);
        let wait = self.clients_at_addresses.look(&key, now)?;
        Some(self.refuse(1, wait))
    }

    /// Charges a failure of an unauthenticated caller to its address prefix together with the
    /// client it named, and through that to the prefix. `Some`: that client's share is used up,
    /// with the seconds for `Retry-After`; the prefix is not charged then, so that one broken
    /// client, or all that name none, leave their neighbours nine tenths of it.
    pub fn charge_failure(
        &self,
        address: Option<IpAddr>,
        client: ClientRef,
        now: Timestamp,
    ) -> Option<u64> {
        let address = address?;
        let share = address_and_client_key(address, client);
        if let Err(wait) = self.clients_at_addresses.charge(&share, now) {
            return Some(self.refuse(1, wait));
        }
        // Full is full: what is beyond does not count, so nobody is kept out longer for insisting.
        let _ = self.addresses.charge(&address_key(address), now);
        None
    }

    /// Charges a request of the authenticated `client` to it and to `tenant`. `Some`: refused,
    /// with the seconds for `Retry-After`.
    pub fn charge_client(&self, tenant: TenantId, client: AppId, now: Timestamp) -> Option<u64> {
        let mut key = [0; 33];
        key[..16].copy_from_slice(&tenant.bytes());
        if let Err(wait) = self.tenants.allows(&key, now) {
            return Some(self.refuse(3, wait));
        }
        let mut own = key;
        own[16..32].copy_from_slice(&client.bytes());
        if let Err(wait) = self.clients.charge(&own, now) {
            return Some(self.refuse(2, wait));
        }
        // Between the look and the charge others may have taken the last; then it is refused here.
        let wait = self.tenants.charge(&key, now).err()?;
        Some(self.refuse(3, wait))
    }

    /// How often each limit refused.
    pub fn refusals(&self) -> Refusals {
        let [address, address_and_client, client, tenant] =
            [0, 1, 2, 3].map(|i: usize| self.refused[i].load(Ordering::Relaxed));
        Refusals { address, address_and_client, client, tenant }
    }

    /// Counts the refusal and makes `Retry-After` (RFC 9110 10.2.3) of a wait in microseconds.
    fn refuse(&self, which: usize, wait: u64) -> u64 {
        self.refused[which].fetch_add(1, Ordering::Relaxed);
        let turn = self.jitter.fetch_add(1, Ordering::Relaxed);
        let spread = self.clients.hash(&turn.to_le_bytes()) % SPREAD;
        (wait.div_ceil(1_000_000) + spread).clamp(1, RETRY_AFTER_MAX)
    }
}

/// The prefix an address is limited by: one IPv4 address, or the /64 that one IPv6 host can use.
pub(crate) fn address_key(address: IpAddr) -> Key {
    let mut key = [0; 33];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            key[..4].copy_from_slice(&v4.octets());
            key[8] = 4;
        }
        IpAddr::V6(v6) => {
            key[..8].copy_from_slice(&v6.octets()[..8]);
            key[8] = 6;
        }
    }
    key
}

fn address_and_client_key(address: IpAddr, client: ClientRef) -> Key {
    let mut key = address_key(address);
    match client {
        ClientRef::Absent => key[32] = 1,
        // One bucket for all of them: their length is the caller's choice.
        ClientRef::Malformed(_) => key[32] = 2,
        ClientRef::Id(id) => {
            key[16..32].copy_from_slice(&id.bytes());
            key[32] = 3;
        }
    }
    key
}

#[cfg(test)]
mod tests;
