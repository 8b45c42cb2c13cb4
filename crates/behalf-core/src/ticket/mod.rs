//! Sealed tickets: codes, refresh tokens, sessions, pending sign-ins (tickets.md).
//!
//! A ticket is an encrypted JWT that carries its own facts, so that issuing one writes no row and
//! any node can redeem what another issued; only *using* one writes. It says who and until when,
//! never what: consent, roles and enabled state are looked up whenever it is redeemed.

mod chain;
mod code;
mod counters;
mod family;
mod header;
mod lifetime;
mod purpose;
mod redeem;
mod refresh;
mod ring;
mod seal;
mod session;
mod sheet;
mod sign_in;
mod wire;

pub use chain::{Aio, CHAIN_MAX, Chain, ChainTooLong};
pub use code::{CodeClient, CodeTicket, answers};
pub use counters::{Counters, Outdated};
pub use family::{Family, GRACE, Rotation, rotate};
pub use lifetime::{
    CODE_LIFETIME, FORM_LIFETIME, LONGEST, REFRESH_IDLE, SPA_LIFETIME, Span, whole_second,
};
pub use purpose::Purpose;
pub use redeem::{
    Alive, Bound, ClientStands, InTenant, Presenter, Redemption, RefreshRefusal, Renewal, Standing,
    Unchecked, Unexpired, UserStands,
};
pub use refresh::{ClientBinding, ClientClass, Origin, RefreshTicket, Requested};
pub use ring::{Epoch, SealRing};
pub use seal::{Cause, NotATicket, Opened, SealEntropy, SealError, TicketClaims};
pub use session::SessionTicket;
pub use sheet::{Body, Expired, Sheet};
pub use sign_in::{AuthenticationMethod, SignIn};
