//! Claims of access tokens and ID tokens: written ([`v1::AppToken`], [`v1::UserToken`],
//! [`v1::IdToken`] and their twins in [`v2`]) and read, by resources ([`AccessToken`]) and by the
//! server that wrote them ([`PresentedToken`]).
//!
//! `rh` and `xms_ftd`, which Entra adds for itself, are left out, as is `aio` without a user; times
//! are seconds since 1970.

mod presented;
mod read;
mod token_id;
mod user;
pub mod v1;
pub mod v2;

use serde::Serialize;

pub use presented::{PresentedKind, PresentedToken, TokenFormat};
pub use read::{AccessToken, Audience};
pub use token_id::TokenId;
pub use user::{Actor, Actors, AuthenticationClass, UserClaims};

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
