//! Judging token requests: who asks ([`client_auth`]), and what he gets: for himself
//! ([`client_credentials`]) or on behalf of a user ([`on_behalf_of`], [`refresh_token`],
//! [`authorization_code`], [`device_code`], [`password`], with what they share in `delegated`; the
//! last three begin a sign-in's family, in `root`). And looking at tokens that were issued:
//! [`introspection`], [`userinfo`].
//!
//! Facts in, outcome out. The steps each function checks are written to the
//! [`Trail`](crate::event::Trail) as they are made.

pub mod assertion;
pub mod authorization_code;
pub mod client_auth;
pub mod client_credentials;
pub mod degraded;
mod delegated;
mod delegated_facts;
pub mod device_code;
mod facts;
mod found;
mod grant_refusal;
pub mod introspection;
pub mod on_behalf_of;
pub mod own_token;
pub mod password;
pub mod presented_token;
pub mod refresh_token;
mod refusal;
mod root;
mod target;
mod user_issuance;
pub mod userinfo;

pub use client_auth::{AuthenticatedClient, IdentifiedClient, SingleUse};
pub use client_credentials::Issuance;
pub use delegated::Delegating;
pub use delegated_facts::DelegatedFacts;
pub use facts::{ClientCertificate, ClientFacts, ClientPrincipal, ResourceFacts};
pub use grant_refusal::{AssertionFault, Demand, GrantRefusal, VerifierFault};
pub use refusal::{Refusal, SecretHint};
pub use target::{Target, TargetScopes};
pub use user_issuance::{Echo, IdTokenWish, UserIssuance};
