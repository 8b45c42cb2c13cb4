//! The administrator's door to a running server: `<data>/admin.sock`, HTTP and JSON, for the user
//! the server runs as and for root. The command line uses it; once Graph exists this stays for
//! what comes before the first administrator.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `GET /v1/status` | | [`wire::Status`] |
//! | `GET /v1/tenants` | | `[`[`wire::TenantInfo`]`]` |
//! | `POST /v1/tenants` | [`wire::NewTenant`] | [`wire::TenantInfo`] |
//! | `GET /v1/tenants/{domain or id}/applications` | | `[`[`wire::ApplicationInfo`]`]` |
//! | `GET /v1/tenants/{domain or id}/users` | | `[`[`wire::users::UserInfo`]`]` |
//! | `POST /v1/tenants/{domain or id}/users` | [`wire::users::NewUser`] | [`wire::users::UserMade`] |
//! | `GET`, `DELETE /v1/tenants/{…}/users/{name or id}` | | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/password` | [`wire::users::NewPassword`] | [`wire::users::UserMade`] |
//! | `POST …/users/{name or id}/state` | [`wire::users::State`] | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/roles` | [`wire::users::Roles`] | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/revoke-sessions` | | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/remove-second-factor` | | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/begin-second-factor` | | [`wire::users::BegunFactor`] |
//! | `POST …/users/{name or id}/add-second-factor` | [`wire::users::NewFactor`] | [`wire::users::UserInfo`] |
//! | `POST …/users/{name or id}/assignments` | [`wire::users::Assignment`] | [`wire::users::UserInfo`] |
//! | `GET`, `POST /v1/tenants/{…}/user-policy` | [`wire::users::PolicyChange`] | [`wire::users::Policy`] |
//! | `POST /v1/apply` | [`wire::Apply`] | [`wire::Applied`] |
//! | `GET /v1/keys` | | `[`[`wire::KeyInfo`]`]` |
//! | `POST /v1/keys/rotate` | [`wire::Rotate`] | `[`[`wire::KeyInfo`]`]` |
//! | `POST /v1/keys/{kid}/revoke` | | `[`[`wire::KeyInfo`]`]` |
//! | `GET /v1/epochs` | | `[`[`wire::EpochInfo`]`]` |
//! | `POST /v1/epochs/rotate` | | `[`[`wire::EpochInfo`]`]` |
//! | `POST /v1/epochs/{number}/revoke` | | `[`[`wire::EpochInfo`]`]` |
//! | `GET /v1/sign-ins?tenant&app&correlation&since&until&before&limit` | | [`wire::LogPage`] |
//! | `GET /v1/sign-ins/{request id}` | | [`wire::SignIn`] |
//! | `GET /v1/backup` | | a [`backup`](crate::backup), as bytes |
//! | `GET /v1/storage/check` | | [`wire::Checked`] |
//! | `POST /v1/storage/copy` | [`wire::NewCopy`] | [`Step`](crate::backup::Step)s, one a line |
//!
//! `tenant` is a domain or an id, `app` and `correlation` are GUIDs, `since` and `until` are
//! milliseconds since 1970, `before` is a page's `next`. A refusal is a [`wire::Failure`] with
//! status 400 (what was asked makes no sense or can never be done), 404, 409 (something is in the
//! way) or 503 (try again).

mod backup;
mod failure;
mod grants;
mod listener;
mod log;
mod policy;
mod routes;
mod users;
pub mod wire;

pub use listener::{AdminSocket, BindError, SOCKET};
pub use routes::router;

#[cfg(test)]
mod tests;
