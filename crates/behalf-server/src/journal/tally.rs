//! Requests that were turned away before any decision: one row per second, kind and address.
//!
//! A flood must not become a flood of rows, so they are counted and the counts are written. The
//! table is bounded; addresses that find no room in a second are counted together under none.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use behalf_core::{id::RequestId, time::Timestamp};

use crate::entropy::RequestIds;

/// Most pairs of kind and address kept in a second.
pub const PAIRS_MAX: usize = 1024;

/// Why a request was turned away. The numbers are stored: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Shed {
    /// 405: a verb the path does not know.
    Verb = 1,
    /// 413: a body over the bound.
    BodySize = 2,
    /// 415 and its kin: not a form.
    ContentType = 3,
    /// 429: limited.
    Limited = 4,
    /// 503: no room to sign, or nowhere to log.
    Overload = 5,
    /// Not HTTP.
    Unparsable = 6,
}

impl Shed {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Verb,
        Self::BodySize,
        Self::ContentType,
        Self::Limited,
        Self::Overload,
        Self::Unparsable,
    ];

    /// The stored number's kind, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Its name, as metrics and `behalf log` show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verb => "method",
            Self::BodySize => "body_size",
            Self::ContentType => "content_type",
            Self::Limited => "limited",
            Self::Overload => "overload",
            Self::Unparsable => "unparsable",
        }
    }
}

/// How often requests of one kind from one address were turned away within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The row's id.
    pub id: RequestId,
    /// When it was counted up.
    pub time: Timestamp,
    /// Why.
    pub kind: Shed,
    /// From where; `None` for the addresses that found no room.
    pub address: Option<IpAddr>,
    /// How many.
    pub count: u64,
}

/// Counts until it is emptied, once a second.
#[derive(Debug, Default)]
pub struct Tallies {
    counts: Mutex<HashMap<(Shed, Option<IpAddr>), u64>>,
}

impl Tallies {
    /// Counts one request. IPv6 addresses count by their /64, which one host commonly owns.
    pub fn count(&self, kind: Shed, address: Option<IpAddr>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address.map(prefix);
        if let Some(count) = counts.get_mut(&(kind, address)) {
            *count += 1;
            return;
        }
        let address = address.filter(|_| counts.len() < PAIRS_MAX);
        *counts.entry((kind, address)).or_default() += 1;
    }

    /// Takes what was counted since the last call, as rows of `now`.
    pub fn take(&self, now: Timestamp, ids: &RequestIds) -> Vec<Tally> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<_> = counts.drain().collect();
        counts.shrink_to(64);
        drop(counts);
        rows.sort_unstable();
        rows.into_iter()
            .map(|((kind, address), count)| Tally {
                id: ids.next(now),
                time: now,
                kind,
                address,
                count,
            })
            .collect()
    }
}

fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Arc};

    use super::*;
    use crate::entropy::SeededEntropy;

    fn ids() -> RequestIds {
        RequestIds::new(Arc::new(SeededEntropy::new(1)))
    }

    #[test]
    fn one_row_per_kind_and_address() {
        let tallies = Tallies::default();
        let host = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..1000 {
            tallies.count(Shed::Limited, host);
        }
        tallies.count(Shed::Verb, host);
        tallies.count(Shed::Limited, Some("2001:db8::1".parse().unwrap()));
        tallies.count(Shed::Limited, Some("2001:db8::2".parse().unwrap()));
        let rows = tallies.take(Timestamp(5), &ids());
        let seen: Vec<_> = rows.iter().map(|r| (r.kind, r.address, r.count)).collect();
        assert_eq!(
            seen,
            [
                (Shed::Verb, host, 1),
                (Shed::Limited, host, 1000),
                (Shed::Limited, Some("2001:db8::".parse().unwrap()), 2)
            ]
        );
        assert!(tallies.take(Timestamp(6), &ids()).is_empty());
    }

    #[test]
    fn a_million_addresses_stay_bounded_and_counted() {
        let tallies = Tallies::default();
        for host in 0..1_000_000 {
            tallies.count(Shed::Limited, Some(Ipv4Addr::from_bits(host).into()));
        }
        let rows = tallies.take(Timestamp(5), &ids());
        assert!(rows.len() <= PAIRS_MAX + 1, "{}", rows.len());
        assert_eq!(rows.iter().map(|r| r.count).sum::<u64>(), 1_000_000);
    }
}
