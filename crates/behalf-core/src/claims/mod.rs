//! From what was decided to the claims of a token.

/// `xms_cc` of a client that handles claims challenges.
const CAPABLE: &[&str] = &["cp1"];

mod app_token;
mod user_token;

pub use app_token::{Issuers, Validity, app_token};
pub use user_token::{Stamped, id_token, user_token};
