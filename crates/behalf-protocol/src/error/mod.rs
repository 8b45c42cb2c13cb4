//! Errors as clients see them: the `AADSTS` catalogue, the OAuth `error` values, the JSON envelope.

pub mod aadsts;
mod body;
pub mod oauth;

pub use aadsts::AadSts;
pub use body::ErrorBody;
pub use oauth::OAuthError;
