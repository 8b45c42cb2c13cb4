//! How often a sign-in may be wrong (50053).
//!
//! Counted is by the name somebody tries together with the address he tries it from, and by the
//! address over all names; never by the name alone, or anybody could lock anybody out. A browser
//! that the user has signed in with before is counted by itself instead, whatever goes on at its
//! address ([`super::device`], decisions.md 8).
//!
//! An attempt counts before it is looked at, so that a thousand at once are no thousand guesses,
//! and is taken back when it was right. Nothing here knows whether a name is somebody's. Nothing is
//! kept for long: what was counted runs out by itself, within ten minutes at most, and a right
//! password from a place that may try ends it at once.

use std::net::IpAddr;

use behalf_core::{id::TenantId, time::Timestamp};

use super::device::FamiliarDevice;
use crate::{
    entropy::{Entropy, random},
    limits::{Pace, RETRY_AFTER_MAX, Table, address_key},
};

/// What is guessed at: each has its own count, so that a right password gives no more guesses at
/// the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// A password.
    Password,
    /// The code of an authenticator app.
    Code,
}

/// One try to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Where.
    pub tenant: TenantId,
    /// The name as it was given, in lower case; somebody's or nobody's.
    pub name: &'a str,
    /// From where.
    pub address: Option<IpAddr>,
    /// The browser, if its cookie is this user's.
    pub device: Option<FamiliarDevice>,
    /// What is tried.
    pub factor: Factor,
}

/// Too many were wrong (50053); nothing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong sign-ins from here: try again in {retry_after} seconds")]
pub struct Locked {
    /// For `Retry-After`, in seconds.
    pub retry_after: u64,
}

/// The counts of one process.
#[derive(Debug)]
pub struct Lockout {
    names_at_addresses: Table,
    devices: Table,
    addresses: Table,
}

impl Lockout {
    /// Nothing counted yet; hashed under keys drawn from `entropy`.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let table = |pace, sets| Table::new(pace, sets, u128::from_le_bytes(random::<16>(entropy)));
        // Ten at once, and one a minute after that: a hundred guesses take an hour and a half.
        let name = Pace::every(60_000_000, 10);
        Self {
            names_at_addresses: table(name, 16_384),
            devices: table(name, 4_096),
            // An office behind one address mistypes less than one password a second.
            addresses: table(Pace::every(1_000_000, 100), 4_096),
        }
    }

    /// Counts `attempt`, or says that it must wait.
    pub fn admit(&self, attempt: &Attempt<'_>, now: Timestamp) -> Result<(), Locked> {
        let key = key(attempt);
        if attempt.device.is_some() {
            return self.devices.charge(&key, now).map_err(locked);
        }
        let address = place(attempt.address);
        self.addresses.charge(&address, now).map_err(locked)?;
        self.names_at_addresses.charge(&key, now).map_err(|wait| {
            // What is refused here guesses at nothing: the neighbours need not pay for it.
            self.addresses.refund(&address, now);
            locked(wait)
        })
    }

    /// The attempt that was admitted was right: what was wrong before it is forgotten.
    pub fn succeeded(&self, attempt: &Attempt<'_>, now: Timestamp) {
        let key = key(attempt);
        if attempt.device.is_some() {
            return self.devices.clear(&key, now);
        }
        self.addresses.refund(&place(attempt.address), now);
        self.names_at_addresses.clear(&key, now);
    }

    /// The attempt that was admitted was not looked at after all (503).
    pub fn withdrawn(&self, attempt: &Attempt<'_>, now: Timestamp) {
        let key = key(attempt);
        if attempt.device.is_some() {
            return self.devices.refund(&key, now);
        }
        self.addresses.refund(&place(attempt.address), now);
        self.names_at_addresses.refund(&key, now);
    }
}

fn locked(wait: u64) -> Locked {
    Locked { retry_after: wait.div_ceil(1_000_000).clamp(1, 2 * RETRY_AFTER_MAX) }
}

/// Callers without an address share one place.
fn place(address: Option<IpAddr>) -> [u8; 33] {
    address.map_or([0xff; 33], address_key)
}

