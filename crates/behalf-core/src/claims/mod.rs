//! From what was decided to the claims of a token.

mod app_token;

pub use app_token::{Issuers, Validity, app_token};
