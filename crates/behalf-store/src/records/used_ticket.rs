//! Tickets that count once and were used: codes, consent lists, pending sign-ins (tickets.md 7,
//! `code` and `act`).

use behalf_core::{
    id::{TenantId, TicketId},
    time::Timestamp,
};

use crate::{
    record::{Key, Kind},
    write_set::{Expect, WriteSet},
};

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Used {
    /// An authorization code was redeemed.
    Code(TicketId),
    /// A page was answered: consent list, pending sign-in.
    Page(TicketId),
}

/// Where a use is recorded.
pub fn key(tenant: TenantId, used: Used) -> Key {
    let (what, id) = match used {
        Used::Code(id) => (b"code".as_slice(), id),
        Used::Page(id) => (b"act".as_slice(), id),
    };
    Key::new(tenant, Kind::UsedTicket, [what, &id.bytes()].concat())
}

/// Records a use until the ticket's own expiry refuses it; the commit conflicts when there was one
/// before.
pub fn record(set: &mut WriteSet, tenant: TenantId, used: Used, until: Timestamp) {
    set.put(key(tenant, used), until.0.to_be_bytes().to_vec(), Expect::Absent);
}
