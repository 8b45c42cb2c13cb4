//! Judging token requests: who asks ([`client_auth`]), and what he gets ([`client_credentials`]).
//!
//! Facts in, outcome out. The steps each function checks are written to the
//! [`Trail`](crate::event::Trail) as they are made.

pub mod assertion;
pub mod client_auth;
pub mod client_credentials;
mod facts;
mod found;
mod refusal;

pub use client_auth::{AuthenticatedClient, SingleUse};
pub use client_credentials::Issuance;
pub use facts::{ClientCertificate, ClientFacts, ClientPrincipal, ResourceFacts};
pub use refusal::{Refusal, SecretHint};
