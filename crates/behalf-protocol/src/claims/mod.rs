//! Claims of access tokens: written ([`v1::AppToken`], [`v2::AppToken`]) and read
//! ([`AccessToken`]).
//!
//! `aio`, `rh` and `xms_ftd`, which Entra adds for itself, are left out; times are seconds since
//! 1970.

mod read;
mod token_id;
pub mod v1;
pub mod v2;

use serde::Serialize;

pub use read::{AccessToken, Audience};
pub use token_id::TokenId;

/// How the client was authenticated: the value of `appidacr` (v1.0) and `azpacr` (v2.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ClientAuthenticationClass {
    /// A public client.
    #[serde(rename = "0")]
    Public,
    /// A shared secret.
    #[serde(rename = "1")]
    Secret,
    /// A certificate or a federated assertion.
    #[serde(rename = "2")]
    Assertion,
}
