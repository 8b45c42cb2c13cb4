//! The directory's model and every decision about it.
//!
//! Pure: no I/O, no clock, no randomness, no async. A decision is a function over facts and
//! answers with an outcome or with a [`token::Refusal`], each with the ordered checks that led
//! to it.

pub mod access;
pub mod application;
pub mod authorize;
pub mod claims;
pub mod consent;
pub mod device;
pub mod directory_role;
pub mod event;
pub mod grant;
pub mod id;
pub mod pairwise;
pub mod secret;
pub mod service_principal;
pub mod tenant;
pub mod ticket;
pub mod time;
pub mod token;
pub mod user;