fn key(attempt: &Attempt<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(64 + attempt.name.len());
    key.push(match attempt.factor {
        Factor::Password => 1,
        Factor::Code => 2,
    });
    key.extend(attempt.tenant.bytes());
    match &attempt.device {
        Some(device) => key.extend(device.bytes()),
        None => key.extend(place(attempt.address)),
    }
    key.extend(attempt.name.as_bytes());
    key
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use behalf_core::id::ObjectId;

    use super::*;
    use crate::{entropy::SeededEntropy, session::device::FamiliarDevices};

    const START: Timestamp = Timestamp(1_764_000_000_000);

    fn lockout() -> Lockout {
        Lockout::new(&SeededEntropy::new(1))
    }

    fn at(address: u32, name: &str) -> Attempt<'_> {
        let address = Some(IpAddr::V4(Ipv4Addr::from(address)));
        let factor = Factor::Password;
        Attempt { tenant: TenantId::NIL, name, address, device: None, factor }
    }

    fn device() -> Option<FamiliarDevice> {
        let (devices, who) = (FamiliarDevices::new(&[1; 32]), (TenantId::NIL, ObjectId::NIL));
        let cookie = devices.cookie(who, None, &SeededEntropy::new(2), START);
        devices.recognise(who, &cookie, START)
    }

    /// How many of `tries` are looked at, `every` apart.
    fn admitted(lockout: &Lockout, attempt: &Attempt<'_>, tries: u32, every: Duration) -> u32 {
        let admitted = |n: &u32| lockout.admit(attempt, START.plus(every * *n)).is_ok();
        u32::try_from((0..tries).filter(admitted).count()).unwrap()
    }

    #[test]
    fn cn_11_a_thousand_passwords_for_one_user_are_ten_and_the_user_still_signs_in() {
        let lockout = lockout();
        assert_eq!(admitted(&lockout, &at(1, "bob@acme.test"), 1_000, Duration::ZERO), 10);
        let locked = lockout.admit(&at(1, "bob@acme.test"), START).unwrap_err();
        assert_eq!(locked.retry_after, 60);
        // The user himself, from elsewhere; and behind the same address with his own browser.
        assert!(lockout.admit(&at(2, "bob@acme.test"), START).is_ok());
        let own = Attempt { device: device(), ..at(1, "bob@acme.test") };
        assert!(lockout.admit(&own, START).is_ok());
        assert!(lockout.admit(&at(1, "ada@acme.test"), START).is_ok(), "others there go on");
        let globex =
            Attempt { tenant: TenantId(uuid::Uuid::from_u128(2)), ..at(1, "bob@acme.test") };
        assert!(lockout.admit(&globex, START).is_ok());
    }

    #[test]
    fn cn_11_one_password_for_a_thousand_users_is_throttled_by_its_address() {
        let lockout = lockout();
        let names: Vec<_> = (0..1_000).map(|n| format!("user{n}@acme.test")).collect();
        let passed = names.iter().filter(|name| lockout.admit(&at(1, name), START).is_ok());
        assert_eq!(passed.count(), 100);
        assert!(lockout.admit(&at(2, "user999@acme.test"), START).is_ok(), "who is elsewhere");
        let own = Attempt { device: device(), ..at(1, "user999@acme.test") };
        assert!(lockout.admit(&own, START).is_ok(), "who is known");
    }

    #[test]
    fn nobody_is_kept_out_for_long_and_insisting_does_not_make_it_longer() {
        let lockout = lockout();
        let bob = at(1, "bob@acme.test");
        // An hour of tries, ten a second: ten and then one a minute are looked at.
        let hour = admitted(&lockout, &bob, 36_000, Duration::from_millis(100));
        assert!((68..=70).contains(&hour), "{hour}");
        let minute_later = START.plus(Duration::from_hours(1) + Duration::from_mins(1));
        assert!(lockout.admit(&bob, minute_later).is_ok());
    }

    #[test]
    fn what_was_right_does_not_count() {
        let lockout = lockout();
        let bob = at(1, "bob@acme.test");
        for _ in 0..1_000 {
            lockout.admit(&bob, START).unwrap();
            lockout.succeeded(&bob, START);
        }
        assert_eq!(admitted(&lockout, &bob, 9, Duration::ZERO), 9);
        lockout.admit(&bob, START).unwrap();
        lockout.succeeded(&bob, START);
        assert_eq!(admitted(&lockout, &bob, 20, Duration::ZERO), 10, "forgotten by a right one");
        let ada = at(2, "ada@acme.test");
        for _ in 0..1_000 {
            lockout.admit(&ada, START).unwrap();
            lockout.withdrawn(&ada, START);
        }
    }

    #[test]
    fn one_users_right_password_gives_no_more_guesses_at_anothers() {
        let lockout = lockout();
        let (bob, own) = (at(1, "bob@acme.test"), at(1, "eve@acme.test"));
        let mut guesses = 0;
        for _ in 0..100 {
            guesses += u32::from(lockout.admit(&bob, START).is_ok());
            lockout.admit(&own, START).unwrap();
            lockout.succeeded(&own, START);
        }
        assert_eq!(guesses, 10);
    }

    #[test]
    fn codes_are_counted_apart_from_passwords() {
        let lockout = lockout();
        let (password, code) =
            (at(1, "bob@acme.test"), Attempt { factor: Factor::Code, ..at(1, "bob@acme.test") });
        assert_eq!(admitted(&lockout, &code, 20, Duration::ZERO), 10);
        lockout.admit(&password, START).unwrap();
        lockout.succeeded(&password, START);
        assert!(lockout.admit(&code, START).is_err(), "a right password clears no code");
    }

    #[test]
    fn a_known_browser_has_an_end_too() {
        let lockout = lockout();
        let own = Attempt { device: device(), ..at(1, "bob@acme.test") };
        assert_eq!(admitted(&lockout, &own, 1_000, Duration::ZERO), 10);
    }
}
