//! The decisions of the token endpoint, read as a specification: one file a flow, the expected
//! answer beside what was asked.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod app_token_claims;
mod authorization_code;
mod client_assertion;
mod client_assertion_refused;
mod client_credentials;
mod client_secret;
mod common;
mod delegation_chains;
mod delegation_properties;
mod device_code;
mod error_table;
mod leaks;
mod on_behalf_of;
mod password;
mod properties;
mod refresh_token;
mod revocation_matrix;
mod user_token_claims;
