//! Tickets of strangers: whatever the text, only what this ring sealed opens, and claims that open
//! are spelled in one way.
#![no_main]

use std::sync::LazyLock;

use behalf_core::{
    id::{RequestId, TenantId},
    ticket::{
        CodeTicket, Epoch, RefreshTicket, SealEntropy, SealRing, SessionTicket, TicketClaims,
    },
    time::Timestamp,
};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

static RING: LazyLock<SealRing> =
    LazyLock::new(|| SealRing::new([Epoch::new(7, &[7; 32], Timestamp(0), None)]));

fuzz_target!(|data: &[u8]| {
    claims::<RefreshTicket>(data);
    claims::<CodeTicket>(data);
    claims::<SessionTicket>(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(RING.open::<RefreshTicket>(text, NOW).is_err(), "nobody knows the root");
    assert!(RING.open::<CodeTicket>(text, NOW).is_err());
    assert!(RING.open::<SessionTicket>(text, NOW).is_err());
    assert!(RING.open_aio((TenantId::NIL, RequestId::NIL), text).is_err());
});

/// Claims as only we could have sealed them: read, sealed and opened again they are the same.
fn claims<T: TicketClaims + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<T>(data) else { return };
    let Ok(text) = RING.seal(TenantId::NIL, &claims, SealEntropy([1; 28]), NOW) else { return };
    match RING.open::<T>(&text, NOW) {
        Ok(opened) => assert_eq!(opened.claims(), &claims),
        Err(_) => assert!(claims.issued() > NOW || claims.issued() < Timestamp(0)),
    }
}
