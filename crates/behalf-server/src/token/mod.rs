//! The token endpoint: gathers facts for the decisions of `behalf_core::token` and answers. A grant's
//! name finds it here and there.

mod authorization_code;
mod client_credentials;
mod delegated;
mod device_authorization;
mod device_code;
pub(crate) mod endpoint;
mod inquiry;
mod introspection;
mod issue;
mod on_behalf_of;
mod password;
mod place;
mod refresh_token;
mod revocation;
mod routes;
mod single_use;
mod user_answer;

pub(crate) use routes::routes;
