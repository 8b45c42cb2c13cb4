//! The words on the wire of the Microsoft identity platform and OAuth 2.x: requests, responses,
//! claims, metadata, error codes.
//!
//! Words only: nothing here knows a directory, a key or a clock. What arrives is parsed into types
//! that cannot be malformed ([`token::request`], [`authorize`], [`claims_request`]), what leaves is
//! written exactly as unmodified clients read it ([`token::response`], [`device`], [`error`],
//! [`discovery`], [`claims`]).

pub mod admin_consent;
pub mod authority;
pub mod authorize;
pub mod claims;
pub mod claims_request;
mod client_info;
pub mod delegation;
pub mod device;
pub mod discovery;
pub mod error;
mod form;
pub mod introspection;
mod json;
pub mod logout;
pub mod pkce;
pub mod query;
pub mod revocation;
pub mod time;
pub mod token;
pub mod userinfo;
mod version;

pub use client_info::ClientInfo;
pub use version::EndpointVersion;
