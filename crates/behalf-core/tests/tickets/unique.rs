//! No pair of key and nonce seals twice.

use std::collections::HashSet;

use behalf_core::ticket::SealEntropy;

use crate::common::{NOW, refresh_ticket, ring, tenant};

/// Seals `count` tickets with the randomness a server would use; each `(kid, iv)` is new.
fn seal_many(count: usize) {
    let (ring, ticket) = (ring(), refresh_ticket());
    let mut seen = HashSet::with_capacity(count);
    for _ in 0..count {
        let mut bytes = [0; 28];
        #[expect(clippy::disallowed_methods, reason = "what is tested is real randomness")]
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        let text = ring.seal(tenant(), &ticket, SealEntropy(bytes), NOW).unwrap();
        let mut parts = text.split('.');
        let (header, iv) = (parts.next().unwrap().to_owned(), parts.nth(1).unwrap().to_owned());
        assert!(seen.insert((header, iv)), "a key and nonce were used twice");
    }
}

#[test]
fn four_thousand_tickets() {
    seal_many(4096);
}

#[test]
#[ignore = "a million tickets take a minute"]
fn a_million_tickets() {
    seal_many(1 << 20);
}
