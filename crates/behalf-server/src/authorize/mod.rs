//! What happens in a user's browser: authorization requests (RFC 6749 3.1, OIDC Core 3.1.2), signing
//! in, choosing an account, consent and taking it back, and the same for a device that has no browser (RFC 8628 3.3).
//!
//! Every request names its [`Flow`](flow::Flow): the request as the client sent it and how far the
//! user got, sealed and bound to his browser. Nothing is kept between two requests; each parses and
//! decides anew ([`proceed`]). A form is answered with 303, so that none is sent twice.

mod code;
mod consent;
mod device;
mod endpoint;
mod event;
mod flow;
mod form;
mod logout;
mod my_apps;
mod proceed;
mod respond;
mod sign_in;
mod visit;
mod way;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::state::Core;

/// Where a user's browser goes.
pub(crate) fn routes(core: &Arc<Core>) -> Router<Arc<Core>> {
    let current = middleware::from_fn_with_state(Arc::clone(core), endpoint::while_current);
    Router::new()
        .route("/{tenant}/oauth2/authorize", get(endpoint::v1).post(endpoint::posted))
        .route("/{tenant}/oauth2/v2.0/authorize", get(endpoint::v2).post(endpoint::posted))
        .route("/{tenant}/adminconsent", get(endpoint::admin_v1))
        .route("/{tenant}/v2.0/adminconsent", get(endpoint::admin_v2))
        .route("/{tenant}/oauth2/logout", get(logout::asked).post(endpoint::posted))
        .route("/{tenant}/oauth2/v2.0/logout", get(logout::asked).post(endpoint::posted))
        .route("/{tenant}/sign-out", post(logout::confirmed))
        .route("/{tenant}/continue", get(endpoint::go_on))
        .route("/{tenant}/login", post(sign_in::password))
        .route("/{tenant}/second-factor", post(sign_in::second_factor))
        .route("/{tenant}/account", post(sign_in::account))
        .route("/{tenant}/consent", post(consent::answered))
        .route("/myapps", get(my_apps::list).post(my_apps::taken_back))
        .route("/devicelogin", get(device::entrance).post(device::entered))
        .route("/{tenant}/device", post(device::confirmed))
        .route_layer(current)
}
