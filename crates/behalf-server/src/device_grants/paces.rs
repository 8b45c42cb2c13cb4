//! How fast codes may be asked for, typed and polled with. Nothing here is kept for longer than
//! what it counts, and nobody can keep out another than those behind his own address.

use std::net::IpAddr;

use behalf_core::{
    id::{TenantId, TicketId},
    time::Timestamp,
};

use crate::{
    entropy::{Entropy, random},
    limits::{Pace, Table, address_key},
};

/// The counts of one process.
#[derive(Debug)]
pub(super) struct Paces {
    asking_addresses: Table,
    asking_tenants: Table,
    typing_addresses: Table,
    typing_browsers: Table,
    polling: Table,
}

impl Paces {
    /// Nothing counted yet; hashed under keys drawn from `entropy`.
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let table = |pace, sets| Table::new(pace, sets, u128::from_le_bytes(random::<16>(entropy)));
        Self {
            // An office that begins its day behind one address.
            asking_addresses: table(Pace::every(6_000_000, 20), 4_096),
            // Within the fifteen minutes that codes last: a thousand wait at most (tickets.md 7).
            asking_tenants: table(Pace::every(1_800_000, 500), 4_096),
            // 10^5 guesses take a month, of 2^39 codes (RT-19).
            typing_addresses: table(Pace::every(30_000_000, 20), 4_096),
            typing_browsers: table(Pace::every(60_000_000, 10), 4_096),
            // Every five seconds, with some slack for the way here.
            polling: table(Pace::every(4_000_000, 2), 4_096),
        }
    }

    /// Counts a request for codes at `tenant`; the error is in how many seconds there is room.
    pub(super) fn ask(
        &self,
        address: Option<IpAddr>,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(), u64> {
        let address = place(address);
        self.asking_addresses.charge(&address, now).map_err(seconds)?;
        self.asking_tenants.charge(&tenant.bytes(), now).map_err(|wait| {
            self.asking_addresses.refund(&address, now);
            seconds(wait)
        })
    }

    /// Counts a code that is typed; the error is in how many seconds the next may be.
    pub(super) fn guess(
        &self,
        address: Option<IpAddr>,
        browser: &str,
        now: Timestamp,
    ) -> Result<(), u64> {
        self.typing_browsers.charge(browser.as_bytes(), now).map_err(seconds)?;
        self.typing_addresses.charge(&place(address), now).map_err(|wait| {
            self.typing_browsers.refund(browser.as_bytes(), now);
            seconds(wait)
        })
    }

    /// Takes one of those back.
    pub(super) fn guessed_right(&self, address: Option<IpAddr>, browser: &str, now: Timestamp) {
        self.typing_browsers.refund(browser.as_bytes(), now);
        self.typing_addresses.refund(&place(address), now);
    }

    /// Counts a poll that is in time; the error is in how many seconds the next would be.
    pub(super) fn poll(&self, grant: TicketId, now: Timestamp) -> Result<(), u64> {
        self.polling.charge(&grant.bytes(), now).map_err(seconds)
    }
}

/// Callers without an address share one place.
fn place(address: Option<IpAddr>) -> [u8; 33] {
    address.map_or([0xff; 33], address_key)
}

fn seconds(wait: u64) -> u64 {
    wait.div_ceil(1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use behalf_core::device::{DEVICE_CODE_LIFETIME, POLL_INTERVAL};
    use uuid::Uuid;

    use super::*;
    use crate::entropy::SeededEntropy;

    const START: Timestamp = Timestamp(1_764_000_000_000);
    const TENANT: TenantId = TenantId(Uuid::from_u128(1));

    fn paces() -> Paces {
        Paces::new(&SeededEntropy::new(1))
    }

    fn from(address: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(address))
    }

    #[test]
    fn a_tenant_keeps_a_thousand_at_most_whoever_asks() {
        let paces = paces();
        let (mut asked, mut time) = (0, START);
        for address in 0.. {
            if time.since(START) >= DEVICE_CODE_LIFETIME {
                break;
            }
            asked += u32::from(paces.ask(Some(from(address)), TENANT, time).is_ok());
            time = time.plus(Duration::from_millis(100));
        }
        assert!((990..=1_000).contains(&asked), "{asked}");
        let other = TenantId(Uuid::from_u128(2));
        assert!(paces.ask(Some(from(1_000_000)), other, time).is_ok(), "its neighbour");
    }

    #[test]
    fn one_address_asks_twenty_times_at_once() {
        let paces = paces();
        let asked = (0..100).filter(|_| paces.ask(Some(from(1)), TENANT, START).is_ok()).count();
        assert_eq!(asked, 20);
        assert_eq!(paces.ask(Some(from(1)), TENANT, START), Err(6));
        assert!(paces.ask(Some(from(2)), TENANT, START).is_ok(), "who is elsewhere");
    }

    #[test]
    fn rt_19_guesses_are_few_from_one_address_and_fewer_in_one_browser() {
        let paces = paces();
        let mut passed = 0;
        for n in 0..100_000_u32 {
            let now = START.plus(Duration::from_millis(36) * n);
            passed += u32::from(paces.guess(Some(from(1)), &format!("browser-{n}"), now).is_ok());
        }
        assert!((139..=141).contains(&passed), "an hour of 10^5 guesses: {passed}");
        let guesses = (0..100).filter(|n| paces.guess(Some(from(1_000 + n)), "one", START).is_ok());
        assert_eq!(guesses.count(), 10);
    }

    #[test]
    fn what_was_right_does_not_count() {
        let paces = paces();
        for _ in 0..1_000 {
            paces.guess(Some(from(1)), "one", START).unwrap();
            paces.guessed_right(Some(from(1)), "one", START);
        }
    }

    #[test]
    fn a_device_that_keeps_the_interval_is_never_too_fast() {
        let (paces, grant) = (paces(), TicketId(Uuid::from_u128(1)));
        for n in 0..200_u32 {
            let late = Duration::from_millis(u64::from(n % 7) * 100);
            let now = START.plus(POLL_INTERVAL * n + late);
            assert_eq!(paces.poll(grant, now), Ok(()), "{n}");
        }
        let end = START.plus(POLL_INTERVAL * 300);
        let fast = (0..100).filter(|n| {
            let now = end.plus(Duration::from_millis(500) * *n);
            paces.poll(grant, now).is_err()
        });
        assert!(fast.count() > 80);
    }
}
