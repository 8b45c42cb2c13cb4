//! The token endpoint: gathers facts for the decisions of `behalf_core::token` and answers.

pub(crate) mod endpoint;
mod inquiry;
mod issue;
mod single_use;
