//! Authorization requests as decisions: whom an answer may be sent to ([`destination`]), what the
//! user has to do before ([`next`]), and what the code that he gets says ([`code`]).
//!
//! Two stages, because nothing may be redirected before client and redirect URI are known
//! (RFC 6749 4.1.2.1): an [`Untrusted`] request ends on a page, a [`Refusal`] goes to the client.

mod code;
mod destination;
mod hint;
mod refusal;
mod session;
mod wishes;

pub use code::{Agreed, CodeEntropy, code};
pub use destination::{Trusted, Untrusted, destination, usable};
pub use hint::IdTokenHint;
pub use refusal::Refusal;
pub use session::{Account, Next, Progress, next};
pub use wishes::{Wishes, check, consent_request, requested};
