//! The words on the wire of the Microsoft identity platform and OAuth 2.x: requests, responses,
//! claims, metadata, error codes.
//!
//! Words only: nothing here knows a directory, a key or a clock. What arrives is parsed into types
//! that cannot be malformed ([`token::request`]), what leaves is written exactly as unmodified
//! clients read it ([`token::response`], [`error`], [`discovery`], [`claims`]).

pub mod authorize;
pub mod claims;
pub mod claims_request;
mod client_info;
pub mod discovery;
pub mod error;
mod form;
mod json;
pub mod pkce;
pub mod query;
pub mod time;
pub mod token;
mod version;

pub use client_info::ClientInfo;
pub use version::EndpointVersion;
