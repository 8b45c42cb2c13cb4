//! Consent: what a client may do in a user's name, what it still needs, who may give it, and what
//! giving it changes (protocol 6.5–6.7, decisions.md 1 and 21–24).
//!
//! The order is: [`required`] answers with a [`ConsentList`]; somebody accepts it ([`accept`]);
//! [`access`](crate::access) says whether he may ([`Permit`](crate::access::Permit)); [`grant()`]
//! answers with what is to be written. A list can be granted in no other way.

pub mod approval;
mod effective;
mod facts;
mod grant;
mod list;
mod refusal;
mod request;
mod required;
mod revoke;

pub use effective::{Delegation, effective_scopes, is_pre_authorized};
pub use facts::{AppInTenant, ConsentFacts};
pub use grant::{GrantAddition, GrantOutcome, NewPrincipal, RoleAddition, grant};
pub use list::{
    Accepted, ConsentList, ListDigest, ListedPermission, Part, Party, PermissionKind, accept,
};
pub use refusal::ConsentRefusal;
pub use request::{NamedScopes, Request, Wanted};
pub use required::{Required, named, registered, required};
pub use revoke::revocable;

pub(crate) use grant::missing;
